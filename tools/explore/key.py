"""The key of a value: equal for two cores that nothing that comes can ever tell apart.

    walk = Walk(name_of)
    walk.digest(core, now_ms)

Every field of every object is in it, by one walk that knows no class by name: what is added to the core tomorrow is in the
key without a word here. An instant is written as its distance from now. What is left out, and why that is sound, stands in
`LEFT_OUT`; all else by which two cores differ makes at worst more states than there need be.
"""

import functools
import hashlib
import itertools
import marshal
from collections.abc import Callable, Mapping
from enum import Enum
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from coordinator.core.context import Context
from coordinator.core.quota import Quota
from coordinator.policy import ActionPolicy, CheckPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.state.model import NodeState, State
from protocol.event import Entry, Event
from protocol.messages import Heartbeat, Verified
from tools.explore.cast import INSTANTS_MS
from tools.simulator.keys import Believers

NAMED = frozenset(
    {
        Policy, Timing, NodePolicy, ServicePolicy, ActionPolicy, CheckPolicy,
        State, NodeState, Entry, Event, Verified, Heartbeat, Believers,
    }
)  # fmt: skip
"""What no core ever changes, and many have in common. They say nothing of the monotonic clock."""

LEFT_OUT: Mapping[type, frozenset[str]] = {
    Context: frozenset({"out", "now"}),
    Quota: frozenset({"_allowances"}),
}
"""`out`: what the last input has ordered; the next input begins a new list. `now`: the last instant; the next input brings
its own. `_allowances`: how much a peer may still write; no short history comes near (`Life` looks that none does)."""

PLAIN = frozenset({str, bytes, float, bool, type(None)})
NAMELIKE = (itertools.count, FunctionType, BuiltinMethodType, type)


class Walk:
    def __init__(self, name_of: Callable[[Any], bytes]) -> None:
        self._name_of = name_of

    def digest(self, value: Any, now_ms: int) -> bytes:
        out: list[Any] = []
        self._walk(value, now_ms, out, {})
        return hashed(out)

    def inside(self, value: Any) -> bytes:
        """Of a value that has a name: by what is in it."""
        out: list[Any] = [type(value).__qualname__]
        for name in fields_of(type(value), value):
            self._walk(getattr(value, name), 0, out, {})
        return hashed(out)

    def _walk(self, value: Any, now_ms: int, out: list[Any], met: dict[int, int]) -> None:
        kind = type(value)
        if kind is int:
            out.append(("at", value - now_ms) if now_ms and value in INSTANTS_MS else value)
        elif kind in PLAIN:
            out.append(value)
        elif kind in NAMED:
            out.append(self._name_of(value))
        elif isinstance(value, Enum):
            out.append(value.name)
        elif isinstance(value, tuple | list):
            out.append((kind.__qualname__, len(value)))
            for item in value:
                self._walk(item, now_ms, out, met)
        elif isinstance(value, Mapping):
            out.append(("map", len(value)))
            for name, item in value.items():
                self._walk(name, now_ms, out, met)
                self._walk(item, now_ms, out, met)
        elif isinstance(value, set | frozenset):
            out.append(sorted(self.digest(item, now_ms) for item in value))
        else:
            self._object(value, kind, now_ms, out, met)

    def _object(self, value: Any, kind: type, now_ms: int, out: list[Any], met: dict[int, int]) -> None:
        """An object that can change is one, wherever it is met again; of one that cannot it does not matter which it is."""
        if not is_frozen(kind):
            at = met.setdefault(id(value), len(met))
            if at != len(met) - 1:
                out.append(("met", at))
                return
        out.append(kind.__qualname__)
        if isinstance(value, MethodType):
            out.append(value.__func__.__qualname__)
            self._walk(value.__self__, now_ms, out, met)
        elif isinstance(value, NAMELIKE):
            out.append(getattr(value, "__qualname__", None) or repr(value))
        else:
            for name in fields_of(kind, value):
                self._walk(getattr(value, name), now_ms, out, met)


def hashed(parts: list[Any]) -> bytes:
    """Version 2 of `marshal` writes equal values alike, whether or not they are one object."""
    return hashlib.blake2b(marshal.dumps(parts, 2), digest_size=16).digest()


@functools.cache
def is_frozen(kind: type) -> bool:
    params = getattr(kind, "__dataclass_params__", None)
    return bool(params and params.frozen)


FIELDS: dict[type, tuple[str, ...]] = {}


def fields_of(kind: type, value: Any) -> tuple[str, ...]:
    """In one order; of a class with slots from its definition, else from this object, whose constructor makes all of them."""
    known = FIELDS.get(kind)
    if known is None:
        slots = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
        known = tuple(sorted(set(slots or vars(value)) - LEFT_OUT.get(kind, frozenset())))
        FIELDS[kind] = known
    return known
