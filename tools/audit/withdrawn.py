"""Claims that were taken back before anything ran: the service was never up there, so nothing was held.

    history.withdrawn           # the claims; found by `withdrawn_claims(history.nodes)`

Between a claim and the first action lies the disk, and the table is asked again when the claim is durable. What a claim ran
stands in the same feed between it and its `down`: every action is written, an address when it has come up. Where the feed ends
before that `down`, or the node starts anew, it is not known what ran, and the claim counts.
"""

from collections.abc import Iterable, Mapping, Sequence

from protocol.event import Event, Ref
from protocol.kinds import Kind

RAN = frozenset({Kind.ACTION_STARTED, Kind.ACTION_FINISHED, Kind.UP, Kind.RESTART, Kind.RECLAIM})
BEGUN_ANEW = frozenset({Kind.NODE_STARTED, Kind.GAP_DECLARED})


def withdrawn_claims(nodes: Mapping[str, Sequence[Event]]) -> frozenset[Ref]:
    """By their names. `nodes`: each node's events in their order."""
    return frozenset(claim for events in nodes.values() for claim in _of_one_node(events))


def _of_one_node(events: Iterable[Event]) -> Iterable[Ref]:
    waiting: dict[str, Ref] = {}
    for event in events:
        if event.kind in BEGUN_ANEW:
            waiting.clear()
        elif event.kind == Kind.CLAIM:
            waiting[event.service] = event.ref
        elif event.kind in RAN:
            waiting.pop(event.service, None)
        elif event.kind == Kind.DOWN and event.service in waiting:
            yield waiting.pop(event.service)
