"""A number given once is never given again, and no claim uses the numbers up."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from coordinator.config import read
from coordinator.state import ownership
from coordinator.state.configurations import with_policy
from coordinator.state.epochs import AHEAD_BY_ARBITER, AHEAD_MAX, ASIDE_MAX, WAITING_MAX, Epochs
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import NO_PREVIOUS, Event
from protocol.kinds import Kind
from tests.core.story import CLUSTER, Story

SCENARIOS = Path(__file__).parents[1] / "scenarios"
A, B = ("lukretia", 1), ("genesis", 1)


def usual(service: str) -> int:
    """How far ahead a claim may be where no arbiter decides."""
    return AHEAD_MAX


def told(*claims: tuple[tuple[str, int], int]) -> Epochs:
    epochs = Epochs()
    for feed, epoch in claims:
        epochs = epochs.claimed("web", feed, epoch)
    return epochs


@given(st.lists(st.tuples(st.sampled_from([A, B, ("genesis", 2)]), st.integers(1, 4 * AHEAD_MAX)), max_size=5))
def test_what_counts_does_not_depend_on_the_order(claims: list[tuple[tuple[str, int], int]]) -> None:
    assert len({repr(sorted(told(*order).counted.get("web", {}).items())) for order in permutations(claims)}) <= 1
    assert len({repr(told(*order).waiting) for order in permutations(claims)}) <= 1


def test_a_claim_far_ahead_uses_no_numbers_up() -> None:
    assert told((A, 1), (B, 2**53)).known("web") == 1


def test_a_claim_far_ahead_counts_when_the_numbers_before_it_are_known() -> None:
    """A node that was away for long hears of the newest claim first."""
    later = 2 * AHEAD_MAX
    assert told((A, later), (B, AHEAD_MAX), (B, 1)).known("web") == later


def test_claims_far_ahead_are_kept_in_bounds() -> None:
    epochs = told(*((A, 2**40 + number) for number in range(10 * WAITING_MAX)))
    assert len(epochs.waiting["web"]) == WAITING_MAX
    assert epochs.claimed("web", B, 1).known("web") == 1


def test_a_node_that_lost_its_disk_does_not_make_its_peers_forget_a_number() -> None:
    """authority.md 4: genesis held epoch 3, lost its disk and started alone; lukretia, which knew 3, claimed 3 again."""
    story = Story.of("lukretia", "genesis").holds("lukretia", 1).lets_go("lukretia").holds("genesis", 2)
    started = {"run": b"next run", "rules": 2, "config": b"", "clean": False}
    anew = Event(CLUSTER, "genesis", 2, 1, NO_PREVIOUS, 0, 0, Kind.NODE_STARTED, "", started, (), ())
    assert ownership.epoch(reduce(story.state, anew), "web") == 2


def test_a_number_that_a_gap_carries_is_not_given_again() -> None:
    """Seed 98212: lukretia lost its disk twice, and heard of its last incarnation before it heard of the one with the claim."""
    kept = {"lowered": [], "epoch": 3, "holding_epoch": 2, "wish": "", "burnt": False, "failures": 0}
    body = {"held": [], "incarnation": 1, "number": 9, "id": bytes(32), "services": {"web": kept, "db": {**kept, "epoch": 0}}}
    gap = Event(CLUSTER, "lukretia", 2, 1, NO_PREVIOUS, 0, 0, Kind.GAP_DECLARED, "", body, (), ())
    state = reduce(Story.of("lukretia", "genesis").state, gap)
    assert state.column("lukretia").service("web").epoch == ownership.epoch(state, "web") == 3
    assert "db" not in state.epochs.counted
    far = {**body, "services": {"web": {**kept, "epoch": 2**40}}}
    gap = Event(CLUSTER, "lukretia", 2, 1, NO_PREVIOUS, 0, 0, Kind.GAP_DECLARED, "", far, (), ())
    assert ownership.epoch(reduce(Story.of("lukretia", "genesis").state, gap), "web") == 0


FILE = ("file", 0)
"""In place of a feed: the file that makes both nodes candidates is read here."""


def told_around_a_file(moments: Sequence[tuple[tuple[str, int], int]]) -> Epochs:
    epochs, known = Epochs(), False
    for feed, epoch in moments:
        if feed == FILE:
            known, epochs = True, epochs.with_files(lambda node, service: True, usual)
        else:
            epochs = (epochs.claimed if known else epochs.put_aside)("web", feed, epoch)
    return epochs


@given(st.lists(st.tuples(st.sampled_from([A, B, ("genesis", 2)]), st.integers(1, AHEAD_MAX)), max_size=4))
def test_a_claim_counts_whether_it_or_the_file_of_its_author_is_known_first(claims: list[tuple[tuple[str, int], int]]) -> None:
    orders = permutations([*claims, (FILE, 0)])
    assert len({repr(sorted(told_around_a_file(order).counted.get("web", {}).items())) for order in orders}) == 1


def test_claims_of_a_node_that_is_no_candidate_are_kept_in_bounds_and_crowd_no_other_node_out() -> None:
    epochs = Epochs().put_aside("web", A, 7)
    for number in range(ASIDE_MAX + 50):
        epochs = epochs.put_aside(f"s{number:05d}", B, 1)
    assert len(epochs.aside["genesis"]) == ASIDE_MAX
    assert epochs.with_files(lambda node, service: node == "lukretia", usual).known("web") == 7


def test_the_number_of_a_claim_is_known_when_the_file_that_makes_its_author_a_candidate_is_read() -> None:
    """genesis held epoch 2 of a service that came with a changed file, which lukretia reads only later."""
    policy = read(SCENARIOS / "two-nodes.toml", files=False)
    unread = replace(State.begin(), epochs=Epochs().put_aside("web", B, 2))
    assert ownership.epoch(unread, "web") == 0
    assert ownership.epoch(with_policy(unread, policy.digest, policy.text, 1), "web") == 2


def test_of_claims_far_ahead_the_sixty_four_lowest_wait() -> None:
    epochs = Epochs()
    for number in range(66):
        epochs = epochs.claimed("web", (f"n{number}", 1), 5_000 + number)
    assert [epoch for epoch, _ in epochs.waiting["web"]] == list(range(5_000, 5_064))
    assert epochs.known("web") == 0


def test_each_service_and_feed_keeps_its_own_largest() -> None:
    epochs = Epochs()
    for service, feed, epoch in [("web", ("a", 1), 5), ("web", ("a", 1), 3), ("web", ("b", 2), 4), ("db", ("a", 1), 1_000)]:
        epochs = epochs.claimed(service, feed, epoch)
    assert epochs == Epochs({"web": {("a", 1): 5, ("b", 2): 4}, "db": {("a", 1): 1_000}})
    assert [epochs.known(service) for service in ("web", "db", "mail")] == [5, 1_000, 0]
    assert epochs.claimed("db", ("b", 1), 2_000).known("db") == 2_000
    assert epochs.claimed("db", ("b", 1), 2_001).known("db") == 1_000


# --- to the number ----------------------------------------------------------------------------------------------------


def test_a_claim_counts_up_to_the_distance_and_not_beyond() -> None:
    assert told((A, 1), (B, 1 + AHEAD_MAX)).known("web") == 1 + AHEAD_MAX
    assert told((A, 1), (B, 2 + AHEAD_MAX)).known("web") == 1
    assert told((A, AHEAD_MAX)).known("web") == AHEAD_MAX
    assert told((A, AHEAD_MAX + 1)).known("web") == 0


def test_beside_one_that_waits_the_distance_is_the_same() -> None:
    """Where nothing counts yet, and a claim far ahead waits already."""
    assert told((A, 4 * AHEAD_MAX), (B, AHEAD_MAX + 1)).known("web") == 0
    assert told((A, 4 * AHEAD_MAX), (B, AHEAD_MAX)).counted == {"web": {B: AHEAD_MAX}}


def test_of_another_service_no_number_is_used() -> None:
    epochs = Epochs().claimed("db", A, AHEAD_MAX)
    assert epochs.claimed("web", B, AHEAD_MAX + 1).known("web") == 0


def test_an_older_claim_of_a_feed_takes_no_number_back() -> None:
    assert told((A, 7), (A, 3)).counted == {"web": {A: 7}}
    aside = Epochs().put_aside("web", A, 7).put_aside("web", A, 3)
    assert aside.aside == {"lukretia": {("web", 1): 7}}


def test_what_is_kept_aside_stays_until_its_own_service_has_a_candidate() -> None:
    epochs = Epochs().put_aside("web", A, 7).put_aside("db", A, 2).put_aside("db", B, 3)
    after = epochs.with_files(lambda node, service: service == "web", usual)
    assert after.counted == {"web": {A: 7}}
    assert after.aside == {"lukretia": {("db", 1): 2}, "genesis": {("db", 1): 3}}
    assert after.with_files(lambda node, service: True, usual).counted["db"] == {A: 2, B: 3}
    assert after.with_files(lambda node, service: True, usual).aside == {}


def test_of_the_services_kept_aside_none_too_many_is_kept() -> None:
    epochs = Epochs()
    for number in range(ASIDE_MAX):
        epochs = epochs.put_aside(f"s{number:05d}", B, 1)
    assert len(epochs.aside["genesis"]) == ASIDE_MAX == 2_000
    assert f"s{ASIDE_MAX:05d}" not in {service for service, _ in epochs.put_aside(f"s{ASIDE_MAX:05d}", B, 1).aside["genesis"]}


# --- under an arbiter ------------------------------------------------------------------------------------------------


def told_around_an_arbiter(moments: Sequence[tuple[tuple[str, int], int]]) -> Epochs:
    """`FILE`: from here on a file counts by which an arbiter decides."""
    epochs, ahead = Epochs(), AHEAD_MAX
    for feed, epoch in moments:
        if feed == FILE:
            ahead = AHEAD_BY_ARBITER
            epochs = epochs.with_files(lambda node, service: True, lambda service: AHEAD_BY_ARBITER)
        else:
            epochs = epochs.claimed("web", feed, epoch, ahead)
    return epochs


def test_the_first_claim_by_the_arbiter_may_be_above_every_number_by_its_revision() -> None:
    assert told_around_an_arbiter([(FILE, 0), (A, 9_000_000)]).known("web") == 9_000_000
    assert told_around_an_arbiter([(FILE, 0), (A, 7), (B, 7 + AHEAD_BY_ARBITER)]).known("web") == 7 + AHEAD_BY_ARBITER
    assert told_around_an_arbiter([(FILE, 0), (A, 7), (B, 8 + AHEAD_BY_ARBITER)]).known("web") == 7


def test_a_claim_that_waited_counts_when_the_file_comes_by_which_an_arbiter_decides() -> None:
    epochs = told_around_an_arbiter([(A, 9_000_000), (FILE, 0)])
    assert epochs.known("web") == 9_000_000
    assert not epochs.waiting.get("web")


@given(st.lists(st.tuples(st.sampled_from([A, B, ("genesis", 2)]), st.integers(1, 2 * AHEAD_BY_ARBITER)), max_size=4))
def test_under_an_arbiter_too_what_counts_does_not_depend_on_the_order(claims: list[tuple[tuple[str, int], int]]) -> None:
    orders = permutations([*claims, (FILE, 0)])
    assert len({repr(sorted(told_around_an_arbiter(order).counted.get("web", {}).items())) for order in orders}) == 1
