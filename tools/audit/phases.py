"""How long each phase of a takeover took, from what the events say about themselves. Milliseconds.

| phase    | from                                  | until                       | taken from                       |
|----------|---------------------------------------|-----------------------------|----------------------------------|
| silence  | the dead holder was last heard        | it was judged dead          | `silent_ms` of the judgement     |
| judge    | that judgement; else the newest cause;| the claim was written       | boot clocks of one node          |
|          | after a split: the rival heard again  |                             |                                  |
| claim    | the claim was given to the disk       | it was durable and guarded  | `durable_us` of the `up` event   |
| act      | the first action began                | the last one ended          | `act_us`, announcing left out    |
| announce |                                       |                             | `announce_us`                    |

Nothing is subtracted across two nodes but `judge` where another node's event was the cause (its clock, never below 0).
"""

from protocol.event import Event
from protocol.events import Judged, Judgement, Up, body_of
from protocol.kinds import Kind
from protocol.moment import lasting
from tools.audit.history import History

Phases = dict[str, float | None]

ALIVE, DEAD = Judgement.ALIVE, Judgement.DEAD


def phases_ms(history: History, root: Event, up: Event | None) -> Phases:
    """A phase that did not occur took 0; one that is not over yet is None."""
    causes = [history.events[ref] for ref in root.causes if ref in history.events]
    if root.kind == Kind.RECLAIM:
        causes = _told(history, root, [event for event in causes if event.node != root.node]) or causes
    dead = {event.ref: body for event in causes if isinstance(body := body_of(event), Judged) and body.judgement is DEAD}
    silence = max((body.silent_ms for body in dead.values()), default=0)
    newest = [event for event in causes if event.ref in dead] or causes
    trigger = max(newest, key=lambda event: history.at_ms[event.ref], default=None)
    phases: Phases = {"silence": float(silence), "judge": _between(history, trigger, root)}
    came = body_of(up) if up else None
    took = (came.durable_us, came.act_us, came.announce_us) if isinstance(came, Up) else None
    for at, phase in enumerate(("claim", "act", "announce")):
        phases[phase] = took[at] / 1000 if took else None
    return phases


def _told(history: History, root: Event, claims: list[Event]) -> list[Event]:
    """What told the owner of a split: its first judgement of the rival since the rival's claim, else its first event that
    knew of that claim."""
    told = []
    for claim in claims:
        judged = [
            event
            for event in history.nodes[root.node]
            if event.ref < root.ref
            and isinstance(body := body_of(event), Judged)
            and (body.peer, body.judgement) == (claim.node, ALIVE)
            and history.at_ms[event.ref] >= history.at_ms[claim.ref]
        ]
        knew = history.first_that_knew(root.node, claim.ref)
        told += judged[-1:] or [knew or root]
    return told


def _between(history: History, trigger: Event | None, root: Event) -> float:
    if trigger is None:
        return 0.0
    if trigger.node == root.node and trigger.boot_ms <= root.boot_ms:
        return float(root.boot_ms - trigger.boot_ms)
    return float(max(0, history.at_ms[root.ref] - history.at_ms[trigger.ref]))


def in_words(phases: Phases) -> str:
    return ", ".join(f"{phase} {'not over' if took is None else lasting(took)}" for phase, took in phases.items())
