"""The network between the machines: links with their two directions, datagrams, and connections that come and go.

    network.datagram("genesis", "lukretia", "lan", mail)
    network.cut(("genesis", "lukretia", "lan"))      # what genesis sends on lan no longer arrives

A listener is a `Post`: it says whether its process answers, and takes mail and the news of its connections.
"""

import random
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from tools.simulator.event_queue import EventQueue
from tools.simulator.messages import Mail
from tools.simulator.network_faults import NetworkFaults, Sky, Way
from tools.simulator.streams import BREAK_US, Stream

REDIAL_US = 100_000
"""How often a missing connection is tried again."""

REMOVED_US = 2_000_000
"""How often one is tried with a node that does not know us any more, or that we do not know."""


class Post(Protocol):
    """One machine, as the network sees it."""

    @property
    def answers(self) -> bool:
        """Power is on and faild listens (it may be frozen: then the kernel still accepts)."""

    @property
    def frozen(self) -> bool: ...

    def knows(self, peer: str) -> bool:
        """Whether its configuration names this node."""

    def turn_away(self, peer: str, link: str) -> None:
        """A node connects that it does not know: it tells it so."""

    def take(self, sender: str, link: str, mail: Mail, began_us: int | None) -> None:
        """`began_us`: when the connection began that brought it; None for a datagram."""

    def connected(self, peer: str, link: str, up: bool) -> None: ...


class Network:
    def __init__(self, agenda: EventQueue, rng: random.Random, links: Mapping[str, tuple[str, ...]]) -> None:
        self.sky = Sky(rng)
        self._agenda = agenda
        self._rng = rng
        self._posts: dict[str, Post] = {}
        self._pairs = [
            (a, b, link) for a in links for b in links if a < b for link in links[a] if link in links[b]
        ]
        self._streams: dict[tuple[str, str, str], Stream] = {}
        self._dialling: set[tuple[str, str, str]] = set()

    def plug_in(self, name: str, post: Post) -> None:
        self._posts[name] = post

    def links_between(self, a: str, b: str) -> list[str]:
        return [link for first, second, link in self._pairs if {first, second} == {a, b}]

    def ways(self, sender: str, receiver: str, link: str | None = None) -> list[Way]:
        return [(sender, receiver, name) for name in self.links_between(sender, receiver) if link in (None, name)]

    # What nodes do

    def datagram(self, sender: str, receiver: str, link: str, mail: Mail) -> None:
        for delay_us in self.sky.datagram_delays_us((sender, receiver, link)):
            self._agenda.after(delay_us, lambda: self._arrive(sender, receiver, link, mail))

    def stream(self, sender: str, receiver: str, link: str, mail: Mail) -> None:
        """Over the link's connection, where there is one."""
        if stream := self._streams.get(_key(sender, receiver, link)):
            stream.send(sender, mail)

    def connection(self, a: str, b: str, link: str) -> bool:
        return _key(a, b, link) in self._streams

    def came_up(self, name: str) -> None:
        """A faild listens: connections are tried from now on."""
        for pair in self._pairs:
            if name in pair[:2]:
                self._dial_soon(pair, self._rng.randint(0, 2_000))

    def went_away(self, name: str, reset: bool) -> None:
        """A faild is gone. With `reset` its kernel says so; without power nothing does."""
        for pair in [pair for pair in self._streams if name in pair[:2]]:
            stream = self._streams.pop(pair)
            other = pair[1] if pair[0] == name else pair[0]
            heard = reset and (name, other, pair[2]) not in self.sky.cuts
            at_us = stream.last_arrival_us(name) if heard else self._agenda.now_us + BREAK_US
            stream.alive = heard
            self._agenda.at(at_us, partial(self._ended, stream, other, name))

    def _ended(self, stream: Stream, other: str, name: str) -> None:
        """The end of a connection has come through to the other side; what was sent before it is there."""
        stream.alive = False
        self._lost((*stream.ends, stream.link), other, name)

    def disown(self, name: str) -> None:
        """Its configuration names other nodes now: connections with those that it does not name any more end."""
        for pair in [pair for pair in self._streams if name in pair[:2]]:
            other = pair[1] if pair[0] == name else pair[0]
            if not self._posts[name].knows(other):
                self._streams.pop(pair).alive = False
                for end, peer in ((name, other), (other, name)):
                    self._agenda.after(0, partial(self._lost, pair, end, peer))

    # What happens to links

    def cut(self, ways: Iterable[Way]) -> None:
        for way in ways:
            self.sky.cuts.add(way)
            if stream := self._streams.get(_key(*way)):
                self._agenda.after(BREAK_US, partial(self._break, stream))

    def heal(self, ways: Iterable[Way]) -> None:
        for way in list(ways):
            self.sky.cuts.discard(way)
        for stream in self._streams.values():
            stream.healed()

    def heal_all(self) -> None:
        self.heal(self.sky.cuts)

    def set_weather(self, weather: NetworkFaults, way: Way | None = None) -> None:
        if way is None:
            self.sky.everywhere = weather
            self.sky.local.clear()
        else:
            self.sky.local[way] = weather

    # Inside

    def _arrive(self, sender: str, receiver: str, link: str, mail: Mail) -> None:
        post = self._posts[receiver]
        if post.answers:
            post.take(sender, link, mail, None)

    def _deliver(self, receiver: str, sender: str, link: str, mail: Mail, began_us: int) -> None:
        self._posts[receiver].take(sender, link, mail, began_us)

    def _dial_soon(self, pair: tuple[str, str, str], wait_us: int) -> None:
        if pair not in self._dialling:
            self._dialling.add(pair)
            self._agenda.after(wait_us, lambda: self._dial(pair))

    def _dial(self, pair: tuple[str, str, str]) -> None:
        self._dialling.discard(pair)
        first, second, link = pair
        if pair in self._streams or not (self._posts[first].answers or self._posts[second].answers):
            return
        ways = ((first, second, link), (second, first, link))
        ready = all(self._posts[end].answers and not self._posts[end].frozen for end in (first, second))
        if not ready or any(way in self.sky.cuts for way in ways):
            self._dial_soon(pair, REDIAL_US)
            return
        shake_us = sum(self.sky.stream_delay_us(way) for way in ways)
        self._dialling.add(pair)
        self._agenda.after(shake_us, lambda: self._connect(pair))

    def _connect(self, pair: tuple[str, str, str]) -> None:
        self._dialling.discard(pair)
        first, second, link = pair
        stream = Stream(self._agenda, self.sky, (first, second), link, self._deliver)
        ready = all(self._posts[end].answers and not self._posts[end].frozen for end in (first, second))
        if stream.blocked() or not ready:
            self._dial_soon(pair, REDIAL_US)
            return
        if not (self._posts[first].knows(second) and self._posts[second].knows(first)):
            self._turn_away(pair)
            return
        self._streams[pair] = stream
        self._posts[first].connected(second, link, True)
        self._posts[second].connected(first, link, True)

    def _turn_away(self, pair: tuple[str, str, str]) -> None:
        """The handshake shows who it is; a node that is not known is told so, on each link, and tries again."""
        first, second, link = pair
        for end, other in ((first, second), (second, first)):
            if not self._posts[end].knows(other):
                self._posts[end].turn_away(other, link)
        self._dial_soon(pair, REMOVED_US)

    def tell(self, sender: str, receiver: str, link: str, mail: Mail) -> None:
        """Over a connection that is ended then."""
        delay_us = self.sky.stream_delay_us((sender, receiver, link))
        self._agenda.after(delay_us, partial(self._told, receiver, sender, link, mail))

    def _told(self, receiver: str, sender: str, link: str, mail: Mail) -> None:
        if self._posts[receiver].answers and (sender, receiver, link) not in self.sky.cuts:
            self._deliver(receiver, sender, link, mail, self._agenda.now_us)

    def _break(self, stream: Stream) -> None:
        pair = (*stream.ends, stream.link)
        if self._streams.get(pair) is stream and stream.blocked():
            del self._streams[pair]
            stream.alive = False
            for end, other in (stream.ends, stream.ends[::-1]):
                self._lost(pair, end, other)

    def _lost(self, pair: tuple[str, str, str], end: str, other: str) -> None:
        if self._posts[end].answers and pair not in self._streams:
            self._posts[end].connected(other, pair[2], False)
        self._dial_soon(pair, REDIAL_US)


def _key(a: str, b: str, link: str) -> tuple[str, str, str]:
    return (a, b, link) if a < b else (b, a, link)
