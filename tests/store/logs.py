"""A small, sound history of two nodes on two disks, written by the real journal; and a way to tamper with it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protocol.event import Entry
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from store.journal import Journal
from store.merge import Merged, Source, merge
from store.reading import read
from tests.store.authors import CLUSTER, Author, keyring


@dataclass
class Logs:
    """Both nodes' folders hold both feeds: lukretia 1/1..9, genesis 1/1..5."""

    lukretia: Author
    genesis: Author
    folder: Path

    @property
    def keyring(self) -> NodeKeyring:
        return keyring(self.lukretia, self.genesis)

    def path(self, node: str = "lukretia") -> Path:
        return self.folder / node

    def sql(self, statement: str, *values: object, node: str = "lukretia") -> None:
        """Tamper with one node's file, behind the journal's back."""
        connection = sqlite3.connect(self.path(node) / "log.db")
        connection.execute(statement, values)
        connection.commit()
        connection.close()

    def put(self, entry: Entry, number: int | None = None, node: str = "lukretia") -> None:
        """Write these bytes over whatever stands at the entry's place (or at `number` of its feed)."""
        place = (entry.event.node, entry.event.incarnation, number or entry.event.number)
        self.sql("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", *place, entry.raw, entry.signature, node=node)

    def verify(self, *nodes: str) -> Merged:
        sources = [Source(node, read(self.path(node)).rows) for node in nodes or ("lukretia",)]
        return merge(sources, self.keyring, CLUSTER)

    def found(self, *nodes: str) -> set[tuple[str, str, int]]:
        return {(finding.kind.value, finding.node, finding.number) for finding in self.verify(*nodes).findings}


async def write_logs(folder: Path) -> Logs:
    """Each feed has events that only the chain covers, and claims and ends that are signed by themselves."""
    lukretia, genesis = Author("lukretia"), Author("genesis")
    logs = Logs(lukretia, genesis, folder)
    journals = []
    for author in (lukretia, genesis):
        logs.path(author.node).mkdir()
        known = logs.keyring
        at = logs.path(author.node)
        journals.append(await Journal.open(at, author.node, author.identity, keyring=known, cluster=CLUSTER))
    mine, theirs = journals

    async def both(author: Author, entries: Sequence[Entry]) -> None:
        """Durable at its author first, then, as signed, at the peer."""
        first, second = (mine, theirs) if author is lukretia else (theirs, mine)
        written = (await first.append(entries)).entries
        for entry in written:
            author.entries[entry.event.number - 1] = entry
        await second.append(written)

    await both(lukretia, [lukretia.write(Kind.NODE_STARTED), lukretia.write(), lukretia.write()])  # 1, 2, 3 signed
    await both(genesis, [genesis.write(Kind.NODE_STARTED), genesis.write(heads=[lukretia.head])])
    claim = lukretia.write(Kind.CLAIM, service="web", causes=[genesis.entries[1].ref], heads=[genesis.head])
    await both(lukretia, [claim, lukretia.write(Kind.ACTION_STARTED, service="web"), lukretia.write()])  # 4, 5, 6
    await both(genesis, [genesis.write(heads=[lukretia.head]), genesis.write()])
    await both(lukretia, [lukretia.write(heads=[genesis.head]), lukretia.write()])  # 7, 8
    await both(genesis, [genesis.write(heads=[lukretia.head])])
    await both(lukretia, [lukretia.write(Kind.NODE_STOPPED)])  # 9
    await mine.close()
    await theirs.close()
    return logs
