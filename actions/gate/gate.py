"""Opening, refreshing, shutting: what the kernel is told about the addresses that are held here.

    gate = Gate.enter()
    gate.shut(web)
    assert gate.open(web, ends_ms) is Answer.DONE
    [answer] = gate.refresh([(web, ends_ms)])
    gate.held()         # {address: milliseconds left}, 0 where the gate is shut

`ends_ms` is the lease's end by CLOCK_BOOTTIME. A refresh deletes and adds the elements in one transaction, with a ticket that
was added before the clock was read (`span.py` has the proof). So one that is sent late fails whole, and an element that ran
out is not revived. Only `open` makes one, and it needs a ticket too. The command "destroy" of nf_tables, which deletes what
need not be there, is used nowhere.
"""

import enum
import errno
import os
import time
from collections.abc import Callable, Sequence

from actions.gate import table
from actions.gate.adoption import strange
from actions.gate.channel import Channel, Refused
from actions.gate.elements import GATED, HELD, NAME, Address, Gated, Place, found_in, gated, held, listing, ticket, unheld
from actions.gate.encoding import DELSETELEM, GETSETELEM, NEWSETELEM, Message
from actions.gate.span import span_ms

REMOVALS_MAX = 5
"""Tries to remove our table while others change their rules. What is left does nothing: no address is in it."""

TICKETS_MAX = 5
"""Numbers that are tried: another process may have drawn the same one within 20 ms."""


UNSEEN_MS = 1
"""The life of an element that is deleted in the transaction that adds it."""

INSTEAD = "addresses are enforced by valid_lft, in whole seconds, as far as the kernel has it"

Lease = tuple[Gated, int]
"""Addresses, and when their lease ends."""


class Answer(enum.Enum):
    DONE = "done"
    LATE = "the transaction came later than its ticket allows: nothing has changed"
    LAPSED = "the element has run out, and a refresh makes none"
    OVER = "the lease has too little left"
    GONE = "the table is gone: another program has removed it"


FOR_ALL = frozenset({Answer.DONE, Answer.LATE, Answer.GONE})
"""What a transaction about several leases says of each of them."""


class NoGate(Exception):
    """The kernel's lease cannot be had here. The text says why and what to do; `lifetime.py` has the second best."""


def boottime_ms() -> int:
    """Rounded up: a lease is never reckoned longer than it is."""
    return -(-time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


class Gate:
    """Used by one thread at a time. What it knows stands in the kernel: a second one, of any process, sees the same."""

    def __init__(self, channel: Channel, now_ms: Callable[[], int]) -> None:
        self._channel = channel
        self._now_ms = now_ms
        self._number = int.from_bytes(os.urandom(4), "big")

    @classmethod
    def enter(cls, now_ms: Callable[[], int] = boottime_ms) -> "Gate":
        """Nothing is changed yet. Raises NoGate where the kernel has no nf_tables for us, or our table is not ours."""
        try:
            channel = Channel()
        except OSError as error:
            raise NoGate(f"this kernel has no netlink for packet filters ({error.strerror}): {INSTEAD}") from error
        gate = cls(channel, now_ms)
        try:
            gate.check()
        except NoGate:
            channel.close()
            raise
        return gate

    def leave(self) -> None:
        """What the kernel holds stays, and runs out."""
        self._channel.close()

    def check(self) -> None:
        """Raises NoGate where others have made or changed our table, or we may not read it."""
        try:
            found = strange(self._channel)
        except OSError as error:
            raise NoGate(_why_not(error)) from error
        if found:
            raise NoGate(
                f"{found}. faild changes no table that others have filled: look at it with `nft list ruleset`, rename it or "
                f"remove it with `nft delete table inet failover; nft delete table arp failover`. Until then: {INSTEAD}"
            )

    def prepare(self) -> None:
        """Make the table, where it is not there: the kernel needs up to 20 ms for its chains, and no client shall wait for
        that. Raises NoGate."""
        try:
            missing = self._issue() is None
        except OSError as error:
            raise NoGate(_why_not(error)) from error
        if missing:
            self._make()

    def shut(self, addresses: Gated) -> None:
        """From now on nothing answers for these addresses. Raises NoGate where the table cannot be made, else OSError."""
        messages = [*gated(NEWSETELEM, addresses), *_none_held(addresses)]
        refused = self._channel.commit(messages)
        if refused is not None and refused.errno == errno.ENOENT:
            self._make()
            refused = self._channel.commit(messages)
        _raise(refused)

    def open(self, addresses: Gated, ends_ms: int) -> Answer:
        """Make its elements anew, living or not: the word of the core alone. DONE, LATE, OVER or GONE."""

        def anew(now_ms: int) -> list[Message]:
            span = span_ms(ends_ms, now_ms)
            return [*gated(NEWSETELEM, addresses), *_none_held(addresses), *held((addresses, span))] if span else []

        answer = self._with_ticket(anew)
        return Answer.GONE if answer is Answer.LAPSED else answer

    def refresh(self, leases: Sequence[Lease]) -> list[Answer]:
        """All in one transaction; where one has lapsed or is over, each by itself, so that it takes no other with it."""
        if len(leases) > 1 and (answer := self._refresh(leases)) in FOR_ALL:
            return [answer] * len(leases)
        return [self._refresh([lease]) for lease in leases]

    def close(self, addresses: Gated, *, keep: bool = False) -> None:
        """The addresses are gone from this machine. With the last gated address goes our table, unless it is to be kept."""
        refused = self._channel.commit([*gated(NEWSETELEM, addresses), *gated(DELSETELEM, addresses), *_none_held(addresses)])
        if refused is None or refused.errno != errno.ENOENT:
            _raise(refused)
            if not keep:
                self.remove_if_empty()

    def held(self) -> dict[Address, int]:
        """Milliseconds for which each gated address still answers; 0 where it does not. Empty where there is no table."""
        try:
            there = {address for version in GATED for place in GATED[version] for address in self._found(place)}
            lefts = {place: self._found(place) for version in HELD for place in HELD[version]}
        except OSError as error:
            if error.errno == errno.ENOENT:
                return {}
            raise
        return {address: min(lefts[place].get(address, 0) for place in HELD[address.version]) for address in there}

    def _refresh(self, leases: Sequence[Lease]) -> Answer:
        def again(now_ms: int) -> list[Message]:
            spans = [(addresses, span_ms(ends_ms, now_ms)) for addresses, ends_ms in leases]
            if not all(span for _, span in spans):
                return []
            return [*unheld(*[addresses for addresses, _ in leases]), *held(*spans)]

        return self._with_ticket(again)

    def _with_ticket(self, messages_at: Callable[[int], list[Message]]) -> Answer:
        """The order is the proof: the ticket, then the clock, then the transaction that hands the ticket in."""
        number = self._issue()
        if number is None:
            return Answer.GONE
        messages = messages_at(self._now_ms())
        if not messages:
            return Answer.OVER
        refused = self._channel.commit([ticket(DELSETELEM, number), *messages])
        if refused is None:
            return Answer.DONE
        if refused.errno != errno.ENOENT:
            _raise(refused)
        return Answer.LATE if refused.message == 0 else Answer.LAPSED

    def _issue(self) -> int | None:
        """A ticket with a number of its own: no transaction is let in by the ticket of a later one. None without our table."""
        for _ in range(TICKETS_MAX):
            self._number = (self._number + 1) % 2**32
            refused = self._channel.commit([ticket(NEWSETELEM, self._number)])
            if refused is None:
                return self._number
            if refused.errno == errno.ENOENT:
                return None
            if refused.errno != errno.EEXIST:
                _raise(refused)
        raise OSError(errno.EEXIST, "every ticket that was tried is taken")

    def _make(self) -> None:
        """Or find that it is there, and ours."""
        try:
            refused = self._channel.commit(table.MAKE)
        except OSError as error:
            raise NoGate(_why_not(error)) from error
        if refused is None:
            return
        if refused.errno != errno.EEXIST:
            raise NoGate(_why_not(OSError(refused.errno, os.strerror(refused.errno))))
        self.check()

    def remove_if_empty(self) -> None:
        """Only if nothing has changed since we looked: another `faild` of this machine may be gating an address."""
        for _ in range(REMOVALS_MAX):
            generation = self._channel.generation()
            if self.held():
                return
            refused = self._channel.commit(table.REMOVE, generation)
            if refused is None or refused.errno == errno.ENOENT:
                return
            if refused.errno != errno.ERESTART:
                _raise(refused)

    def _found(self, place: Place) -> dict[Address, int]:
        return found_in(self._channel.dump(Message(GETSETELEM, place.family, listing(place))))


def _none_held(addresses: Gated) -> list[Message]:
    """Add and delete, in one transaction: whether there was an element or not, there is none, and nothing saw it."""
    return [*held((addresses, UNSEEN_MS)), *unheld(addresses)]


def _raise(refused: Refused | None) -> None:
    if refused is not None:
        raise OSError(refused.errno, f"nftables, table {NAME}: {os.strerror(refused.errno)}")


def _why_not(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"faild may not change packet filters (it lacks CAP_NET_ADMIN): {INSTEAD}"
    if error.errno in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL, errno.ENOENT):
        return f"this kernel has no nf_tables, or not for inet and arp ({os.strerror(error.errno)}): {INSTEAD}"
    return f"nftables does not answer ({error.strerror}): {INSTEAD}"
