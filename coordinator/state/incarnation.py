"""What outlives an incarnation: its node's own words that others still go by, in the first event of the next one.

Orders are not among them: they stand over all incarnations (`coordinator.state.standing`).

    body = carried(ours, column)            # when the incarnation is opened
    column = taken_over(column, body)       # in the reducer, by every reader

A node opens a new incarnation after a lost disk, and after any crash while another node is away: neither is a reason to
forget an operator's order. What is here and what is not, field by field: the state of a holding is not (whatever it was, it
is over), what was seen of others is not (it is seen again), what was ordered or ended is.
"""

import dataclasses

from coordinator.state.model import STOPPED, NodeState, ServiceState
from coordinator.state.replacing import replace
from coordinator.state.votes import Voted, Votes, with_vote
from protocol.event import Head, Ref
from protocol.events import CarriedService, Gap


def carried(ours: Head, before: NodeState, superseded: NodeState | None = None) -> Gap:
    """The body of gap-declared: the last event known of the incarnation that ends here, and what must outlive it.

    `superseded`: of an incarnation that the others never went by, since they knew a newer one. What was said in it was said.
    """
    before = _merged(before, superseded) if superseded else before
    held = sorted(name for name, service in superseded.services.items() if service.claim) if superseded else []
    return Gap(
        incarnation=ours.incarnation,
        number=ours.number,
        id=ours.id,
        held=tuple(held),
        services={name: _service(before, name, Ref(*ours[:3])) for name in _names(before)},
    )


SERVICES_A_PIECE = 150
"""With the longest names this is less than what one event holds."""


def in_pieces(body: Gap) -> list[Gap]:
    """The bodies of as many gap events as it takes, each about other services, by name; for a hundred services one."""
    services, held = sorted(body.services.items()), set(body.held)
    count = max(1, -(-len(services) // SERVICES_A_PIECE))
    found = []
    for at in range(count):
        mine = dict(services[at * SERVICES_A_PIECE : (at + 1) * SERVICES_A_PIECE])
        found.append(dataclasses.replace(body, services=mine, held=tuple(sorted(held & mine.keys()))))
    return found


def orders_in(body: Gap) -> tuple[str, ...]:
    """The parts that carry orders, or words about others. Runs of the first rules wrote them; no reader takes them from a gap:
    what they tell stands by itself in the event that told it first, over all incarnations."""
    parts = ("holds", "unheld", "moves", "moves_ended", "fenced", "last_words", "forked", "nonces")
    return tuple(part for part in parts if getattr(body, part))


def taken_over(column: NodeState, body: Gap) -> NodeState:
    """The column with which a new incarnation begins. A part that is not there is empty.

    What was held aside counts as claimed and over: a node that held it at the same time announces again.
    """
    by = Ref(column.node, column.head.incarnation, column.head.number) if column.head else None
    served = {name: _served(kept, by if name in body.held else None) for name, kept in body.services.items()}
    voted = {name: _voted(kept, by) for name, kept in body.services.items() if kept.votes and by}
    return replace(
        column,
        services={**column.services, **served},
        votes={**column.votes, **voted},
        orders_in_gap=by if orders_in(body) else column.orders_in_gap,
    )


def _merged(before: NodeState, superseded: NodeState) -> NodeState:
    names = before.services.keys() | superseded.services.keys()
    return replace(
        before,
        services={name: _both(before.service(name), superseded.service(name)) for name in names},
        votes={name: _all_votes(before, superseded, name) for name in before.votes.keys() | superseded.votes.keys()},
    )


def _all_votes(before: NodeState, superseded: NodeState, name: str) -> Votes:
    votes: Votes = ()
    for vote in sorted({*before.votes.get(name, ()), *superseded.votes.get(name, ())}):
        votes = with_vote(votes, vote)
    return votes


def _both(before: ServiceState, superseded: ServiceState) -> ServiceState:
    return replace(
        before,
        epoch=max(before.epoch, superseded.epoch),
        holding_epoch=max(before.holding_epoch, superseded.holding_epoch),
        requested="fail" if "fail" in (before.requested, superseded.requested) else "",
        last_failed=before.last_failed or superseded.last_failed,
        failures=max(before.failures, superseded.failures),
        cause=STOPPED if STOPPED in (before.cause, superseded.cause) else before.cause,
    )


def _names(column: NodeState) -> list[str]:
    """The services that its events were about; a witness has voted for others than it could own."""
    return [*column.services, *(name for name in column.votes if name not in column.services)]


def _service(column: NodeState, name: str, last: Ref) -> CarriedService:
    service = column.service(name)
    return CarriedService(
        lowered=last if service.holds else service.ended_by,
        epoch=service.epoch,
        holding_epoch=service.holding_epoch,
        wish=service.requested if service.requested == "fail" else "",
        burnt=service.last_failed,
        failures=service.failures,
        votes=tuple(tuple(vote[:-1]) for vote in column.votes.get(name, ())),
        stopped=service.cause == STOPPED,
    )


def _voted(kept: CarriedService, gap: Ref) -> Votes:
    """The gap stands for them: who has read it has read them."""
    return tuple(Voted(*vote, gap) for vote in kept.votes)  # type: ignore[arg-type,call-arg]


def _served(kept: CarriedService, claim: Ref | None) -> ServiceState:
    return ServiceState(
        claim=claim,
        epoch=kept.epoch,
        holding_epoch=kept.holding_epoch,
        requested=kept.wish,
        cause="operator" if kept.wish else STOPPED if kept.stopped else "",
        last_failed=kept.burnt,
        failures=kept.failures,
        ended_by=kept.lowered,
    )
