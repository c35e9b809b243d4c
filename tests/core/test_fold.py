"""What each event makes of its author's column: the whole of it, so that a field which is forgotten is seen."""

from dataclasses import replace
from typing import Any

import pytest

from coordinator.state import ownership
from coordinator.state.incarnation import carried, in_pieces, orders_in, taken_over
from coordinator.state.model import SKIPPED_KEPT, Flaw, NodeState, ServicePhase, ServiceState, Skipped, Trust
from coordinator.state.reducer import reduce
from coordinator.state.transitions import ENTERED_FROM, out_of_order
from protocol.event import Event, Head, Ref
from protocol.events import CarriedService, Gap
from protocol.kinds import Kind
from tests.core.story import CLUSTER, Story

L, G, C = "lukretia", "genesis", "carthage"
RUN, OLD = b"lukretia", Ref(L, 1, 99)
S = ServicePhase
QUIET = {"gaps": {}, "late_ms_max": 0}


def worn(state: ServicePhase, **values: Any) -> ServiceState:
    """Every field differs from what a fresh one has."""
    column = ServiceState(
        state=state, epoch=7, holding_epoch=6, before_epoch=5, claim=OLD, run=b"another.", configs=(b"o" * 32,), began=OLD,
        changed=OLD, ended_by=OLD, known={C: Head(C, 1, 1, b"")}, requested="fail", requested_by=OLD, cause="carrier",
        to=S.FAIL,
        last_failed=True, failures=3, stuck=True, failed_check=OLD, well=OLD, restarts=2, carrier_lost={"eth0": OLD},
        announced=OLD,
        reason="what was",
    )  # fmt: skip
    return replace(column, **values)


def story_in(column: ServiceState) -> Story:
    story = Story.of(L, G)
    mine = replace(story.state.column(L), configs=(story.policy.digest,))
    story.state = story.state.with_column(mine.with_service("web", column))
    return story


def after(column: ServiceState, kind: Kind, body: dict[str, Any]) -> tuple[ServiceState, Ref]:
    story = story_in(column)
    ref = story.write(L, kind, body)
    assert not story.state.column(L).skipped
    return story.state.column(L).service("web"), ref


def test_a_claim_begins_a_holding_with_nothing_of_the_last_one() -> None:
    before = worn(S.RECOVER)
    column, ref = after(before, Kind.CLAIM, {"epoch": 8, "reason": "free"})
    seen = {G: Head(G, 1, 1, bytes(32))}
    assert column == replace(
        before, state=S.STARTING, changed=ref, reason="free", well=None, epoch=8, holding_epoch=8, before_epoch=7, claim=ref,
        run=RUN, configs=(b"c" * 32,), began=ref, known=seen, cause="", stuck=False, failed_check=None, restarts=0,
    )  # fmt: skip


@pytest.mark.parametrize(("wish", "left"), [("fail", "fail"), ("recover", ""), ("reclaim", "reclaim"), ("", "")])
def test_a_claim_fulfils_a_recover_and_no_other_wish(wish: str, left: str) -> None:
    assert after(worn(S.RECOVER, requested=wish), Kind.CLAIM, {"epoch": 8, "reason": ""})[0].requested == left


def test_a_reclaim_goes_on_with_the_holding_under_a_new_epoch() -> None:
    before = worn(S.UP)
    column, ref = after(before, Kind.RECLAIM, {"epoch": 9, "reason": "again"})
    seen = {G: Head(G, 1, 1, bytes(32))}
    changed = {"state": S.RECLAIM, "changed": ref, "reason": "again", "well": None, "epoch": 9, "claim": ref, "known": seen}
    assert column == replace(before, **changed)


@pytest.mark.parametrize(("wish", "left"), [("fail", "fail"), ("recover", "recover"), ("reclaim", ""), ("", "")])
def test_a_reclaim_fulfils_a_reclaim_and_no_other_wish(wish: str, left: str) -> None:
    assert after(worn(S.UP, requested=wish), Kind.RECLAIM, {"epoch": 8, "reason": ""})[0].requested == left


@pytest.mark.parametrize("again", [True, False])
def test_up_forgets_that_the_last_claim_failed_and_tells_an_announcement_after_a_reclaim(again: bool) -> None:
    before = worn(S.RECLAIM if again else S.STARTING)
    column, ref = after(before, Kind.UP, {"epoch": 7, "reason": "all up"})
    announced = ref if again else OLD
    assert column == replace(
        before, state=S.UP, changed=ref, reason="all up", well=None, announced=announced, last_failed=False
    )  # fmt: skip


def test_a_restart_in_place_is_counted_and_the_check_begins_anew() -> None:
    before = worn(S.UP)
    column, ref = after(before, Kind.RESTART, {"count": 3, "reason": "once more"})
    assert column == replace(
        before, state=S.STARTING, changed=ref, reason="once more", well=None, restarts=3, failed_check=None
    )  # fmt: skip


def test_a_release_says_why_and_where_it_leads() -> None:
    before = worn(S.UP, to=S.RECOVER, cause="")
    column, ref = after(before, Kind.RELEASE, {"to": "FAIL", "cause": "check", "reason": "sick"})
    assert column == replace(
        before, state=S.STOPPING, changed=ref, reason="sick", well=None, to=S.FAIL, cause="check"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("to", "cause", "kept", "burnt", "failures"),
    [
        ("FAIL", "check", "check", True, 4),
        ("FAIL", "action", "action", True, 4),
        ("FAIL", "operator", "operator", False, 0),
        ("RECOVER", "rival", "", False, 0),
    ],
)
def test_down_ends_the_holding(to: str, cause: str, kept: str, burnt: bool, failures: int) -> None:
    before = worn(S.STOPPING, to=S.STOPPING)
    column, ref = after(before, Kind.DOWN, {"epoch": 7, "to": to, "cause": cause, "reason": "over"})
    assert column == replace(
        before, state=S(to), changed=ref, reason="over", well=None, to=S(to), ended_by=ref, cause=kept, stuck=False,
        failed_check=None,
        last_failed=burnt, failures=failures,
    )  # fmt: skip


def test_fail_says_its_cause() -> None:
    before = worn(S.RECOVER)
    column, ref = after(before, Kind.FAIL, {"cause": "operator", "reason": "said"})
    assert column == replace(before, state=S.FAIL, changed=ref, reason="said", well=None, cause="operator")


@pytest.mark.parametrize(
    ("wish", "burnt", "failures"), [("recover", False, 0), ("", True, 3)], ids=["by an operator", "by itself"]
)
def test_recover_forgets_failures_at_an_operators_word_only(wish: str, burnt: bool, failures: int) -> None:
    before = worn(S.FAIL, requested=wish)
    column, ref = after(before, Kind.RECOVER, {"reason": "back"})
    assert column == replace(
        before, state=S.RECOVER, changed=ref, reason="back", well=None, cause="", requested="", last_failed=burnt,
        failures=failures
    )  # fmt: skip


def test_what_did_not_fail_is_not_burnt_by_a_recover() -> None:
    assert not after(worn(S.FAIL, requested="", last_failed=False), Kind.RECOVER, {"reason": ""})[0].last_failed


@pytest.mark.parametrize(
    ("state", "word", "outcome", "stuck"),
    [
        (S.STOPPING, "down", "failed", True),
        (S.STOPPING, "down", "unknown", True),
        (S.STOPPING, "down", "done", False),
        (S.STOPPING, "up", "failed", False),
        (S.UP, "down", "failed", False),
    ],
)
def test_stuck_is_a_down_that_was_not_done_while_it_stops(state: ServicePhase, word: str, outcome: str, stuck: bool) -> None:
    before = worn(state, stuck=False)
    column, _ = after(before, Kind.ACTION_FINISHED, {"action": 0, "word": word, "outcome": outcome})
    assert column == replace(before, stuck=stuck)


def test_a_check_that_fails_for_good_and_passes_again() -> None:
    up = worn(S.UP, failed_check=None, well=None)
    assert after(up, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": False})[0] == up
    column, ref = after(up, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": True})
    assert column == replace(up, failed_check=ref)
    assert after(column, Kind.CHECK_PASSED, {"check": 0})[0] == up
    for cause, state, counts in [("check", S.FAIL, True), ("action", S.FAIL, False), ("check", S.RECOVER, False)]:
        out = worn(state, cause=cause, well=None)
        column, ref = after(out, Kind.CHECK_PASSED, {"check": 0})
        assert column == replace(out, failed_check=None, well=ref if counts else None)


def test_each_interface_loses_its_carrier_and_gets_it_back_by_itself() -> None:
    before = worn(S.UP)
    column, ref = after(before, Kind.CARRIER_LOST, {"interface": "eth1"})
    assert column == replace(before, carrier_lost={"eth0": OLD, "eth1": ref})
    assert after(column, Kind.CARRIER_BACK, {"interface": "eth0"})[0] == replace(before, carrier_lost={"eth1": ref})


# --- the node --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", ["fail", "recover"])
def test_a_start_ends_what_an_earlier_run_held(wish: str) -> None:
    before = worn(S.UP, requested=wish)
    column, ref = restarted(before)
    kept = wish == "fail"
    assert column == replace(
        before, state=S.FAIL if kept else S.RECOVER, cause="operator" if kept else "", changed=ref, stuck=False,
        failed_check=None,
        restarts=0, carrier_lost={}, ended_by=Ref(L, 1, ref.number - 1),
        reason="the node started" + (", and an operator's FAIL lasts until an operator says recover" if kept else ""),
    )  # fmt: skip


def test_a_start_ends_nothing_that_was_over() -> None:
    assert restarted(worn(S.RECOVER))[0].ended_by == OLD


def restarted(before: ServiceState) -> tuple[ServiceState, Ref]:
    story = story_in(before)
    ref = story.write(L, Kind.NODE_STARTED, {"run": b"next run", "rules": 2, "config": b"", "clean": True}, "")
    return story.state.column(L).service("web"), ref


def test_a_start_begins_a_run_and_forgets_what_was_seen() -> None:
    story = Story.of(L, G)
    ref = Ref(G, 1, 1)
    before = replace(
        story.state.column(L), running=False, leaving=ref, judged={G: ref}, judgement={G: "dead"}, splits={"web": ref}
    )
    story.state = story.state.with_column(before)
    started = story.write(L, Kind.NODE_STARTED, {"run": b"next run", "rules": 2, "config": b"", "clean": True}, "")
    assert story.state.column(L) == replace(
        before, head=Head(L, 1, 2, b""), seen={G: Head(G, 1, 1, bytes(32))}, run=b"next run", started=started, running=True,
        leaving=None, rules=2, judged={}, judgement={}, splits={},
    )  # fmt: skip


def test_the_end_of_a_run_is_announced_and_then_written() -> None:
    story = Story.of(L)
    stopping = story.write(L, Kind.NODE_STOPPING, {}, "")
    assert (story.state.column(L).leaving, story.state.column(L).running) == (stopping, True)
    story.write(L, Kind.NODE_STOPPED, {}, "")
    assert (story.state.column(L).leaving, story.state.column(L).running) == (stopping, False)


def test_judgements_and_splits_are_kept_by_their_subject() -> None:
    story = Story.of(L, G, C)
    refs = [story.write(L, Kind.JUDGED, {"peer": peer, "judgement": "dead"}, "") for peer in (G, C)]
    again = story.write(L, Kind.JUDGED, {"peer": G, "judgement": "alive"}, "")
    column = story.state.column(L)
    assert (column.judged, column.judgement) == ({G: again, C: refs[1]}, {G: "alive", C: "dead"})
    split = story.write(L, Kind.SPLIT_SEEN, {"nodes": [G], "epochs": {}}, "web")
    other = story.write(L, Kind.SPLIT_SEEN, {"nodes": [G], "epochs": {}}, "db")
    assert story.state.column(L).splits == {"web": split, "db": other}
    story.write(L, Kind.SPLIT_RESOLVED, {}, "web")
    assert story.state.column(L).splits == {"db": other}


def test_the_newest_heads_that_a_node_rested_on_are_kept() -> None:
    story = Story.of(L)

    def sees(*heads: Head) -> dict[str, Head]:
        story.state = reduce(story.state, Event(CLUSTER, L, 1, 2, bytes(32), 0, 0, Kind.PULSE, "", QUIET, (), heads))
        return dict(story.state.column(L).seen)

    first, later, next_life = Head(G, 1, 5, b"a" * 32), Head(G, 1, 6, b"b" * 32), Head(G, 2, 1, b"c" * 32)
    other = Head(C, 1, 1, b"d" * 32)
    assert sees(first) == {G: first}
    assert sees() == {G: first}
    assert sees(later, other) == {G: later, C: other}
    assert sees(first) == {G: later, C: other}
    assert sees(next_life) == {G: next_life, C: other}
    assert sees(later) == {G: next_life, C: other}


def test_an_event_of_an_older_incarnation_changes_nothing_of_the_column() -> None:
    story = Story.of(L)
    story.state = reduce(story.state, pulse(incarnation=3, number=1))
    assert story.state.column(L) == NodeState(L, head=Head(L, 3, 1, b""))
    assert reduce(story.state, pulse(incarnation=2, number=9)) == story.state


def pulse(incarnation: int, number: int) -> Event:
    return Event(CLUSTER, L, incarnation, number, bytes(32), 0, 0, Kind.PULSE, "", QUIET, (), ())


# --- what changes nothing --------------------------------------------------------------------------------------------


def test_a_body_that_does_not_parse_is_skipped_and_counted() -> None:
    story = Story.of(L)
    refs = [story.write(L, Kind.UP, {"epoch": "x"}) for _ in range(SKIPPED_KEPT + 1)]
    column = story.state.column(L)
    assert [skipped.ref for skipped in column.skipped] == refs[1:]
    assert {skipped.flaw for skipped in column.skipped} == {Flaw.ENCODING}
    assert all(skipped.text for skipped in column.skipped)
    assert column.skips == SKIPPED_KEPT + 1


def test_an_event_out_of_order_is_skipped_with_its_sentence() -> None:
    story = Story.of(L)
    ref = story.write(L, Kind.UP, {"epoch": 1, "reason": ""})
    assert story.state.column(L).skipped == (Skipped(ref, Flaw.UNLAWFUL, "up web in state RECOVER"),)
    story.write(L, Kind.NODE_STOPPED, {}, "")
    ref = story.write(L, Kind.CLAIM, {"epoch": 1, "reason": ""})
    assert story.state.column(L).skipped[-1] == Skipped(ref, Flaw.UNLAWFUL, "claim web outside a run")


ORDER = {
    Kind.CLAIM: "RECOVER",
    Kind.UP: "STARTING RECLAIM",
    Kind.RELEASE: "STARTING UP RECLAIM",
    Kind.DOWN: "STOPPING",
    Kind.RECLAIM: "UP RECLAIM",
    Kind.RESTART: "STARTING UP RECLAIM",
    Kind.RECOVER: "FAIL RECOVER",
    Kind.FAIL: "RECOVER FAIL",
    Kind.ACTION_STARTED: "STARTING UP RECLAIM STOPPING",
    Kind.ACTION_FINISHED: "STARTING UP RECLAIM STOPPING",
    Kind.MOVE_ENDED: "STARTING UP RECLAIM",
}


@pytest.mark.parametrize("kind", ORDER)
def test_which_states_an_event_may_follow(kind: Kind) -> None:
    def allowed(state: ServicePhase) -> bool:
        return out_of_order(NodeState(L, running=True, services={"web": ServiceState(state=state)}), kind, "web") is None

    assert {state for state in ServicePhase if allowed(state)} == {ServicePhase(name) for name in ORDER[kind].split()}
    assert ENTERED_FROM.keys() == ORDER.keys()


def test_a_gap_stands_before_the_first_start_only() -> None:
    assert out_of_order(NodeState(L), Kind.GAP_DECLARED, "") is None
    said = "gap-declared after the first start of its incarnation"
    assert out_of_order(NodeState(L, started=OLD), Kind.GAP_DECLARED, "") == said
    assert out_of_order(NodeState(L), Kind.PULSE, "") is None


# --- what outlives an incarnation ------------------------------------------------------------------------------------


def test_what_outlives_an_incarnation_is_told_and_taken_over_field_by_field() -> None:
    before = NodeState(L, services={"web": worn(S.UP), "db": worn(S.RECOVER, requested="recover", ended_by=None)})
    body = carried(Head(L, 1, 12, b"i" * 32), before)
    assert body.to_body() == {
        "held": [],
        "incarnation": 1,
        "number": 12,
        "id": b"i" * 32,
        "services": {
            "web": {
                "lowered": [L, 1, 12], "epoch": 7, "holding_epoch": 6, "wish": "fail", "burnt": True, "failures": 3,
            },
            "db": {"lowered": [], "epoch": 7, "holding_epoch": 6, "wish": "", "burnt": True, "failures": 3},
        },
    }  # fmt: skip


def test_what_was_held_aside_is_merged_in_and_named() -> None:
    high = worn(S.UP, epoch=9, holding_epoch=8, requested="", last_failed=False, failures=5)
    low = worn(S.RECOVER, epoch=2, holding_epoch=1, requested="fail", last_failed=False, failures=1, claim=None)
    for before, aside in [(high, low), (low, high)]:
        body = carried(
            Head(L, 1, 12, b"i" * 32),
            NodeState(L, services={"web": before}),
            NodeState(L, services={"web": aside, "db": worn(S.RECOVER)}),
        )
        web = body.services["web"]
        assert (web.epoch, web.holding_epoch, web.wish, web.burnt, web.failures) == (9, 8, "fail", False, 5)
        assert body.held == (("db", "web") if aside is high else ("db",))
        assert body.services["db"].wish == "fail"


def test_of_many_services_each_piece_has_a_hundred_and_fifty() -> None:
    names = [f"s{number:03}" for number in range(301)]
    services = {name: CarriedService(epoch=1, wish="") for name in reversed(names)}
    pieces = in_pieces(gap(held=("s000", "s300"), services=services))
    assert [list(piece.services) for piece in pieces] == [names[:150], names[150:300], names[300:]]
    assert [piece.held for piece in pieces] == [("s000",), (), ("s300",)]
    assert {piece.number for piece in pieces} == {12}


def gap(**parts: Any) -> Gap:
    return Gap(incarnation=1, number=12, id=b"i" * 32, **parts)


def test_a_new_incarnation_begins_with_what_was_told() -> None:
    kept = CarriedService(epoch=7, holding_epoch=6, wish="fail", burnt=True, failures=3, lowered=OLD)
    plain = CarriedService(epoch=1, holding_epoch=1, wish="", burnt=False, failures=0, lowered=None)
    before = NodeState(L, head=Head(L, 2, 1, b""), services={"mail": worn(S.FAIL)})
    column = taken_over(before, gap(services={"web": kept, "db": plain}, held=("web",)))
    served = ServiceState(
        claim=Ref(L, 2, 1), epoch=7, holding_epoch=6, requested="fail", cause="operator", last_failed=True, failures=3,
        ended_by=OLD
    )
    assert column == replace(
        before,
        services={"mail": worn(S.FAIL), "web": served, "db": ServiceState(epoch=1, holding_epoch=1)},
    )


def test_a_gap_with_orders_of_others_is_remembered_until_its_rules_are_known() -> None:
    head = Head(L, 2, 1, b"")
    orders = gap(unheld=(OLD,), moves_ended=(OLD,))
    assert orders_in(orders) == ("unheld", "moves_ended")
    column = taken_over(NodeState(L, head=head), orders)
    assert column.orders_in_gap == Ref(L, 2, 1)
    assert taken_over(column, gap()).orders_in_gap == Ref(L, 2, 1), "another piece of it carries none"
    assert taken_over(NodeState(L, head=head), gap()).orders_in_gap is None


# --- who owns what ---------------------------------------------------------------------------------------------------


def test_a_node_that_was_never_heard_has_an_empty_column() -> None:
    story = Story.of(L)
    assert story.state.column("nobody") == NodeState("nobody")
    assert story.state.trust == Trust("", story.state.trust.keyring)


def test_holders_are_sorted_and_the_owner_is_the_first_by_preference() -> None:
    story = Story.of(L, G, C).holds(C, 1).holds(G, 2).holds(L, 3)
    assert ownership.holders(story.state, "web") == (C, G, L)
    assert ownership.owner(story.state, story.policy, "web") == L
    assert ownership.winner(story.state, story.policy.services["web"], (G, C)) == G
    assert ownership.winner(story.state, story.policy.services["web"], ("stranger", C)) == C
    assert ownership.winner(story.state, story.policy.services["web"], ()) is None
    assert ownership.epoch(story.state, "web") == 3


def test_by_incumbent_the_older_holding_is_the_owner() -> None:
    story = Story.of(L, G, C, split_winner="incumbent").holds(C, 1).holds(G, 2).holds(L, 3)
    assert ownership.owner(story.state, story.policy, "web") == C
    assert ownership.winner(story.state, story.policy.services["web"], (L, G)) == G


def test_a_node_is_refused_by_who_saw_its_fork() -> None:
    story = Story.of(L, G, C)
    ref = story.write(G, Kind.FORK_SEEN, {"node": C}, "")
    assert ownership.forks(story.state, C) == {ref}
    assert [ownership.refused_by(story.state, node) for node in (G, L)] == [{C}, frozenset()]


def test_a_node_that_was_in_fail_in_one_of_two_incarnations_is_in_fail_and_no_other() -> None:
    for before, aside, wish in [("fail", "", "fail"), ("", "fail", "fail"), ("recover", "recover", ""), ("", "", "")]:
        body = carried(
            Head(L, 1, 12, b"i" * 32),
            NodeState(L, services={"web": worn(S.RECOVER, requested=before)}),
            NodeState(L, services={"web": worn(S.RECOVER, requested=aside)}),
        )
        assert body.services["web"].wish == wish


def test_a_start_that_failed_in_one_of_two_incarnations_has_failed() -> None:
    for before, aside in [(True, False), (False, True)]:
        body = carried(
            Head(L, 1, 12, b"i" * 32),
            NodeState(L, services={"web": worn(S.RECOVER, last_failed=before)}),
            NodeState(L, services={"web": worn(S.RECOVER, last_failed=aside)}),
        )
        assert body.services["web"].burnt
