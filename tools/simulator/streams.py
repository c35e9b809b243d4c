"""One TLS connection: in order, nothing lost while it stands, and it breaks when nothing gets through for too long.

A cut does not break a connection at once: what is sent waits, and arrives when the cut is healed in time. A process that ends
breaks it with a reset, which the other side sees where the way is open; a machine without power says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tools.simulator.event_queue import EventQueue
from tools.simulator.messages import Mail
from tools.simulator.network_faults import RETRANSMIT_US, Sky, Way

BREAK_US = 1_000_000
"""Unacknowledged for so long, a connection is given up by both ends."""

Deliver = Callable[[str, str, str, Mail, int], None]
"""Receiver, sender, link, what, and when the connection began."""


@dataclass(slots=True)
class _Lane:
    """One direction: what waits for the cut to end, and when the last segment arrives."""

    way: Way
    waiting: list[Mail] = field(default_factory=list)
    arrived_us: int = 0


class Stream:
    """Between two nodes on one link, from its handshake until it breaks."""

    def __init__(self, agenda: EventQueue, sky: Sky, ends: tuple[str, str], link: str, deliver: Deliver) -> None:
        self.ends = ends
        self.link = link
        self.alive = True
        self._began_us = agenda.now_us
        self._agenda = agenda
        self._sky = sky
        self._deliver = deliver
        first, second = ends
        self._lanes = {first: _Lane((first, second, link)), second: _Lane((second, first, link))}

    def send(self, sender: str, mail: Mail) -> None:
        lane = self._lanes[sender]
        if lane.way in self._sky.cuts or lane.waiting:
            lane.waiting.append(mail)
        else:
            self._fly(lane, mail, 0)

    def healed(self) -> None:
        """A cut has ended: what waited is sent again at the next retransmission."""
        for lane in self._lanes.values():
            if lane.waiting and lane.way not in self._sky.cuts:
                waiting, lane.waiting = lane.waiting, []
                for mail in waiting:
                    self._fly(lane, mail, RETRANSMIT_US // 2)

    def blocked(self) -> bool:
        return any(lane.way in self._sky.cuts for lane in self._lanes.values())

    def last_arrival_us(self, sender: str) -> int:
        """When a word sent now would be there, behind everything that is on its way."""
        lane = self._lanes[sender]
        return max(lane.arrived_us, self._agenda.now_us + self._sky.stream_delay_us(lane.way))

    def _fly(self, lane: _Lane, mail: Mail, extra_us: int) -> None:
        sender, receiver, link = lane.way
        at_us = self._agenda.now_us + extra_us + self._sky.stream_delay_us(lane.way)
        lane.arrived_us = max(lane.arrived_us, at_us)
        self._agenda.at(lane.arrived_us, lambda: self._land(receiver, sender, link, mail))

    def _land(self, receiver: str, sender: str, link: str, mail: Mail) -> None:
        if self.alive:
            self._deliver(receiver, sender, link, mail, self._began_us)
