"""What an event may not change although its author has signed it: the fold of every living node, and of the auditor.

The thief has the key of a node. It writes whatever it likes into its own feed; nothing of it may move another node's service.
"""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.policy import Policy
from coordinator.state import ownership
from coordinator.state.configurations import number_at_start, ruling
from coordinator.state.model import Flaw, State
from coordinator.state.reducer import reduce
from protocol.event import Event, Ref
from protocol.kinds import Kind
from protocol.messages import Domain, LastWord
from protocol.signing import Identity
from tests.core.story import CLUSTER, Story, policy

L, G, THIEF = "lukretia", "genesis", "umpire"
KEYS = {
    name: Identity(name, Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32)) for at, name in enumerate((L, G, THIEF), 1)
}


def keyed() -> Policy:
    """lukretia and genesis may own `web`, the umpire may not; each with a key of its own."""
    three = policy(L, G, THIEF)
    nodes = {name: replace(node, key=KEYS[name].public) for name, node in three.nodes.items()}
    return replace(three, nodes=nodes, services={"web": replace(three.services["web"], nodes=(L, G))})


def begun() -> Story:
    """lukretia holds the service; signatures count."""
    story = Story(keyed())
    story.state = State.begin(story.policy)
    for node in (L, G, THIEF):
        story.starts(node)
    return story.holds(L, 1)


def last_skip(story: Story, node: str) -> Flaw | None:
    skipped = story.state.column(node).skipped
    return skipped[-1].flaw if skipped else None


def said(story: Story, by: str, signer: str, about: str = L, epoch: int = 1, body_epoch: int = 1) -> Ref:
    """`by` records a last word of `about`, signed with the key of `signer`."""
    raw = LastWord(CLUSTER, about, story.state.column(about).run, "web", epoch).encode()
    signature = KEYS[signer].sign(Domain.LAST_WORD, raw)
    return story.write(by, Kind.LAST_WORD, {"word": raw, "signature": signature, "node": about, "epoch": body_epoch})


def test_a_last_word_counts_when_its_speaker_signed_it() -> None:
    story = begun()
    said(story, G, L)
    assert ownership.holders(story.state, "web") == ()


@pytest.mark.parametrize("signer", [THIEF, G])
def test_a_last_word_that_its_speaker_did_not_sign_ends_nothing(signer: str) -> None:
    """It made genesis claim beside the living owner."""
    story = begun()
    said(story, signer, signer)
    assert ownership.holders(story.state, "web") == (L,)
    assert last_skip(story, signer) is Flaw.AUTHORITY


def test_the_epoch_of_a_last_word_is_the_signed_one_and_not_that_of_the_body() -> None:
    """An old word of lukretia's, recorded again with the epoch of today."""
    story = begun()
    story.lets_go(L).holds(L, 2)
    said(story, THIEF, L, epoch=1, body_epoch=2)
    assert ownership.holders(story.state, "web") == (L,)


def test_a_gap_carries_no_word_that_nobody_signed() -> None:
    """A thief begins a new incarnation and "carries over" what it never heard."""
    story = begun()
    word = ["web", L, 1, [THIEF, 1, 2], story.state.column(L).run]
    body = {"incarnation": 1, "number": 1, "id": bytes(32), "last_words": [word], "fenced": [word]}
    gap = Event(CLUSTER, THIEF, 2, 1, bytes(32), 0, 0, Kind.GAP_DECLARED, "", body, (), ())
    assert ownership.holders(reduce(story.state, gap), "web") == (L,)


def anew(story: Story, rules: int, **parts: object) -> Event:
    """The thief begins a new incarnation with a gap of these parts. Returns the gap."""
    body = {"incarnation": 1, "number": 1, "id": bytes(32), **parts}
    gap = Event(CLUSTER, THIEF, 2, 1, bytes(32), 0, 0, Kind.GAP_DECLARED, "", body, (), ())
    started = {"run": b"next run", "rules": rules, "config": b"", "clean": False}
    start = Event(CLUSTER, THIEF, 2, 2, bytes(32), 0, 0, Kind.NODE_STARTED, "", started, (), ())
    story.state = reduce(reduce(story.state, gap), start)
    return gap


WORD = ["web", L, 1, [THIEF, 1, 2], b"run"]
ORDERS_IN_A_GAP = [{"last_words": [WORD]}, {"fenced": [WORD]}, {"holds": {"web": [[THIEF, 1, 2]]}}, {"unheld": [[THIEF, 1, 2]]},
                   {"moves": [["web", G, 1, 0, [THIEF, 1, 2]]]}, {"moves_ended": [[THIEF, 1, 2]]},
                   {"nonces": [[bytes(16), 1]]}, {"forked": {L: [THIEF, 1, 2]}}]  # fmt: skip


@pytest.mark.parametrize("parts", ORDERS_IN_A_GAP, ids=lambda parts: next(iter(parts)))
def test_a_gap_that_carries_orders_is_named_except_in_a_run_of_the_first_rules(parts: dict[str, object]) -> None:
    for rules, named in ((2, [Flaw.AUTHORITY]), (1, [])):
        story = begun()
        gap = anew(story, rules, **parts)
        assert [skip.flaw for skip in story.state.column(THIEF).skipped if skip.ref == gap.ref] == named


def test_a_gap_of_what_its_own_node_did_is_nothing_to_name() -> None:
    story = begun()
    anew(story, 2, services={"web": {"epoch": 0, "wish": "fail", "lowered": []}})
    assert story.state.column(THIEF).skips == 0


def test_a_gap_in_the_middle_of_a_run_changes_nothing_and_is_named() -> None:
    story = begun()
    body = {"incarnation": 1, "number": 1, "id": bytes(32), "services": {"web": {"epoch": 9, "wish": "fail", "lowered": []}}}
    story.write(THIEF, Kind.GAP_DECLARED, body, "")
    assert story.state.column(THIEF).service("web").epoch == 0
    assert last_skip(story, THIEF) is Flaw.UNLAWFUL


def ends_the_move(story: Story, node: str) -> None:
    story.write(node, Kind.MOVE_ENDED, {"move": [L, 1, 2], "why": "over"})


def test_a_move_is_ended_by_a_node_that_holds_the_service_and_may_own_it() -> None:
    story = begun()
    applied(story, THIEF, 1, story.policy.digest)
    ends_the_move(story, L)
    assert last_skip(story, L) is None
    ends_the_move(story, G)
    assert last_skip(story, G) is Flaw.UNLAWFUL
    story.holds(THIEF, 2)
    ends_the_move(story, THIEF)
    assert last_skip(story, THIEF) is Flaw.AUTHORITY


def test_a_last_word_outlives_the_incarnation_that_heard_it() -> None:
    story = begun()
    said(story, G, L)
    started = {"run": b"next run", "rules": 2, "config": b"", "clean": False}
    anew = Event(CLUSTER, G, 2, 1, bytes(32), 0, 0, Kind.NODE_STARTED, "", started, (), ())
    assert ownership.holders(reduce(story.state, anew), "web") == ()


def test_a_claim_of_a_node_that_is_no_candidate_is_evidence_and_nothing_else() -> None:
    """trials 50: its rivals stayed in RECLAIM, and no node took over after a crash."""
    story = begun()
    story.holds(THIEF, 2)
    assert ownership.holders(story.state, "web") == (L,)
    assert ownership.split_evidence(story.state, L, "web") == ()


def test_a_claim_for_a_service_that_no_file_has_is_nothing() -> None:
    story = begun()
    story.write(THIEF, Kind.CLAIM, {"epoch": 1, "reason": ""}, "mail")
    assert ownership.holders(story.state, "mail") == ()


@pytest.mark.parametrize("kind", [Kind.UP, Kind.RELEASE, Kind.DOWN, Kind.RESTART, Kind.RECLAIM])
def test_what_follows_no_claim_changes_nothing(kind: Kind) -> None:
    story = begun()
    bodies = {Kind.RELEASE: {"to": "RECOVER", "cause": "move"}, Kind.DOWN: {"to": "FAIL", "cause": "check"},
              Kind.RESTART: {"count": 1}, Kind.RECLAIM: {"epoch": 9}}  # fmt: skip
    story.write(G, kind, bodies.get(kind, {}))
    assert story.state.column(G).service("web").changed != story.events[-1].ref
    assert last_skip(story, G) is Flaw.UNLAWFUL


def test_nothing_is_claimed_outside_a_run() -> None:
    story = begun()
    story.write(G, Kind.NODE_STOPPED, {}, "")
    story.claims(G, 2)
    assert ownership.holders(story.state, "web") == (L,)


def applied(story: Story, node: str, number: int, digest: bytes) -> None:
    story.write(node, Kind.CONFIG_APPLIED, {"number": number, "digest": digest, "text": ""}, "")


def test_another_text_under_a_digest_is_named() -> None:
    """One that fits its digest is a label; what does not fit would be another file for each reader."""
    for digest, named in [(hashlib.sha256(b"cluster = ").digest(), []), (b"c" * 32, [Flaw.AUTHORITY])]:
        story = begun()
        story.write(THIEF, Kind.CONFIG_APPLIED, {"number": 1, "digest": digest, "text": "cluster = "}, "")
        assert [skip.flaw for skip in story.state.column(THIEF).skipped] == named


def test_a_number_that_a_thief_gives_a_file_rules_nothing_and_leaves_numbers_for_others() -> None:
    story = begun()
    applied(story, L, 1, story.policy.digest)
    applied(story, THIEF, 2**53, b"t" * 32)
    applied(story, THIEF, 2**53, story.policy.digest)
    assert ruling(story.state, story.policy) == story.policy
    assert number_at_start(story.state, b"n" * 32) <= 2**33
    assert [skip.flaw for skip in story.state.column(THIEF).skipped] == [Flaw.AUTHORITY] * 2
    assert story.state.column(L).skips == 0


def test_an_event_of_another_incarnation_that_is_skipped_changes_only_its_author() -> None:
    story = begun()
    wild = Event(CLUSTER, THIEF, 2**53, 1, bytes(32), 0, 0, Kind.CLAIM, "web", {"epoch": -1}, (), ())
    state = reduce(story.state, wild)
    assert ownership.holders(state, "web") == (L,)
    assert state.column(THIEF).skips == 1
