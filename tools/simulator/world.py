"""The whole simulated world: machines, network, time, and the accidents that can be told to it.

    world = World(policy, seed=7)
    world.start("lukretia"); world.start("genesis")
    world.run_until_ms(5_000)
    world.owners("web")                     # ("lukretia",)

Every random draw comes from `world.rng`, seeded once; nothing reads a clock, an address or the order of a set.
"""

import random
from collections.abc import Callable

from coordinator.core.commands import Wanted
from coordinator.core.effects import Answer, Effect
from coordinator.core.inputs import Input, Now
from coordinator.policy import Policy
from coordinator.state.model import Judgement
from coordinator.state.ownership import epoch
from protocol.event import Entry
from protocol.refusals import Refused
from tools.simulator.arbiter_world import ArbiterWorld
from tools.simulator.clocks import Clocks
from tools.simulator.event_queue import EventQueue
from tools.simulator.host import Host
from tools.simulator.keys import Keys
from tools.simulator.network import Network
from tools.simulator.ownership import Tenures
from tools.simulator.power import Power, Tell

Witness = Callable[[str, Input, list[Effect], Now], None]
"""Told of every input of every core, with what it ordered."""

FOREVER_US = 1 << 60

STEPS_A_SECOND = 8_000
"""In virtual time. Five nodes at 50 ms on two links need 2000; four times as much is a loop in a node's decisions."""


class World:
    def __init__(self, policy: Policy, seed: int, real_keys: bool = False) -> None:
        self.policy = policy
        self.seed = seed
        self.rng = random.Random(seed)
        self.agenda = EventQueue()
        self.keys = Keys(policy.nodes, real_keys)
        self.network = Network(self.agenda, self.rng, {name: tuple(node.links) for name, node in policy.nodes.items()})
        self.hosts = {name: Host(self, name, Clocks()) for name in policy.nodes}
        self.power = Power(self.hosts)
        self.arbiter = ArbiterWorld(self.agenda, policy)
        for name, host in self.hosts.items():
            self.network.plug_in(name, host)
        self.tenures = Tenures(policy.services, self.hosts)
        self.after_step: list[Callable[[], None]] = []
        self.witnesses: list[Witness] = []
        self.refusals: list[tuple[str, str, Refused]] = []
        self.answers: list[tuple[str, Answer]] = []
        self.alarms: list[tuple[int, str, str]] = []
        self._orders = 0
        self._hot_steps = STEPS_A_SECOND
        self._hot_us = 1_000_000

    # Time

    @property
    def now_ms(self) -> int:
        return self.agenda.now_us // 1000

    def run_until_ms(self, at_ms: int) -> None:
        """Let everything happen that is due by then."""
        until_us = max(at_ms * 1000, self.agenda.now_us)
        while self.agenda.step(until_us):
            self._stepped()
        self._stepped()

    def step(self) -> None:
        """The next thing that happens, whenever that is."""
        self.agenda.step(FOREVER_US)
        self._stepped()

    def settle(self) -> None:
        """Let everything happen that is due at this very instant: what takes no time has happened."""
        self.run_until_ms(0)

    def _stepped(self) -> None:
        if self.agenda.steps >= self._hot_steps:
            assert self.agenda.now_us >= self._hot_us, f"a loop at {self.now_ms} ms: {STEPS_A_SECOND} steps in a second"
            self._hot_steps = self.agenda.steps + STEPS_A_SECOND
            self._hot_us = self.agenda.now_us + 1_000_000
        self.tenures.look(self.agenda.now_us)
        for look in self.after_step:
            look()

    # What is

    def owners(self, service: str) -> tuple[str, ...]:
        return self.tenures.of[service].owners

    def epoch(self, service: str) -> int:
        """The largest epoch that any living node knows."""
        return max((epoch(host.faild.core.state, service) for host in self.hosts.values() if host.faild), default=0)

    def state(self, service: str, node: str) -> str:
        """What a node says while it runs; else what the living judge of it: INDOUBT, then FAIL."""
        host = self.hosts[node]
        if host.faild and not host.frozen:
            return str(host.faild.core.state.column(node).service(service).state)
        judges = [(other, peer) for other, peer in self.hosts.items() if other != node and peer.knows(node) and not peer.frozen]
        judged = [peer.faild.core.liveness.judgement(node, peer.now().mono_ms) for _, peer in judges if peer.faild]
        if Judgement.ALIVE in judged:
            said = next(peer.faild for (_, peer), what in zip(judges, judged) if what is Judgement.ALIVE)
            assert said is not None, "a judge runs"
            return str(said.core.state.column(node).service(service).state)
        return "INDOUBT" if Judgement.INDOUBT in judged else "FAIL"

    def entries(self) -> list[Entry]:
        """Everything durable anywhere, each event once."""
        found = {entry.ref: entry for host in self.hosts.values() for entry in host.disk.entries()}
        return [found[ref] for ref in sorted(found)]

    # What people do

    def start(self, *nodes: str) -> None:
        for node in nodes:
            self.hosts[node].start()

    def forget(self, node: str) -> None:
        """The disk is lost, and the machine with it: it is off until it is started."""
        self.hosts[node].crash()
        self.hosts[node].disk.forget()
        self.tenures.memory_lost()

    def roll_back(self, node: str, by_ms: int) -> None:
        """The machine is off, and its disk as it was `by_ms` ago: a restored snapshot."""
        self.hosts[node].crash()
        self.hosts[node].disk.roll_back(self.agenda.now_us - by_ms * 1000)
        self.tenures.memory_lost()

    def order(self, word: str, service: str, node: str = "", for_ms: int = 0) -> list[str]:
        """An admin's command, handed to the node that must act, whatever is cut. Returns to whom it was handed."""
        self._orders += 1
        doors = self._doors(word, service, node)
        for door in doors:
            faild = self.hosts[door].faild
            assert faild is not None, "a door is a node that runs"
            faild.ordered(Wanted(word, service, node), for_ms, self._orders)
        return doors

    def _doors(self, word: str, service: str, node: str) -> list[str]:
        """The nodes that must act, as far as they run; else those that run."""
        running = [name for name, host in self.hosts.items() if host.faild]
        if word in ("standby", "unstandby", "readmit", "fail-everywhere", "fence", "is-off"):
            able = [name for name in running if not self._stopping(name)]
            return [name for name in able if name != node][:1] or able[:1] or running[:1]  # one order, read by all
        owners = [name for name in self.owners(service) if name in running]
        if word in ("move", "reclaim") or (word == "fail" and not node):
            return owners or [name for name in running if name == node] or running[:1]
        if node in running and not (word == "fail" and self._stuck(service, node)):
            return [node]
        if word == "recover" and not node:
            return [name for name in running if self.state(service, name) == "FAIL"] or running[:1]
        return [name for name in running if name != node]

    def _stopping(self, node: str) -> bool:
        faild = self.hosts[node].faild
        return faild is not None and faild.core.startup.stopping

    def _stuck(self, service: str, node: str) -> bool:
        faild = self.hosts[node].faild
        return faild is not None and faild.core.state.column(node).service(service).stuck

    # Surroundings of the hosts

    def switch_off(self, by: str, node: str, tell: Tell) -> None:
        self.power.switch_off(self.hosts[by], node, tell)

    def watched(self, node: str, seen: Input, ordered: list[Effect], now: Now) -> None:
        for witness in self.witnesses:
            witness(node, seen, ordered, now)

    def refused(self, node: str, sender: str, refusal: Refused) -> None:
        self.refusals.append((node, sender, refusal))

    def answered(self, node: str, answer: Answer) -> None:
        self.answers.append((node, answer))

    def alarmed(self, node: str, text: str) -> None:
        self.alarms.append((self.now_ms, node, text))
