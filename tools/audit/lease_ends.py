"""Under `partition = "majority"` and `"arbiter"`: by when others show that a holder's lease was over (docs/leases.md).

    end = shown(history, policy, state, "db", "lukretia")   # None: nothing in this state shows it
    end.shown_by                                            # the votes that do, one of each voter; or the claim that does
    in_words(history, end)

No log tells that a lease was live: heartbeats are no events. That it was over can be shown. A voter votes for another node
above the holder's epoch only when its promise to the holder has run out, and its echo does not count for the holder afterwards.
So once the voters that have not done so are no majority any more, the lease has ended, and the holder is down. An arbiter gives
no lease before the one before it is over: under it the next claim above the holder's epoch shows as much.
"""

from collections.abc import Mapping
from typing import NamedTuple

from coordinator.core.ballots import FIRST_VOTERS
from coordinator.core.quorum.arithmetic import Voters
from coordinator.policy import ARBITER, Policy
from coordinator.state import ownership
from coordinator.state.model import State
from protocol.event import Event, Ref
from protocol.events import Claim, Vote, body_of
from protocol.invariant import InvariantBroken
from tools.audit.clock import show
from tools.audit.history import History
from tools.audit.showing import name


class LeaseEnd(NamedTuple):
    """A lease that was over when the last of these was written, or before: votes for others, or the claim of another."""

    node: str
    service: str
    epoch: int
    shown_by: tuple[Ref, ...]
    """No more than it takes, as they were given."""


def leased(state: State, policy: Policy, service: str, node: str) -> Policy | None:
    """The file under which a node claimed it last, where it did so under a lease; `policy`: the auditor's own."""
    lived = state.policy_of(state.column(node).service(service).configs) or ownership.ruling(state, policy)
    ruled = lived.services.get(service)
    return lived if ruled is not None and ruled.leased else None


def shown(history: History, policy: Policy, state: State, service: str, node: str) -> LeaseEnd | None:
    """What the events of this state show of the lease under which a node claimed it last."""
    heads = {voter: Ref(*column.head[:3]) for voter, column in state.columns.items() if column.head}
    return shown_by(history, policy, state, service, node, heads)


def shown_later(history: History, policy: Policy, state: State, service: str, node: str) -> LeaseEnd | None:
    """The same, by all that is known today."""
    heads = {voter: events[-1].ref for voter, events in history.nodes.items() if events}
    return shown_by(history, policy, state, service, node, heads)


def shown_by(
    history: History, policy: Policy, state: State, service: str, node: str, heads: Mapping[str, Ref]
) -> LeaseEnd | None:
    """By the votes or claims that whoever knows these feeds up to `heads` has read."""
    lived = leased(state, policy, service, node)
    if lived is None:
        return None
    epoch, voters = state.column(node).service(service).epoch, Voters(FIRST_VOTERS, lived.voters)
    if lived.services[service].partition == ARBITER:
        return _followed(history, service, node, epoch, heads)
    against = {voter: vote for voter in voters.names if (vote := _against(history, service, node, epoch, voter, heads))}
    in_turn = sorted(against, key=lambda voter: (history.at_ms[against[voter]], voter))
    for count in range(1, len(in_turn) + 1):
        if not voters.has_majority(voters.names.difference(in_turn[:count])):
            return LeaseEnd(node, service, epoch, tuple(against[voter] for voter in in_turn[:count]))
    return None


def _followed(history: History, service: str, node: str, epoch: int, heads: Mapping[str, Ref]) -> LeaseEnd | None:
    """By the first claim of another above that epoch, which names the lease that an arbiter gave it."""
    casts = {other: cast for (about, other), cast in history.lives.left.items() if about == service and other in heads}
    found = [ref for other, cast in casts.items() if (ref := cast.first_for_another(node, epoch, heads[other]))]
    first = min(found, key=lambda ref: (history.at_ms[ref], ref), default=None)
    return LeaseEnd(node, service, epoch, (first,)) if first else None


def _against(history: History, service: str, node: str, epoch: int, voter: str, heads: Mapping[str, Ref]) -> Ref | None:
    """The voter's first vote after which it could be of no more use to this holder."""
    cast = history.lives.cast.get((service, voter))
    return cast.first_for_another(node, epoch, heads[voter]) if cast is not None and voter in heads else None


def last_shown(history: History, end: LeaseEnd) -> Event:
    """The one that completes the proof."""
    return history.events[end.shown_by[-1]]


def in_words(history: History, end: LeaseEnd) -> str:
    over = f"the lease of {end.node} (epoch {end.epoch}) was over by {show(history.at_ms[end.shown_by[-1]])}"
    claim = body_of(last_shown(history, end))
    if isinstance(claim, Claim):
        by = f"{name(history, end.shown_by[-1])} claims it by leave of the arbiter (epoch {claim.epoch})"
        return f"{over}: {by}, which gives no lease before the one before it is over"
    votes = " and ".join(f"{name(history, ref)} {_vote(history, ref)}" for ref in end.shown_by)
    return f"{over}: {votes}, as a voter does only when its promise to {end.node} is over"


def _vote(history: History, ref: Ref) -> str:
    body = body_of(history.events[ref])
    if not isinstance(body, Vote):
        raise InvariantBroken(f"{ref} was noted as a vote")
    return f"votes for {body.candidate} (epoch {body.epoch})"
