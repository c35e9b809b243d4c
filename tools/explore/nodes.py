"""What each node becomes by each input: thought out once by the production core, and remembered.

    nodes = Nodes(("a", "b", "w"))
    after = nodes.step(life, age_ms, given)     # numbers of a life and of an input; `After`

A core is pure: the same core, given the same input at the same instant, does the same. So of two worlds in which a node stands
alike, and the others differ, it thinks in one only. Most steps of an exploration are looked up.
"""

import hashlib
from dataclasses import replace
from typing import NamedTuple

from coordinator.core import inputs as saw
from coordinator.core.core import Core
from coordinator.state.configurations import ran
from protocol.kinds import Kind
from protocol.messages import Batch, Heartbeat, LastWord, Verified
from tools.explore.cast import BASE_MS, LINK, SERVICE, keys_of, now, policy_of
from tools.explore.life import Life, Promise
from tools.explore.running import Running, Said, Wanted
from tools.explore.shared import Shared

WOKE, START, STOP, POWER_OFF = -1, -2, -3, -4
"""Inputs that are no messages."""


class Going(NamedTuple):
    """One message on its way: by which way, to whom (empty: to every peer), and its number."""

    way: str
    to: str
    message: int


class After(NamedTuple):
    life: int
    sent: tuple[Going, ...] = ()
    fault: str = ""
    broken: tuple[Promise, ...] = ()


class Nodes:
    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.shared = Shared()
        self.lives: list[Life] = []
        self.keys: list[bytes] = []
        """Of each life, by its number; instants as distances from its last one."""
        self.messages: list[tuple[str, Said]] = []
        """The sender of each, and what it says."""
        self.message_keys: list[bytes] = []
        self.thought = self.looked_up = 0
        self._life_of: dict[bytes, int] = {}
        self._message_of: dict[bytes, int] = {}
        self._after: dict[tuple[int, int, int, bool, bool], After] = {}
        self.first = tuple(self._keep(Life(name, BASE_MS), None) for name in names)

    def step(self, life: int, age_ms: int, given: int, *, relayed: bool = False, torn: bool = False) -> After:
        """`given`: the number of a message, or one of the inputs above. `age_ms`: since the life's last instant."""
        asked = (life, age_ms, given, relayed, torn)
        known = self._after.get(asked)
        if known is not None:
            self.looked_up += 1
            return known
        self.thought += 1
        after = self._after[asked] = self._think(self.lives[life], age_ms, given, relayed=relayed, torn=torn)
        return after

    def _think(self, life: Life, age_ms: int, given: int, *, relayed: bool, torn: bool) -> After:
        now_ms = life.at_ms + age_ms
        if given == POWER_OFF:
            return After(self._keep(self._without_power(replace(life, at_ms=now_ms)), None))
        run = self._started(life, now_ms) if given == START else self._going_on(life, now_ms)
        if given == START:
            run.take(saw.GuardChanged(True))
        run.take(self._input(given, run, relayed=relayed), torn=torn)
        after = run.life
        if run.exited:
            after, core = self._without_power(after), None
        else:
            core = run.core
            service = core.column.service(SERVICE)
            after = replace(after, wake_ms=core.wake_at_ms, epoch=service.epoch, holds=service.holds)
        sent = tuple(Going(each.way, each.to, self._message(life.name, each.said)) for each in run.sent)
        return After(self._keep(after, core), sent, "; ".join(run.faults), tuple(run.broken))

    def _started(self, life: Life, now_ms: int) -> Running:
        runs = life.runs + 1
        name, policy, keys = life.name, policy_of(self.names), keys_of(self.names)
        number = hashlib.sha256(f"run {name} {runs}".encode()).digest()[:8]
        entries = [entry for feed in sorted(life.disk) for entry in life.disk[feed]]
        before = ran(name, (entry.event for entry in entries))
        core = Core(name, policy, number, entries, now(now_ms), keys.keyring, before)
        return Running(replace(life, run=number, runs=runs, over=frozenset()), core, now_ms, keys)

    def _going_on(self, life: Life, now_ms: int) -> Running:
        run = Running(life, self.shared.thaw(life.frozen), now_ms, keys_of(self.names))
        run.looked_at_first()
        return run

    def _without_power(self, life: Life) -> Life:
        """What it had promised it has promised; what its kernel and its processes knew is gone."""
        return replace(life, frozen=b"", wake_ms=0, run=b"", up=False, gate_ms=0, over=frozenset(), holds=False)

    def _input(self, given: int, run: Running, *, relayed: bool) -> saw.Input:
        if given == START:
            own = [entry for feed in sorted(run.life.disk) if feed[0] == run.life.name for entry in run.life.disk[feed]]
            return saw.Booted(bool(own) and own[-1].event.kind == Kind.NODE_STOPPED)
        if given == WOKE:
            return saw.Woke()
        if given == STOP:
            return saw.StopAsked()
        sender, said = self.messages[given]
        return as_input(sender, said, relayed=relayed)

    # --- numbers --------------------------------------------------------------------------------------------------

    def batch(self, sender: int, wanted: int) -> int | None:
        """The answer of a peer to a request; None where it has nothing of it."""
        life, asked = self.lives[sender], self.messages[wanted][1]
        if not isinstance(asked, Wanted):
            return None
        entries = life.feed((asked.node, asked.incarnation), asked.first)
        return self._message(life.name, Batch(entries)) if entries else None

    def _keep(self, life: Life, core: Core | None) -> int:
        """The number of this life: of one that is equal by its key the first one is kept, whatever its clock shows."""
        promised = tuple(each for each in life.promised if life.at_ms < each.until_ms)
        life = replace(life, promised=promised, gate_ms=life.gate_ms if life.at_ms < life.gate_ms else 0)
        heads = tuple((feed, entries[-1].id) for feed, entries in sorted(life.disk.items()))
        known = (life.name, life.wake_ms, life.runs, life.up, life.gate_ms, life.promised, life.over, heads)
        key = self.shared.key((known, core), life.at_ms)
        number = self._life_of.get(key)
        if number is None:
            number = self._life_of[key] = len(self.lives)
            self.lives.append(replace(life, frozen=self.shared.freeze(core) if core is not None else b""))
            self.keys.append(key)
        return number

    def _message(self, sender: str, said: Said) -> int:
        key = hashlib.blake2b(sender.encode() + b"\n" + bytes_of(said), digest_size=16).digest()
        number = self._message_of.get(key)
        if number is None:
            number = self._message_of[key] = len(self.messages)
            self.messages.append((sender, said))
            self.message_keys.append(key)
        return number


def bytes_of(said: Said) -> bytes:
    if isinstance(said, Verified):
        return said.raw
    if isinstance(said, Batch):
        return b"batch" + b"".join(entry.id for entry in said.entries)
    return repr(said).encode()


def as_input(sender: str, said: Said, *, relayed: bool) -> saw.Input:
    match said:
        case Verified(message=Heartbeat()):
            return saw.HeartbeatHeard(said, "" if relayed else LINK, True)  # type: ignore[arg-type]
        case Verified(message=LastWord()):
            return saw.LastWordHeard(said)  # type: ignore[arg-type]
        case Batch():
            return saw.BatchArrived(said, sender)
        case _:
            return saw.HeadsArrived(sender, said)  # type: ignore[arg-type]
