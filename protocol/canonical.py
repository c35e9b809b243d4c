"""Canonical msgpack: one byte string for one value, on every machine.

    raw = pack({"b": 1, "a": [b"x", None]})     # keys sorted, shortest integers
    value = unpack(raw)                         # raises NotCanonical for any other encoding of it

Allowed: maps with string keys, lists, str, bytes, int, bool, None. Not allowed: floats, extension types,
timestamps. A decoder accepts only what `pack` would have written: it decodes, looks whether the value has the order and
the types that `pack` gives it, encodes it as it is, and compares. Nothing is sorted or copied for that.
The rules with their reasons and frozen vectors: docs/formats/canonical.md.
"""

from typing import Any

import msgpack

DEPTH_MAX = 8
"""Nesting of lists and maps. An event needs 5; more is an attack on our stack."""

LENGTH_MAX = 4096
"""Elements in one list or map: 16 nodes times 256 feeds is the largest head list that we ever send."""


class NotCanonical(ValueError):
    """These bytes are not the one canonical encoding of a value: they are refused, never repaired."""


INT_MAX = 2**63 - 1
"""Integers have 64 bits and a sign: SQLite stores no others, and no field needs them."""


def pack(value: Any) -> bytes:
    """The canonical bytes of `value`. Raises TypeError for a type that the format does not have."""
    return pack_ordered(_ordered(value, DEPTH_MAX))


def unpack(raw: bytes) -> Any:
    """The value that `raw` is the canonical encoding of; raises NotCanonical for anything else."""
    value = read(raw)
    try:
        same = is_ordered(value, DEPTH_MAX) and pack_ordered(value) == raw
    except (TypeError, ValueError, OverflowError) as error:
        raise NotCanonical(f"not canonical msgpack: {error}") from None
    if not same:
        raise NotCanonical("not canonical msgpack: another encoding of the same value")
    return value


def pack_ordered(value: Any) -> bytes:
    """`pack` for a caller whose maps are sorted and whose types are plain: the same bytes at a fifth of the cost."""
    raw: bytes = msgpack.packb(value)
    return raw


def read(raw: bytes, *, tuples: bool = False) -> Any:
    """The value of any msgpack within our limits, with tuples for lists if wanted. The caller must encode it again and
    compare: `unpack` does."""
    try:
        return msgpack.unpackb(
            raw,
            use_list=not tuples,
            strict_map_key=True,
            max_array_len=LENGTH_MAX,
            max_map_len=LENGTH_MAX,
            max_ext_len=0,
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise NotCanonical(f"not canonical msgpack: {error or type(error).__name__}") from None


PLAIN = frozenset({str, bytes, bool, type(None)})


def is_ordered(value: Any, depth: int) -> bool:
    """Whether `_ordered` would change nothing. Raises TypeError for what has no canonical encoding."""
    kind = type(value)
    if kind is dict:
        keys = list(value)
        if any(type(key) is not str for key in keys):
            raise TypeError("a map's keys are strings")
        if keys != sorted(keys):
            return False
        items = value.values()
    elif kind is list:
        items = value
    else:
        _ordered(value, depth)
        return True
    if depth == 0:
        raise TypeError(f"nested deeper than {DEPTH_MAX}")
    for item in items:
        kind = type(item)
        if kind in PLAIN or (kind is int and -INT_MAX <= item <= INT_MAX):
            continue
        if not is_ordered(item, depth - 1):
            return False
    return True


def _ordered(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is bytes or kind is bool or value is None:
        return value
    if kind is int:
        if not -INT_MAX <= value <= INT_MAX:
            raise TypeError("an integer of more than 63 bits")
        return value
    if depth == 0:
        raise TypeError(f"nested deeper than {DEPTH_MAX}")
    if kind is dict:
        if any(type(key) is not str for key in value):
            raise TypeError("a map's keys are strings")
        return {key: _ordered(value[key], depth - 1) for key in sorted(value)}
    if kind is list or kind is tuple:
        return [_ordered(item, depth - 1) for item in value]
    raise TypeError(f"{kind.__name__} has no canonical encoding")
