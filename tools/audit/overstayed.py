"""Holders under a lease (`partition = "majority"` or `"arbiter"`) that went on although they knew that their lease was over.

    watch = Overstayed(history, policy)
    for finding in watch.seen(state, event): ...        # along a fold that goes on anyhow
    for finding in overstayed(history, policy): ...     # of a whole history

A holder may stand still, and say later that it is down. But it looks at its leases before anything else that happens to it:
where its own feed shows that it had read the votes against it, or the claim that followed, its next step is a release. One that
still holds the service in a later event, with no word of a release, held it beside whoever followed.
"""

from collections.abc import Iterator

from coordinator.policy import Policy
from coordinator.state.model import UPISH, State
from coordinator.state.reducer import reduce
from protocol.event import Event, Ref
from store.findings import Finding, Flaw
from tools.audit.history import History
from tools.audit.lease_ends import in_words, shown_by
from tools.audit.showing import name

STEP_MS = 1_000
"""What a node writes in one step has one time. So long after it has read the votes no honest node is still in that step."""


def overstayed(history: History, policy: Policy) -> Iterator[Finding]:
    if not history.lives.cast and not history.lives.left:
        return
    watch, state = Overstayed(history, policy), history.begin
    for event in history.order:
        state = reduce(state, event)
        yield from watch.seen(state, event)


class Overstayed:
    """See the module."""

    def __init__(self, history: History, policy: Policy):
        self._history = history
        self._policy = policy
        self._knew: dict[tuple[str, Ref], Event] = {}
        """Service and claim to the first event by whose time its author knew that the lease was over."""
        self._told: set[tuple[str, Ref]] = set()

    def seen(self, state: State, event: Event) -> Iterator[Finding]:
        """`state`: with this event."""
        if not self._history.lives.cast and not self._history.lives.left:
            return
        column = state.column(event.node)
        for service, theirs in column.services.items():
            if theirs.state not in UPISH or theirs.claim is None or (service, theirs.claim) in self._told:
                continue
            if finding := self._goes_on(state, event, service, theirs.claim):
                self._told.add((service, theirs.claim))
                yield finding

    def _goes_on(self, state: State, event: Event, service: str, claim: Ref) -> Finding | None:
        column = state.column(event.node)
        heads = {node: Ref(*head[:3]) for node, head in column.seen.items()} | {event.node: event.ref}
        end = shown_by(self._history, self._policy, state, service, event.node, heads)
        if end is None:
            return None
        knew = self._knew.setdefault((service, claim), event)
        if event.boot_ms <= knew.boot_ms + STEP_MS:
            return None
        went_on = f"{event.node} still holds {service} here, and by {name(self._history, knew.ref)} it knew that it may not"
        return Finding(Flaw.SPLIT, *event.ref, f"{went_on}: {in_words(self._history, end)}")
