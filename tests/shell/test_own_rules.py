"""What must hold between the core, the log, the actions and the links: each rule ends `faild` where it is broken."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from coordinator.core.effects import Append, Run
from coordinator.core.inputs import ActionEnding, Input, NotDurable, Outcome, StopAsked, Woke
from coordinator.shell.batches import Asked, ending_in_a_signature, read_next
from coordinator.shell.inbox import Inbox
from coordinator.shell.last_words import LastWords
from coordinator.shell.own_entries import OwnEntries
from coordinator.shell.perform import Shell
from coordinator.shell.ports import Stored
from coordinator.shell.steps import ended
from protocol.event import Entry
from protocol.invariant import InvariantBroken
from protocol.messages import LastWord
from store.refusals import JournalRefused
from tests.shell.test_inbox import StillClock
from tests.shell.test_pieces import CLUSTER, ME, Believer, Way, entry, sending

Tell = Callable[[Stored | JournalRefused], None]


class Ordering:
    """A core that has nothing left to decide: it orders what it is given to order."""

    me = ME
    wake_at_ms = -1

    def __init__(self, *orders: Append) -> None:
        self.orders = [*orders]
        self.taken: list[Input] = []

    def handle(self, given: Input, now: object) -> list[Append]:
        self.taken.append(given)
        return [self.orders.pop(0)] if isinstance(given, Woke) else []


class Disk:
    """Keeps what it is asked, so that the test may answer when it likes, and as often as it likes."""

    def __init__(self) -> None:
        self.tells: list[Tell] = []

    def order(self, entries: Sequence[Entry], tell: Tell) -> None:
        self.tells.append(tell)


def ordering(core: Any, disk: Disk) -> Inbox:
    clock = StillClock()
    inbox = Inbox(clock)
    ports: Any = (disk, None, None, clock, None, None, None)
    shell = Shell(core, inbox, sending(), LastWords(Believer(ME)), ports)
    inbox.begin(shell.take, StopAsked())
    clock.next_turn()
    return inbox


def test_a_transaction_that_was_not_answered_is_followed_by_none() -> None:
    """What follows an `Append` waits for it: two on their way at once would free what waits for the second by the first."""
    disk = Disk()
    inbox = ordering(Ordering(Append(1, (entry(1),)), Append(2, (entry(2),))), disk)
    inbox.post(Woke())
    with pytest.raises(InvariantBroken, match="transaction 2 is ordered while 1"):
        inbox.post(Woke())


def test_a_transaction_is_answered_once() -> None:
    disk, core = Disk(), Ordering(Append(1, (entry(1),)))
    ordering(core, disk).post(Woke())
    disk.tells[0](JournalRefused("full"))
    assert core.taken[-1] == NotDurable(1, "full")
    with pytest.raises(InvariantBroken, match="answers for transaction 1, and none is on its way"):
        disk.tells[0](JournalRefused("full"))


def test_an_inbox_has_one_reader() -> None:
    inbox = ordering(Ordering(), Disk())
    with pytest.raises(InvariantBroken, match="opened once"):
        inbox.begin(lambda given, now: None, StopAsked())


def test_a_step_with_an_action_that_did_not_end_says_no_last_word() -> None:
    """No ending at all would be none that failed: a successor would take what may still be up here."""
    told: list[LastWord | Input] = []
    order = Run(7, "web", (1, 0), "down", 1, "a move", LastWord(CLUSTER, ME, b"r" * 8, "web", 1))
    for endings in ((), (ActionEnding(Outcome.DONE),)):
        with pytest.raises(InvariantBroken, match="web: 2 actions have"):
            ended(order, endings, told.append, told.append)
    assert told == []


def test_what_is_sent_of_a_feed_ends_in_a_signature() -> None:
    way = Way("genesis")
    bare = entry(2, signed=False)
    for last in ([entry(1), bare], []):
        with pytest.raises(InvariantBroken, match="ends in a signature"):
            sending(lan=way).push(last, urgent=False)
        with pytest.raises(InvariantBroken, match="ends in a signature"):
            ending_in_a_signature([(one.raw, one.signature) for one in last])
    assert way.frames == []


def test_only_what_was_asked_for_is_sent() -> None:
    with pytest.raises(InvariantBroken, match="no next feed"):
        _ = Asked().next
    with pytest.raises(InvariantBroken, match="not asked for"):
        Asked().sent(("genesis", 1), 1, 64)


def test_no_more_is_sent_than_was_read_and_no_more_read_than_was_allowed() -> None:
    assert read_next(64, 64, 64) == 0
    for read, count, limit in ((63, 64, 64), (65, 0, 64)):
        with pytest.raises(InvariantBroken, match="can be sent"):
            read_next(read, count, limit)


def test_a_part_of_our_feed_has_a_beginning_before_its_end() -> None:
    with pytest.raises(InvariantBroken, match="no part of a feed"):
        OwnEntries(ME).between(1, 3, 2)
