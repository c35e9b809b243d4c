"""The decide table, row by row: what it says, and the neighbouring case in which it must not say so."""

from dataclasses import replace

import pytest

from coordinator.decision.decide import TABLE, Act
from coordinator.policy import ActionPolicy, Policy, WatchdogPolicy
from coordinator.state.model import Move, ServicePhase, State
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story, alive, dead, indoubt, policy

L, G, C = "lukretia", "genesis", "carthage"


def two(**service: object) -> Story:
    return Story.of(L, G, **service)


def three(**service: object) -> Story:
    return Story.of(L, G, C, **service)


# --- taking over -----------------------------------------------------------------------------------------------------


def test_the_master_claims_what_nobody_has_held() -> None:
    decision = two().decides(L)
    assert (decision.act, decision.rule) == (Act.CLAIM, "take-over-free")


def test_the_slave_waits_for_a_master_that_will_claim() -> None:
    decision = two().decides(G)
    assert (decision.act, decision.rule) == (Act.STAY, "better-will-claim")


def test_the_slave_waits_for_a_master_that_is_starting() -> None:
    assert two().decides(G, lukretia=alive(same_run=False, fit=False)).rule == "better-will-claim"


def test_a_master_that_did_not_claim_in_time_is_passed_over() -> None:
    decision = two().decides(G, timers=("passed:lukretia",))
    assert decision.act is Act.CLAIM
    assert decision.passed_over == ((L, "it was fit and did not claim"),)


def test_a_dead_holder_is_taken_over_and_its_death_is_the_cause() -> None:
    story = two().holds(L, 1)
    judged = story.write(G, Kind.JUDGED, {"peer": L, "judgement": "dead"}, "")
    decision = story.decides(G, lukretia=dead())
    assert (decision.act, decision.rule) == (Act.CLAIM, "take-over-dead")
    assert judged in decision.causes
    assert story.state.column(L).service("web").claim in decision.causes


def test_a_holder_in_doubt_is_waited_for() -> None:
    assert two().holds(L, 1).decides(G, lukretia=indoubt()).rule == "in-doubt"


def test_a_better_candidate_in_doubt_is_waited_for() -> None:
    assert three().holds(C, 1).lets_go(C).decides(G, lukretia=indoubt()).rule == "in-doubt"


def test_a_worse_candidate_in_doubt_that_let_go_is_not_waited_for() -> None:
    assert three().holds(C, 1).lets_go(C).decides(L, carthage=indoubt()).act is Act.CLAIM


def test_after_our_start_everybody_in_doubt_is_waited_for() -> None:
    """It was never heard in this run: it may have claimed while we were away."""
    assert two().decides(L, genesis=indoubt(current=False, fit=False)).rule == "in-doubt"


def test_a_living_holder_is_left_alone() -> None:
    assert two().holds(G, 1).decides(L).rule == "held"


def test_what_an_earlier_run_held_is_not_held() -> None:
    """The machine came back: its heartbeat is of a new run, and everything is down there."""
    story = two().holds(G, 1)
    assert story.decides(L, genesis=alive(same_run=False)).act is Act.CLAIM


def test_nothing_is_decided_on_a_living_candidate_whose_newest_events_are_not_here() -> None:
    assert two().decides(L, genesis=alive(current=False)).rule == "not-current"


def test_a_stuck_holder_is_not_taken_over_even_when_it_is_dead() -> None:
    story = two().holds(L, 1).releases(L)
    story.write(L, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "unknown"})
    assert story.decides(G, lukretia=dead()).rule == "stuck"


SCRIPT = ActionPolicy("script", {"path": "/etc/failover/web"})


def stuck_under_majority(device: str, *actions: ActionPolicy) -> Story:
    base = policy(L, G, C, partition="majority")
    service = replace(base.services["web"], nodes=(L, G), actions=actions or base.services["web"].actions)
    story = Story(replace(base, services={"web": service}, watchdog=WatchdogPolicy(device, 1000)))
    for node in (L, G, C):
        story.starts(node)
    story.holds(L, 1).releases(L)
    story.write(L, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "unknown"})
    return story


@pytest.mark.parametrize(("device", "actions"), [("/dev/watchdog", (SCRIPT,)), ("sysrq", (SCRIPT,)), ("none", ())])
def test_under_majority_a_dead_node_that_was_stuck_is_down_when_the_votes_are_given(
    device: str, actions: tuple[ActionPolicy, ...]
) -> None:
    """Its machine is reset, and the voters have waited for that; an address the kernel ends."""
    story = stuck_under_majority(device, *actions)
    assert story.decides(G).rule == "held"
    assert story.decides(G, lukretia=indoubt()).rule == "in-doubt"
    assert story.decides(G, lukretia=dead()).rule == "not-elected"
    assert story.decides(G, lukretia=dead(), timers=("elected",)).rule == "take-over-dead"


def test_where_nothing_resets_it_votes_do_not_end_what_is_stuck() -> None:
    story = stuck_under_majority("none", SCRIPT)
    assert story.decides(G, lukretia=dead(), timers=("elected",)).rule == "stuck"


def test_a_last_word_frees_what_a_living_node_held() -> None:
    """`kill -9` of faild: its guard has taken everything down, and no peer needs to wait for `dead`."""
    story = two().holds(L, 1)
    word = story.heard(G, L, 1)
    decision = story.decides(G)
    assert (decision.act, decision.rule) == (Act.CLAIM, "take-over-free")
    assert word in decision.causes


def test_a_last_word_for_an_earlier_claim_frees_nothing() -> None:
    story = two().holds(L, 2)
    story.heard(G, L, 1)
    assert story.decides(G).rule == "held"


def test_a_last_word_of_an_earlier_run_ends_nothing():
    """A node that lost its disk counts its claims anew: the number alone names no holding."""
    story = two().holds(L, 1)
    story.heard(G, L, 1, run=b"earlier!")
    assert story.decides(G).rule == "held"


def test_of_two_runs_the_later_word_counts_though_its_epoch_is_smaller():
    story = two().holds(L, 1)
    story.heard(G, L, 5, run=b"earlier!")
    story.heard(G, L, 1)
    assert story.decides(G).rule == "take-over-free"


def test_an_unfit_node_claims_nothing() -> None:
    assert two().decides(L, fit=False).rule == "unfit"


def test_a_node_that_is_leaving_claims_nothing() -> None:
    story = two()
    story.write(L, Kind.NODE_STOPPING, {}, "")
    assert story.decides(L).rule == "unfit"
    assert story.decides(G).act is Act.CLAIM


def test_a_node_without_carrier_claims_nothing_and_is_not_waited_for() -> None:
    story = two()
    story.write(L, Kind.CARRIER_LOST, {"interface": "eth0"})
    assert story.decides(L).rule == "unfit"
    assert story.decides(G).act is Act.CLAIM


def test_a_forked_node_is_not_waited_for() -> None:
    story = two()
    story.write(G, Kind.FORK_SEEN, {"node": L}, "")
    assert story.decides(G).act is Act.CLAIM


def test_alone_under_release_means_hands_off() -> None:
    assert two(on_isolation="release").decides(L, genesis=dead()).rule == "alone"
    assert two().decides(L, genesis=dead()).act is Act.CLAIM


# --- keeping and giving up -------------------------------------------------------------------------------------------


def test_a_holder_keeps_what_nobody_disputes() -> None:
    assert two().holds(L, 1).decides(L).rule == "keep"


def test_a_holder_whose_peers_are_dead_keeps() -> None:
    assert two().holds(L, 1).decides(L, genesis=dead()).rule == "keep"


def test_isolated_under_release_gives_up() -> None:
    story = two(on_isolation="release").holds(L, 1)
    assert story.decides(L, genesis=dead()).rule == "isolated"
    assert story.decides(L).rule == "keep"


@pytest.mark.parametrize(("winner", "loser"), [(L, G), (G, L)])
def test_a_split_is_won_by_preference_or_by_age(winner: str, loser: str) -> None:
    story = two(split_winner="preference" if winner == L else "incumbent").holds(G, 1).holds(L, 2)
    assert story.decides(loser).rule == "rival-wins"
    assert story.decides(winner).act is Act.RECLAIM


def test_nobody_gives_up_for_a_rival_that_is_in_doubt_or_not_current() -> None:
    story = two().holds(G, 1).holds(L, 2)
    assert story.decides(G, lukretia=indoubt()).act is not Act.RELEASE
    assert story.decides(G, lukretia=alive(current=False)).act is not Act.RELEASE
    assert story.decides(G).act is Act.RELEASE


def test_a_claim_that_mine_did_not_know_is_answered_by_a_reclaim_also_when_it_is_over() -> None:
    story = two().holds(L, 1).claims(G, 1, knows=False).up(G).lets_go(G)
    decision = story.decides(L)
    assert decision.act is Act.RECLAIM
    assert any(cause.node == G for cause in decision.causes)


def test_a_claim_that_mine_knew_is_no_news() -> None:
    assert two().holds(G, 1).lets_go(G).holds(L, 2).decides(L).rule == "keep"


def test_the_end_of_a_holding_that_i_took_for_dead_is_news() -> None:
    """I claimed while it lived on: clients may have its hardware address."""
    story = two(failback_ms=None).holds(G, 1).holds(L, 2).lets_go(G)
    assert story.decides(L).act is Act.RECLAIM


def test_after_a_reclaim_the_end_that_it_waited_for_is_no_news() -> None:
    story = two().holds(L, 1).holds(G, 2, knows=False)
    story.write(L, Kind.RECLAIM, {"epoch": 3, "reason": ""})
    story.lets_go(G)
    story.up(L)
    assert story.decides(L).rule == "keep"


def test_no_carrier_moves_the_service_only_to_somebody_fit() -> None:
    story = two().holds(L, 1)
    story.write(L, Kind.CARRIER_LOST, {"interface": "eth0"})
    decision = story.decides(L)
    assert (decision.rule, decision.to) == ("carrier-lost", ServicePhase.FAIL)
    assert story.decides(L, genesis=dead()).rule == "keep"
    assert story.decides(L, genesis=alive(fit=False)).rule == "keep"


def test_a_check_that_failed_for_good_leads_to_fail() -> None:
    story = two().holds(L, 1)
    story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": False})
    assert story.decides(L).rule == "keep"
    story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": True})
    assert (story.decides(L).rule, story.decides(L).to) == ("check-failed", ServicePhase.FAIL)


def test_an_operators_fail_comes_before_everything() -> None:
    story = two().holds(L, 1).holds(G, 2, knows=False).wishes(L, "fail")
    assert story.decides(L).rule == "operator-fail"


# --- giving back -----------------------------------------------------------------------------------------------------


def test_a_ready_master_gets_it_back_when_failback_is_over() -> None:
    story = two().holds(G, 1)
    assert story.decides(G, timers=("failback:lukretia",)).rule == "failback"
    assert story.decides(G).rule == "keep"


@pytest.mark.parametrize("master", [dead(), indoubt(), alive(fit=False), alive(current=False), alive(agrees=False)])
def test_an_unready_master_does_not_get_it_back(master: object) -> None:
    story = two().holds(G, 1)
    assert story.decides(G, timers=("failback:lukretia",), lukretia=master).rule == "keep"


def test_manual_failback_waits_for_an_operator() -> None:
    assert two(failback_ms=None).holds(G, 1).decides(G, timers=("failback:lukretia",)).rule == "keep"


def test_a_master_whose_last_claim_failed_does_not_get_it_back_by_itself() -> None:
    story = two().claims(L, 1).lets_go(L, "FAIL", "action")
    story.write(L, Kind.RECOVER, {"reason": ""})
    story.holds(G, 2)
    assert story.decides(G, timers=("failback:lukretia",)).rule == "keep"


def test_a_slave_never_takes_from_a_master_that_holds() -> None:
    assert two().holds(L, 1).decides(L, timers=("failback:genesis",)).rule == "keep"


# --- out, and back in ------------------------------------------------------------------------------------------------


def test_an_operators_fail_lasts_until_recover() -> None:
    story = two().holds(L, 1).lets_go(L, "FAIL", "operator").wishes(L, "fail")
    assert story.decides(L, timers=("retry",)).rule == "failed"
    assert story.wishes(L, "recover").decides(L).act is Act.RECOVER


def test_a_failed_action_is_retried_when_its_time_is_over() -> None:
    story = two().claims(L, 1).lets_go(L, "FAIL", "action")
    assert story.decides(L).rule == "failed"
    assert story.decides(L, timers=("retry",)).act is Act.RECOVER


def test_fail_on_a_node_that_is_out_is_recorded() -> None:
    assert two().holds(G, 1).wishes(L, "fail").decides(L).act is Act.FAIL


def test_carrier_back_ends_its_own_fail_only() -> None:
    story = two().holds(L, 1)
    story.write(L, Kind.CARRIER_LOST, {"interface": "eth0"})
    story.lets_go(L, "FAIL", "carrier")
    assert story.decides(L).rule == "failed"
    story.write(L, Kind.CARRIER_BACK, {"interface": "eth0"})
    assert story.decides(L).rule == "carrier-back"


# --- hold and move ---------------------------------------------------------------------------------------------------


def held(story: Story, node: str) -> Story:
    return story.orders(("hold", "web"), Ref(node, 1, 99), None)


def test_hold_stops_claims_failback_and_the_consequences_of_checks_but_no_operator() -> None:
    story = held(two().holds(L, 1), G)
    assert story.decides(G, lukretia=dead()).rule == "on-hold"
    story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": True})
    assert story.decides(L).rule == "keep"
    assert story.wishes(L, "fail").decides(L).rule == "operator-fail"
    other = held(two().holds(G, 1), G)
    assert other.decides(G, timers=("failback:lukretia",)).rule == "keep"


def test_in_standby_it_gives_up_what_it_holds_also_on_hold_and_claims_nothing() -> None:
    story = held(two().holds(L, 1), G).orders(("standby", L), Ref(G, 1, 50), None)
    decision = story.decides(L, genesis=dead())
    assert (decision.act, decision.rule, decision.to) == (Act.RELEASE, "standby", ServicePhase.RECOVER)
    story = two().orders(("standby", L), Ref(G, 1, 50), None)
    assert story.decides(L, genesis=dead()).rule == "standby"
    assert story.decides(G).act is Act.CLAIM


def test_nobody_fails_back_or_moves_to_a_node_in_standby() -> None:
    story = two().holds(G, 1).orders(("standby", L), Ref(G, 1, 50), None)
    assert story.decides(G, timers=("failback:lukretia",)).rule == "keep"
    assert moved(story, G, L, 1).decides(G).rule == "keep"


def test_failed_everywhere_it_is_in_fail_until_the_order_is_over() -> None:
    order = Ref(G, 1, 50)
    story = two().holds(L, 1).orders(("fail-everywhere", "web"), order, None)
    decision = story.decides(L)
    assert (decision.act, decision.rule, decision.to, decision.cause) == (
        Act.RELEASE, "fail-everywhere", ServicePhase.FAIL, "everywhere",
    )  # fmt: skip
    assert story.decides(G).act is Act.FAIL
    story.lets_go(L, "FAIL", "everywhere")
    assert story.decides(L).rule == "failed"
    story.orders(("recover", "web"), Ref(G, 1, 51), frozenset({order}))
    assert story.decides(L).rule == "everywhere-over"


def test_an_operators_fail_on_one_node_outlives_the_end_of_fail_everywhere() -> None:
    story = two().orders(("fail-everywhere", "web"), Ref(G, 1, 50), None)
    story.holds(L, 1).lets_go(L, "FAIL", "everywhere").wishes(L, "fail")
    assert story.decides(L).rule == "operator-fail"
    story.write(L, Kind.FAIL, {"cause": "operator"})
    assert story.decides(L).rule == "failed"


def moved(story: Story, holder: str, target: str, epoch: int) -> Story:
    ref = Ref(holder, 1, 50)
    return story.orders(("move", "web"), ref, Move("web", target, epoch, 0, ref))


def test_a_move_puts_its_target_first_for_everybody() -> None:
    story = moved(two().holds(L, 1), L, G, 1)
    assert story.decides(L).rule == "move"
    assert story.decides(L, genesis=alive(fit=False)).rule == "keep"
    story.lets_go(L)
    assert story.decides(L).rule == "better-will-claim"
    assert story.decides(G).act is Act.CLAIM


def test_a_move_ends_when_its_target_gives_the_service_up() -> None:
    story = moved(two().holds(L, 1), L, G, 1).lets_go(L).holds(G, 2).lets_go(G)
    assert story.decides(L).act is Act.CLAIM


def test_no_failback_while_a_move_is_in_force() -> None:
    story = moved(two().holds(L, 1), L, G, 1).lets_go(L).holds(G, 2)
    assert story.decides(G, timers=("failback:lukretia",)).rule == "keep"


def test_in_stopping_nothing_is_decided() -> None:
    story = two().holds(L, 1).releases(L).wishes(L, "fail")
    assert story.decides(L).act is Act.STAY


def test_every_row_of_the_table_has_a_name_of_its_own_per_state() -> None:
    seen = [(row.rule, row.states) for row in TABLE]
    assert len(seen) == len(set(seen))


# --- another configuration -------------------------------------------------------------------------------------------


def dropped(story: Story, node: str) -> Story:
    """By its own file this node may no longer own the service."""
    service = story.policy.services["web"]
    nodes = tuple(name for name in service.nodes if name != node)
    story.policy = replace(story.policy, services={"web": replace(service, nodes=nodes)})
    return story


def test_whoever_is_no_candidate_any_more_lets_go_also_on_hold() -> None:
    story = dropped(two().holds(L, 1), L)
    decision = story.decides(L, genesis=dead())
    assert (decision.act, decision.rule, decision.to) == (Act.RELEASE, "withdrawn", ServicePhase.RECOVER)
    assert held(story, L).decides(L).rule == "withdrawn"


def test_a_service_that_left_the_configuration_is_let_go_and_not_claimed_again() -> None:
    story = two().holds(L, 1)
    story.policy = replace(story.policy, services={})
    assert "no longer in the configuration" in story.decides(L).reason
    assert story.lets_go(L, cause="configuration").decides(L).rule == "not-candidate"


def test_whoever_is_still_a_candidate_by_its_own_file_keeps_it() -> None:
    story = two().holds(L, 1)
    newest = dropped(two(), L).policy
    story.state = applied(story, G, newest)
    assert story.decides(L).rule == "keep"


def applied(story: Story, node: str, newest: Policy) -> State:
    """As if this node had applied it, and every node had read that."""
    column = replace(story.state.column(node), config=b"n" * 32, config_number=2)
    return State({**story.state.columns, node: column}, {b"n" * 32: replace(newest, digest=b"n" * 32)})


def test_a_candidate_that_only_the_newest_file_names_may_have_it() -> None:
    """lukretia gave it to carthage, of which genesis has never heard: it seems to be free, and is not."""
    story = two().holds(L, 1).lets_go(L)
    story.state = applied(story, L, three().policy)
    decision = story.decides(G, timers=("passed:lukretia",))
    assert (decision.act, decision.rule) == (Act.STAY, "outdated")
    assert "carthage may have it" in decision.reason


def test_where_nobody_lives_who_knows_that_candidate_it_is_cut_off_and_the_service_is_claimed() -> None:
    story = two().holds(L, 1)
    story.state = applied(story, L, three().policy)
    assert story.decides(G, lukretia=dead()).rule == "take-over-dead"


def test_a_node_that_lives_by_another_file_may_hold_it_until_its_events_are_here() -> None:
    """Seed 70214. By our own file it is no candidate; by its own it may be, and its claim among what we have not read yet."""
    story = Story.of(L, G)
    web = replace(story.policy.services["web"], nodes=(G,))
    story.policy = replace(story.policy, services={"web": web})
    assert story.decides(G, lukretia=alive(current=False, agrees=False)).rule == "not-current"
    assert story.decides(G, lukretia=alive(agrees=False)).act is Act.CLAIM
    assert story.decides(G, lukretia=alive(current=False)).act is Act.CLAIM


def test_a_node_that_says_that_it_lives_by_our_file_may_hold_it_by_that() -> None:
    """Seed 401767. By the newest file known here it is no candidate, and the event by which it left that file is not here."""
    story = Story.of(L, G)
    without = replace(story.policy, services={"web": replace(story.policy.services["web"], nodes=(G,))})
    without = replace(without, digest=b"w" * 32)
    story.state = applied(story, L, without)
    assert story.decides(G, lukretia=alive(agrees=True)).act is Act.CLAIM
    assert story.decides(G, lukretia=alive(agrees=True, current=False)).rule == "not-current"


def test_what_a_check_has_stopped_is_taken_by_no_other_node() -> None:
    story = two().holds(L, 1).lets_go(L, "FAIL", "stop")
    assert story.decides(G).rule == "stopped"
    assert story.decides(G, lukretia=dead()).rule == "stopped"


def test_a_claim_that_came_later_ends_the_stop_for_all() -> None:
    """An operator has moved it: what the first node says of its own claim says nothing of that one."""
    story = three().holds(L, 1).lets_go(L, "FAIL", "stop").holds(G, 2)
    assert story.decides(C, genesis=dead()).act is Act.CLAIM


def test_a_check_that_stops_leads_to_a_fail_that_no_retry_ends() -> None:
    story = two().holds(L, 1)
    story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "x", "good": True, "on_fail": "stop"})
    decision = story.decides(L)
    assert (decision.rule, decision.to, decision.cause) == ("check-failed", ServicePhase.FAIL, "stop")
    assert story.lets_go(L, "FAIL", "stop").decides(L, timers=("retry",)).rule == "failed"


def test_a_check_that_only_tells_moves_nothing() -> None:
    story = two().holds(L, 1)
    story.write(L, Kind.CHECK_FAILED, {"check": 3, "text": "x", "good": True, "on_fail": "tell"})
    assert story.decides(L).rule == "keep"
    assert list(story.state.column(L).service("web").told) == [3]


def test_a_check_that_tells_and_passes_mends_no_other() -> None:
    """While an operator holds it, a check that failed for good waits for the end of that."""
    story = two().holds(L, 1)
    failed = story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "x", "good": True})
    story.write(L, Kind.CHECK_FAILED, {"check": 1, "text": "x", "good": True, "on_fail": "tell"})
    story.write(L, Kind.CHECK_PASSED, {"check": 1})
    web = story.state.column(L).service("web")
    assert (web.failed_check, web.told) == (failed, {})
