"""Writing what one event may not hold, a configuration or the evidence of a fork, in pieces before the event that needs them.

entry = write_configuration(context, policy, number, causes)
written = write_fork(context, ours, theirs)    # False where both sides are too long even for pieces
"""

from coordinator.core.context import Context
from coordinator.policy import Policy
from coordinator.state import pieces
from protocol.event import Entry, Ref
from protocol.events import ConfigApplied, ForkPart, ForkSeen
from protocol.forks import Branch, cut, fits, fits_in_pieces, flat_of


def write_configuration(context: Context, policy: Policy, number: int, causes: tuple[Ref, ...]) -> Entry:
    """The entry of config-applied: with the text, or behind its pieces."""
    parts = pieces.cut(policy.text)
    for part in parts:
        context.write("", part, causes)
    applied = ConfigApplied(number=number, digest=policy.digest, text="" if parts else policy.text)
    return context.write("", applied, causes)


def write_fork(context: Context, ours: Branch, theirs: Branch) -> bool:
    """Both sides as events of ours; False where they are too long, and nothing was written."""
    event = theirs[0].event
    node, incarnation, number = event.ref
    if fits(ours, theirs):
        sides = flat_of(ours), flat_of(theirs)
        context.write("", ForkSeen(node=node, incarnation=incarnation, number=number, ours=sides[0], theirs=sides[1]), ())
        return True
    if not fits_in_pieces(ours, theirs):
        return False
    digest, parts = cut(ours, theirs)
    for index, data in enumerate(parts):
        context.write("", ForkPart(digest=digest, index=index, count=len(parts), data=data), ())
    context.write("", ForkSeen(node=node, incarnation=incarnation, number=number, ours=(), theirs=(), digest=digest), ())
    return True
