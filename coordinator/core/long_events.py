"""Writing what one event may not hold, a configuration or the evidence of a fork, in pieces before the event that needs them.

    entry = write_configuration(core, policy, number, causes)
    written = write_fork(core, ours, theirs)    # False where both sides are too long even for pieces
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.policy import Policy
from coordinator.state import pieces
from protocol.event import Entry, Ref
from protocol.forks import Branch, cut, fits, fits_in_pieces, flat_of
from protocol.kinds import Kind

if TYPE_CHECKING:
    from coordinator.core.core import Core


def write_configuration(core: Core, policy: Policy, number: int, causes: tuple[Ref, ...]) -> Entry:
    """The entry of config-applied: with the text, or behind its pieces."""
    bodies = pieces.cut(policy.text)
    for body in bodies:
        core.write(Kind.CONFIG_PART, "", body, causes)
    text = {} if bodies else {"text": policy.text}
    return core.write(Kind.CONFIG_APPLIED, "", {"number": number, "digest": policy.digest, **text}, causes)


def write_fork(core: Core, ours: Branch, theirs: Branch) -> bool:
    """Both sides as events of ours; False where they are too long, and nothing was written."""
    event = theirs[0].event
    body = {"node": event.node, "incarnation": event.incarnation, "number": event.number}
    if fits(ours, theirs):
        core.write(Kind.FORK_SEEN, "", {**body, "ours": flat_of(ours), "theirs": flat_of(theirs)}, ())
        return True
    if not fits_in_pieces(ours, theirs):
        return False
    parts = cut(ours, theirs)
    for part in parts:
        core.write(Kind.FORK_PART, "", part, ())
    core.write(Kind.FORK_SEEN, "", {**body, "ours": [], "theirs": [], "digest": parts[0]["digest"]}, ())
    return True
