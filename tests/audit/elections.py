"""Histories of a service that is owned by leave of a majority, and what a node with its own key may write into one."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from protocol.event import Entry, Event, Head, Ref
from protocol.kinds import Kind
from protocol.messages import Domain
from tests.audit.worlds import SCENARIOS, Played, played
from tools.simulator.keys import Keys

ALL = "SELECT bytes, signature FROM events WHERE node = ? ORDER BY incarnation, number"
ELECTED = "at 0s start lukretia genesis carthage\nat 4s expect web owner=lukretia\n"
"""lukretia owns web under epoch 1 by the votes of all three."""
STOOD_STILL = ELECTED + "at 4s freeze lukretia\nat 9s expect web owner=genesis\nat 10s thaw lukretia\n"
"""genesis follows at 6.456 s by its own vote and carthage's; lukretia says that it is down at 10 s. It is not preferred again
before 10.3 s."""


LEASED = '[services.web]\npartition = "majority"\nlease = "2500ms"'
SCRIPT = '[[services.web.actions]]\nscript = "/etc/failover/web"\ntimeout = "2s"\n'


def majority(story: str, folder: Path, witness: str = "") -> Played:
    """Three voters under `partition = "majority"`, and an address, which the kernel ends: a node that stood still goes on
    afterwards, and tells. `witness`: one of them that owns nothing."""
    text = (SCENARIOS / "three-nodes.toml").read_text().replace("[services.web]", LEASED)
    assert text.count(SCRIPT) == 1, "the guard would end a node that stands still with a script"
    text = text.replace(SCRIPT, "")
    if witness:
        text = text.replace(f"[nodes.{witness}]", f"[nodes.{witness}]\nwitness = true").replace(f', "{witness}"]', "]")
    configuration = folder / "majority.toml"
    configuration.write_text(text)
    return played(story, folder / "logs", str(configuration))


def feed(world: Played, node: str) -> list[Entry]:
    """As the node's own disk has it."""
    with closing(sqlite3.connect(world.state(node) / "log.db")) as connection:
        return [Entry.read(raw, signature) for raw, signature in connection.execute(ALL, (node,))]


def event(world: Played, node: str, kind: str, epoch: int) -> Event:
    """The event of this kind about web with this epoch."""
    return next(entry.event for entry in feed(world, node) if entry.event.kind == kind and entry.event.body["epoch"] == epoch)


def write(
    world: Played, node: str, kind: str, body: Mapping[str, Any], causes: tuple[Ref, ...] = (), heads: tuple[Head, ...] = ()
) -> Ref:
    """One event more at the end of a node's own feed, signed by its key, one second after the one before it."""
    last = feed(world, node)[-1]
    here = last.event
    made = Event(
        here.cluster, node, here.incarnation, here.number + 1, last.id, here.wall_ms + 1_000, here.boot_ms + 1_000, str(kind),
        "web", dict(body), causes, heads,
    )  # fmt: skip
    entry = Entry.of(made)
    signature = Keys([node], real=True).signer(node).sign(Domain.EVENT, entry.id)
    with closing(sqlite3.connect(world.state(node) / "log.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (*entry.ref, entry.raw, signature))
    return entry.ref


def votes_for_itself(world: Played, node: str, epoch: int) -> Ref:
    ballot = {"candidate": node, "epoch": epoch, "voters": 1, "run": bytes(8), "counter": 1}
    return write(world, node, Kind.VOTE, ballot)


def claims_by_its_own_vote(world: Played, node: str, epoch: int) -> Ref:
    """A node votes for itself, and claims by that vote alone."""
    like = event(world, "lukretia", Kind.CLAIM, 1).body
    vote = votes_for_itself(world, node, epoch)
    return write(world, node, Kind.CLAIM, {**like, "epoch": epoch, "rule": "take-over-dead"}, (vote,))
