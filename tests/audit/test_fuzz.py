"""Whatever a node signs, every question to `failaudit` is answered, as text and as JSON: no command ends in a traceback."""

import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.event import Entry, Ref
from protocol.events import BODIES
from protocol.keys import Domain
from store.reading import read
from tests.audit.worlds import Played, played
from tests.core.bodies import body_for, wrong_for
from tools.simulator.keys import Keys

COMMANDS = ("verify", "who web", "why web", "splits", "timeline", "replay", "diff 2000-01-01 now")
STORY = """at 0s start lukretia genesis
at 2s fail web lukretia
at 4s recover web lukretia
at 5s cut lukretia genesis
at 8s heal
at 10s move web lukretia
at 12s expect web owner=lukretia"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Orders, a split and a move; both nodes wrote of it."""
    return played(STORY, tmp_path_factory.mktemp("fuzz") / "logs")


REFS = st.builds(
    Ref, st.sampled_from(["lukretia", "genesis", "nobody"]), st.sampled_from([1, 1_767_225_600_000]), st.integers(1, 60)
)
CLOCKS = st.integers(0, 2**63 - 1)


@st.composite
def signed(draw: st.DrawFn) -> dict[str, Any]:
    """What changes in an event of which all else is in order: a kind, with a body of its format or another one."""
    kind = draw(st.sampled_from(sorted(BODIES)))
    body = draw(body_for(BODIES[kind]) | wrong_for(BODIES[kind]))
    service = "web" if BODIES[kind].SERVICE else ""
    about = draw(st.sampled_from([service] * 4 + ["web", "", "no such service"]))
    causes = draw(st.lists(REFS, max_size=3, unique=True))
    changes = {"kind": str(kind), "service": about, "body": body, "causes": tuple(causes)}
    return {**changes, "wall_ms": draw(CLOCKS), "boot_ms": draw(CLOCKS)} if draw(st.integers(0, 5)) == 0 else changes


def append(world: Played, entries: list[Entry], events: list[dict[str, Any]]) -> None:
    """To genesis's log, as genesis: chained, signed, and resting on all that it knows. Nothing waits for the disk."""
    heads = tuple({head.feed: head for entry in entries if (head := entry.head).node != "genesis"}.values())
    last = [entry for entry in entries if entry.event.node == "genesis"][-1]
    signer = Keys(["genesis"], real=True).signer("genesis")
    connection = sqlite3.connect(world.state("genesis") / "log.db")
    connection.execute("PRAGMA synchronous=OFF")
    for changes in events:
        following = {"number": last.event.number + 1, "previous": last.id, "heads": heads, **changes}
        last = Entry.of(replace(last.event, **following))
        signature = signer.sign(Domain.EVENT, last.id)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (*last.ref, last.raw, signature))
    connection.commit()
    connection.close()


@given(events=st.lists(signed(), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_no_event_leaves_a_question_without_an_answer(told: Played, events: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Played(told.world, Path(folder), told.began_ms)
        shutil.copytree(told.folder, copy.folder, dirs_exist_ok=True)
        append(copy, [Entry.read(row.raw, row.signature) for row in read(told.state("genesis")).rows], events)
        for command in COMMANDS:
            for as_json in (True, False):
                answer = copy.audit(*command.split(), nodes=("genesis",), as_json=as_json)
                assert answer.code in (0, 1), answer.err
                assert answer.out
