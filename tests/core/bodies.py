"""Hypothesis strategies for event bodies: what a shape reads, and what is wrong by type, by size or by a field that lacks."""

from typing import Any

from hypothesis import strategies as st

from protocol.events.shapes import Bytes, Listed, Mapped, Maybe, Nested, OneOf, Row, Shape, Shaped, Text, Truth, Whole

EXTREMES = (
    None, True, False, 0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63 - 1), "", "x", "x" * 9_000, b"", b"\xff" * 8, b"x" * 33,
    [], [[]], [1], ["a", 1, 2], ["a", 1, 2, b"x" * 32], {}, {"a": 1}, {"": {}}, {"peers": {}},
    [["web", "a", 1, 1, ["a", 1, 1]]],
)  # fmt: skip
"""Values of every type, and of every size that a body could be wrong by."""


def good(shape: Shape) -> st.SearchStrategy[Any]:
    """Plain values that the shape reads."""
    match shape:
        case Whole(low, high):
            return st.integers(low, high)
        case Truth():
            return st.booleans()
        case Text(longest, shortest):
            return st.text(min_size=shortest, max_size=min(longest, 12))
        case Bytes(longest, shortest):
            return st.binary(min_size=shortest, max_size=max(shortest, min(longest, 12)))
        case OneOf(words):
            return st.sampled_from([str(word) for word in words])
        case Maybe(inside):
            return st.none() | good(inside)
        case Listed(inside, longest):
            return st.lists(good(inside), max_size=min(longest, 3))
        case Row(places):
            return st.tuples(*map(good, places)).map(list)
        case Mapped(inside, _, names):
            return st.dictionaries(good(names), good(inside), max_size=3)
        case Nested(of):
            return body_for(of)
    raise AssertionError(f"no strategy for {shape}")


def body_for(cls: type[Shaped]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: good(shape) for name, shape, _ in cls.shapes()})


def wrong_for(cls: type[Shaped]) -> st.SearchStrategy[dict[str, Any]]:
    """A body with one or more fields of any type and size, or without some of them."""
    fields = {name: good(shape) | st.sampled_from(EXTREMES) for name, shape, _ in cls.shapes()}
    return st.fixed_dictionaries({}, optional={**fields, "unknown": st.sampled_from(EXTREMES)})
