"""Edits of the rows: taken, moved, spliced in, written with the own key, and values that a column should never hold."""

import asyncio
from dataclasses import replace
from typing import Any

from coordinator.config import read
from protocol.commands import Command, sign_command
from protocol.event import Entry, Ref
from protocol.kinds import Kind
from protocol.sshkey import FileKey
from store.journal import Journal
from tests.audit.edits.bench import ME, Bench, at, change, edit
from tools.simulator.keys import Keys, private_key

# --- rows -------------------------------------------------------------------------------------------------------------


@edit("a row in the middle is deleted", "gap")
def _middle(bench: Bench) -> None:
    where, place = at(bench.covered)
    bench.sql(f"DELETE FROM events {where}", *place)


@edit("the first row of a feed is deleted", "gap")
def _first(bench: Bench) -> None:
    bench.sql("DELETE FROM events WHERE node = ? AND number = 1", ME)


@edit("the last row of a peer's feed is deleted", "truncated")
def _last_of_peer(bench: Bench) -> None:
    knew = max(head.number for entry in bench.feed() for head in entry.event.heads if head.node == "genesis")
    bench.sql("DELETE FROM events WHERE node = 'genesis' AND number >= ?", knew)


@edit("the last own row, which no peer knew, is deleted", "sound", "a peer that has it; the node itself asks for what it lacks")
def _last(bench: Bench) -> None:
    signed = [entry for entry in bench.feed() if entry.signature]
    bench.sql("DELETE FROM events WHERE node = ? AND number > ?", ME, signed[-2].event.number)


@edit("the last 20 rows of a feed are deleted", "truncated")
def _last_20(bench: Bench) -> None:
    bench.sql("DELETE FROM events WHERE node = ? AND number > ?", ME, len(bench.feed()) - 20)


@edit("the tails are cut in both copies", "truncated")
def _both_cut(bench: Bench) -> None:
    for node in bench.world.world.policy.nodes:
        bench.sql("DELETE FROM events WHERE node = ? AND number > ?", ME, len(bench.feed()) // 2, node=node)


@edit("a whole feed is deleted", "truncated")
def _feed_gone(bench: Bench) -> None:
    bench.sql("DELETE FROM events WHERE node = 'genesis'")


@edit("all rows are deleted", "unreadable")
def _all_gone(bench: Bench) -> None:
    bench.sql("DELETE FROM events")


@edit("two rows are swapped", "chain")
def _rows_swapped(bench: Bench) -> None:
    one, other = bench.feed()[3:5]
    change(bench, one, bytes=other.raw, signature=other.signature)
    change(bench, other, bytes=one.raw, signature=one.signature)


@edit("a row is doubled under the next number", "chain")
def _doubled(bench: Bench) -> None:
    one, other = bench.feed()[3:5]
    change(bench, other, bytes=one.raw, signature=one.signature)


@edit("a feed is renamed", "chain")
def _renamed(bench: Bench) -> None:
    bench.sql("UPDATE events SET node = 'mallory' WHERE node = ?", ME)


@edit("a feed is moved to another incarnation", "chain")
def _moved(bench: Bench) -> None:
    bench.sql("UPDATE events SET incarnation = incarnation + 1 WHERE node = ?", ME)


@edit("a row is moved far behind the end", "gap")
def _far(bench: Bench) -> None:
    change(bench, bench.covered, number=9999)


@edit("an event of another feed is spliced in", "chain")
def _spliced_feed(bench: Bench) -> None:
    change(bench, bench.covered, bytes=bench.feed("genesis")[1].raw, signature=bench.feed("genesis")[1].signature)


@edit("an event of another cluster is spliced in", "cluster")
def _spliced_cluster(bench: Bench) -> None:
    foreign = bench.feed(of=bench.other)[bench.covered.event.number - 1]
    change(bench, bench.covered, bytes=foreign.raw, signature=foreign.signature)


@edit("a feed of another cluster is put in its place", "cluster")
def _feed_of_another(bench: Bench) -> None:
    bench.sql("DELETE FROM events WHERE node = ?", ME)
    for entry in bench.feed(of=bench.other):
        bench.put(entry)


# --- with the own key -------------------------------------------------------------------------------------------------


@edit("the feed is rewritten by the own key from its middle on", "fork")
def _rewritten(bench: Bench) -> None:
    own = bench.feed()
    previous = own[3].id
    for entry in own[4:]:
        forged = bench.signed(replace(entry.event, wall_ms=entry.event.wall_ms + 1, previous=previous))
        bench.put(forged)
        previous = forged.id


def forged(bench: Bench, kind: Kind, body: dict[str, Any], service: str = "web", causes: tuple[Ref, ...] = ()) -> None:
    """lukretia's next event, with its own key."""

    async def append() -> None:
        last = bench.feed()[-1]
        journal = await Journal.open(bench.folder, ME, Keys([ME], real=True).signer(ME))
        knew = {head.feed: head for head in journal.heads() if head.node != ME}
        event = replace(
            last.event, number=last.event.number + 1, previous=last.id, kind=str(kind), service=service, body=body,
            causes=causes, heads=tuple(knew.values()),
        )  # fmt: skip
        await journal.append([Entry.of(event)])
        await journal.close()

    asyncio.run(append())


@edit("a claim with another rule is added by the own key", "unlawful")
def _unlawful(bench: Bench) -> None:
    claim = next(entry for entry in bench.feed() if entry.event.kind == Kind.CLAIM)
    forged(bench, Kind.CLAIM, {**claim.event.body, "rule": "take-over-dead", "epoch": 99})


@edit("a command by a key that is no operator's is added by the own key", "authority")
def _no_operator(bench: Bench) -> None:
    cluster = read(bench.world.config, files=False).cluster_id
    order = Command(cluster, "mallory", "fail", "web", ME, "", 0, 0, 1 << 52, bytes(16))
    command = sign_command(order, FileKey(private_key("mallory")))
    forged(bench, Kind.COMMAND, {"command": command.raw, "signature": command.signature, "target": ME})


@edit("an operator's command is copied from another feed into the own one, and obeyed", "authority")
def _copied_command(bench: Bench) -> None:
    order = next(entry.event for entry in bench.feed("genesis") if entry.event.kind == Kind.COMMAND)
    forged(bench, Kind.COMMAND, dict(order.body), order.service)


# --- values that a column should never hold ---------------------------------------------------------------------------

VALUES: dict[str, object] = {"text": "text", "a blob": b"\x80", "a real number": 1.5, "a huge number": 2**63 - 1}
ODD = {(column, what): "chain" for column in ("node", "incarnation", "number") for what in VALUES}
ODD |= {("bytes", what): "encoding" for what in VALUES}
ODD |= {("signature", what): "encoding" for what in VALUES} | {("signature", "a blob"): "signature"}
for (_column, _what), _verdict in ODD.items():

    @edit(f"the column {_column} holds {_what}", _verdict)
    def _odd(bench: Bench, column: str = _column, value: object = VALUES[_what]) -> None:
        change(bench, bench.covered, **{column: value})


@edit("a column that must hold something holds NULL", "schema")
def _null(bench: Bench) -> None:
    with bench.open() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'bytes BLOB NOT NULL', 'bytes BLOB')")
    change(bench, bench.covered, bytes=None)
    with bench.open() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'bytes BLOB', 'bytes BLOB NOT NULL')")
