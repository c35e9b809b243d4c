"""An operator's word that a service is down on a node, and what that node's own feed says of the same time.

    state = without_refuted(history, state, "web")      # as if the words that were wrong had not been said
    for finding in refuted_words(history): ...         # each such word, with who signed it
    believed(history, state, "web")                     # {"lukretia": "afm"}: words that nothing here speaks against

Every node takes a fence at its word: when it is said nothing better is known. Later the node's own feed may show that the
service was up there all the same, since the node was only cut off. Then the word ends nothing. For a node that was going down
or stuck when the word came, its feed cannot know better, and the word stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from coordinator.state import ownership
from coordinator.state.model import UPISH, State
from coordinator.state.reducer import reduce
from coordinator.state.standing import Subject
from protocol.canonical import NotCanonical
from protocol.commands import Command
from protocol.event import Event, Ref
from protocol.events import Commanded, Fenced, body_of
from protocol.kinds import Kind
from store.findings import Finding, Flaw
from tools.audit.clock import show
from tools.audit.history import NOTHING, History
from tools.audit.lies import lied, lies
from tools.audit.showing import name

ENDS = frozenset({Kind.RELEASE, Kind.DOWN})
NEVER = Ref("", 0, 0)


def without_refuted(history: History, state: State, service: str) -> State:
    """The same state without the fences of this service that their nodes' own feeds refute."""
    left: dict[Subject, Mapping[Ref, Any]] = {}
    for node, wrong in _refuted(history, state, service):
        for subject in (("fenced", service, node), ("off", node)):
            said = state.orders.effects.get(subject, {})
            left[subject] = {ref: word for ref, word in said.items() if ref not in wrong}
    return replace(state, orders=replace(state.orders, effects={**state.orders.effects, **left})) if left else state


def _refuted(history: History, state: State, service: str) -> Iterator[tuple[str, set[Ref]]]:
    for node in state.columns:
        fences = state.orders.of("fenced", service, node)
        wrong = {ref for ref in fences if is_refuted(history, state, service, node, ref)}
        wrong |= {ref for ref in state.orders.of("off", node) if lied(history, state, node, ref)}
        if wrong:
            yield node, wrong


def against(history: History, state: State, service: str) -> list[str]:
    """The words that were wrong, of nodes that hold the service at that moment."""
    said = []
    for node, wrong in _refuted(history, state, service):
        for fence in [history.events[ref] for ref in sorted(wrong)]:
            when = f"{name(history, fence.ref)}, {show(history.at_ms[fence.ref])}"
            if fence.kind == Kind.FENCE_RESULT:
                said.append(f"{fence.node} said that it had switched {node} off ({when}); {node}'s own feed goes on")
                continue
            said.append(f"{signer(history, fence)} said that it is down on {node} ({when}); {node}'s own feed goes on")
    return said


def is_refuted(history: History, state: State, service: str, node: str, fence: Ref) -> bool:
    """Whether the run that held the service wrote on after the fence, and was not taking it down when that came."""
    column = state.column(node)
    theirs = column.service(service)
    run = history.runs.get(column.started) if column.started else None
    if run is None or not theirs.holds or fence not in history.events:
        return False
    shown = run.last if theirs.state in UPISH else theirs.changed
    return shown is not None and _is_later(history, shown, fence)


def _is_later(history: History, shown: Ref, fence: Ref) -> bool:
    """Certainly, where its author knew of the fence; by the clocks of both, where neither knew of the other."""
    if history.knew.get(fence, {}).get(shown.node, NOTHING)[1:3] >= shown[1:]:
        return False
    learnt = history.first_that_knew(shown.node, fence)
    return (learnt is not None and learnt.ref <= shown) or history.at_ms[shown] > history.at_ms[fence]


def believed(history: History, state: State, service: str) -> dict[str, str]:
    """The nodes that held the service until an operator's word that nothing here refutes, with the operator."""
    state = without_refuted(history, state, service)
    found = {}
    for node, column in state.columns.items():
        over = ownership.ended(state, service, node) if column.service(service).holds else None
        fence = history.events.get(over.ref) if over else None
        if fence is not None and fence.kind == Kind.FENCED:
            found[node] = signer(history, fence)
    return found


def signer(history: History, fence: Event) -> str:
    """The operator whose command it follows."""
    for cause in fence.causes:
        event = history.events.get(cause)
        body = body_of(event) if event else None
        if isinstance(body, Commanded):
            try:
                return Command.decode(body.command).operator
            except NotCanonical:
                continue
    return "an operator"


def refuted_words(history: History) -> Iterator[Finding]:
    """Every fence that was wrong when it was said, at its own place in the history."""
    if not history.lives.fenced:
        return
    state = history.begin
    for event in history.order:
        state = reduce(state, event)
        yield from refuted(history, state, event)


def refuted(history: History, state: State, event: Event) -> Iterator[Finding]:
    """`state`: with this event. A finding where it is a fence that was wrong when it was said."""
    yield from lies(history, state, event)
    body = body_of(event) if event.kind == Kind.FENCED else None
    if not isinstance(body, Fenced) or not _counts(state, event, body):
        return
    if is_refuted(history, state, event.service, body.node, event.ref):
        yield Finding(Flaw.SPLIT, *event.ref, _text(history, state, event, body))


def _counts(state: State, fence: Event, body: Fenced) -> bool:
    """It had the right to be there, and is about the holding that the node was in, not about an earlier one."""
    over = ownership.ended(state, fence.service, body.node)
    signed = fence.ref in state.orders.of("fenced", fence.service, body.node)
    return signed and over is not None and over.epoch == body.epoch and over.run == body.run


def _text(history: History, state: State, fence: Event, body: Fenced) -> str:
    head = state.column(body.node).head
    later = [event for event in history.nodes[body.node] if head and event.ref > Ref(*head[:3])]
    end = next((event for event in later if event.kind in ENDS and event.service == fence.service), None)
    last = end or history.events[history.runs[state.column(body.node).started or NEVER].last]
    learnt = history.first_that_knew(body.node, fence.ref)
    certain = learnt is not None and learnt.ref <= last.ref
    until = f"until {show(history.at_ms[last.ref])}" + ("" if end else ", its last event")
    what = f"{signer(history, fence)} said that {fence.service} is down on {body.node} (epoch {body.epoch})"
    shown = f"by {body.node}'s own feed it was up there {until}"
    return f"{what}, and {shown}" + ("" if certain else "; so it is by the clocks of both nodes")
