"""The decide table: for node *me* and one service, the first row that fits wins.

    decision = decide(Snapshot(state, policy, me, service, given))
    decision.rule, decision.act, decision.reason, decision.causes

| me           | seen                                                                | then             |
|--------------|---------------------------------------------------------------------|------------------|
| UP*          | operator says fail, here or everywhere, or standby; we stop; no     | release          |
|              | candidate any more; removed; refused as forked; check failed;       |                  |
|              | isolated under "release"; no carrier while another is fit           |                  |
| UP*          | its lease is over (under "majority" and "arbiter")                  | release          |
| UP*          | what it needs beside it is gone; what it must not meet is here      | release          |
| UP*          | a rival that has not heard me for long, though I hear it            | release          |
| UP*          | a rival, and I lose by the service's rule                           | release          |
| UP, RECLAIM  | a rival and I win, or a claim that my last claim did not know       | reclaim          |
| UP           | moved; a better candidate fit as long as `failback` asks            | release          |
| FAIL         | operator says recover; the carrier is back; `retry` is over         | recover          |
| RECOVER,FAIL | operator says fail                                                  | fail             |
| RECOVER      | removed; in standby; held back; stopped by a check; unfit; a        | stay             |
|              | candidate that only the newest configuration names; a peer not      |                  |
|              | current, holding, in doubt, stuck, or a better one that will        |                  |
|              | claim; a number that is not here yet; another service that it waits |                  |
|              | for, or must not meet; a dead node that is not switched off; no     |                  |
|              | votes, or no lease of the arbiter                                   |                  |
| RECOVER      | its last holder is dead or has given it up                          | claim            |

UP* stands for STARTING, UP and RECLAIM; in STOPPING nothing is decided. design.md, section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from coordinator.decision import relations
from coordinator.decision.openings import openings, unheld
from coordinator.decision.snapshot import ALIVE, DEAD, INDOUBT, Snapshot
from coordinator.policy import ARBITER
from coordinator.state import ownership
from coordinator.state.model import STOPPED, UPISH, ServicePhase, Word
from protocol.event import Ref
from protocol.events import FencedBy
from protocol.moment import lasting

RECOVER, FAIL, UP, RECLAIM = ServicePhase.RECOVER, ServicePhase.FAIL, ServicePhase.UP, ServicePhase.RECLAIM


BY_LAST_WORD = "by its last word: it has given it up, or its faild has ended"
"""A last word is faster than the events that say why; `coordinator.control.outs` looks for these later."""


NOT_FENCED = "not-fenced"
"""The rule by which a candidate waits until a dead node is switched off, and switches it off itself."""

NOT_ELECTED = "not-elected"
"""The rule by which a candidate waits for nothing but votes, or a lease of the arbiter."""


class Act(StrEnum):
    """What a decision asks for; each but `stay` is an event kind."""

    STAY = "stay"
    CLAIM = "claim"
    RECLAIM = "reclaim"
    RELEASE = "release"
    RECOVER = "recover"
    FAIL = "fail"


class Found(NamedTuple):
    """A row's test fits: the sentence for it, the events that it rests on, and for a release where it leads."""

    reason: str
    causes: tuple[Ref, ...] = ()
    to: ServicePhase = RECOVER
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    rule: str
    act: Act
    reason: str
    causes: tuple[Ref, ...] = ()
    to: ServicePhase = RECOVER
    cause: str = ""
    passed_over: tuple[tuple[str, str], ...] = ()
    """For a claim: every candidate before me, and why it was passed over."""

    def same_as(self, other: "Decision") -> bool:
        """Whether a decision taken again still says the same: the wording and the evidence may have grown."""
        return (self.act, self.to) == (other.act, other.to)


Test = Callable[[Snapshot], Found | None]


class Row(NamedTuple):
    rule: str
    states: frozenset[ServicePhase]
    test: Test
    act: Act


# --- while I hold it ---------------------------------------------------------------------------------------------


def operator_fail(case: Snapshot) -> Found | None:
    if case.mine.requested != "fail" or case.mine.cause == "operator":
        return None
    return Found("an operator said fail", _refs(case.mine.requested_by), FAIL, "operator")


def fail_everywhere(case: Snapshot) -> Found | None:
    orders = ownership.failed_everywhere(case.state, case.name)
    if not orders or case.mine.cause in ("everywhere", "operator"):
        return None
    return Found("an operator said fail, everywhere", tuple(sorted(orders)), FAIL, "everywhere")


def standby(case: Snapshot) -> Found | None:
    orders = ownership.in_standby(case.state, case.me)
    return Found("an operator put this node in standby", tuple(sorted(orders)), RECOVER, "standby") if orders else None


def stopping(case: Snapshot) -> Found | None:
    by = case.column.leaving
    return Found("this node is being stopped", (by,), RECOVER, "stopping") if by else None


def withdrawn(case: Snapshot) -> Found | None:
    """By my own configuration: a node that has not applied the newest one keeps what it holds, and is asked to apply it."""
    if case.candidate:
        return None
    known = case.name in case.policy.services
    what = f"{case.me} is no longer among its candidates" if known else f"{case.name} is no longer in the configuration"
    return Found(what, _refs(case.column.configured), RECOVER, "configuration")


def removed(case: Snapshot) -> Found | None:
    """A new file for this node ends that, or an administrator's signature for the file that it has."""
    shown = ownership.removed(case.state, case.me)
    if shown is None:
        return None
    reason = f"configuration {shown.number}, as {shown.by} has shown, does not name this node any more"
    return Found(reason, (shown.ref,), RECOVER, "removed")


def refused(case: Snapshot) -> Found | None:
    if not case.given.refused:
        return None
    causes = sorted(ownership.forks(case.state, case.me)) or _refs(case.column.started)
    return Found("its peers no longer trust this node's feed", tuple(causes), RECOVER, "forked")


def check_failed(case: Snapshot) -> Found | None:
    if case.mine.failed_check is None or case.held_back:
        return None
    if case.mine.stops:
        return Found("a check failed for good, and stops it everywhere", _refs(case.mine.failed_check), FAIL, STOPPED)
    return Found("a check failed for good", _refs(case.mine.failed_check), FAIL, "check")


def isolated(case: Snapshot) -> Found | None:
    if case.service.on_isolation != "release" or not case.isolated:
        return None
    causes = tuple(case.column.judged[node] for node in case.given.peers if node in case.column.judged)
    return Found('no other node is heard, and on_isolation is "release"', causes, RECOVER, "isolation")


def carrier_lost(case: Snapshot) -> Found | None:
    """Only while another is fit: a holder without carrier is still better than none."""
    if not case.mine.carrier_lost or case.held_back:
        return None
    fit = [node for node in case.others if not case.why_not(node) and case.given.peers[node].current]
    if not fit:
        return None
    lost = ", ".join(sorted(case.mine.carrier_lost))
    reason = f"no carrier on {lost} here, and {fit[0]} is fit"
    return Found(reason, tuple(case.mine.carrier_lost.values()), FAIL, "carrier")


def follows(case: Snapshot) -> Found | None:
    """What it needs is gone. A service that goes in good order waits until those that need it here are down: the core sees to
    that, and gives them up by this rule."""
    gone = relations.lost(case) if case.service.related else None
    return Found(f"{gone[0]}, which it needs, is gone", gone[1], RECOVER, "follows") if gone else None


def gives_way(case: Snapshot) -> Found | None:
    met = relations.met(case) if case.service.apart else None
    return Found(f"{met[0]} is here too, and it must not be beside that", met[1], RECOVER, "apart") if met else None


def lease_over(case: Snapshot) -> Found | None:
    """What a majority, or the arbiter, allowed is over: another may own it from now on."""
    if not case.leased or "lease-over" not in case.given.timers:
        return None
    who = "the arbiter" if case.service.partition == ARBITER else "a majority"
    return Found(f"its lease is over: {who} has not answered in time", _refs(case.mine.claim), RECOVER, "lease")


def not_elected(case: Snapshot) -> Found | None:
    if not case.leased or "elected" in case.given.timers:
        return None
    by_arbiter = case.service.partition == ARBITER
    return Found("it waits for a lease of the arbiter" if by_arbiter else "it waits for the votes of a majority")


def rival_deaf(case: Snapshot) -> Found | None:
    """A rival that does not hear me cannot give way: docs/decisions/0060-a-link-that-is-lost-one-way.md.

    Nor can it deliver its newest events, for which it would have to be asked: its claim came, and its last word would.
    """
    if case.leased:
        return None  # its lease ends
    deaf = [node for node in case.given.peers if f"deaf:{node}" in case.given.timers and case.holds(node)]
    if not deaf:
        return None
    reason = f"{deaf[0]} holds it too and does not hear {case.me}: only {case.me} can give way"
    return Found(reason, _refs(case.theirs(deaf[0]).claim, case.mine.claim), RECOVER, "rival")


def rival_wins(case: Snapshot) -> Found | None:
    if not case.rivals or case.leased:
        return None
    best = ownership.winner(case.state, case.service, (*case.rivals, case.me))
    if best == case.me or best is None:
        return None
    reason = f"{best} holds it too and wins by split_winner = {case.service.split_winner}"
    return Found(reason, _refs(case.theirs(best).claim, case.mine.claim), RECOVER, "rival")


def reclaim(case: Snapshot) -> Found | None:
    if case.leased:
        return None  # no two answered at once, and a new epoch would need new votes
    news = ownership.split_evidence(case.state, case.me, case.name)
    if news:
        who = ", ".join(sorted({ref.node for ref in news}))
        return Found(f"{who} held it while {case.me} did: announce again", news)
    if case.mine.state is UP and case.rivals:
        claims = _refs(*(case.theirs(node).claim for node in case.rivals))
        return Found(f"{', '.join(case.rivals)} holds it too, and loses: announce again", claims)
    if case.mine.requested == "reclaim":
        return Found("an operator said reclaim", _refs(case.mine.requested_by))
    return None


def moved(case: Snapshot) -> Found | None:
    move = ownership.active_move(case.state, case.name)
    if move is None or move.target not in case.better or case.held_back:
        return None
    if case.why_not(move.target) or not case.given.peers[move.target].current:
        return None
    return Found(f"moved to {move.target} by an operator", (move.ref,), RECOVER, "move")


def failback(case: Snapshot) -> Found | None:
    if case.held_back or case.service.failback_ms is None:
        return None
    for node in case.better:
        peer = case.given.peers[node]
        ready = peer.current and peer.agrees and not case.theirs(node).last_failed and not case.why_not(node)
        if ready and f"failback:{node}" in case.given.timers:
            causes = _refs(case.theirs(node).changed or case.state.column(node).started, *_configured_since(case))
            return Found(f"{node} is preferred and ready", causes, RECOVER, "failback")
    return None


def _configured_since(case: Snapshot) -> tuple[Ref, ...]:
    """The configuration that came while I held it: by the one before, another node may have been preferred."""
    configured, claim = case.column.configured, case.mine.began
    return (configured,) if configured and claim and configured > claim else ()


# --- while I am out ----------------------------------------------------------------------------------------------


def operator_recover(case: Snapshot) -> Found | None:
    if case.mine.requested != "recover" or not (case.mine.state is FAIL or case.mine.last_failed):
        return None
    return Found("an operator said recover", _refs(case.mine.requested_by))


def everywhere_over(case: Snapshot) -> Found | None:
    if case.mine.cause != "everywhere" or ownership.failed_everywhere(case.state, case.name):
        return None
    return Found("an operator said recover", _refs(case.mine.changed))


def carrier_back(case: Snapshot) -> Found | None:
    if case.mine.cause != "carrier" or case.mine.carrier_lost:
        return None
    return Found("the carrier is back", _refs(case.mine.changed))


def check_back(case: Snapshot) -> Found | None:
    if case.mine.cause != "check" or case.mine.well is None:
        return None
    return Found("its checks pass again", _refs(case.mine.well))


def retry_over(case: Snapshot) -> Found | None:
    if case.mine.cause not in ("action", "check") or "retry" not in case.given.timers:
        return None
    return Found("the retry time is over", _refs(case.mine.changed))


# --- while I could take it ---------------------------------------------------------------------------------------


def not_candidate(case: Snapshot) -> Found | None:
    return None if case.candidate and case.me in case.service.nodes else Found("this node is no candidate")


def on_hold(case: Snapshot) -> Found | None:
    return Found("an operator holds it") if case.held_back else None


def stopped(case: Snapshot) -> Found | None:
    """By a check with on_fail = "stop", on the node that claimed it last: until an operator says recover there, or moves it."""
    by = case.stopped_by
    if not by or _move(case):
        return None
    return Found(f"a check on {by} has stopped it everywhere, until an operator says recover")


def unfit(case: Snapshot) -> Found | None:
    if case.column.leaving:
        return Found("this node is being stopped")
    if not case.given.fit:
        return Found(f"this node is not fit: {case.given.unfit_because}")
    if case.given.refused:
        return Found("its peers no longer trust this node's feed")
    if case.mine.carrier_lost:
        return Found(f"no carrier on {', '.join(sorted(case.mine.carrier_lost))}")
    return None


def alone(case: Snapshot) -> Found | None:
    return Found("no other node is heard") if case.service.on_isolation == "release" and case.isolated else None


def outdated(case: Snapshot) -> Found | None:
    """The newest configuration has a candidate that mine does not know, and a node that hears it lives: it may hold the
    service, and I would not know. Where none of them lives I am cut off from it as in any split."""
    strangers = [node for node in case.service.nodes if node != case.me and node not in case.given.peers]
    newer = [node for node in case.given.peers if case.state.column(node).config == case.ruling.digest]
    alive = [node for node in newer if case.judged(node) is ALIVE]
    if not strangers or not alive:
        return None
    return Found(f"{strangers[0]} may have it, and is not in the configuration here: apply the one that {alive[0]} runs")


def settling(case: Snapshot) -> Found | None:
    """Two nodes that leave FAIL in one instant each see the other out: the later in the order lets the earlier claim first."""
    return Found("it has just been out, and lets others go first") if "settling" in case.given.timers else None


def not_current(case: Snapshot) -> Found | None:
    """A candidate may have claimed. Another node may have another configuration for us, and has `dead` to deliver it: else
    any node could stop every take-over by the name of an event that it never shows."""
    behind = [
        node
        for node, peer in case.given.peers.items()
        if (peer.judgement is ALIVE and not peer.current and (_may_own(case, node) or _may_bring_another(case, node)))
        or (node in case.others and f"behind:{node}" in case.given.timers)
    ]
    return Found(f"waiting for the newest events of {behind[0]}") if behind else None


def _may_own(case: Snapshot, node: str) -> bool:
    """By the newest file that is known here; or by mine, where the node says that it lives by mine: the event by which it went
    over to it is not here yet."""
    mine = case.policy.services.get(case.name)
    return node in case.others or (case.given.peers[node].agrees and mine is not None and node in mine.nodes)


def _may_bring_another(case: Snapshot, node: str) -> bool:
    return not case.given.peers[node].agrees and f"late:{node}" not in case.given.timers


def held_by_living(case: Snapshot) -> Found | None:
    living = [node for node in case.given.peers if case.holds(node) and case.judged(node) is ALIVE]
    return Found(f"{living[0]} holds it") if living else None


def in_doubt(case: Snapshot) -> Found | None:
    """A holder, a better candidate, or one that may have claimed unknown to us (after our own start: every candidate)."""
    doubted = [
        node
        for node in case.others
        if case.judged(node) is INDOUBT and (case.holds(node) or node in case.better or not case.given.peers[node].current)
    ]
    return Found(f"{doubted[0]} is in doubt") if doubted else None


def held_by_stuck(case: Snapshot) -> Found | None:
    """Not where it is dead and its end is certain: it is switched off first, or a majority waits until its machine is reset."""
    held = [node for node in case.given.peers if case.holds(node) and case.theirs(node).stuck]
    stuck = [node for node in held if node not in case.unfenced and not (case.judged(node) is DEAD and case.ends_with_lease)]
    if not stuck:
        return None
    return Found(f"{stuck[0]} is stuck in STOPPING: say `fail {case.name} {stuck[0]}` when it is certainly down there")


def waits_for(case: Snapshot) -> Found | None:
    """For another service to come up, or to go."""
    kept = relations.missing(case, case.me) if case.service.related else ""
    return Found(kept) if kept else None


def collecting(case: Snapshot) -> Found | None:
    """The largest number takes it, and not all of them are here."""
    waiting = case.collected_from if case.by_evidence else ()
    return Found(f"it collects the candidates' numbers, and {' and '.join(waiting)} has given none yet") if waiting else None


def better_will_claim(case: Snapshot) -> Found | None:
    """It is fit, or reads its feed and will be in a moment; one that is neither within `dead` is passed over."""
    able = case.expected
    return Found(f"{able[0]} is preferred and will claim") if able else None


def not_fenced(case: Snapshot) -> Found | None:
    """A dead node may only be cut off: one that can be switched off is waited for until it is off."""
    if not case.unfenced:
        return None
    node = case.unfenced[0]
    what = "held it" if case.theirs(node).holds else "may hold it"
    silent = f"silent for {lasting(case.given.peers[node].silent_ms)} on every way"
    by_whom = "" if case.may_fence else ", which is not for a node that hears no majority of the voters"
    return Found(f"{node} {what} and is dead ({silent}): it waits until {node} is switched off{by_whom}", case.evidence(node))


def claim_dead(case: Snapshot) -> Found | None:
    """Its holder is dead (under `serve` that is enough)."""
    dead = [node for node in case.given.peers if case.holds(node)]
    if not dead:
        return None
    causes = (*_move(case), *(ref for node in dead for ref in case.evidence(node)))
    silent_ms, dead_ms = case.given.peers[dead[0]].silent_ms, case.dead_ms(dead[0])
    limit = f" (dead after {lasting(dead_ms)})" if 3 * (silent_ms - dead_ms) > dead_ms else ""
    return Found(f"{dead[0]} held it and is dead: silent for {lasting(silent_ms)} on every way{limit}", causes)


def claim_free(case: Snapshot) -> Found | None:
    """No node holds it: given up, fenced, ended by a last word, or never held."""
    let_go = [node for node in case.given.peers if case.theirs(node).epoch]
    last = max(let_go, key=lambda node: case.theirs(node).epoch, default=None)
    if last is None:
        who = "no other node has held it" if case.mine.epoch else "no node has held it yet"
        return Found(who, _refs(case.mine.changed or case.column.started))
    over = ownership.ended(case.state, case.name, last) if case.theirs(last).holds else None
    how = _how_it_ended(case, last, over)
    doubted = tuple(ref for node in case.better for ref in case.evidence(node))
    ends = _refs(over.ref if over else case.theirs(last).changed)
    return Found(how, tuple(dict.fromkeys((*_move(case), *ends, *doubted))))


def _how_it_ended(case: Snapshot, last: str, over: Word | None) -> str:
    """Moved, stopped, failed, killed or declared down, as far as its events are here when its last word comes."""
    column, theirs = case.state.column(last), case.theirs(last)
    if over and (off := case.state.orders.of("off", last).get(over.ref)):
        said = f"an operator said that {last} is off"
        return said if off.by is FencedBy.WORD else f"{last} was switched off by {over.ref.node}"
    if over and over.ref in case.state.orders.of("fenced", case.name, last):
        return f"an operator said that it is down on {last}"
    if theirs.changed == column.started and not over:
        return f"an earlier run of {last} had it, and is over"
    if not over and theirs.holds:
        return f"what {last} does with it does not count here: no file that counts makes it a candidate"
    if not over or theirs.state is ServicePhase.STOPPING:
        return f"{last} has given it up" + (f": {theirs.reason}" if theirs.reason else "")
    if column.leaving:
        return f"{last} is being stopped, and has given it up"
    if _move(case):
        return f"{last} has given it up: moved to {case.me}"
    return f"{last} says that it is down there, {BY_LAST_WORD}"


def _move(case: Snapshot) -> tuple[Ref, ...]:
    """The move that puts me first, if one does."""
    move = ownership.active_move(case.state, case.name)
    return (move.ref,) if move and move.target == case.me else ()


def always(case: Snapshot) -> Found | None:
    return Found("")


UP_ONLY = frozenset({UP})
SETTLED = frozenset({UP, RECLAIM})
OUT = frozenset({RECOVER, FAIL})
FAILED = frozenset({FAIL})
FREE = frozenset({RECOVER})

TABLE = (
    Row("lease-over", UPISH, lease_over, Act.RELEASE),
    Row("operator-fail", UPISH, operator_fail, Act.RELEASE),
    Row("fail-everywhere", UPISH, fail_everywhere, Act.RELEASE),
    Row("stopping", UPISH, stopping, Act.RELEASE),
    Row("standby", UPISH, standby, Act.RELEASE),
    Row("withdrawn", UPISH, withdrawn, Act.RELEASE),
    Row("removed", UPISH, removed, Act.RELEASE),
    Row("refused", UPISH, refused, Act.RELEASE),
    Row("check-failed", UPISH, check_failed, Act.RELEASE),
    Row("isolated", UPISH, isolated, Act.RELEASE),
    Row("carrier-lost", UPISH, carrier_lost, Act.RELEASE),
    Row("follows", UPISH, follows, Act.RELEASE),
    Row("apart", UPISH, gives_way, Act.RELEASE),
    Row("rival-deaf", UPISH, rival_deaf, Act.RELEASE),
    Row("rival-wins", UPISH, rival_wins, Act.RELEASE),
    Row("reclaim", SETTLED, reclaim, Act.RECLAIM),
    Row("move", UP_ONLY, moved, Act.RELEASE),
    Row("failback", UP_ONLY, failback, Act.RELEASE),
    Row("keep", UPISH, always, Act.STAY),
    Row("operator-fail", OUT, operator_fail, Act.FAIL),
    Row("fail-everywhere", OUT, fail_everywhere, Act.FAIL),
    Row("operator-recover", OUT, operator_recover, Act.RECOVER),
    Row("everywhere-over", FAILED, everywhere_over, Act.RECOVER),
    Row("carrier-back", FAILED, carrier_back, Act.RECOVER),
    Row("check-back", FAILED, check_back, Act.RECOVER),
    Row("retry", FAILED, retry_over, Act.RECOVER),
    Row("failed", FAILED, always, Act.STAY),
    Row("not-candidate", FREE, not_candidate, Act.STAY),
    Row("removed", FREE, removed, Act.STAY),
    Row("standby", FREE, standby, Act.STAY),
    Row("on-hold", FREE, on_hold, Act.STAY),
    Row("stopped", FREE, stopped, Act.STAY),
    Row("unfit", FREE, unfit, Act.STAY),
    Row("outdated", FREE, outdated, Act.STAY),
    Row("alone", FREE, alone, Act.STAY),
    Row("settling", FREE, settling, Act.STAY),
    Row("not-current", FREE, not_current, Act.STAY),
    Row("held", FREE, held_by_living, Act.STAY),
    Row("in-doubt", FREE, in_doubt, Act.STAY),
    Row("stuck", FREE, held_by_stuck, Act.STAY),
    Row("waits-for", FREE, waits_for, Act.STAY),
    Row("collecting", FREE, collecting, Act.STAY),
    Row("better-will-claim", FREE, better_will_claim, Act.STAY),
    Row(NOT_FENCED, FREE, not_fenced, Act.STAY),
    Row(NOT_ELECTED, FREE, not_elected, Act.STAY),
    Row("take-over-dead", FREE, claim_dead, Act.CLAIM),
    Row("take-over-free", FREE, claim_free, Act.CLAIM),
)

WHILE_NOT_HELD = frozenset({"check-failed", "carrier-lost", "move", "failback"})
"""By which a node gives a service up only while no operator holds it."""

ROWS = {state: tuple(row for row in TABLE if state in row.states) for state in ServicePhase}

NOTHING = Decision("stopping-down", Act.STAY, "the down actions are running")


def decide(case: Snapshot) -> Decision:
    """The first row that fits; in STOPPING nothing is decided."""
    for row in ROWS.get(case.mine.state, ()):
        if found := row.test(case):
            passed = _passed_over(case) if row.act is Act.CLAIM else ()
            return Decision(row.rule, row.act, found.reason, _causes(case, row, found), found.to, found.cause, passed)
    return NOTHING


def _passed_over(case: Snapshot) -> tuple[tuple[str, str], ...]:
    """The candidates before me and why none of them takes it, and those that a number has put behind me."""
    return tuple((node, case.why_not(node)) for node in case.better) + tuple(
        (node, case.why_not(node) or _behind(case, node)) for node in case.outranked
    )


def _behind(case: Snapshot, node: str) -> str:
    mine, theirs = case.given.evidence.get(case.me), case.given.evidence.get(node)
    if mine is None or theirs is None:
        return "it has given no number in time"
    return f"its number is {theirs}, and that of {case.me} is {mine}: it is behind by {mine - theirs}"


def _causes(case: Snapshot, row: Row, found: Found) -> tuple[Ref, ...]:
    """What the row found, and the end of what kept it from fitting until now."""
    if row.act is Act.CLAIM:
        wanted = relations.needed(case) if case.service.related else ()
        return tuple(dict.fromkeys((*found.causes, *wanted, *openings(case, found.causes))))
    return (*found.causes, *unheld(case, found.causes)) if row.rule in WHILE_NOT_HELD else found.causes


def _refs(*refs: Ref | None) -> tuple[Ref, ...]:
    return tuple(ref for ref in refs if ref)
