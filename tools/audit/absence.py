"""Where no node owns a service: since when, and why no candidate takes it, in the words of the decide table's rows.

    over = ended_by(evidence, state, "web")         # the event that ended the last holding; None where there was none
    out_of_it(evidence, state, "web")               # [("lukretia", "in FAIL (operator)"), ...]: what the feeds tell
"""

from coordinator.decision.decide import on_hold
from coordinator.decision.observations import Observations
from coordinator.decision.snapshot import Snapshot
from coordinator.state import ownership
from coordinator.state.model import Judgement, State
from protocol.event import Event, Ref
from tools.audit.evidence import Evidence
from tools.audit.lease_ends import last_shown

UNKNOWN = Observations({}, True)
"""What a node was given besides the feeds stands only in its decisions; here nothing is asked of it."""


def ended_by(evidence: Evidence, state: State, service: str) -> Event | None:
    """A last word that another node recorded, a fence, the node's own `down`, the start after which it held it no more, or the
    vote that completed the proof that its lease was over."""
    history = evidence.history
    leases = {end.node: last_shown(history, end) for end in evidence.tenure.lease_ends(state, service)}
    words = [_end(state, service, node) for node in state.columns if node not in leases]
    ends = [*leases.values(), *(history.events[ref] for ref in words if ref and ref in history.events)]
    return max(ends, key=lambda event: (history.at_ms[event.ref], event.ref), default=None)


def _end(state: State, service: str, node: str) -> Ref | None:
    theirs = state.column(node).service(service)
    if not theirs.epoch:
        return None
    over = ownership.ended(state, service, node) if theirs.holds else None
    return over.ref if over else theirs.ended_by or theirs.changed


def out_of_it(evidence: Evidence, state: State, service: str) -> list[tuple[str, str]]:
    """Every candidate that the feeds show to be out, with why; one that could take it is not in the list."""
    ruled = ownership.ruled(state, evidence.policy, service)
    told = [(node, _why_out(Snapshot(state, evidence.policy, node, service, UNKNOWN))) for node in ruled.nodes]
    return [(node, why) for node, why in told if why]


def _why_out(case: Snapshot) -> str:
    held = on_hold(case)
    if held:
        return held.reason
    if case.column.started is None:
        return "nothing is known of it"
    if not case.column.running:
        return "its faild has been stopped"
    if case.column.leaving:
        return "it is being stopped"
    return (_judged(case) if case.mine.holds else "") or case.why_out(case.me) or _judged(case)


def _judged(case: Snapshot) -> str:
    """The newest judgement of every other node that runs: out where none of them hears it."""
    others = [column for node, column in sorted(case.state.columns.items()) if node != case.me and column.running]
    said = {column.node: column.judgement[case.me] for column in others if case.me in column.judgement}
    if not said or Judgement.ALIVE in said.values():
        return ""
    node, judgement = next(iter(said.items()))
    return f"{node} judges it {'in doubt' if judgement == Judgement.INDOUBT else judgement}"
