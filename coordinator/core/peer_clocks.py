"""The wall clock of a peer beside ours: an alarm for people, and never part of a decision.

    clocks.compare(context, liveness, entries)      # entries of one peer's feed, as they come

Only an event that was written a moment ago tells the time: one that is newer than all which the heartbeats of the living peer
have named. Between its writing and its coming lies a disk and a network, far less than what is complained of.
"""

from coordinator.alarms.names import AlarmName
from coordinator.core.context import Context
from coordinator.core.effects import Alarm, AlarmOver
from coordinator.core.failure_detector import FailureDetector
from coordinator.state.model import Judgement
from protocol.event import Entry, Event
from protocol.moment import lasting

APART_MS = 10_000
"""A command is good for a minute, so a few of these refuse every one; and far more than any network time service leaves."""


def compare(context: Context, liveness: FailureDetector, entries: tuple[Entry, ...]) -> None:
    """`entries` of one feed, in order."""
    event = entries[-1].event if entries else None
    if event is None or not _is_new(context, liveness, event):
        return
    ahead_ms = event.wall_ms - context.now.wall_ms
    if abs(ahead_ms) < APART_MS:
        context.emit(AlarmOver(AlarmName.CLOCK_APART, node=event.node))
        return
    how = f"{lasting(round(abs(ahead_ms), -3))} {'ahead of' if ahead_ms > 0 else 'behind'}"
    text = f"the clock of {event.node} is {how} that of {context.me}: signed commands may be refused as expired"
    context.emit(Alarm(AlarmName.CLOCK_APART, text, node=event.node))


def _is_new(context: Context, liveness: FailureDetector, event: Event) -> bool:
    peer = liveness.peers.get(event.node)
    if peer is None or peer.newest is None or liveness.judgement(event.node, context.now_ms) is not Judgement.ALIVE:
        return False
    told = peer.newest.message.heads.get(event.node)
    return told is not None and (told.incarnation, told.number) < (event.incarnation, event.number)
