"""Who owns what, as far as the feeds tell: which words end a holding, when a move is over, and what is evidence of a split."""

from dataclasses import replace

import pytest

from coordinator.state import ownership
from coordinator.state.model import Move, Removal, ServicePhase, State, Word
from protocol.event import Head, Ref
from protocol.events import Removed
from protocol.kinds import Kind
from tests.core.story import Story

L, G, C = "lukretia", "genesis", "carthage"
RUN, OTHER_RUN = b"lukretia", b"old runs"
HEARD, FENCED = Ref(G, 1, 50), Ref(C, 1, 50)
NARROW = b"n" * 32


def held() -> Story:
    """lukretia holds epoch 5, in a run of its name; its feed has six events."""
    return Story.of(L, G, C).holds(L, 5)


def with_words(story: Story, *words: Word) -> State:
    return replace(story.state, words={("web", L): words})


# --- what ends a holding from outside --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "run", "ends"),
    [(5, RUN, True), (6, RUN, True), (4, RUN, False), (5, b"", True), (5, OTHER_RUN, False), (99, OTHER_RUN, False)],
)
def test_a_last_word_ends_the_holdings_of_its_run_up_to_its_epoch(epoch: int, run: bytes, ends: bool) -> None:
    word = Word(epoch, HEARD, run)
    state = with_words(held(), word)
    assert ownership.ended(state, "web", L) == (word if ends else None)
    assert ownership.holds(state, "web", L) is not ends


@pytest.mark.parametrize(
    ("epoch", "run", "ends"),
    [(5, RUN, True), (6, RUN, False), (4, RUN, False), (5, OTHER_RUN, False), (5, b"", True), (9, b"", True), (4, b"", False)],
)
def test_a_fence_ends_the_very_claim_and_one_of_the_first_rules_all_up_to_it(epoch: int, run: bytes, ends: bool) -> None:
    word = Word(epoch, FENCED, run)
    state = held().orders(("fenced", "web", L), FENCED, word).state
    assert ownership.ended(state, "web", L) == (word if ends else None)


def test_of_a_node_that_never_claimed_nothing_ended() -> None:
    story = Story.of(L, G, C).orders(("fenced", "web", L), FENCED, Word(5, FENCED, b""))
    assert ownership.ended(with_words(story, Word(5, HEARD, b"")), "web", L) is None


def test_the_first_epoch_of_all_ends_like_any_other() -> None:
    story = Story.of(L, G, C).holds(L, 1).orders(("fenced", "web", L), FENCED, Word(1, FENCED, b""))
    assert ownership.ended(story.state, "web", L) == Word(1, FENCED, b"")


def claimed_by_a_narrow_file(**changes: object) -> Story:
    """lukretia claimed by a file that leaves the service to genesis; by the first one, number 1, all three are candidates."""
    story = held()
    narrow = replace(story.policy, digest=NARROW, services={"web": replace(story.policy.services["web"], nodes=(G,))})
    numbers = {story.policy.digest: 1, NARROW: 2}
    story.state = replace(story.state, policies={**story.state.policies, NARROW: narrow}, numbers=numbers)
    story.changes(L, configs=(NARROW,))
    story.state = story.state.with_column(replace(story.state.column(L), **changes))
    return story


def test_a_claim_counts_by_the_file_that_its_author_lived_by_then() -> None:
    """Not by any other that names it."""
    story = claimed_by_a_narrow_file(config=NARROW, configs=(NARROW,))
    assert [ownership.may_own(story.state, "web", node) for node in (L, G, C)] == [False, True, True]
    assert not ownership.holds(story.state, "web", L)


def test_a_holder_by_a_file_that_does_not_count_is_one_by_the_file_that_it_lives_by_now() -> None:
    """It has the service, and could claim it anew: its peer would take it beside it, and neither would give way."""
    now = held().policy.digest
    assert ownership.holds(claimed_by_a_narrow_file(config=now, configs=(now, NARROW)).state, "web", L)


def test_a_holder_by_a_file_that_does_not_count_is_one_as_soon_as_the_file_that_rules_says_so() -> None:
    """Before it lives by that itself: genesis does."""
    story = claimed_by_a_narrow_file(config=b"by hand".ljust(32), configs=(b"by hand".ljust(32), NARROW))
    assert not ownership.holds(story.state, "web", L)
    story.state = story.state.with_column(replace(story.state.column(G), config=story.policy.digest))
    story.state = replace(story.state, numbers={**story.state.numbers, story.policy.digest: 3})
    assert ownership.holds(story.state, "web", L)


def test_of_several_words_the_one_of_the_highest_epoch_is_told() -> None:
    story = held().orders(("fenced", "web", L), FENCED, Word(5, FENCED, RUN))
    assert ownership.ended(with_words(story, Word(7, HEARD, RUN), Word(6, HEARD, RUN)), "web", L) == Word(7, HEARD, RUN)
    assert ownership.ended(with_words(story), "web", L) == Word(5, FENCED, RUN)


# --- a move ------------------------------------------------------------------------------------------------------------


def move(story: Story, target: str = G, epoch: int = 5) -> Move:
    ref = Ref(C, 1, 40 + epoch)
    ordered = Move("web", target, epoch, 0, ref)
    story.orders(("move", "web"), ref, ordered)
    return ordered


def active(story: Story) -> Move | None:
    return ownership.active_move(story.state, "web")


def test_a_move_is_in_force_until_its_target_has_given_the_service_up() -> None:
    story = held()
    assert active(story) is None
    ordered = move(story)
    assert active(story) == ordered
    assert ownership.order(story.state, story.policy.services["web"]) == (G, L, C)
    story.lets_go(L).holds(G, 6)
    assert active(story) == ordered, "it holds the service by it"
    story.lets_go(G)
    assert active(story) is None
    assert ownership.order(story.state, story.policy.services["web"]) == (L, G, C)


def test_a_claim_of_a_third_node_before_the_target_ends_a_move() -> None:
    story = held()
    move(story)
    story.lets_go(L).claims(C, 6)
    assert active(story) is None


def test_a_claim_of_a_third_node_beside_the_target_is_a_split_and_ends_no_move() -> None:
    story = held()
    ordered = move(story)
    story.lets_go(L).holds(G, 6).claims(C, 7)
    assert active(story) == ordered


def test_a_reclaim_of_the_holder_overtakes_no_move() -> None:
    """It is the same holding under a new number."""
    story = held()
    ordered = move(story)
    story.write(L, Kind.RECLAIM, {"epoch": 6, "reason": ""})
    assert active(story) == ordered


def test_what_the_target_held_before_the_order_says_nothing() -> None:
    story = Story.of(L, G, C).holds(G, 5).lets_go(G).holds(L, 6)
    ordered = move(story, epoch=6)
    assert active(story) == ordered
    story.lets_go(L).holds(G, 7).lets_go(G).claims(G, 8)
    assert active(story) is None, "the target gave it up, and holds it by another claim now"


def test_a_move_to_the_node_that_had_it_last_is_in_force() -> None:
    story = Story.of(L, G, C).holds(G, 5).lets_go(G)
    ordered = move(story)
    assert active(story) == ordered


def test_a_target_that_gives_up_what_it_only_reclaimed_ends_its_move() -> None:
    story = Story.of(L, G, C).holds(G, 4)
    ordered = move(story)
    story.write(G, Kind.RECLAIM, {"epoch": 6, "reason": ""})
    assert active(story) == ordered
    story.up(G).lets_go(G)
    assert active(story) is None


@pytest.mark.parametrize("epoch", [4, 5])
def test_a_claim_of_a_third_node_beside_a_target_that_holds_by_an_older_claim_ends_a_move(epoch: int) -> None:
    story = Story.of(L, G, C).holds(G, epoch)
    ordered = move(story)
    assert active(story) == ordered
    story.claims(C, 6)
    assert active(story) is None


def test_a_move_ends_by_the_word_of_a_candidate_about_this_service() -> None:
    story = held()
    ordered = move(story)
    story.write(L, Kind.MOVE_ENDED, {"move": [G, 9, 9], "why": "another"})
    assert active(story) == ordered
    story.write(L, Kind.MOVE_ENDED, {"move": list(ordered.ref), "why": "over"})
    assert active(story) is None


def test_the_latest_of_two_moves_is_in_force() -> None:
    story = held()
    move(story, C, 4)
    newest = move(story, G, 5)
    assert active(story) == newest


def test_a_move_to_no_candidate_leaves_the_order_as_it_is() -> None:
    story = held()
    move(story, "umpire")
    assert ownership.order(story.state, story.policy.services["web"]) == (L, G, C)


# --- a node that was removed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "counts"), [(None, True), (6, True), (7, False), (8, False)])
def test_a_node_is_removed_until_a_later_order_gives_its_file_a_number(number: int | None, counts: bool) -> None:
    story = Story.of(L, G)
    shown = Removal(7, G, HEARD, Removed(number=7, digest=bytes(32), by=G, command=b"", signature=b""))
    story.state = story.state.with_column(replace(story.state.column(L), removed=shown, config=b"c" * 32))
    if number is not None:
        story.state = replace(story.state, orders=replace(story.state.orders, signed={b"c" * 32: number, b"d" * 32: 99}))
    assert ownership.removed(story.state, L) == (shown if counts else None)
    assert ownership.removed(story.state, G) is None


# --- evidence of a split ---------------------------------------------------------------------------------------------


def evidence(story: Story, me: str = L) -> tuple[Ref, ...]:
    return ownership.split_evidence(story.state, me, "web")


def newest(story: Story, node: str) -> Ref:
    return next(event.ref for event in reversed(story.events) if event.node == node)


def test_a_claim_that_mine_did_not_know_is_evidence() -> None:
    story = held()
    assert evidence(story) == ()
    claim = newest(story.claims(G, 5), G)
    assert evidence(story.up(G)) == (claim, newest(story, G)), "and what it did last in that holding"
    assert evidence(story, C) == (), "carthage holds nothing"


def test_what_a_node_wrote_later_in_a_holding_that_i_took_to_be_over_is_evidence() -> None:
    story = Story.of(L, G, C).holds(G, 4).holds(L, 5)
    assert evidence(story) == ()
    story.write(G, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "")
    assert evidence(story) == (newest(story, G),)
    assert ownership.is_news_for(story.state, L, "web")
    story.lets_go(G)
    assert evidence(story) == (newest(story, G),), "its down, which it wrote last"
    assert not ownership.is_news_for(story.state, L, "web")


def test_what_a_node_writes_that_is_stuck_is_no_evidence_of_a_holding() -> None:
    story = Story.of(L, G, C).holds(G, 4).releases(G)
    story.write(G, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "failed"})
    story.holds(L, 5)
    story.write(G, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "")
    assert evidence(story) == ()


def test_a_reclaim_waits_for_the_ends_of_others_and_so_they_are_no_news() -> None:
    story = Story.of(L, G, C).holds(G, 4).holds(L, 5)
    story.write(L, Kind.RECLAIM, {"epoch": 6, "reason": ""})
    story.write(G, Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, "")
    assert evidence(story) == ()
    assert not ownership.is_news_for(story.state, L, "web")


@pytest.mark.parametrize("hearer", [L, C])
def test_a_down_whose_last_word_my_claim_rested_on_is_no_evidence(hearer: str) -> None:
    story = Story.of(L, G, C).holds(G, 4)
    story.heard(hearer, G, 4)
    story.holds(L, 5)
    story.lets_go(G)
    assert evidence(story) == ()


def test_a_last_word_that_came_after_my_claim_takes_no_evidence_away() -> None:
    story = Story.of(L, G, C).holds(G, 4).holds(L, 5).lets_go(G)
    down = newest(story, G)
    for hearer in (L, C):
        story.heard(hearer, G, 4)
        assert evidence(story) == (down,)


@pytest.mark.parametrize(("epoch", "run"), [(3, b""), (4, OTHER_RUN)])
def test_a_last_word_about_an_older_holding_takes_no_evidence_away(epoch: int, run: bytes) -> None:
    story = Story.of(L, G, C).holds(G, 4)
    story.heard(C, G, epoch, run)
    story.holds(L, 5).lets_go(G)
    assert evidence(story) == (newest(story, G),)


def test_while_another_holds_it_what_it_writes_is_news_unless_i_rest_on_its_word() -> None:
    story = Story.of(L, G, C).holds(G, 4)
    assert not ownership.is_news_for(story.state, L, "web"), "lukretia holds nothing"
    story.heard(C, G, 4)
    story.holds(L, 5)
    assert not ownership.is_news_for(story.state, L, "web")
    story.holds(C, 6)
    assert ownership.is_news_for(story.state, L, "web")


def test_evidence_of_several_nodes_is_sorted_and_the_heads_of_my_claim_are_looked_at_node_by_node() -> None:
    story = Story.of(L, G, C).holds(C, 3).holds(G, 4).claims(L, 5)
    column = story.state.column(L)
    mine = replace(column.service("web"), known={G: Head(G, 1, 1, b"")})
    story.state = story.state.with_column(column.with_service("web", mine))
    told = evidence(story)
    assert told == tuple(sorted(told))
    assert {ref.node for ref in told} == {G, C}


def test_a_holding_begins_with_a_claim_and_ends_with_down() -> None:
    story = Story.of(L, G)
    steps = [story.state, story.claims(L, 1).state, story.up(L).state, story.releases(L).state, story.down(L).state]
    states = [state.column(L).service("web").holds for state in steps]
    assert states == [False, True, True, True, False]
    assert story.state.column(L).service("web").state is ServicePhase.RECOVER


# --- forks -----------------------------------------------------------------------------------------------------------


def test_a_fork_stands_until_this_node_is_readmitted_and_for_no_other_order() -> None:
    story = Story.of(L, G, C)
    story.state = replace(story.state, forks={L: frozenset({HEARD})})
    assert ownership.forks(story.state, L) == {HEARD}
    assert ownership.forks(story.orders(("readmit", G), FENCED, frozenset({HEARD})).state, L) == {HEARD}
    assert ownership.forks(story.orders(("standby", L), FENCED, frozenset({HEARD})).state, L) == {HEARD}
    assert ownership.forks(story.orders(("readmit", L), FENCED, frozenset({HEARD})).state, L) == frozenset()


# --- evidence of a split ---------------------------------------------------------------------------------------------


def test_a_node_that_may_not_own_hides_no_evidence_of_the_next_one() -> None:
    """Nodes come in the order in which they were heard first: one that is no candidate stood before the rival."""
    story = Story.of("abbey", L, G, C)
    story.policy = replace(story.policy, services={"web": replace(story.policy.services["web"], nodes=(L, G))})
    told = Story(story.policy)
    for node in ("abbey", L, G):
        told.starts(node)
    told.holds(L, 1)
    claim = told.write(G, Kind.CLAIM, {"epoch": 2, "reason": "cut off"}, knows=False)
    assert claim in ownership.split_evidence(told.state, L, "web")


def test_a_word_about_another_claim_hides_no_word_about_this_one() -> None:
    """Two words of the rival are kept, the newest first: of another run, and of the holding that counts."""
    story = Story.of(L, G).holds(G, 4)
    story.heard(L, G, 4)
    story.heard(L, G, 9, run=b"old runs")
    story.holds(L, 5).down(G)
    assert ownership.split_evidence(story.state, L, "web") == ()
