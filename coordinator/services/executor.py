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
vanishes is put back, in the queue of orders (`address_upkeep`). Where that cannot be done, or neighbours cannot be told, it is
an alarm and tried again until it is. What is up at the start is taken down (`sweep`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from actions.action import DONE, Action, Ending, Order, Result, failed
from actions.address_action import AT_ONCE_MAX, AddressAction, at_once, many
from actions.announce import Announcer
from actions.capabilities import drop_ambient
from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.netlink import Netlink
from actions.process import Groups, Programs
from actions.run_action import perform
from actions.wire import Wire
from actions.workshop import Workshop
from coordinator.core.effects import AskEvidence, AskGate, Cut, Open, Refresh, Run, Watch
from coordinator.core.inputs import ActionEnding, CarrierChanged, Input, Outcome
from coordinator.core.sharing import addresses as addresses_of
from coordinator.daemon.realtime import hurry
from coordinator.policy import ActionPolicy, Policy, ServicePolicy
from coordinator.services.action_factory import ServiceActions
from coordinator.services.address_gates import AddressGates
from coordinator.services.address_upkeep import AddressUpkeep
from coordinator.services.candidate_scripts import CandidateScripts
from coordinator.services.check_runs import CheckRounds
from coordinator.services.hooks import Hooks
from coordinator.services.queues import OrderQueue, Performed
from coordinator.services.sweep import sweep
from coordinator.shell.steps import ended
from protocol.invariant import InvariantBroken
from protocol.messages import LastWord

TEXT_MAX = 500
"""Limit for one line about an action: it goes into an event."""

KEEP = -1
"""The ticket of an order that we gave ourselves: nothing waits for its result."""

Tell = Callable[[str, str, int, str], None]
"""Service, state, epoch, reason."""


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
        self._asked = CandidateScripts(post)
        self._states: dict[str, str] = {}
        self._epochs: dict[str, int] = {}
        self.gates = AddressGates(post)
        """The kernel's lease on what is held."""
        self._upkeep = AddressUpkeep(self._deeds, self.gates, self._mend, self._is_busy, alarmed)

    async def start(self, wire: Wire | None = None) -> None:
        """From here on no program that we run inherits a capability; what only root may do still needs root."""
        drop_ambient()
        netlink = await Netlink.open(ThreadPoolExecutor(1, "netlink", initializer=hurry))
        self._upkeep.begin(netlink)
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
        self._upkeep.actions_changed()
        old = self._deeds.get(service.name)
        if old is not None and service.works_as(old.service):
            self._deeds[service.name] = old.timed_as(service)
            return
        deeds = self._deeds[service.name] = ServiceActions.of(service, self._workshop)
        self.gates.equip(service.name, deeds.actions, strict=service.leased)
        self._upkeep.monitor.forgets(service.name)

    async def close(self) -> None:
        """End what runs, take nothing down: before a close everything was given up, and its news are still told."""
        self._upkeep.close()
        for checks in self._checks.values():
            await checks.close()
        await self._asked.close()
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
            self._upkeep.mark(order.service, order.actions, held=False)
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
            await self._upkeep.mend(order.service, addresses)
            return [Performed(DONE, 0)] * len(addresses)
        if len(addresses) <= AT_ONCE_MAX or (order.word != "down" and not self.gates.open(order.service)):
            return None
        began_ns = time.monotonic_ns()
        if order.word != "reclaim":
            self._upkeep.mark(order.service, order.actions, held=False)  # here, where no earlier up can still be running
        results = await many(addresses, order.word)
        return None if results is None else self._performed(order, results, began_ns)

    def _performed(self, order: Run, results: Sequence[Result], began_ns: int) -> list[Performed]:
        self._upkeep.mark(order.service, order.actions, held=order.word != "down")
        took_us = (time.monotonic_ns() - began_ns) // 1000
        each_us = (took_us - sum(result.announce_us for result in results)) // len(results)
        return [Performed(result, each_us + result.announce_us) for result in results]

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
            asked = self._asks(order.service, "check")
            programs = self._workshop.programs
            self._checks[order.service] = CheckRounds(service, asked, programs, self._post, order.patience_ms)

    def ask_gate(self, order: AskGate) -> None:
        self._asked.gate(order, self._asks(order.service, "gate"), self.programs)

    def ask_evidence(self, order: AskEvidence) -> None:
        self._asked.evidence(order, self._asks(order.service, "evidence"), self.programs)

    def _asks(self, service: str, why: str) -> Order:
        return Order(service, self._me, self._epochs.get(service, 0), why)

    def carrier_changed(self, change: CarrierChanged) -> None:
        """Its held addresses are announced again."""
        self._upkeep.carrier_changed(change)

    def announce(self, service: str) -> None:
        """Another node may have announced them meanwhile: the addresses of this service that are held, once more."""
        self._upkeep.announce(service)

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
        return self._upkeep.held_addresses

    @property
    def troubles(self) -> list[tuple[str, str]]:
        """Service and what is wrong with an address that is held."""
        return self._upkeep.monitor.troubles

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
        Raises StillUp.
        """
        if self._workshop is None:
            raise InvariantBroken("the executor is started first")
        now = self._deeds
        old = [service for service in before if service.name not in now or not service.works_as(now[service.name].service)]
        all_of_them = [*(ServiceActions.of(service, self._workshop) for service in old), *now.values()]
        return await sweep(self._me, all_of_them, self.gates, self._workshop.netlink)

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
            self._upkeep.monitor.lets_go(order.service, index)  # here, where no earlier up can still be running
        result = await perform(action, order.word, asked, deeds.policies[index].limit_ms(order.word) / 1000)
        if isinstance(action, AddressAction):
            self._upkeep.ended(order.service, index, order.word, result)
        return result

    def _shut_because(self, deeds: ServiceActions) -> str:
        if deeds.service.leased and self.gates.because:
            return f"under {deeds.service.partition} nothing comes up that the kernel cannot end: {self.gates.because}"
        return "the gate of its addresses stays shut: this node did not run in time to renew its lease"

    async def _opened(self, order: Run, policy: ActionPolicy) -> bool:
        return self.gates.is_open(order.service) or await self.gates.opened(order.service, policy.timeout_ms / 1000)

    def _is_busy(self, service: str) -> bool:
        lane = self._orders.get(service)
        return lane is not None and lane.busy

    def _mend(self, service: str, actions: tuple[int, ...]) -> None:
        """In the queue of its orders: nothing is mended that one of them takes down."""
        self._put(Run(KEEP, service, actions, "reclaim", self._epochs.get(service, 0), "what is held must stay"))

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
    asked = service.gate is not None or service.evidence is not None
    return of_actions or asked or any(CHECKS[check.kind].runs_programs for check in service.checks)


def _addresses(deeds: ServiceActions, order: Run) -> list[AddressAction] | None:
    """The actions of an order that is for addresses alone."""
    found = [action for index in order.actions if isinstance(action := deeds.actions[index], AddressAction)]
    return found if len(found) == len(order.actions) else None
