"""What many cores have in common and none of them changes: events, heartbeats, the fold. It is kept once, by its name.

    frozen = shared.freeze(core)                # bytes: what belongs to this core alone, and the names of the rest
    core = shared.thaw(frozen)
    shared.key(core, now_ms)                    # `key.Walk`

Measured against the other ways to come back to a core in docs/decisions/0080-what-is-explored.md.
"""

import copyreg
import hashlib
import io
import pickle
import zlib
from types import MappingProxyType
from typing import Any

from coordinator.core.core import Core
from coordinator.policy import Policy
from protocol.event import Entry
from protocol.messages import Verified
from tools.explore.key import NAMED, Walk


class Shared:
    def __init__(self) -> None:
        self._walk = Walk(self.name_of)
        self._named: dict[bytes, Any] = {}
        self._names: dict[int, bytes] = {}
        """By identity, which no other object can have while this one is kept."""
        self._brief: dict[int, tuple[Any, bytes]] = {}
        """The same for what is equal to one that is kept, as long as the core that has it is looked at."""
        self._dispatch = {**copyreg.dispatch_table, **dict.fromkeys(NAMED, self._reduced), MappingProxyType: _read_only}

    def name_of(self, value: Any) -> bytes:
        name = self._names.get(id(value))
        if name is not None:
            return name
        brief = self._brief.get(id(value))
        if brief is not None:
            return brief[1]
        name = self._new_name(value)
        if self._named.setdefault(name, value) is value:
            self._names[id(value)] = name
        else:
            self._brief[id(value)] = (value, name)
        return name

    def _new_name(self, value: Any) -> bytes:
        if isinstance(value, Entry):
            return value.id[:15] + (b"+" if value.signature else b"-")
        if isinstance(value, Verified):
            return hashlib.blake2b(value.raw, digest_size=16).digest()
        if isinstance(value, Policy):
            return value.digest[:16]
        return self._walk.inside(value)

    def key(self, value: Any, now_ms: int) -> bytes:
        return self._walk.digest(value, now_ms)

    def freeze(self, core: Core) -> bytes:
        """After its last key: what is equal to something that is kept is named by that from here on."""
        core.context.out = []
        data = io.BytesIO()
        pickler = pickle.Pickler(data, 5)
        pickler.dispatch_table = self._dispatch
        pickler.dump(core)
        self._brief.clear()
        return zlib.compress(data.getvalue(), 1)

    def thaw(self, frozen: bytes) -> Core:
        LOADING.append(self)
        try:
            core = pickle.loads(zlib.decompress(frozen))
        finally:
            LOADING.pop()
        return core  # type: ignore[no-any-return]

    def known(self, name: bytes) -> Any:
        return self._named[name]

    def _reduced(self, value: Any) -> tuple[Any, tuple[bytes]]:
        return _known, (self.name_of(value),)


def _read_only(value: Any) -> tuple[Any, tuple[Any]]:
    return MappingProxyType, (dict(value),)


LOADING: list[Shared] = []
"""Whose bytes are being read: a name says nothing by itself."""


def _known(name: bytes) -> Any:
    return LOADING[-1].known(name)
