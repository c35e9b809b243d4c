"""Claims that were taken back before anything ran: the service was never up there, so nothing was held.

    withdrawn = Withdrawn()
    withdrawn.add(event) ...    # each node's events in their order
    withdrawn.claims            # by their names

Between a claim and the first action lies the disk, and the table is asked again when the claim is durable. What a claim ran
stands in the same feed between it and its `down`: every action is written, an address when it has come up. Where the feed ends
before that `down`, or the node starts anew, it is not known what ran, and the claim counts.
"""

from collections import defaultdict

from protocol.event import Event, Ref
from protocol.kinds import Kind

RAN = frozenset({Kind.ACTION_STARTED, Kind.ACTION_FINISHED, Kind.UP, Kind.RESTART, Kind.RECLAIM})
BEGUN_ANEW = frozenset({Kind.NODE_STARTED, Kind.GAP_DECLARED})


class Withdrawn:
    """See the module."""

    def __init__(self) -> None:
        self.claims: set[Ref] = set()
        self._waiting: dict[str, dict[str, Ref]] = defaultdict(dict)
        """Node and service to the claim of which nothing has run yet."""

    def add(self, event: Event) -> None:
        waiting = self._waiting[event.node]
        if event.kind in BEGUN_ANEW:
            waiting.clear()
        elif event.kind == Kind.CLAIM:
            waiting[event.service] = event.ref
        elif event.kind in RAN:
            waiting.pop(event.service, None)
        elif event.kind == Kind.DOWN and event.service in waiting:
            self.claims.add(waiting.pop(event.service))
