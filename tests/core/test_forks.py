"""A fork counts by both signatures: a node stops what it holds for it, and one key must not bring that about."""

from dataclasses import replace
from typing import Any

import pytest

from coordinator.core import proof
from coordinator.core.model import State
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.events import ForkSeen
from protocol.forks import RUN_ENTRIES_MAX, disputed, fits, flat_of, run_of, to_signature
from protocol.keys import NodeKeyring
from protocol.messages import Domain
from protocol.signing import Identity

CLUSTER = bytes(32)
ANN, EVE = Identity.fresh("ann"), Identity.fresh("eve")
STATE = State.begin(keyring=NodeKeyring({"ann": ANN.public, "eve": EVE.public}))


def written(text: str, count: int = 1, signer: Identity = ANN, node: str = "ann") -> tuple[Entry, ...]:
    """So many events of ann's feed, the last one signed."""
    entries: list[Entry] = []
    for number in range(1, count + 1):
        previous = entries[-1].id if entries else NO_PREVIOUS
        entries.append(Entry.of(Event(CLUSTER, node, 1, number, previous, 1, 1, "pulse", "", {"text": text}, (), ())))
    entries[-1] = entries[-1].signed(signer.sign(Domain.EVENT, entries[-1].id))
    return tuple(entries)


def seen(one: tuple[Entry, ...], other: tuple[Entry, ...], **changes: Any) -> ForkSeen:
    body = ForkSeen(node="ann", incarnation=1, number=1, ours=tuple(flat_of(one)), theirs=tuple(flat_of(other)))
    return replace(body, **changes)


@pytest.mark.parametrize("count", [1, 3])
def test_two_runs_that_their_author_signed_prove_it(count: int) -> None:
    """Also where only a later entry is signed: the chain leads from it to the one that is disputed."""
    assert proof.fork(STATE, seen(written("a", count), written("b", 2))) is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (seen(written("a"), written("a")), "no two branches"),
        (seen((), ()), "no two branches"),
        (seen(written("a"), written("b"), ours=(b"x", b"y")), "no two branches"),
        (seen(written("a"), written("b"), ours=(b"x",)), "no two branches"),
        (seen(written("a"), written("b", signer=EVE)), "did not write"),
        (seen(written("a", 2)[:1], written("b")), "no two branches"),
        (seen(written("a"), (written("b", 3)[0], written("b", 3)[2])), "no two branches"),
        (seen(written("a"), written("b"), node="eve"), "is named"),
        (seen(written("a"), written("b"), number=2), "is named"),
        (seen(written("a", node="eve", signer=EVE), written("b", node="eve", signer=EVE)), "is named"),
    ],
)  # fmt: skip
def test_anything_else_proves_nothing_and_says_why(body: ForkSeen, why: str) -> None:
    assert why in (proof.fork(STATE, body) or "")


def test_a_run_ends_with_the_next_signature_and_comes_back_from_its_bytes() -> None:
    run = written("a", 3)
    assert to_signature((*run, *written("b"))) == run
    assert to_signature(run[:2]) == ()
    assert run_of(flat_of(run)) == run
    assert disputed(run, written("b"))


def test_what_would_not_fit_into_an_event_is_known_before_it_is_written() -> None:
    assert fits(written("a" * 20_000), written("b" * 20_000))
    assert not fits(written("a" * 40_000), written("b" * 40_000))
    assert not fits(written("a", RUN_ENTRIES_MAX + 1), written("b"))
