"""Authors of feeds for tests: real keys, real events, nothing of the daemon."""

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Domain
from protocol.signing import Identity

CLUSTER = bytes(range(32))


class Author:
    """One node that writes its feed, one event after the other."""

    def __init__(self, node: str, incarnation: int = 1, cluster: bytes = CLUSTER, identity: Identity | None = None):
        self.identity = identity or Identity.fresh(node)
        self.node = node
        self.incarnation = incarnation
        self.cluster = cluster
        self.entries: list[Entry] = []
        self.wall_ms = 1_700_000_000_000

    @property
    def head(self) -> Head:
        return self.entries[-1].head

    def write(
        self,
        kind: str = Kind.PULSE,
        body: Mapping[str, Any] | None = None,
        service: str = "",
        causes: Sequence[Ref] = (),
        heads: Sequence[Head] = (),
        after_ms: int = 10,
    ) -> Entry:
        """The next event of this feed, not signed."""
        self.wall_ms += after_ms
        number = len(self.entries) + 1
        event = Event(
            self.cluster,
            self.node,
            self.incarnation,
            number,
            self.entries[-1].id if self.entries else NO_PREVIOUS,
            self.wall_ms,
            self.wall_ms - 1_699_999_000_000,
            str(kind),
            service,
            dict(body or {}),
            tuple(causes),
            tuple(heads),
        )
        self.entries.append(Entry.of(event))
        return self.entries[-1]

    def sign(self, entry: Entry, key: Identity | None = None) -> Entry:
        """The same entry with a signature of its own, also in this author's list."""
        signed = entry.signed((key or self.identity).sign(Domain.EVENT, entry.id))
        self.entries[entry.event.number - 1] = signed
        return signed

    def signed(self, kind: str = Kind.PULSE, **fields: Any) -> Entry:
        return self.sign(self.write(kind, **fields))


def keyring(*authors: Author) -> NodeKeyring:
    return NodeKeyring({author.node: author.identity.public for author in authors})
