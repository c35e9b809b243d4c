"""The inbox, with a clock that stands still until it is told to go on."""

from collections.abc import Callable
from typing import Any

from coordinator.core.inputs import CarrierChanged, HeartbeatHeard, Input, Now, StopAsked, Woke
from coordinator.shell.inbox import INPUTS_MAX, Inbox
from protocol.messages import Heartbeat, Verified


class StillClock:
    """`coordinator.shell.ports.Clock`."""

    def __init__(self) -> None:
        self.mono_ms = 0
        self.turn: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.timers: list[tuple[int, Callable[[], None]]] = []

    def now(self) -> Now:
        return Now(self.mono_ms, 0, self.mono_ms)

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        self.turn.append((act, given))

    def wake_at(self, at_ms: int, act: Callable[[], None]) -> None:
        self.timers = [(at_ms, act)]

    def close(self) -> None:
        self.timers = []

    def next_turn(self) -> None:
        turn, self.turn = self.turn, []
        for act, given in turn:
            act(*given)

    def passes(self, at_ms: int) -> None:
        self.mono_ms = at_ms
        due = [act for when, act in self.timers if when <= at_ms]
        self.timers = [(when, act) for when, act in self.timers if when > at_ms]
        for act in due:
            act()


def opened(take: Callable[[Inbox, Input], None]) -> tuple[Inbox, StillClock]:
    clock = StillClock()
    inbox = Inbox(clock)
    inbox.begin(lambda given, now: take(inbox, given), StopAsked())
    clock.next_turn()
    return inbox, clock


def heartbeat(counter: int) -> HeartbeatHeard:
    message = Heartbeat(b"c" * 32, "genesis", b"r" * 8, counter, True, bytes(8), 0, {}, {}, ())
    return HeartbeatHeard(Verified(message, b"", b""), "lan")


def test_an_input_from_inside_another_waits_until_that_is_done() -> None:
    """What the first decided would rest on a state that the second has changed under it."""
    told: list[str] = []

    def take(inbox: Inbox, given: Input) -> None:
        told.append(f"{type(given).__name__} begins")
        if isinstance(given, Woke):
            inbox.post(CarrierChanged("eth0", False))
        told.append(f"{type(given).__name__} ends")

    inbox, _ = opened(take)
    told.clear()
    inbox.post(Woke())
    assert told == ["Woke begins", "Woke ends", "CarrierChanged begins", "CarrierChanged ends"]


def test_what_comes_before_the_first_input_waits_for_it() -> None:
    clock, taken = StillClock(), list[Input]()
    inbox = Inbox(clock)
    inbox.post(CarrierChanged("eth0", False))
    inbox.begin(lambda given, now: taken.append(given), StopAsked())
    assert taken == []
    clock.next_turn()
    assert taken == [StopAsked(), CarrierChanged("eth0", False)]


def test_a_full_inbox_drops_heartbeats_and_nothing_else() -> None:
    clock, taken = StillClock(), list[Input]()
    inbox = Inbox(clock)
    for counter in range(INPUTS_MAX):
        inbox.post(heartbeat(counter))
    inbox.post(heartbeat(INPUTS_MAX))
    inbox.post(CarrierChanged("eth0", False))
    inbox.begin(lambda given, now: taken.append(given), StopAsked())
    clock.next_turn()
    assert (inbox.dropped, len(taken), taken[-1]) == (1, INPUTS_MAX + 2, CarrierChanged("eth0", False))


def test_a_timer_that_went_off_can_be_set_to_the_same_time_again() -> None:
    """A core that still wants to be called at that instant would sleep for ever."""
    taken: list[Input] = []
    inbox, clock = opened(lambda inbox, given: taken.append(given))
    for _ in range(2):
        inbox.wake_at(300)
        clock.passes(300)
    assert taken.count(Woke()) == 2


def test_nothing_is_taken_in_after_the_end() -> None:
    """Also where the end comes from inside an input, and something waits behind it."""
    taken: list[Input] = []

    def take(inbox: Inbox, given: Input) -> None:
        taken.append(given)
        if isinstance(given, Woke):
            inbox.post(CarrierChanged("eth0", False))
            inbox.close()

    inbox, clock = opened(take)
    inbox.post(Woke())
    inbox.post(CarrierChanged("eth0", True))
    clock.next_turn()
    assert taken == [StopAsked(), Woke()]
