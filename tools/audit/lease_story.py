"""What can be said of the lease of an owner under `partition = "majority"` or `"arbiter"`, at a moment of the past.

    lease_known(evidence, state, held)      # a sentence; None where no node owns it, or it needs no lease

That an owner had a lease just then is proved by nothing: the echoes that kept it alive are heartbeats, and no log holds these.
Known is when it was given, that no other node could own the service before it was over, and by when it was over.
"""

from coordinator.policy import ARBITER
from coordinator.state.model import State
from protocol.event import Event
from protocol.events import Down, Release, body_of
from protocol.kinds import Kind
from tools.audit.clock import show
from tools.audit.evidence import Evidence
from tools.audit.history import History
from tools.audit.lease_ends import in_words, leased, shown_later
from tools.audit.owners_at import Held
from tools.audit.showing import name

ANEW = frozenset({Kind.NODE_STARTED, Kind.GAP_DECLARED})


def lease_known(evidence: Evidence, state: State, held: Held) -> str | None:
    history, owner = evidence.history, held.owner
    lived = leased(state, evidence.policy, held.service, owner) if owner is not None else None
    if owner is None or lived is None:
        return None
    by_arbiter = lived.services[held.service].partition == ARBITER
    whose, what = ("the arbiter", "its answers") if by_arbiter else ("the votes of a majority", "heartbeats")
    by = shown_later(history, evidence.policy, state, held.service, owner)
    own = _own_end(history, owner, held)
    said = [
        f"given by {whose}; whether it was live just then no log tells, since {what} are not kept",
        f"until it was over no other node could own {held.service}",
    ]
    said += [f"{owner} gave it up at {show(history.at_ms[own.ref])} ({name(history, own.ref)})"] if own else []
    if by and (own is None or history.at_ms[by.shown_by[-1]] < history.at_ms[own.ref]):
        said.append(in_words(history, by))
    return "; ".join(said if own or by else [*said, "nothing here shows that it is over"])


def _own_end(history: History, owner: str, held: Held) -> Event | None:
    """The first event after the claim with which its node gave it up; none where the node was started anew before."""
    for event in history.nodes[owner]:
        if held.claim is None or event.ref <= held.claim:
            continue
        if event.kind in ANEW:
            return None
        if event.service == held.service and isinstance(body_of(event), Release | Down):
            return event
    return None
