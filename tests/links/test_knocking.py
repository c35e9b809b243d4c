"""A stream stands still while datagrams arrive: the side that does not dial knocks, and both learn that these come and go."""

from coordinator.transport.link import Link
from protocol.datagram import Inside, Opener, Sealer

DEAD_MS = 500
NAMES = ("ann", "bob")
ENDS = {"ann": ("127.0.0.1", 1), "bob": ("127.0.0.1", 2)}


class Pair:
    """Both ends of one link, whose datagrams arrive at once and whose streams have never brought anything but their keys."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.dialled: list[str] = []
        self.links = {name: self._end(name, peer) for name, peer in zip(NAMES, reversed(NAMES), strict=True)}
        self.openers: dict[str, Opener] = {}
        for name, peer in zip(NAMES, reversed(NAMES), strict=True):
            self.links[name].sealer = sealer = Sealer()
            self.openers[peer] = Opener(sealer.key_id, sealer.key)

    def _end(self, name: str, peer: str) -> Link:
        send = lambda data, to: self.deliver(peer, data)  # noqa: E731
        hurry = lambda: self.dialled.append(name)  # noqa: E731
        return Link(peer, "lan", ENDS[name], ENDS[peer], name < peer, send, DEAD_MS, hurry)

    def deliver(self, name: str, data: bytes) -> None:
        """As `coordinator/transport/receive.py` does."""
        inside, _ = self.openers[name].open(data)
        self.links[name].datagram_heard(self.now_ms)
        if inside is Inside.KNOCK:
            self.links[name].knocked(self.now_ms)

    def datagrams(self) -> list[bool]:
        return [self.links[name].status(self.now_ms, {}).datagram for name in NAMES]


def test_two_that_hear_only_datagrams_know_that_both_directions_are_whole() -> None:
    pair = Pair()
    pair.now_ms = 1000
    assert pair.datagrams() == [False, False], "no ping has come over a stream"
    pair.links["ann"].seal(Inside.HEARTBEAT, b"")
    assert pair.datagrams() == [True, True]
    assert pair.dialled == ["ann"], "the side with the smaller name dials"


def test_a_knock_is_answered_once_and_no_answer_is_answered() -> None:
    pair = Pair()
    said: list[str] = []
    deliver = pair.deliver
    pair.deliver = lambda name, data: (said.append(name), deliver(name, data))  # type: ignore[method-assign,assignment]
    pair.now_ms = 1000
    pair.links["ann"].seal(Inside.HEARTBEAT, b"")
    assert said == ["bob", "ann", "bob"], "a heartbeat, a knock, its answer"


def test_where_one_direction_is_lost_nobody_takes_the_other_for_both() -> None:
    pair = Pair()
    pair.now_ms = 1000
    pair.links["bob"].send_datagram = lambda data, to: None
    pair.links["ann"].seal(Inside.HEARTBEAT, b"")
    assert pair.datagrams() == [False, False]
    assert pair.dialled == []
