"""Who held a service at a moment of the past, with what is known today.

    held = Tenure(history, policy).at(state, "web")
    held.owner, held.owners, held.split

The reducer says that a node holds until it says itself that it does not. A node that lost its power never says so. So a
holder is left out where another has claimed since, and nothing shows that it was still there: it wrote nothing in that
run that the claimant did not know, or nothing later than the claim. One that wrote on, or that learnt of the claim
in the same run, did hold it too: a split. A claim that was withdrawn before anything ran is no holding. An operator's
word that a node is down ends its holding unless the node's own feed refutes it.

What is owned under a lease is judged by that instead, and silence shows nothing there: a holding is over when votes for others,
or a later claim by leave of an arbiter, show that its lease was (`tools.audit.lease_ends`), whatever its node wrote later.
"""

from dataclasses import dataclass

from coordinator.policy import Policy, ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import State
from protocol.event import Ref
from tools.audit.fences import without_refuted
from tools.audit.history import History, Run
from tools.audit.lease_ends import LeaseEnd, leased, shown

NEVER = Ref("", 0, 0)

MOVE = "move"
"""The rule where the owner is first only because an operator moved the service to it."""


def keeps(rule: str) -> str:
    return "keeps it because an operator moved it there" if rule == MOVE else f"keeps it by {rule}"


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds one service. `owner`: the one, in a split the winner by the service's rule."""

    service: str
    owner: str | None
    owners: tuple[str, ...]
    epoch: int
    """The largest that is known."""
    rule: str
    """`split_winner` of the service at that time; MOVE where an operator's move put the owner first."""
    claim: Ref | None
    """The owner's last claim or reclaim."""

    @property
    def split(self) -> bool:
        return len(self.owners) > 1


@dataclass(frozen=True, slots=True)
class Tenure:
    history: History
    policy: Policy

    def owners(self, state: State, service: str) -> tuple[str, ...]:
        """Who holds it, alone: a history asks this after each turn, and for the rest only in a split."""
        return self._owners(without_refuted(self.history, state, service), service)

    def at(self, state: State, service: str) -> Held:
        state = without_refuted(self.history, state, service)
        owners = self._owners(state, service)
        ruled = self._ruled(state, service)
        owner = ownership.winner(state, ruled, owners)
        claim = state.column(owner).service(service).claim if owner else None
        return Held(service, owner, owners, ownership.epoch(state, service), self._rule(state, ruled, owner), claim)

    def _rule(self, state: State, ruled: ServicePolicy, owner: str | None) -> str:
        move = ownership.active_move(state, ruled.name)
        moved = move is not None and move.target == owner and ruled.nodes[:1] != (owner,)
        return MOVE if moved and ruled.split_winner == "preference" else ruled.split_winner

    def _owners(self, state: State, service: str) -> tuple[str, ...]:
        holders = ownership.holders(state, service)
        if not holders:
            return ()
        begun = [node for node in holders if state.column(node).service(service).began not in self.history.withdrawn]
        standing = begun or list(holders[:1])
        return tuple(node for node in standing if not self._is_over(state, service, node))

    def _is_over(self, state: State, service: str, node: str) -> bool:
        """Whether a holding that was not ended by any word is over all the same."""
        if leased(state, self.policy, service, node):
            return shown(self.history, self.policy, state, service, node) is not None
        claimed = (other for other in state.columns if ownership.may_own(state, service, other))
        return any(self._gone(state, service, node, other) for other in claimed)

    def lease_ends(self, state: State, service: str) -> list[LeaseEnd]:
        """Of the nodes that hold it as far as they have said: which leases were over."""
        state = without_refuted(self.history, state, service)
        ends = (shown(self.history, self.policy, state, service, node) for node in ownership.holders(state, service))
        return [end for end in ends if end]

    def _ruled(self, state: State, service: str) -> ServicePolicy:
        ruled = ownership.ruling(state, self.policy).services.get(service) or self.policy.services.get(service)
        return ruled or ServicePolicy(service, tuple(sorted(state.columns)))

    def _gone(self, state: State, service: str, node: str, other: str) -> bool:
        """Whether `node` had ended with its run when `other` claimed what it held; also where that has been let go since."""
        run = self.history.runs.get(state.column(node).started or NEVER)
        claim = state.column(other).service(service).began
        if node == other or run is None or claim is None or claim in self.history.withdrawn:
            return False
        return self._silent_since(run, claim)

    def _silent_since(self, run: Run, claim: Ref) -> bool:
        learnt = run.knew.get(claim.node)
        if learnt is not None and learnt[1:3] >= claim[1:]:
            return False
        known = self.history.knew.get(claim, {}).get(run.node)
        if known is not None and known[1:3] >= run.last[1:]:
            return True
        return self.history.at_ms[run.last] <= self.history.at_ms[claim]
