"""A fork counts by both signatures: a node stops what it holds for it, and one key must not bring that about."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.state import ownership, proof
from coordinator.state.model import Flaw, State
from coordinator.state.reducer import reduce
from protocol.canonical import pack
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.events import ForkSeen
from protocol.forks import (
    BRANCH_BYTES_MAX,
    PARTS_MAX,
    RUN_ENTRIES_MAX,
    Branch,
    cut,
    disputed,
    fits,
    fits_in_pieces,
    flat_of,
    joined,
    run_of,
    runs_of,
    to_signature,
)
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Domain
from protocol.signing import Identity
from tests.core.story import policy

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


def chain(size: int, count: int = 4) -> Branch:
    """So many events of about this size, the last one signed."""
    return written("x" * size, count)


def in_bodies(ours: Branch, theirs: Branch) -> list[dict[str, Any]]:
    """The bodies of the pieces, in their order."""
    digest, pieces = cut(ours, theirs)
    return [{"digest": digest, "index": at, "count": len(pieces), "data": data} for at, data in enumerate(pieces)]


def told(pieces: list[dict[str, Any]]) -> State:
    """What a reader goes by after eve's pieces and the event that rests on them."""
    state = STATE
    named = {"node": "ann", "incarnation": 1, "number": 1}
    seen_by_eve = {**named, "ours": [], "theirs": [], "digest": pieces[0]["digest"]}
    bodies = [*((Kind.FORK_PART, piece) for piece in pieces), (Kind.FORK_SEEN, seen_by_eve)]
    for number, (kind, body) in enumerate(bodies, 1):
        state = reduce(state, Event(CLUSTER, "eve", 1, number, bytes(32), 1, 1, str(kind), "", body, (), ()))
    return state


BIG, OTHER = chain(60_000), (*written("y" * 60_000),)


def test_evidence_that_no_event_holds_counts_in_pieces_and_leaves_nothing_behind() -> None:
    assert not fits(BIG, OTHER)
    state = told(in_bodies(BIG, OTHER))
    assert ownership.forked(state, "ann")
    assert (state.shown, state.column("eve").skips) == ({}, 0)


WRONG = ["one is missing", "another order", "another digest", "another text", "not signed by ann", "one side"]


@pytest.mark.parametrize("wrong", WRONG)
def test_pieces_that_do_not_make_the_evidence_prove_nothing_and_are_named(wrong: str) -> None:
    pieces = in_bodies(BIG, OTHER)
    changed = {
        "one is missing": pieces[:-1],
        "another order": [pieces[1], pieces[0], *pieces[2:]],
        "another digest": [{**piece, "digest": bytes(32)} for piece in pieces],
        "another text": [{**pieces[0], "data": b"x" * 48_000}, *pieces[1:]],
        "not signed by ann": in_bodies(BIG, written("y" * 60_000, signer=EVE)),
        "one side": in_bodies(BIG, BIG),
    }[wrong]
    state = told(changed)
    assert not ownership.forked(state, "ann")
    assert [skip.flaw for skip in state.column("eve").skipped] == [Flaw.AUTHORITY]


def test_of_each_node_the_pieces_of_one_proof_are_kept() -> None:
    state = STATE
    for incarnation in range(1, 9):
        piece = {**in_bodies(BIG, OTHER)[0], "digest": bytes([incarnation]) * 32}
        state = reduce(state, Event(CLUSTER, "eve", incarnation, 1, bytes(32), 1, 1, str(Kind.FORK_PART), "", piece, (), ()))
    assert list(state.shown) == [("eve", 8)]


def test_what_is_too_long_for_pieces_is_known_before_any_is_written() -> None:
    most = chain(60_000)
    assert fits_in_pieces(most, most)
    assert len(in_bodies(most, most)) <= PARTS_MAX
    assert not fits_in_pieces(most, chain(60_000, 5))
    assert not fits_in_pieces(most, chain(1, RUN_ENTRIES_MAX + 1))
    assert sum(len(entry.raw) for entry in chain(60_000, 5)) > BRANCH_BYTES_MAX


@pytest.mark.parametrize("whole", [b"", b"\xc0", pack([1, 2]), pack([[b"x"], [b"y"]]), pack([["x"], []]), pack([[], [], []])])
def test_what_is_no_evidence_has_no_sides(whole: bytes) -> None:
    assert None in runs_of(whole)
    assert joined([whole], b"") == b""


# --- why it proves nothing, word for word ----------------------------------------------------------------------------


def reader(*keys: bytes) -> State:
    """By files that give ann these keys."""
    file = policy("ann", "eve")
    nodes = [{**file.nodes, "ann": replace(file.nodes["ann"], key=key)} for key in keys]
    return State.begin(*(replace(file, nodes=named, digest=key) for named, key in zip(nodes, keys)))


def test_an_event_that_the_named_node_did_not_sign_is_called_so() -> None:
    unsigned = "an event that ann did not write: not signed by ann as failover/event/v1"
    for state in (STATE, reader(ANN.public)):
        for one, other in ((ANN, EVE), (EVE, ANN)):
            assert proof.fork(state, seen(written("a", signer=one), written("b", signer=other))) == unsigned
        assert proof.fork(state, seen(written("a"), written("b"))) is None


def test_an_event_with_another_name_is_called_by_both() -> None:
    wrong = proof.fork(STATE, seen(written("a"), written("b"), number=2))
    assert wrong == f"the events are called {written('a')[0].ref}, and ann 1/2 is named"


def test_where_no_file_names_the_node_nothing_is_proved() -> None:
    assert proof.unproved(State.begin(), "ann", Domain.EVENT, b"", b"") == "no configuration that counts names a node ann"
    assert proof.unproved(State.begin(policy("eve")), "ann", Domain.EVENT, b"", b"") == proof.unproved(
        State.begin(), "ann", Domain.EVENT, b"", b""
    )


def test_of_several_keys_that_do_not_fit_each_run_of_a_reader_gives_the_same_reason() -> None:
    """A set of keys has another order in every process: two readers of one log named one event by two sentences."""
    unusable = bytes(32)
    for seed in range(1, 21):
        sound = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()
        state = reader(sound, unusable)
        assert proof.unproved(state, "ann", Domain.EVENT, b"", b"") == "not signed by ann as failover/event/v1"
    assert str(proof.unproved(reader(unusable), "ann", Domain.EVENT, b"", b"")).startswith("node ann: ")


def test_what_is_no_last_word_is_called_so() -> None:
    assert str(proof.last_word(STATE, b"\xc1", b"")).startswith("not a last word: ")
