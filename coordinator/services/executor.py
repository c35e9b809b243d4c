"""Does what the core orders: actions, checks, hooks. It decides nothing.

    executor = Executor(me, policy, post, groups)       # groups: the link to the guard
    await executor.start()
    taken_down = await executor.sweep()                 # before anything is written or claimed
    executor.run(Run(...)); executor.watch(Watch(...))  # answered by StepFinished and CheckFinished
    executor.changed("web", "UP", 7, "lukretia is dead")        # hooks, the script's words, traps
    executor.carrier_changed(CarrierChanged("eth0", True))      # held addresses are announced again
    executor.troubles               # addresses that are held and cannot be put back or announced
    await executor.close()

Each service has a queue of orders. They go one after the other, and `cut` ends an `up` that is still running; a step of some
addresses is done before `run` returns, where no order is running; hundreds are done together, with turns of the event loop
between. What hooks and scripts are told goes beside them (`hooks`), and never holds an order up. An address that is up and
vanishes is put back, in the queue of orders. Where that cannot be done, or neighbours cannot be told, it is an alarm and
tried again until it is.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from actions.action import DONE, Action, Ending, Order, Result, Seen, failed
from actions.address_action import AT_ONCE_MAX, AddressAction, at_once, many
from actions.announce import Announcer
from actions.capabilities import drop_ambient
from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.netlink import Netlink
from actions.process import Groups, Programs
from actions.run_action import look, perform
from actions.strays import strays
from actions.wire import Wire
from actions.workshop import Workshop
from coordinator.core.ballots import MAJORITY
from coordinator.core.effects import Cut, Open, Refresh, Run, Watch
from coordinator.core.inputs import ActionEnding, CarrierChanged, Input, Outcome
from coordinator.core.sharing import addresses as addresses_of
from coordinator.daemon.realtime import hurry
from coordinator.policy import WITH_IPV6, ActionPolicy, Policy, ServicePolicy
from coordinator.services.action_factory import ServiceActions
from coordinator.services.address_gates import AddressGates
from coordinator.services.address_monitor import AddressMonitor, Held
from coordinator.services.address_repair import mended
from coordinator.services.check_runs import CheckRounds
from coordinator.services.hooks import Hooks
from coordinator.services.queues import OrderQueue, Performed
from coordinator.shell.steps import ended
from protocol.invariant import InvariantBroken
from protocol.messages import LastWord

log = logging.getLogger("failover.actions")

TEXT_MAX = 500
"""Limit for one line about an action: it goes into an event."""

KEEP_MAX = 64
"""Held addresses that are looked at in one turn of the event loop: some 2 ms."""

KEEP = -1
"""The ticket of an order that we gave ourselves: nothing waits for its result."""

Tell = Callable[[str, str, int, str], None]
"""Service, state, epoch, reason."""


class StillUp(Exception):
    """Something of a service is up here and could not be taken down: with it up, nothing may be decided here."""


class Executor:
    def __init__(
        self,
        me: str,
        policy: Policy,
        post: Callable[[Input], None],
        groups: Groups,
        tell: Tell | None = None,
        say: Callable[[LastWord], None] = lambda word: None,
        alarmed: Callable[[], None] = lambda: None,
    ) -> None:
        """`tell` is told every change besides: the traps. `say` sends a last word to the peers. `alarmed`: alarms changed."""
        self._me = me
        self._policy = policy
        self._post = post
        self._groups = groups
        self._tell = tell
        self._say = say
        self._workshop: Workshop | None = None
        self._deeds: dict[str, ServiceActions] = {}
        self._orders: dict[str, OrderQueue] = {}
        self._hooks = Hooks()
        self._checks: dict[str, CheckRounds] = {}
        self._states: dict[str, str] = {}
        self._epochs: dict[str, int] = {}
        self.gates = AddressGates(post)
        """The kernel's lease on what is held."""
        self._keeper = AddressMonitor(self._keep, alarmed)
        self._addressed: dict[bytes, list[Held]] | None = None
        """Each address to the actions that it is of; None until it is asked for."""
        self._held_addresses: tuple[tuple[int, int], dict[tuple[str, str], str]] = ((0, 0), {})
        """As they were after so many changes of what is held, and of what answers."""

    async def start(self, wire: Wire | None = None) -> None:
        """From here on no program that we run inherits a capability; what only root may do still needs root."""
        drop_ambient()
        netlink = await Netlink.open(ThreadPoolExecutor(1, "netlink", initializer=hurry))
        netlink.when_changed(self._addresses_changed)
        if wire is None:
            wire = await asyncio.to_thread(Wire.open)
        announcer = Announcer(wire, self.gates.answers)
        self.gates.enter()
        self._workshop = Workshop(netlink, announcer, Programs(self._groups))
        for service in self._policy.owned_by(self._me):
            self.equip(service)
        self._configure_gates()
        if any(_runs_programs(service) for service in self._policy.owned_by(self._me)):
            await self._workshop.programs.prepare()

    @property
    def programs(self) -> Programs:
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        return self._workshop.programs

    def configure(self, policy: Policy) -> None:
        """A new configuration: checks are by it from the next `watch` on, actions only when the core says `equip`."""
        self._policy = policy
        self._configure_gates()

    def _configure_gates(self) -> None:
        self.gates.configure(addressed=any(addresses_of(service) for service in self._policy.owned_by(self._me)))

    def equip(self, service: ServicePolicy) -> None:
        """From the next order on the actions of this service are these; where they do the same as before, they are the same:
        an address that is up is kept, a script that is being told something goes on knowing it."""
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        self._addressed = None
        old = self._deeds.get(service.name)
        if old is not None and service.works_as(old.service):
            self._deeds[service.name] = old.timed_as(service)
            return
        deeds = self._deeds[service.name] = ServiceActions.of(service, self._workshop)
        self.gates.equip(service.name, deeds.actions, strict=service.partition == MAJORITY)
        self._keeper.forgets(service.name)

    async def close(self) -> None:
        """End what runs, take nothing down: before a close everything was given up, and its news are still told."""
        self._keeper.close()
        for rounds in self._checks.values():
            await rounds.close()
        for orders in self._orders.values():
            await orders.close()
        await self._hooks.close()
        if self._workshop is not None:
            self._workshop.close()
        self.gates.leave()

    def run(self, order: Run) -> None:
        self._epochs[order.service] = order.epoch
        if order.word == "down":
            self.gates.lowers(order.service)
        else:
            self.gates.tell(order.service, order.lease_ends_ms)
        done = self._at_once(order)
        if done is None:
            self._put(order)
        else:
            self._report(order, done)

    def _at_once(self, order: Run) -> list[Performed] | None:
        """A step of addresses, done before this returns; None where it is another step, has to wait, or went wrong."""
        deeds, lane = self._deeds.get(order.service), self._orders.get(order.service)
        known = deeds is not None and max(order.actions) < len(deeds.actions)
        if deeds is None or not known or (lane is not None and lane.busy):
            return None
        addresses = _addresses(deeds, order)
        if addresses is None or not addresses[0].netlink.table.is_settled:
            return None
        began_ns = time.monotonic_ns()
        if order.word != "down" and not self.gates.open(order.service):
            return None
        if order.word != "reclaim":
            self._mark(order, held=False)
        results = at_once(addresses, order.word)
        return None if results is None else self._performed(order, results, began_ns)

    async def _whole(self, order: Run) -> Sequence[Performed] | None:
        """An order that waited, done as one where it is for addresses alone."""
        deeds = self._deeds.get(order.service)
        known = deeds is not None and max(order.actions) < len(deeds.actions)
        addresses = _addresses(deeds, order) if deeds is not None and known else None
        if addresses is None:
            return None
        if order.ticket == KEEP:
            await self._keep_up(order.service, addresses)
            return [Performed(DONE, 0)] * len(addresses)
        if len(addresses) <= AT_ONCE_MAX or (order.word != "down" and not self.gates.open(order.service)):
            return None
        began_ns = time.monotonic_ns()
        if order.word != "reclaim":
            self._mark(order, held=False)  # here, where no earlier up can still be running
        results = await many(addresses, order.word)
        return None if results is None else self._performed(order, results, began_ns)

    def _performed(self, order: Run, results: Sequence[Result], began_ns: int) -> list[Performed]:
        self._mark(order, held=order.word != "down")
        took_us = (time.monotonic_ns() - began_ns) // 1000
        each_us = (took_us - sum(result.announce_us for result in results)) // len(results)
        return [Performed(result, each_us + result.announce_us) for result in results]

    def _mark(self, order: Run, *, held: bool) -> None:
        """Whether the keeper is to see that these stay."""
        for index in order.actions:
            (self._keeper.holds if held else self._keeper.lets_go)(order.service, index)

    def _put(self, order: Run) -> None:
        if order.service not in self._orders:
            self._orders[order.service] = OrderQueue(self._perform, self._whole, self._report)
        self._orders[order.service].put(order)

    def cut(self, order: Cut) -> None:
        """The order with this ticket ends now, where it is one that brings something up; `run` is answered for it."""
        if lane := self._orders.get(order.service):
            lane.cut(order.ticket)

    def watch(self, order: Watch) -> None:
        old = self._checks.pop(order.service, None)
        if old is not None:
            old.cancel()
        service = self._policy.services.get(order.service)
        if order.on and service is not None:
            if self._workshop is None:
                raise InvariantBroken("the executor is started first")
            asked = Order(order.service, self._me, self._epochs.get(order.service, 0), "check")
            programs = self._workshop.programs
            self._checks[order.service] = CheckRounds(service, asked, programs, self._post, order.patience_ms)

    def carrier_changed(self, change: CarrierChanged) -> None:
        """A switch that had lost us does not know where our addresses are, nor do neighbours who asked meanwhile."""
        again = []
        for service, index in self._keeper.held:
            action = self._deeds[service].actions[index]
            if change.up and isinstance(action, AddressAction) and action.interface == change.interface.removesuffix(WITH_IPV6):
                action.tell_anew()
                again.append((service, index))
        self._keep(again)

    def announce(self, service: str) -> None:
        """Another node may have announced them meanwhile: the addresses of this service that are held, once more."""
        actions = self._deeds[service].actions if service in self._deeds else ()
        again = [(service, index) for index in range(len(actions)) if self._keeper.is_held(service, index)]
        for _, index in again:
            action = actions[index]
            if isinstance(action, AddressAction):
                action.tell_anew()
        self._keep(again)

    def refresh(self, order: Refresh) -> None:
        self.gates.refresh(order.leases)

    def open(self, order: Open) -> None:
        """The core has looked: its addresses answer again, and clients are told."""
        self.gates.tell(order.service, order.lease_ends_ms)
        if self.gates.open(order.service):
            self.announce(order.service)
        else:
            self.gates.lapse(order.service)

    @property
    def held_addresses(self) -> dict[tuple[str, str], str]:
        """Interface and address of each that is held and answers, and its service."""
        changes = self._keeper.changes, self.gates.changes
        if self._held_addresses[0] != changes:
            open_ones = [(service, index) for service, index in self._keeper.held if self.gates.is_open(service)]
            held = ((service, self._deeds[service].actions[index]) for service, index in open_ones)
            places = {(one.interface, str(one.address.ip)): service for service, one in held if isinstance(one, AddressAction)}
            self._held_addresses = (changes, places)
        return self._held_addresses[1]

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Service and what is wrong with an address that is held."""
        return self._keeper.troubles

    def changed(self, service: str, state: str, epoch: int, reason: str) -> None:
        """The service's state here has changed: told in this order to hooks, to scripts as their words, and to the traps."""
        was, self._states[service] = self._states.get(service, ""), state
        if was == state or service not in self._deeds:
            return
        self._hooks.changed(was, state, Order(service, self._me, epoch, reason), self._deeds[service])
        if self._tell is not None:
            self._tell(service, state, epoch, reason)

    async def sweep(self, before: Sequence[ServicePolicy] = ()) -> list[str]:
        """Take down, of every service that may run here, whatever a probe does not find down. What was done, in words.

        `before`: as they were configured when faild last ran; only those actions take down what they brought up.
        Services side by side, the actions of each in reverse. Raises StillUp where something is certainly up and stays up.
        """
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        now = self._deeds
        old = [service for service in before if service.name not in now or not service.works_as(now[service.name].service)]
        all_of_them = [*(ServiceActions.of(service, self._workshop) for service in old), *now.values()]
        addressed = {one.address.ip for deeds in all_of_them for one in deeds.actions if isinstance(one, AddressAction)}
        self.gates.shut_at_start(addressed)
        swept = await asyncio.gather(*map(self._sweep, all_of_them), return_exceptions=True)
        failures = [lines for lines in swept if isinstance(lines, BaseException)]
        if failures:
            raise failures[0]
        lines = [line for lines in swept if not isinstance(lines, BaseException) for line in lines]
        lines += await strays(self._workshop.netlink)
        self.gates.close_at_start(addressed)
        return lines

    async def _sweep(self, deeds: ServiceActions) -> list[str]:
        service, lines = deeds.service.name, list[str]()
        order = Order(service, self._me, 0, "found at the start")
        for index in reversed(range(len(deeds.actions))):
            action = deeds.actions[index]
            if isinstance(action, AddressAction) and (own := action.hosts_own()):
                raise StillUp(f"{service}: {own}.")
            seen = Seen.DOWN if action is None else await look(action, order)
            if action is not None and seen is not Seen.DOWN:
                result = await perform(action, "down", order, deeds.policies[index].timeout_ms / 1000)
                lines.append(_swept(service, deeds.named(index), seen, result))
        return lines

    async def _perform(self, order: Run, index: int) -> Result:
        deeds = self._deeds.get(order.service)
        if deeds is None or index >= len(deeds.actions):
            return Result(Ending.FAILED, f"{order.service} has no action {index} in this configuration")
        action: Action | None = deeds.actions[index]
        if action is None:
            return DONE  # a notify hook: it is told changes of state, not orders
        asked = Order(order.service, self._me, order.epoch, order.reason)
        if isinstance(action, AddressAction) and order.word != "down" and not await self._opened(order, deeds.policies[index]):
            return failed(self._shut_because(deeds))
        if order.word != "reclaim":
            self._keeper.lets_go(order.service, index)  # here, where no earlier up can still be running
        result = await perform(action, order.word, asked, deeds.policies[index].timeout_ms / 1000)
        if isinstance(action, AddressAction):
            self._see_to(order, index, result)
        return result

    def _shut_because(self, deeds: ServiceActions) -> str:
        if deeds.service.partition == MAJORITY and self.gates.because:
            return f"under majority nothing comes up that the kernel cannot end: {self.gates.because}"
        return "the gate of its addresses stays shut: this node did not run in time to renew its lease"

    async def _opened(self, order: Run, policy: ActionPolicy) -> bool:
        return self.gates.is_open(order.service) or await self.gates.opened(order.service, policy.timeout_ms / 1000)

    def _see_to(self, order: Run, index: int, result: Result) -> None:
        """A reclaim that went wrong gives nothing up: the keeper must go on trying."""
        if order.word != "down" and result.ending is Ending.DONE:
            self._keeper.holds(order.service, index)
        elif order.word == "reclaim":
            self._keeper.look_soon()

    def _addresses_changed(self, gone: frozenset[bytes] | None) -> None:
        """What we have taken away ourselves is no reason to look at a thousand others."""
        if gone is None or any(self._concerns(packed) for packed in gone):
            self._keeper.look_soon()

    def _concerns(self, packed: bytes) -> bool:
        """Whether the address is held, or an order about it is on its way."""
        if self._addressed is None:
            self._addressed = {}
            for service, deeds in self._deeds.items():
                for index, action in enumerate(deeds.actions):
                    if isinstance(action, AddressAction):
                        self._addressed.setdefault(action.address.ip.packed, []).append((service, index))
        return any(self._keeper.is_held(*held) or self._is_busy(held[0]) for held in self._addressed.get(packed, ()))

    def _is_busy(self, service: str) -> bool:
        lane = self._orders.get(service)
        return lane is not None and lane.busy

    def _keep(self, held: Sequence[Held]) -> None:
        """One look at all of these, and an order for each service that has something to mend."""
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        self._keep_some(held, self._workshop.netlink.table.take_newcomers())

    def _keep_some(self, held: Sequence[Held], newcomers: set[int]) -> None:
        """So many in this turn of the loop; the others, as far as they are held then, in the next."""
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        rest = held[KEEP_MAX:]
        if rest:
            asyncio.get_running_loop().call_soon(self._keep_some, rest, newcomers)
        to_mend: dict[str, list[int]] = {}
        for service, index in held[:KEEP_MAX]:
            if not self._keeper.is_held(service, index):
                continue
            if not self.gates.is_open(service):
                self._keeper.look_soon()  # another node may have it: nothing is put back or announced before it is open again
                continue
            action = self._deeds[service].actions[index]
            if isinstance(action, AddressAction):
                action.is_wrong |= self._workshop.netlink.is_wrong(action.interface, action.address, newcomers)
                if action.is_missing or not action.told or action.is_wrong:
                    to_mend.setdefault(service, []).append(index)
                else:
                    self._keeper.found(service, {index: ""})
        for service, indexes in to_mend.items():
            epoch = self._epochs.get(service, 0)
            self._put(Run(KEEP, service, tuple(indexes), "reclaim", epoch, "what is held must stay"))

    async def _keep_up(self, service: str, addresses: Sequence[AddressAction]) -> None:
        """The first of several addresses that we remove ourselves wakes the keeper: then a down came first, and all is well."""
        await addresses[0].netlink.table.settled()
        numbers = {action: index for index, action in enumerate(self._deeds[service].actions)}
        for at in range(0, len(addresses), AT_ONCE_MAX):
            piece = [one for one in addresses[at : at + AT_ONCE_MAX] if self._is_kept(service, numbers[one])]
            found = await mended(service, piece)
            still = {numbers[one]: text for one, text in found.items() if self._keeper.is_held(service, numbers[one])}
            self._keeper.found(service, still)

    def _is_kept(self, service: str, index: int) -> bool:
        return self._keeper.is_held(service, index) and self.gates.is_open(service)

    def _report(self, order: Run, done: Sequence[Performed]) -> None:
        if order.ticket == KEEP:
            return
        ended(order, tuple(map(_ending, done)), self._say, self._post)
        if order.word == "down":
            self.gates.close(order.service)


def _ending(done: Performed) -> ActionEnding:
    result, took_us = done
    return ActionEnding(Outcome(result.ending.value), took_us, result.announce_us, result.text[:TEXT_MAX], result.output)


def _runs_programs(service: ServicePolicy) -> bool:
    of_actions = any(ACTIONS[action.kind].runs_programs for action in service.actions)
    return of_actions or any(CHECKS[check.kind].runs_programs for check in service.checks)


def _addresses(deeds: ServiceActions, order: Run) -> list[AddressAction] | None:
    """The actions of an order that is for addresses alone."""
    found = [action for index in order.actions if isinstance(action := deeds.actions[index], AddressAction)]
    return found if len(found) == len(order.actions) else None


def _swept(service: str, name: str, seen: Seen, result: Result) -> str:
    if result.ending is Ending.DONE:
        return f"{service}: {name} was {'up' if seen is Seen.UP else 'in an unknown state'} at the start, taken down"
    if seen is Seen.UP:
        raise StillUp(f"{service}: {name} is up and stays up: {result.text}. Take it down by hand, then start again.")
    return f"{service}: {name}: whether it is up cannot be told, and taking it down failed: {result.text}"
