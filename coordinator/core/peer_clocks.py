"""The wall clock of a peer beside ours: an alarm for people, and never part of a decision.

    clocks.compare(core, entries)       # entries of one peer's feed, as they come

Only an event that was written a moment ago tells the time: one that is newer than all which the heartbeats of the living peer
have named. Between its writing and its coming lies a disk and a network, far less than what is complained of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.alarms.names import AlarmName
from coordinator.core.effects import Alarm, AlarmOver
from coordinator.state.model import Judgement
from protocol.event import Entry, Event
from protocol.moment import lasting

if TYPE_CHECKING:
    from coordinator.core.core import Core

APART_MS = 10_000
"""A command is good for a minute, so a few of these refuse every one; and far more than any network time service leaves."""


def compare(core: Core, entries: tuple[Entry, ...]) -> None:
    """`entries` of one feed, in order."""
    event = entries[-1].event if entries else None
    if event is None or not _is_new(core, event):
        return
    ahead_ms = event.wall_ms - core.now.wall_ms
    if abs(ahead_ms) < APART_MS:
        core.emit(AlarmOver(AlarmName.CLOCK_APART, node=event.node))
        return
    how = f"{lasting(round(abs(ahead_ms), -3))} {'ahead of' if ahead_ms > 0 else 'behind'}"
    text = f"the clock of {event.node} is {how} that of {core.me}: signed commands may be refused as expired"
    core.emit(Alarm(AlarmName.CLOCK_APART, text, node=event.node))


def _is_new(core: Core, event: Event) -> bool:
    peer = core.liveness.peers.get(event.node)
    if peer is None or peer.newest is None or core.liveness.judgement(event.node, core.now_ms) is not Judgement.ALIVE:
        return False
    told = peer.newest.message.heads.get(event.node)
    return told is not None and (told.incarnation, told.number) < (event.incarnation, event.number)
