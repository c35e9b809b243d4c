"""How a service stands to others: `with`, `apart` and `after`, as words for the decide table (decision 0085).

    missing(case, "genesis")        # 'web is not there'; empty where nothing keeps the service from that node
    lost(case)                      # what it must have and has no more, while it is up here
    met(case)                       # what it must not meet and does, while it is up here

The one that names the other gives way. Answered from the columns, and of a peer from its judgement; the dead have nothing.
"""

from collections.abc import Iterator
from typing import Protocol

from coordinator.decision.observations import Observations
from coordinator.policy import After, Policy, ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import HOLDING, UPISH, Judgement, NodeState, ServicePhase, State
from protocol.event import Ref


class Question(Protocol):
    """What is asked here of a snapshot."""

    @property
    def state(self) -> State: ...
    @property
    def me(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def given(self) -> Observations: ...
    @property
    def service(self) -> ServicePolicy: ...
    @property
    def ruling(self) -> Policy: ...
    @property
    def column(self) -> NodeState: ...


RUNNING = frozenset({ServicePhase.UP, ServicePhase.RECLAIM})


def missing(case: Question, node: str) -> str:
    """Why this service cannot be taken there, for people."""
    where = "here" if node == case.me else f"on {node}"
    for after in case.service.after:
        if not _is_up(case, after, node):
            return f"it waits for {after.service}" + (f", which is not up {where}" if after.here else ", which is up nowhere")
    for other in case.service.together:
        if not _has(case, other, node, UPISH):
            return f"it waits for {other}, which is not {where}"
    for other in case.service.apart:
        if _has(case, other, node, HOLDING):
            return f"{other} is {where}, and it must not be beside that"
    return ""


def needed(case: Question) -> tuple[Ref, ...]:
    """The events that brought up what it needs: a claim rests on them."""
    wanted = [*case.service.together, *(after.service for after in case.service.after)]
    held = [(node, other) for other in wanted for node in _nodes(case) if _has(case, other, node, UPISH)]
    changed = (case.state.column(node).service(other).changed for node, other in held)
    return tuple(dict.fromkeys(ref for ref in changed if ref))


def lost(case: Question) -> tuple[str, tuple[Ref, ...]] | None:
    """Which service it has lost, and the event that tells."""
    here = (*case.service.together, *(after.service for after in case.service.after if after.here))
    gone = [other for other in here if not _has(case, other, case.me, UPISH)]
    gone += [after.service for after in case.service.after if not after.here and f"gone:{after.service}" in case.given.timers]
    return (gone[0], _changed(case, gone[0])) if gone else None


def met(case: Question) -> tuple[str, tuple[Ref, ...]] | None:
    """Of two that name each other the one that stands later in the file gives way."""
    services = case.ruling.services
    for other in case.service.apart:
        theirs = services.get(other)
        first = theirs is not None and case.name in theirs.apart and _before(case, other)
        if not first and _has(case, other, case.me, UPISH):
            return other, _changed(case, other)
    return None


def unheld(case: Question) -> Iterator[str]:
    """What must be up somewhere while this is, and is nowhere now."""
    for after in case.service.after:
        if not after.here and not any(_has(case, after.service, node, HOLDING) for node in _nodes(case)):
            yield after.service


def _is_up(case: Question, after: After, node: str) -> bool:
    nodes = (node,) if after.here else _nodes(case)
    return any(_has(case, after.service, each, RUNNING) for each in nodes)


def _has(case: Question, other: str, node: str, phases: frozenset[ServicePhase]) -> bool:
    """By its feed, and not what a dead node or an earlier run had."""
    if node != case.me:
        peer = case.given.peers.get(node)
        if peer is None or peer.judgement is Judgement.DEAD or (peer.judgement is Judgement.ALIVE and not peer.same_run):
            return False
    return case.state.column(node).service(other).state in phases and ownership.holds(case.state, other, node)


def _nodes(case: Question) -> tuple[str, ...]:
    return (case.me, *case.given.peers)


def _before(case: Question, other: str) -> bool:
    """Whether this service stands before the other in the file."""
    order = list(case.ruling.services)
    return case.name in order and order.index(case.name) < order.index(other)


def _changed(case: Question, other: str) -> tuple[Ref, ...]:
    ref = case.column.service(other).changed
    return (ref,) if ref else ()
