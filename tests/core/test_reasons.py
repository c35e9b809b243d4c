"""Each row of the decide table says why, on what it rests and where it leads: `who`, `why` and the page print it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from coordinator.decision.decide import TABLE, Act, Decision, decide
from coordinator.decision.observations import PeerObservations
from coordinator.state.model import Move, ServicePhase, State, Word
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story, alive, dead, indoubt

L, G, C = "lukretia", "genesis", "carthage"
RECOVER, FAIL = ServicePhase.RECOVER, ServicePhase.FAIL
ORDER, LATER = Ref(G, 1, 50), Ref(G, 1, 51)


def two(**service: object) -> Story:
    return Story.of(L, G, **service)


def three(**service: object) -> Story:
    return Story.of(L, G, C, **service)


def claim_of(story: Story, node: str) -> Ref:
    found = story.state.column(node).service("web").claim
    assert found is not None
    return found


def told(decision: Decision) -> tuple[str, ServicePhase, str]:
    return decision.reason, decision.to, decision.cause


# --- while I hold it -------------------------------------------------------------------------------------------------


def test_by_an_operators_word() -> None:
    story = two().holds(L, 1).wishes(L, "fail")
    assert told(story.decides(L)) == ("an operator said fail", FAIL, "operator")
    assert story.decides(L).causes == (Ref(L, 1, 1),)


def test_by_an_order_for_everywhere() -> None:
    story = two().holds(L, 1).orders(("fail-everywhere", "web"), LATER, None).orders(("fail-everywhere", "web"), ORDER, None)
    assert told(story.decides(L)) == ("an operator said fail, everywhere", FAIL, "everywhere")
    assert story.decides(L).causes == (ORDER, LATER)


def test_by_standby() -> None:
    story = two().holds(L, 1).orders(("standby", L), LATER, None).orders(("standby", L), ORDER, None)
    assert told(story.decides(L)) == ("an operator put this node in standby", RECOVER, "standby")
    assert story.decides(L).causes == (ORDER, LATER)


def test_by_its_own_end() -> None:
    story = two().holds(L, 1)
    stopping = story.write(L, Kind.NODE_STOPPING, {}, "")
    assert told(story.decides(L)) == ("this node is being stopped", RECOVER, "stopping")
    assert story.decides(L).causes == (stopping,)


def test_by_its_own_configuration() -> None:
    story, configured = two().holds(L, 1), Ref(L, 1, 7)
    story.state = story.state.with_column(replace(story.state.column(L), configured=configured))
    web = story.policy.services["web"]
    story.policy = replace(story.policy, services={"web": replace(web, nodes=(G,))})
    assert told(story.decides(L)) == ("lukretia is no longer among its candidates", RECOVER, "configuration")
    assert story.decides(L).causes == (configured,)
    story.policy = replace(story.policy, services={})
    assert told(story.decides(L)) == ("web is no longer in the configuration", RECOVER, "configuration")


def test_by_a_check() -> None:
    story = two().holds(L, 1)
    failed = story.write(L, Kind.CHECK_FAILED, {"check": 0, "text": "", "good": True})
    assert told(story.decides(L)) == ("a check failed for good", FAIL, "check")
    assert story.decides(L).causes == (failed,)


def test_by_isolation() -> None:
    story = three(on_isolation="release").holds(L, 1)
    judged = story.write(L, Kind.JUDGED, {"peer": G, "judgement": "dead"}, "")
    decision = story.decides(L, genesis=dead(), carthage=indoubt())
    assert told(decision) == ('no other node is heard, and on_isolation is "release"', RECOVER, "isolation")
    assert decision.causes == (judged,), "only what was judged is evidence"


def test_by_the_carrier() -> None:
    story = three().holds(L, 1)
    lost = [story.write(L, Kind.CARRIER_LOST, {"interface": name}) for name in ("eth1", "eth0")]
    decision = story.decides(L, genesis=alive(fit=False))
    assert told(decision) == ("no carrier on eth0, eth1 here, and carthage is fit", FAIL, "carrier")
    assert sorted(decision.causes) == lost
    assert story.decides(L, genesis=alive(current=False), carthage=dead()).rule == "keep"
    held = story.orders(("hold", "web"), ORDER, None)
    assert held.decides(L).rule == "keep"


def test_by_a_rival_that_does_not_hear_it() -> None:
    story = two().holds(L, 1).holds(G, 2, knows=False)
    decision = story.decides(L, timers=("deaf:genesis",))
    assert told(decision) == ("genesis holds it too and does not hear lukretia: only lukretia can give way", RECOVER, "rival")
    assert decision.causes == (claim_of(story, G), claim_of(story, L))
    assert two().holds(L, 1).decides(L, timers=("deaf:genesis",)).rule == "keep", "it holds nothing"


def test_by_a_rival_that_wins() -> None:
    story = two().holds(G, 1).holds(L, 2)
    decision = story.decides(G)
    assert told(decision) == ("lukretia holds it too and wins by split_winner = preference", RECOVER, "rival")
    assert decision.causes == (claim_of(story, L), claim_of(story, G))


def test_against_a_rival_that_loses() -> None:
    story = two().holds(L, 1)
    story.holds(G, 2)
    decision = story.decides(L)
    assert told(decision) == ("genesis held it while lukretia did: announce again", RECOVER, "")
    assert decision.causes[0].node == G
    known = two().holds(G, 1).holds(L, 2)
    assert told(known.decides(L)) == ("genesis holds it too, and loses: announce again", RECOVER, "")
    assert known.decides(L).causes == (claim_of(known, G),)


def test_against_two_rivals_that_lose() -> None:
    story = three().holds(C, 1).holds(G, 2).holds(L, 3)
    assert story.decides(L).reason == "genesis, carthage holds it too, and loses: announce again"
    unknown = three().holds(L, 1).holds(G, 2, knows=False).holds(C, 3, knows=False)
    assert unknown.decides(L).reason == "carthage, genesis held it while lukretia did: announce again"


def test_again_at_an_operators_word() -> None:
    story = two().holds(L, 1).wishes(L, "reclaim")
    assert told(story.decides(L)) == ("an operator said reclaim", RECOVER, "")
    assert (story.decides(L).rule, story.decides(L).causes) == ("reclaim", (Ref(L, 1, 1),))


def moved(story: Story, target: str, epoch: int) -> Story:
    return story.orders(("move", "web"), ORDER, Move("web", target, epoch, 0, ORDER))


def test_by_a_move() -> None:
    story = moved(two().holds(L, 1), G, 1)
    assert told(story.decides(L)) == ("moved to genesis by an operator", RECOVER, "move")
    assert story.decides(L).causes == (ORDER,)
    assert story.decides(L, genesis=alive(current=False)).rule == "keep"
    assert story.orders(("hold", "web"), LATER, None).decides(L).rule == "keep"
    assert moved(two().holds(L, 1), L, 1).decides(L).rule == "keep", "it is there"


def test_by_failback() -> None:
    story = two().holds(L, 1).lets_go(L).holds(G, 2)
    decision = story.decides(G, timers=("failback:lukretia",))
    assert told(decision) == ("lukretia is preferred and ready", RECOVER, "failback")
    assert decision.causes == (story.state.column(L).service("web").changed,)


def test_of_two_better_ones_it_goes_to_the_one_that_is_ready() -> None:
    story = three().holds(C, 1)
    timers = ("failback:lukretia", "failback:genesis")
    assert story.decides(C, timers=timers).reason == "lukretia is preferred and ready"
    assert story.decides(C, timers=timers, lukretia=alive(fit=False)).reason == "genesis is preferred and ready"


# --- while I am out --------------------------------------------------------------------------------------------------


def test_back_at_an_operators_word() -> None:
    story = two().holds(L, 1).lets_go(L, "FAIL", "operator").wishes(L, "recover")
    assert (story.decides(L).reason, story.decides(L).causes) == ("an operator said recover", (Ref(L, 1, 1),))
    assert two().wishes(L, "recover").decides(L).rule == "take-over-free", "it is not out"


def test_an_operators_recover_also_forgets_that_the_last_claim_failed() -> None:
    story = two().changes(L, last_failed=True).wishes(L, "recover")
    assert story.decides(L).rule == "operator-recover"


BACK: list[tuple[str, str, str]] = [
    ("everywhere", "", "an operator said recover"),
    ("carrier", "", "the carrier is back"),
    ("action", "retry", "the retry time is over"),
    ("check", "retry", "the retry time is over"),
]


@pytest.mark.parametrize(("cause", "timer", "reason"), BACK)
def test_back_when_the_cause_is_over(cause: str, timer: str, reason: str) -> None:
    story = two().holds(L, 1).lets_go(L, "FAIL", cause)
    decision = story.decides(L, timers=(timer,) if timer else ())
    assert (decision.reason, decision.causes) == (reason, (story.state.column(L).service("web").changed,))


def test_back_when_its_checks_pass() -> None:
    story, passed = two().holds(L, 1).lets_go(L, "FAIL", "check"), Ref(L, 1, 9)
    assert story.decides(L).rule == "failed"
    decision = story.changes(L, well=passed).decides(L)
    assert (decision.rule, decision.reason, decision.causes) == ("check-back", "its checks pass again", (passed,))


@pytest.mark.parametrize("cause", ["operator", "carrier", "everywhere"])
def test_no_retry_ends_what_is_no_failure(cause: str) -> None:
    story = two().holds(L, 1).lets_go(L, "FAIL", cause).changes(L, carrier_lost={"eth0": ORDER}, well=ORDER)
    if cause == "everywhere":
        story.orders(("fail-everywhere", "web"), ORDER, None)
    assert story.decides(L, timers=("retry",)).rule == "failed"


# --- while I could take it -------------------------------------------------------------------------------------------

Build = Callable[[], Decision]

WAITING: list[tuple[str, str, Build]] = [
    ("standby", "an operator put this node in standby", lambda: two().orders(("standby", L), ORDER, None).decides(L)),
    ("on-hold", "an operator holds it", lambda: two().orders(("hold", "web"), ORDER, None).decides(L)),
    ("unfit", "this node is not fit: its disk refuses to write", lambda: two().decides(L, fit=False)),
    ("unfit", "no carrier on eth0, eth1", lambda: two().changes(L, carrier_lost={"eth1": ORDER, "eth0": ORDER}).decides(L)),
    ("alone", "no other node is heard", lambda: two(on_isolation="release").decides(L, genesis=dead())),
    ("settling", "it has just been out, and lets others go first", lambda: two().decides(L, timers=("settling",))),
    ("not-current", "waiting for the newest events of genesis", lambda: two().decides(L, genesis=alive(current=False))),
    ("not-current", "waiting for the newest events of genesis", lambda: two().decides(L, timers=("behind:genesis",))),
    ("held", "genesis holds it", lambda: two().holds(G, 1).decides(L)),
    ("in-doubt", "genesis is in doubt", lambda: two().holds(G, 1).decides(L, genesis=indoubt())),
    ("better-will-claim", "lukretia is preferred and will claim", lambda: two().decides(G)),
    ("failed", "", lambda: two().holds(L, 1).lets_go(L, "FAIL", "action").decides(L)),
    ("keep", "", lambda: two().holds(L, 1).decides(L)),
    ("stopping-down", "the down actions are running", lambda: two().holds(L, 1).releases(L).decides(L)),
]


@pytest.mark.parametrize(("rule", "reason", "build"), WAITING)
def test_what_is_waited_for(rule: str, reason: str, build: Build) -> None:
    assert (build().rule, build().reason, build().to, build().cause == "") == (rule, reason, RECOVER, rule != "standby")


def test_a_node_that_is_leaving_says_so() -> None:
    story = two()
    story.write(L, Kind.NODE_STOPPING, {}, "")
    assert (story.decides(L).rule, story.decides(L).reason) == ("unfit", "this node is being stopped")


def test_a_node_that_its_peers_refuse_says_so() -> None:
    story = two()
    free = replace(story.case(L), given=replace(story.case(L).given, refused=True))
    assert (decide(free).rule, decide(free).reason) == ("unfit", "its peers no longer trust this node's feed")
    story.holds(L, 1)
    holding = replace(story.case(L), given=replace(story.case(L).given, refused=True))
    assert told(decide(holding)) == ("its peers no longer trust this node's feed", RECOVER, "forked")
    assert (decide(holding).rule, decide(holding).causes) == ("refused", (story.state.column(L).started,))
    fork = story.write(G, Kind.FORK_SEEN, {"node": L}, "")
    seen = replace(story.case(L), given=replace(story.case(L).given, refused=True))
    assert decide(seen).causes == (fork,)


def test_a_node_that_is_no_candidate_says_so() -> None:
    story = two()
    story.policy = replace(story.policy, services={"web": replace(story.policy.services["web"], nodes=(G,))})
    assert (story.decides(L).rule, story.decides(L).reason) == ("not-candidate", "this node is no candidate")


def test_a_stuck_holder_is_told_with_the_command_that_frees_it() -> None:
    story = two().holds(L, 1).releases(L)
    story.write(L, Kind.ACTION_FINISHED, {"action": 0, "word": "down", "outcome": "unknown"})
    said = story.decides(G, lukretia=dead()).reason
    assert said == "lukretia is stuck in STOPPING: say `fail web lukretia` when it is certainly down there"


def test_a_candidate_that_only_the_newest_file_names_is_told_with_what_to_do() -> None:
    story, newest = two(), b"n" * 32
    story.state = State(
        {**story.state.columns, L: replace(story.state.column(L), config=newest, config_number=2)},
        {newest: replace(three().policy, digest=newest)},
    )
    decision = story.decides(G, timers=("passed:lukretia",))
    assert decision.reason == "carthage may have it, and is not in the configuration here: apply the one that lukretia runs"


# --- taking it -------------------------------------------------------------------------------------------------------


def test_from_the_dead() -> None:
    story = moved(two().holds(L, 1), G, 1)
    judged = story.write(G, Kind.JUDGED, {"peer": L, "judgement": "dead"}, "")
    decision = story.decides(G, lukretia=dead())
    assert decision.reason == "lukretia held it and is dead: silent for 600 ms on every way"
    column = story.state.column(L).service("web")
    assert decision.causes == (ORDER, judged, column.claim, column.changed)
    assert decision.passed_over == (), "a move put it first"


def test_after_nobody() -> None:
    story = two()
    assert (story.decides(L).reason, story.decides(L).causes) == ("no node has held it yet", (story.state.column(L).started,))
    again = two().holds(L, 1).lets_go(L)
    assert again.decides(L).reason == "no other node has held it"
    assert again.decides(L).causes == (again.state.column(L).service("web").changed,)


def test_from_one_that_let_it_go() -> None:
    story = two().holds(L, 1).lets_go(L, cause="stopping")
    decision = story.decides(G, timers=("passed:lukretia",))
    assert decision.reason == "lukretia has given it up: stopping"
    assert decision.causes == (story.state.column(L).service("web").changed,)
    story.changes(L, reason="")
    assert story.decides(G, timers=("passed:lukretia",)).reason == "lukretia has given it up"


def test_from_the_last_of_those_that_let_it_go() -> None:
    story = three().holds(L, 1).lets_go(L).holds(G, 2).lets_go(G, cause="move")
    decision = story.decides(C, timers=("passed:lukretia", "passed:genesis"))
    assert decision.reason == "genesis has given it up: move"
    assert decision.passed_over == ((L, "it was fit and did not claim"), (G, "it was fit and did not claim"))


def test_from_an_earlier_run() -> None:
    story = two().holds(L, 1).starts(L)
    assert story.decides(G, timers=("passed:lukretia",)).reason == "an earlier run of lukretia had it, and is over"


def test_by_a_last_word() -> None:
    story = two().holds(L, 1)
    word = story.heard(G, L, 1)
    by_word = "lukretia says that it is down there, by its last word: it has given it up, or its faild has ended"
    assert story.decides(G).reason == by_word
    assert story.decides(G).causes[0] == word
    assert moved(story, G, 1).decides(G).reason == "lukretia has given it up: moved to genesis"
    story.write(L, Kind.NODE_STOPPING, {}, "")
    assert story.decides(G).reason == "lukretia is being stopped, and has given it up"
    going = two().holds(L, 1).releases(L, cause="stopping")
    going.heard(G, L, 1)
    assert going.decides(G).reason == "lukretia has given it up: stopping"


def test_a_last_word_tells_nothing_that_the_events_tell() -> None:
    story = two().holds(L, 1)
    word = story.heard(G, L, 1)
    story.lets_go(L, cause="stopping")
    decision = story.decides(G, timers=("passed:lukretia",))
    assert decision.reason == "lukretia has given it up: stopping"
    assert word not in decision.causes


def test_by_an_operators_word_that_it_is_down_there() -> None:
    story = two().holds(L, 1)
    run = story.state.column(L).run
    story.orders(("fenced", "web", L), ORDER, Word(1, ORDER, run))
    decision = story.decides(G, lukretia=dead())
    assert (decision.reason, decision.causes[0]) == ("an operator said that it is down on lukretia", ORDER)


def test_who_takes_nothing_passes_nobody_over() -> None:
    assert two().decides(G, lukretia=indoubt()).passed_over == ()
    assert two().holds(G, 1).decides(G, lukretia=dead()).passed_over == ()


def test_a_judgement_is_evidence_while_the_node_is_not_alive() -> None:
    story = two().holds(L, 1)
    judged = story.write(G, Kind.JUDGED, {"peer": L, "judgement": "dead"}, "")
    column = story.state.column(L).service("web")
    assert story.case(G, lukretia=dead()).evidence(L) == (judged, column.claim, column.changed)
    assert story.case(G).evidence(L) == (column.claim, column.changed)
    story.lets_go(L)
    assert story.case(G).evidence(L) == (story.state.column(L).service("web").changed,)


# --- and why not another ---------------------------------------------------------------------------------------------


def test_why_a_better_one_is_passed_over() -> None:
    def why(story: Story, timers: tuple[str, ...] = (), **peers: PeerObservations) -> str:
        return story.case(G, timers, **peers).why_not(L)

    assert why(two(), lukretia=dead()) == "dead: silent for 600 ms"
    assert why(two(), lukretia=indoubt()) == "in doubt: silent for 350 ms"
    assert why(two(), lukretia=alive(same_run=False)) == "it is starting"
    assert why(two(), ("passed:lukretia",), lukretia=alive(same_run=False)) == "it was fit and did not claim"
    assert why(two(), lukretia=alive(fit=False)) == "not fit, by its own heartbeat"
    leaving = two()
    leaving.write(L, Kind.NODE_STOPPING, {}, "")
    assert why(leaving) == "not fit: it is leaving"
    forked = two()
    forked.write(G, Kind.FORK_SEEN, {"node": L}, "")
    assert why(forked) == "refused: its feed has forked"
    assert why(two().orders(("standby", L), ORDER, None)) == "in standby, by an operator"
    assert why(two().changes(L, carrier_lost={"eth1": ORDER, "eth0": ORDER})) == "no carrier on eth0, eth1"
    assert why(two().holds(L, 1).lets_go(L, "FAIL", "check")) == "in FAIL (check)"
    assert why(two().changes(L, state=FAIL)) == "in FAIL"
    assert why(two(), ("passed:lukretia",)) == "it was fit and did not claim"
    assert why(two()) == ""


def test_whose_claim_is_on_the_way_is_waited_for() -> None:
    awaited = ("awaited:lukretia",)
    assert two().decides(G, awaited, lukretia=alive(fit=False)).rule == "better-will-claim"
    assert two().decides(G, awaited, lukretia=dead()).rule == "take-over-free"
    assert two().changes(L, state=FAIL).decides(G, awaited).rule == "take-over-free"
    leaving = two()
    leaving.write(L, Kind.NODE_STOPPING, {}, "")
    assert leaving.decides(G, awaited).rule == "take-over-free"


def test_whose_recovery_is_on_the_way_with_its_claim_is_waited_for() -> None:
    coming = ("awaited:lukretia", "coming:lukretia")
    assert two().changes(L, state=FAIL).decides(G, coming).rule == "better-will-claim"
    assert two().changes(L, state=FAIL).decides(G, coming, lukretia=dead()).rule == "take-over-free"
    kept_out = two().changes(L, state=FAIL).orders(("standby", L), ORDER, None)
    assert kept_out.decides(G, coming).rule == "take-over-free"


ROWS = """
operator-fail     STARTING UP RECLAIM  release
fail-everywhere   STARTING UP RECLAIM  release
stopping          STARTING UP RECLAIM  release
standby           STARTING UP RECLAIM  release
withdrawn         STARTING UP RECLAIM  release
refused           STARTING UP RECLAIM  release
check-failed      STARTING UP RECLAIM  release
isolated          STARTING UP RECLAIM  release
carrier-lost      STARTING UP RECLAIM  release
rival-deaf        STARTING UP RECLAIM  release
rival-wins        STARTING UP RECLAIM  release
reclaim           UP RECLAIM           reclaim
move              UP                   release
failback          UP                   release
keep              STARTING UP RECLAIM  stay
operator-fail     RECOVER FAIL         fail
fail-everywhere   RECOVER FAIL         fail
operator-recover  RECOVER FAIL         recover
everywhere-over   FAIL                 recover
carrier-back      FAIL                 recover
check-back        FAIL                 recover
retry             FAIL                 recover
failed            FAIL                 stay
not-candidate     RECOVER              stay
standby           RECOVER              stay
on-hold           RECOVER              stay
unfit             RECOVER              stay
outdated          RECOVER              stay
alone             RECOVER              stay
settling          RECOVER              stay
not-current       RECOVER              stay
held              RECOVER              stay
in-doubt          RECOVER              stay
stuck             RECOVER              stay
better-will-claim RECOVER              stay
take-over-dead    RECOVER              claim
take-over-free    RECOVER              claim
"""


def test_the_order_of_the_rows_is_the_policy() -> None:
    """Which comes first decides: a row is put elsewhere on purpose, and here as well. A new one may stand between."""
    expected = []
    for line in ROWS.split("\n")[1:-1]:
        rule, *states, act = line.split()
        expected.append((rule, frozenset(map(ServicePhase, states)), Act(act)))
    named = {rule for rule, _, _ in expected}
    assert [(row.rule, row.states, row.act) for row in TABLE if row.rule in named] == expected
