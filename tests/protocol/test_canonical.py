"""One value, one encoding: what `pack` would not have written is refused, whatever it is."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import DEPTH_MAX, INT_MAX, LENGTH_MAX, NotCanonical, pack, pack_ordered, unpack

SCALARS = st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | st.text(max_size=40) | st.binary(max_size=40)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5), max_leaves=8
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    return 1 + max((depth(item) for item in value), default=0) if isinstance(value, list) else 0


SHALLOW = VALUES.filter(lambda value: depth(value) < DEPTH_MAX)


@given(SHALLOW)
def test_what_was_packed_comes_back(value):
    assert unpack(pack(value)) == value


@given(SHALLOW, st.data())
def test_a_changed_byte_is_refused_or_is_the_canonical_encoding_of_something_else(value, data):
    raw = bytearray(pack(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        other = unpack(bytes(raw))
    except NotCanonical:
        return
    assert pack(other) == bytes(raw)
    assert pack(other) != pack(value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_canonical_and_never_a_crash(raw):
    try:
        value = unpack(raw)
    except NotCanonical:
        return
    assert pack(value) == raw


@given(SHALLOW.filter(lambda value: depth(value) < DEPTH_MAX - 2))
def test_any_order_of_a_maps_keys_gives_the_same_bytes_and_only_one_is_read(value):
    mapping = {"first": value, "second": 1, "a": [value], "ä": None}
    backwards = dict(reversed(mapping.items()))
    assert pack(mapping) == pack(backwards)
    with pytest.raises(NotCanonical):
        unpack(msgpack.packb(mapping))


@given(SHALLOW)
def test_a_sorted_value_needs_no_sorting(value):
    assert pack_ordered(unpack(pack(value))) == pack(value)


@pytest.mark.parametrize("value", [1.5, {1: 2}, {None: 1}, object(), INT_MAX + 1, -INT_MAX - 1, {"a": {b"b": 1}}, {1, 2}])
def test_what_the_format_does_not_have_is_not_written(value):
    with pytest.raises(TypeError):
        pack(value)


def test_subclasses_of_plain_types_are_not_written():
    """A StrEnum that packs as its text would come back as something else than it was."""

    class Text(str):
        pass

    class Number(int):
        pass

    for value in (Text("a"), Number(1), {Text("a"): 1}):
        with pytest.raises(TypeError):
            pack(value)


def nested(count):
    value = 1
    for _ in range(count):
        value = [value]
    return value


def test_depth_and_length_have_limits_in_both_directions():
    assert unpack(pack(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    with pytest.raises(TypeError):
        pack(nested(DEPTH_MAX + 1))
    for raw in (msgpack.packb(nested(DEPTH_MAX + 1)), b"\x91" * 100_000, msgpack.packb([0] * (LENGTH_MAX + 1))):
        with pytest.raises(NotCanonical):
            unpack(raw)
