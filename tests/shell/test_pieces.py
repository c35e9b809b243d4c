"""The pure pieces that the daemon's shell and the simulator's share: what is pushed, what is asked for, and what goes where."""

from collections.abc import Callable
from dataclasses import dataclass, field

from coordinator.core.effects import Run
from coordinator.core.inputs import ActionEnding, Input, Outcome, StepFinished
from coordinator.shell.batches import Asked, bodies, signed_length
from coordinator.shell.held import Held
from coordinator.shell.last_words import LastWords
from coordinator.shell.own_entries import OwnEntries
from coordinator.shell.sending import Sending
from coordinator.shell.steps import ended
from protocol.bodies import Pair, Want, read_batch
from protocol.datagram import SEALED_BYTES_MAX, Inside
from protocol.event import Entry, Event
from protocol.messages import Domain, LastWord
from tools.simulator.keys import Believer, belief

CLUSTER = b"c" * 32
ME = "lukretia"
SIGNED = belief(ME, Domain.EVENT)


def entry(number: int, text: str = "", *, signed: bool = True) -> Entry:
    event = Event(CLUSTER, ME, 1, number, bytes(32), 0, 0, "pulse", "", {"text": text} if text else {}, (), ())
    return Entry.of(event).signed(SIGNED) if signed else Entry.of(event)


@dataclass
class Way:
    """`coordinator.shell.ports.Way`: keeps what it is told to send."""

    peer: str
    stream_ms: int = 0
    full: bool = False
    frames: list[bytes] = field(default_factory=list)
    datagrams: list[tuple[Inside, bytes]] = field(default_factory=list)

    def beat(self, body: bytes, data: bytes) -> Callable[[], None]:
        return lambda: self.frames.append(data)

    def send(self, data: bytes) -> bool:
        if not self.full:
            self.frames.append(data)
        return not self.full

    def seal(self, inside: Inside, body: bytes) -> bool:
        if len(body) <= SEALED_BYTES_MAX:
            self.datagrams.append((inside, body))
        return len(body) <= SEALED_BYTES_MAX

    def shout(self, data: bytes) -> None:
        self.datagrams.append((Inside.KNOCK, data))


def sending(**ways: Way) -> Sending:
    return Sending(Believer(ME), {(way.peer, name): way for name, way in ways.items()}, lambda: ())


def test_what_only_one_peer_must_hear_goes_on_the_link_that_brought_something_last() -> None:
    lan, direct = Way("genesis", stream_ms=100), Way("genesis", stream_ms=900)
    sending(lan=lan, direct=direct).want("genesis", "carthage", 1, 7)
    assert (len(lan.frames), len(direct.frames)) == (0, 1)


def test_a_link_that_is_full_passes_it_on_to_the_next() -> None:
    lan, direct = Way("genesis", stream_ms=100), Way("genesis", stream_ms=900, full=True)
    sending(lan=lan, direct=direct).want("genesis", "carthage", 1, 7)
    assert (len(lan.frames), len(direct.frames)) == (1, 0)


def test_an_urgent_batch_that_is_too_long_for_a_datagram_goes_entry_by_entry() -> None:
    """What is not signed by itself would be refused there: it comes over TLS."""
    way = Way("genesis")
    long = [entry(1, "x" * 900), entry(2, "y" * 900, signed=False), entry(3, "z" * 900)]
    sending(lan=way).push(long, urgent=True)
    assert [read_batch(body) for _, body in way.datagrams] == [[(one.raw, one.signature)] for one in (long[0], long[2])]


def test_a_batch_with_a_hole_is_not_pushed() -> None:
    own = OwnEntries(ME)
    own.add([entry(1), entry(3)])
    assert own.between(1, 1, 3) == []
    own.add([entry(2)])
    assert [one.event.number for one in own.between(1, 1, 3)] == [1, 2, 3]


def test_what_is_on_its_way_is_not_begun_again() -> None:
    """A peer asks at every heartbeat until it has everything: a long feed would be sent from its beginning each time."""
    asked = Asked()
    asked.ask(Want("genesis", 1, 1))
    asked.sent(("genesis", 1), 1, 64)
    asked.ask(Want("genesis", 1, 1))
    assert asked.next == (("genesis", 1), 65)
    asked.sent(("genesis", 1), 65, 0)
    assert not asked


def test_a_batch_ends_in_a_signature() -> None:
    pairs: list[Pair] = [(entry(n).raw, SIGNED if n in (2, 4) else None) for n in range(1, 6)]
    assert signed_length(pairs) == 4
    assert [len(read_batch(body)) for body in bodies(pairs)] == [4]


def test_each_claim_has_a_last_word_of_its_own() -> None:
    words = LastWords(Believer(ME))
    first, second = (LastWord(CLUSTER, ME, b"r" * 8, "web", epoch) for epoch in (1, 2))
    assert words.signed(first).message == first
    assert words.signed(second).message == second
    assert words.signed(second) is words.signed(second)


def test_a_guard_confirms_each_claim_once_and_again_where_it_is_told_anew() -> None:
    held = Held[str]()
    held.hold("web", 1, "with the first actions")
    assert (held.confirmed("web", 1), held.confirmed("web", 1)) == (True, False)
    held.hold("web", 1, "with other actions")
    assert held.confirmed("web", 1)
    held.hold("web", 2, "a newer claim")
    held.release("web", 1)
    assert list(held.messages) == ["a newer claim"]
    held.release("web", 2)
    assert not held


def test_the_end_of_each_lease_is_known_until_its_claim_is_over() -> None:
    """A claim says the end of its own lease alone: those of the others stay as they were said."""
    held = Held[str]()
    for service in ("web", "db"):
        held.hold(service, 1, service)
    assert held.ends_ms("web") is None
    held.renew((("web", 1, 500), ("db", 1, 600)))
    held.renew((("db", 1, 700), ("mail", 1, 800), ("web", 9, 900)))
    assert (held.ends_ms("web"), held.ends_ms("db"), held.ends_ms("mail")) == (500, 700, None)
    held.hold("db", 1, "with other actions")
    held.hold("web", 2, "a newer claim")
    assert (held.ends_ms("web"), held.ends_ms("db")) == (None, 700)
    held.release("db", 1)
    assert held.ends_ms("db") is None


def test_the_word_goes_before_the_end_of_the_step_and_only_where_all_is_down() -> None:
    word = LastWord(CLUSTER, ME, b"r" * 8, "web", 1)
    order = Run(7, "web", (1, 0), "down", 1, "a move", word)
    done, failed = ActionEnding(Outcome.DONE), ActionEnding(Outcome.FAILED)
    told: list[LastWord | Input] = []
    ended(order, (done, done), told.append, told.append)
    ended(order, (done, failed), told.append, told.append)
    assert told == [word, StepFinished(7, (done, done), True), StepFinished(7, (done, failed), False)]
