"""The kernel's lease on the addresses of each service: opened for the core's word, lengthened with its heartbeats.

    gates = AddressGates(post)
    gates.enter()                   # `gates.enforced_by`, and why it is no better, in `gates.because`
    gates.equip("web", actions)     # the addresses that are opened and shut together; `strict`: under a lease
    gates.tell("web", ends_ms)      # the newest end of its lease, by CLOCK_BOOTTIME
    gates.open("web")               # before its addresses are added; False where the gate stays shut
    gates.refresh(leases)           # GateLapsed and GateGone are posted
    gates.close("web")              # its addresses are gone
    gates.is_open("web")            # whether clients reach it, as far as we know

docs/leases.md has what the kernel is told. The element is made before the address is added, and the address is announced last:
whenever this process stops, the kernel ends what answers by the end of the lease.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from actions.address_action import AddressAction
from actions.gate.elements import Gated
from actions.gate.gate import Answer, Gate, NoGate, boottime_ms
from coordinator.core.inputs import GateGone, GateLapsed, Input

log = logging.getLogger("failover.gate")

OPENED_MAX = 3
"""Tries to open at once: on a busy machine the first may come later than its ticket allows."""

AGAIN_S = 0.02
"""Before a gate that stayed shut is tried again: with the next heartbeat its lease is longer."""

Address = IPv4Address | IPv6Address


@dataclass(slots=True)
class Lease:
    """What the kernel was told of one service."""

    actions: tuple[AddressAction, ...]
    strict: bool = False
    """Nothing answers that the kernel does not end: where there is no gate to be had, it stays silent."""
    gated: Gated = field(init=False)
    ends_ms: int = 0
    """The end of the lease, as the core has said last."""
    until_ms: int = 0
    """Until when the kernel lets its addresses answer; 0: the gate is shut, or there is none."""
    wanted: bool = False
    """It is up, or comes up: not to be closed."""
    lapsed: bool = False
    """It ran out, and the core has not given another one."""

    def __post_init__(self) -> None:
        self.gated = Gated(action.address.ip for action in self.actions)


class AddressGates:
    def __init__(self, post: Callable[[Input], None], now_ms: Callable[[], int] = boottime_ms) -> None:
        self._post = post
        self._now_ms = now_ms
        self._gate: Gate | None = None
        self._leases: dict[str, Lease] = {}
        self._of: dict[Address, Lease] = {}
        self.changes = 0
        """How often a gate was opened, shut or found shut."""
        self.because = ""
        """Why the kernel's lease cannot be had here; empty where it can."""

    @property
    def enforced_by(self) -> str:
        return "nftables" if self._gate is not None else "valid_lft"

    def enter(self) -> None:
        try:
            self._gate = Gate.enter(self._now_ms)
        except NoGate as error:
            self._has_none(error)

    def _has_none(self, why: Exception) -> None:
        if self._gate is not None:
            self._gate.leave()
        self._gate, self.because = None, str(why)
        log.warning("addresses have no gate: %s", why)

    def prepare(self) -> None:
        """Before the first claim: the table is there when it is needed."""
        if self._gate is not None:
            try:
                self._gate.prepare()
            except (NoGate, OSError) as error:
                self._has_none(error)

    def leave(self) -> None:
        """What is held stays in the kernel, and runs out; where nothing is, the table goes."""
        gate, self._gate = self._gate, None
        if gate is not None:
            if not any(lease.wanted for lease in self._leases.values()):
                with contextlib.suppress(OSError):
                    gate.remove_if_empty()
            gate.leave()

    def configure(self, *, addressed: bool) -> None:
        """`addressed`: services with addresses are configured here. With the last of them goes our table."""
        if self._gate is None:
            return
        if addressed:
            self.prepare()
        elif not any(lease.wanted for lease in self._leases.values()):
            with contextlib.suppress(OSError):
                self._gate.remove_if_empty()

    def equip(self, service: str, actions: Sequence[object], *, strict: bool = False) -> None:
        """From now on its addresses are these; nothing of the former ones is up."""
        old = self._leases.pop(service, None)
        for address in old.gated.addresses if old else ():
            self._of.pop(address, None)
        addresses = tuple(action for action in actions if isinstance(action, AddressAction))
        if addresses:
            lease = self._leases[service] = Lease(addresses, strict)
            self._of |= dict.fromkeys(lease.gated.addresses, lease)

    # --- what an earlier life left ----------------------------------------------------------------------------------

    def gated(self) -> set[Address]:
        """The addresses that have a gate now."""
        if self._gate is None:
            return set()
        try:
            return set(self._gate.held())
        except OSError as error:
            self._has_none(error)
            return set()

    def shut_at_start(self, addresses: Iterable[Address]) -> None:
        """What is configured and still gated: from now on nothing answers for it, until it is taken down."""
        self._at_start(lambda gate, left: gate.shut(left), addresses)

    def close_at_start(self, addresses: Iterable[Address]) -> None:
        """They are down."""
        self._at_start(lambda gate, left: gate.close(left, keep=True), addresses)

    def _at_start(self, act: Callable[[Gate, Gated], None], addresses: Iterable[Address]) -> None:
        left = Gated(sorted(self.gated().intersection(addresses), key=str))
        if self._gate is not None and left.addresses:
            try:
                act(self._gate, left)
            except (NoGate, OSError) as error:
                self._has_none(error)

    # --- opening ----------------------------------------------------------------------------------------------------

    def tell(self, service: str, ends_ms: int) -> None:
        """The core's word that its addresses may be opened; 0: no lease ends them."""
        if lease := self._leases.get(service):
            lease.ends_ms, lease.lapsed = ends_ms, False

    def open(self, service: str) -> bool:
        """The elements anew, for what the lease has left. True as well where there is no gate to be had, and none is needed."""
        lease = self._leases.get(service)
        if lease is None:
            return True
        lease.wanted = True
        self.changes += 1
        if lease.lapsed:
            return False
        if self._gate is None or not lease.ends_ms:
            if lease.strict:
                return False
            lease.until_ms = lease.ends_ms
            return True
        if any(action.hosts_own() for action in lease.actions):
            return True  # it will not come up, and the host lives by it
        for _ in range(OPENED_MAX):
            answer = self._opened(self._gate, lease)
            if answer is Answer.DONE:
                lease.until_ms = lease.ends_ms
                return True
            if answer is Answer.OVER:
                break
        log.warning("%s: its gate stays shut: %s", service, answer.value)
        return False

    def _opened(self, gate: Gate, lease: Lease) -> Answer:
        try:
            answer = gate.open(lease.gated, lease.ends_ms)
            if answer is Answer.GONE:
                gate.shut(lease.gated)
                answer = gate.open(lease.gated, lease.ends_ms)
        except NoGate as error:
            self._has_none(error)
            return Answer.LATE if lease.strict else Answer.DONE
        except OSError as error:
            log.warning("the kernel's lease cannot be had now: %s", error)
            return Answer.LATE
        return answer

    async def opened(self, service: str, patience_s: float) -> bool:
        """The same, tried until it is open: the next heartbeat tells of a longer lease. False after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not self.open(service):
                    await asyncio.sleep(AGAIN_S)
                return True
        return False

    # --- keeping ----------------------------------------------------------------------------------------------------

    def refresh(self, leases: Sequence[tuple[str, int]]) -> None:
        """Those that are open live until then."""
        now_ms, due = self._now_ms(), list[tuple[str, Lease]]()
        for service, ends_ms in leases:
            lease = self._leases.get(service)
            if lease is None or lease.lapsed or not lease.wanted:
                continue
            if not lease.until_ms and self._gate is not None and lease.ends_ms <= now_ms:
                self._take(service, lease, Answer.LAPSED)  # it ended before it was opened
                continue
            lease.ends_ms = ends_ms
            if lease.until_ms:
                due.append((service, lease))
        if not due:
            return
        answers = self._kept(due) if self._gate is None else self._refreshed(self._gate, due)
        for (service, lease), answer in zip(due, answers, strict=True):
            self._take(service, lease, answer)

    def _refreshed(self, gate: Gate, due: Sequence[tuple[str, Lease]]) -> list[Answer]:
        try:
            return gate.refresh([(lease.gated, lease.ends_ms) for _, lease in due])
        except OSError as error:
            log.warning("the kernel's lease could not be renewed: %s", error)
            return [Answer.LATE] * len(due)

    def _take(self, service: str, lease: Lease, answer: Answer) -> None:
        if answer is Answer.DONE:
            lease.until_ms = lease.ends_ms
        elif answer is Answer.LAPSED:
            log.warning("%s: the kernel's lease on its addresses ran out: they are silent until we have looked", service)
            ended_ms = lease.until_ms or lease.ends_ms
            self._shut(lease)
            lease.lapsed = True
            self._post(GateLapsed(service, ended_ms))
        elif answer is Answer.GONE:
            ends_ms = lease.until_ms
            log.warning("%s: another program has removed the gate of its addresses", service)
            self._shut(lease)
            self._post(GateGone(service, ends_ms))

    def _shut(self, lease: Lease) -> None:
        lease.until_ms = 0
        self.changes += 1

    def lapse(self, service: str) -> None:
        """It could not be opened: the core looks, and orders it again."""
        if lease := self._leases.get(service):
            self._take(service, lease, Answer.LAPSED)

    def lowers(self, service: str) -> None:
        """A down begins: nothing keeps the gate of this service any more."""
        if lease := self._leases.get(service):
            lease.wanted = False

    def close(self, service: str) -> None:
        """Where all of it is down, and nothing of it comes up again."""
        lease = self._leases.get(service)
        if lease is None or lease.wanted or any(action.is_here for action in lease.actions):
            return
        self._shut(lease)
        if self._gate is not None:
            try:
                self._gate.close(lease.gated, keep=True)
            except OSError as error:
                log.warning("%s: its addresses stay gated: %s", service, error)

    # --- the second best --------------------------------------------------------------------------------------------

    def _kept(self, due: Sequence[tuple[str, Lease]]) -> list[Answer]:
        """`valid_lft`: an address that the kernel has taken away is not put back."""
        now_ms = self._now_ms()
        return [self._kept_one(lease, now_ms) for _, lease in due]

    def _kept_one(self, lease: Lease, now_ms: int) -> Answer:
        if lease.strict:
            return Answer.LAPSED if now_ms >= lease.until_ms else Answer.LATE
        for action in lease.actions:
            if not action.is_here:
                continue  # it comes up, or goes down
            if action.is_missing and now_ms >= lease.until_ms:
                return Answer.LAPSED
            try:
                action.netlink.keep(action.interface, action.address, lease.ends_ms - now_ms)
            except OSError as error:
                log.warning("%s cannot be given a lifetime: %s", action.address, error.strerror)
        return Answer.DONE

    # --- what others must know --------------------------------------------------------------------------------------

    def is_open(self, service: str) -> bool:
        """Whether its addresses answer, as far as we know: a client that is told of one that does not finds nobody."""
        lease = self._leases.get(service)
        return lease is None or self._answers(lease)

    def answers(self, address: Address) -> bool:
        """The same for one address; True for one that no service has."""
        lease = self._of.get(address)
        return lease is None or self._answers(lease)

    def _answers(self, lease: Lease) -> bool:
        return not lease.ends_ms or self._now_ms() < lease.until_ms

    def left_ms(self) -> dict[Address, int]:
        """What the kernel holds, for `failc status`."""
        if self._gate is None:
            return {}
        try:
            return self._gate.held()
        except OSError:
            return {}
