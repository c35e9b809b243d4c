"""Writing what one event may not hold, a configuration or the evidence of a fork, in pieces before the event that needs them.

entry = write_configuration(context, policy, number, causes)
written = write_fork(context, ours, theirs)    # False where both sides are too long even for pieces
"""

from coordinator.core.context import Context
from coordinator.policy import Policy
from coordinator.state import pieces
from protocol.event import Entry, Ref
from protocol.forks import Branch, cut, fits, fits_in_pieces, flat_of
from protocol.kinds import Kind


def write_configuration(context: Context, policy: Policy, number: int, causes: tuple[Ref, ...]) -> Entry:
    """The entry of config-applied: with the text, or behind its pieces."""
    bodies = pieces.cut(policy.text)
    for body in bodies:
        context.write(Kind.CONFIG_PART, "", body, causes)
    text = {} if bodies else {"text": policy.text}
    return context.write(Kind.CONFIG_APPLIED, "", {"number": number, "digest": policy.digest, **text}, causes)


def write_fork(context: Context, ours: Branch, theirs: Branch) -> bool:
    """Both sides as events of ours; False where they are too long, and nothing was written."""
    event = theirs[0].event
    body = {"node": event.node, "incarnation": event.incarnation, "number": event.number}
    if fits(ours, theirs):
        context.write(Kind.FORK_SEEN, "", {**body, "ours": flat_of(ours), "theirs": flat_of(theirs)}, ())
        return True
    if not fits_in_pieces(ours, theirs):
        return False
    parts = cut(ours, theirs)
    for part in parts:
        context.write(Kind.FORK_PART, "", part, ())
    context.write(Kind.FORK_SEEN, "", {**body, "ours": [], "theirs": [], "digest": parts[0]["digest"]}, ())
    return True
