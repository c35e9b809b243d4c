"""What let a node do now what it could not do before: the end of a hold or of a standby, or the file that made it a candidate.

    causes = (*causes, *openings(case, causes))

An end of something is a cause only where it came last. No two clocks are compared: it is left out where the author of another
cause has shown that it knew it.
"""

from collections.abc import Iterable

from coordinator.decision.snapshot import Snapshot
from protocol.event import Ref


def openings(case: Snapshot, causes: Iterable[Ref]) -> tuple[Ref, ...]:
    """For a claim: besides the causes that it has."""
    return (*unheld(case, causes), *_ended(case, causes, "unstandby", case.me), *_made_candidate(case))


def unheld(case: Snapshot, causes: Iterable[Ref]) -> tuple[Ref, ...]:
    """The ends of holds of this service that came after these causes."""
    return _ended(case, causes, "unhold", case.name)


def _ended(case: Snapshot, causes: Iterable[Ref], word: str, subject: str) -> tuple[Ref, ...]:
    orders = case.state.orders.of(word, subject)
    if not orders:
        return ()
    since = {*causes, *(ref for ref in (case.mine.changed,) if ref)}
    return tuple(sorted(ref for ref, ends in orders.items() if ends and not any(_knew(case, cause, ref) for cause in since)))


def _knew(case: Snapshot, cause: Ref, ref: Ref) -> bool:
    """Whether what is evidence here was written with this order known; of another feed its newest event tells."""
    if cause.node == ref.node:
        return cause > ref
    seen = case.state.column(cause.node).seen.get(ref.node)
    return seen is not None and seen[1:3] >= ref[1:]


def _made_candidate(case: Snapshot) -> tuple[Ref, ...]:
    """My own configuration, where the one before it did not let me own this and I have had no part in it since."""
    configured, configs = case.column.configured, case.column.configs
    if configured is None or len(configs) < 2 or (case.mine.changed and case.mine.changed > configured):
        return ()
    before = case.state.policies.get(configs[1])
    service = before.services.get(case.name) if before else None
    return (configured,) if before and (service is None or case.me not in service.nodes) else ()
