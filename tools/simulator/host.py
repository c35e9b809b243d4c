"""One machine: power, clocks, disk, actions, carrier, the guard, and a faild while one runs.

    host.start(); host.stop(); host.crash(); host.kill(); host.freeze(); host.thaw()

A frozen machine's kernel goes on: the service stays up, connections stand, what arrives waits. A machine without power
loses what was not synced, and nothing on it is up any more.
"""

from collections.abc import Callable

from coordinator.core.inputs import Booted, CarrierChanged, GuardChanged, Now, StopAsked
from coordinator.policy import DOWN_AT_ONCE, Policy
from coordinator.state.model import UPISH
from protocol.datagram import last_word_datagram
from protocol.events import ConfigApplied, body_of
from protocol.messages import LastWord, Verified
from tools.simulator.actions import MachineActions
from tools.simulator.boot import booted_core
from tools.simulator.clocks import Clocks
from tools.simulator.disk import Disk
from tools.simulator.faild import Faild
from tools.simulator.gates import Gates
from tools.simulator.guard import Guard
from tools.simulator.guard_leases import GuardLeases
from tools.simulator.machine import Surroundings
from tools.simulator.messages import Mail
from tools.simulator.watchdog import Watchdog

SOCKET_BUFFER = 256
"""Datagrams that wait for a frozen process; the kernel drops the rest."""


class Host:
    def __init__(self, surroundings: Surroundings, name: str, clocks: Clocks) -> None:
        self.surroundings = surroundings
        self.name = name
        self.clocks = clocks
        self.powered = False
        self.frozen = False
        """faild stands still, and all other processes with it, unless it is `hung`."""
        self.hung = False
        """faild alone stands still."""
        self.failing_checks: set[str] = set()
        self.refusing_gates: set[str] = set()
        self.evidence: dict[str, int | None] = {}
        """Service to the number that its script gives here; None: none. 0 where nothing was told."""
        self.guard_slow_us = 0
        """Added to each answer of the guard."""
        self.lost_carrier: set[str] = set()
        """Interfaces without carrier."""
        self.disk = Disk(surroundings.agenda, surroundings.rng, name, surroundings.keys.signer(name))
        self.works = MachineActions(surroundings.policy, self.later_beside, lambda: surroundings.agenda.now_us)
        self.watchdog = Watchdog(surroundings.agenda, clocks, self._reset)
        leases = GuardLeases(self.watchdog, lambda: self.now().mono_ms, self.later_beside, self._forsaken)
        self.guard = Guard(self.works, self.say, leases)
        self.back_ms_max = 0
        """Within so long people start it again where it was reset, or its faild was killed by its guard; 0: they do not."""
        self.gates = Gates(clocks)
        self.file = surroundings.policy
        """What its failover.toml says: a start and an `apply` read it."""
        self.by_hand: set[bytes] = set()
        """Digests of files that a start found on its disk, and that no order had brought: no `faild` ran then, or the
        one that ran refused it."""
        self.faild: Faild | None = None
        self._starting = False
        self._stalled: list[Callable[[], None]] = []
        self._datagrams_stalled = 0
        self._runs = 0
        self._applied = 0
        self._life = 0

    def owns(self, service: str) -> bool:
        """Really, whatever any node believes; a service without actions is wherever faild says that it is up."""
        policy = self.surroundings.policy.services[service]
        at_once = DOWN_AT_ONCE if policy.leased else {"address"}
        gated = all(action.kind in at_once for action in policy.actions)
        if gated and not self.gates.is_open(service, self.surroundings.agenda.now_us):
            return False
        if policy.actions:
            return self.works.owns(service)
        return self.faild is not None and self.faild.core.state.column(self.name).service(service).state in UPISH

    @property
    def runs(self) -> Policy | None:
        """The configuration that its faild runs."""
        return self.faild.core.policy if self.faild else None

    # Time, as this machine's processes have it

    def now(self) -> Now:
        return self.clocks.now(self.surroundings.agenda.now_us)

    def later(self, delay_us: int, act: Callable[[], None]) -> None:
        """After so long, or when the machine runs again; never after its power went."""
        life = self._life
        self.surroundings.agenda.after(delay_us, lambda: self.when_awake(act) if life == self._life else None)

    def later_beside(self, delay_us: int, act: Callable[[], None]) -> None:
        """The same for the guard and for programs, which go on while faild alone stands still."""
        life = self._life
        self.surroundings.agenda.after(delay_us, lambda: self.when_beside(act) if life == self._life else None)

    def when_awake(self, act: Callable[[], None]) -> None:
        if self.frozen:
            self._stalled.append(act)
        else:
            act()

    def when_beside(self, act: Callable[[], None]) -> None:
        if self.frozen and not self.hung:
            self._stalled.append(act)
        else:
            act()

    # What people and accidents do to it

    def start(self) -> None:
        """Power on if it was off, and start faild. Nothing happens where one runs already."""
        if not self.powered:
            self.powered = True
            self.clocks.boot(self.surroundings.agenda.now_us)
        if self.faild is None and not self._starting:
            self._starting = True
            self.guard.when_idle(lambda: self.when_awake(self._sweep))

    def apply(self, policy: Policy) -> None:
        """A new file on this machine, and `failc config apply` where a faild runs."""
        self.file = policy
        if self.faild:
            self._applied += 1
            self.faild.applied(policy, f"apply {self._applied} at {self.name}")

    def stop(self) -> None:
        """SIGTERM: it releases, then ends."""
        if self.faild:
            self.faild.post(StopAsked())

    def kill(self) -> None:
        """SIGKILL of faild alone: the guard takes over."""
        if self.faild:
            self._faild_gone(reset=True)
            self.guard.orphaned()
            self.when_beside(self.guard.faild_ended)
            if self.hung:
                self.thaw()

    def kill_guard(self) -> None:
        """SIGKILL of the guard alone."""
        if self.faild and self.guard.alive:
            self.guard.die_alone()
            self.faild.post(GuardChanged(False))

    def mute_guard(self) -> None:
        """It lives, and confirms nothing any more, until another takes its place."""
        self.guard.mute = True

    def restore_guard(self) -> None:
        """faild has started a new guard in place of a killed one."""
        self.when_awake(self._new_guard)

    def lose_watchdog(self) -> None:
        """Its driver is not loaded: what is not armed yet never is."""
        self.watchdog.missing = True

    def crash(self) -> None:
        """The power goes: everything on it is down, and what was not synced is lost."""
        if not self.powered:
            return
        self.powered = self.frozen = self.hung = self._starting = False
        self._life += 1
        self._stalled.clear()
        if self.faild:
            self._faild_gone(reset=False)
        self.works.power_off()
        self.guard.die()
        self.gates.power_off()
        self.watchdog.disarm()

    def freeze(self) -> None:
        """Every process of ours."""
        self.frozen, self.hung = self.powered, False

    def hang(self) -> None:
        """faild alone: its guard goes on, and so do programs."""
        if self.faild and not self.frozen:
            self.frozen = self.hung = True

    def thaw(self) -> None:
        self.frozen = self.hung = False
        self._datagrams_stalled = 0
        while self._stalled and not self.frozen:
            self._stalled.pop(0)()

    def carrier(self, interface: str, up: bool) -> None:
        (self.lost_carrier.discard if up else self.lost_carrier.add)(interface)
        if self.faild:
            self.faild.post(CarrierChanged(interface, up))

    # A Post of the network

    @property
    def answers(self) -> bool:
        return self.powered and self.faild is not None

    def knows(self, peer: str) -> bool:
        return self.faild is not None and peer in self.faild.core.policy.nodes

    def turn_away(self, peer: str, link: str) -> None:
        if self.faild:
            self.faild.turn_away(peer, link)

    def take(self, sender: str, link: str, mail: Mail, began_us: int | None) -> None:
        faild = self.faild
        if faild is None:
            return
        if self.frozen and began_us is None and self._overflows():
            return
        self.when_awake(lambda: faild.take(sender, link, mail, began_us))

    def connected(self, peer: str, link: str, up: bool) -> None:
        if self.faild:
            self.faild.connected(peer, link, up)

    def say(self, word: Verified[LastWord]) -> None:
        """The guard's last word: to all peers, on every link, as a datagram in clear."""
        mail, network = last_word_datagram(word.raw, word.signature), self.surroundings.network
        for peer in self.file.others(self.name):
            for link in network.links_between(self.name, peer):
                network.datagram(self.name, peer, link, mail)

    def faild_exited(self) -> None:
        """It has released everything and ended by itself."""
        self._faild_gone(reset=True)
        self.guard.orphaned()
        self.guard.faild_ended()

    # Inside

    def _reset(self) -> None:
        self.crash()
        self._comes_back()

    def _forsaken(self) -> None:
        """Its guard ends it."""
        if self.faild:
            self.kill()
            self._comes_back()

    def _comes_back(self) -> None:
        if self.back_ms_max:
            around = self.surroundings
            around.agenda.after(around.rng.randint(100, self.back_ms_max) * 1000, self.start)

    def _overflows(self) -> bool:
        self._datagrams_stalled += 1
        return self._datagrams_stalled > SOCKET_BUFFER

    def _sweep(self) -> None:
        """Whatever a probe finds up at start is taken down before anything is written or claimed."""
        if not self.powered or not self._starting:
            return
        known = {**self.surroundings.policy.services, **self.file.services}
        for service in known.values():
            self.works.equip(service)
        up = {name: service for name, service in known.items() if self.works.is_up(name)}
        waiting, still_up = set(up), set[str]()

        def ended(service: str, clean: bool) -> None:
            waiting.discard(service)
            if not clean:
                still_up.add(service)
            if not waiting:
                self._launch(swept=not still_up)

        self.works.take_down(up, ended)
        if not up:
            self._launch(swept=True)

    def _launch(self, *, swept: bool) -> None:
        """Where something is up and stays up, nothing may be decided here: that start fails, and a later one may do better."""
        if not self.powered or not self._starting:
            return
        self._starting = False
        if not swept:
            return
        self._runs += 1
        if self._applied_last() != self.file.digest:
            self.by_hand.add(self.file.digest)
        core, clean = booted_core(self, self._runs)
        self.faild = Faild(self, core)
        self.guard.start()
        self.surroundings.network.came_up(self.name)
        self.faild.post(GuardChanged(True))
        for interface in sorted(self.lost_carrier):
            self.faild.post(CarrierChanged(interface, False))
        self.faild.begin(Booted(clean))

    def _applied_last(self) -> bytes:
        """The digest of the file that it ran last, by its own log; with an empty one, that of the beginning."""
        bodies = [body_of(entry.event) for entry in self.disk.entries() if entry.event.node == self.name]
        applied = [body.digest for body in bodies if isinstance(body, ConfigApplied)]
        return applied[-1] if applied else self.surroundings.policy.digest

    def _new_guard(self) -> None:
        if self.faild and not self.guard.alive:
            self.guard.start()
            self.faild.guard_replaced()

    def _faild_gone(self, reset: bool) -> None:
        assert self.faild is not None, "only a running faild can end"
        self.faild.end()
        self.faild = None
        self.disk.close(flushed=reset)
        self.surroundings.network.went_away(self.name, reset)
