"""Two real cores in one process, with real control sockets: the disk, the wire and the actions are instant, the rest is true.

async with Cluster(folder) as cluster:
    await cluster.settled()                     # lukretia owns web
    cluster.cut = True                          # nothing passes between the nodes any more
"""

import asyncio
import hashlib
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator.config import read
from coordinator.control.change_signal import ChangeSignal
from coordinator.control.enforcement import GateView
from coordinator.control.fence_view import FenceView
from coordinator.control.server import ControlServer
from coordinator.control.view import PeerView
from coordinator.core import effects, inputs
from coordinator.core.commands import Already, Refusal, Resolved, Wanted
from coordinator.core.core import Core
from coordinator.core.inputs import Input, Now, Outcome
from coordinator.daemon.event_lookup import Recall
from coordinator.daemon.loop_timing import Turns
from protocol.commands import SignedCommand
from protocol.event import Entry, Event, Head, Ref
from protocol.messages import Batch, Verified
from protocol.sshkey import write_private

NODES = ("lukretia", "genesis")

CONFIG = """\
cluster = "demo"
id = "00112233445566778899aabbccddeeff"
[timing]
heartbeat = "20ms"
indoubt = "100ms"
dead = "200ms"
[nodes.lukretia]
key = "ed25519:hLm9MgVkI6CJYbkdFHFohmEvdxCG3OZafhUmwPhscVM="
links = {{ lan = "10.77.0.11", direct = "10.78.0.11" }}
[nodes.genesis]
key = "ed25519:y20Fr7ewXUiKzWtVWPooXszKQNxZ0YgzirNkSUpim4I="
links = {{ lan = "10.77.0.12", direct = "10.78.0.12" }}
[services.web]
nodes = ["lukretia", "genesis"]
[[services.web.actions]]
script = "/etc/failover/web"
[[services.web.checks]]
tcp = "127.0.0.1:80"
[[services.web.checks]]
exec = ["/etc/failover/queue"]
on_fail = "tell"
[services.db]
nodes = ["genesis", "lukretia"]
[[services.db.actions]]
script = "/etc/failover/db"
[operators.afm]
key = "{afm}"
role = "admin"
[operators.eve]
key = "{eve}"
role = "operate"
services = ["web"]
[operators.olga]
key = "{olga}"
role = "observe"
"""


@dataclass(slots=True)
class Link:
    peer: str
    link: str
    up: bool = True
    datagram: bool = True
    rtt_ms: float | None = 0.4123456
    refused: Counter[str] = field(default_factory=Counter)


class Clock:
    """The time in which this process ran. Both nodes are in it: where a busy machine keeps it waiting, neither is late."""

    STEP_MS_MAX = 40
    """Twice the heartbeat, after which a node looks at its clock."""

    def __init__(self) -> None:
        self._seen_ms = self._ran_ms = time.monotonic_ns() // 1_000_000

    def __call__(self) -> Now:
        seen_ms = time.monotonic_ns() // 1_000_000
        self._ran_ms += min(seen_ms - self._seen_ms, self.STEP_MS_MAX)
        self._seen_ms = seen_ms
        return Now(self._ran_ms, time.time_ns() // 1_000_000, self._ran_ms)


class Node:
    """Implements `coordinator.control.view.NodeView` around a core."""

    def __init__(self, me: str, cluster: "Cluster"):
        self.me, self.cluster, self.config_path = me, cluster, cluster.config
        self.policy = read(cluster.config)
        self.bell, self.alarms, self.ready, self.turns = ChangeSignal(), [], False, Turns()
        self.core = Core(me, self.policy, os.urandom(8), [], cluster.clocks())
        self.log: dict[tuple[str, int], list[Entry]] = {}
        self.asked: dict[int, asyncio.Future[effects.Answer]] = {}
        self.links_ = [Link(peer, link) for peer in NODES if peer != me for link in ("lan", "direct")]
        self.timer: asyncio.TimerHandle | None = None
        self.stuck = False
        self.recalled = Recall(self.read)
        self.server = ControlServer(self, cluster.folder / me)

    def post(self, given: Input) -> None:
        asyncio.get_running_loop().call_soon(self.take, given)

    def take(self, given: Input) -> None:
        if self.cluster.over:
            return
        before = self.core.state
        for effect in self.core.handle(given, self.cluster.clocks()):
            getattr(self, "_" + type(effect).__name__.lower(), lambda order: None)(effect)
        if self.core.state is not before:
            self.bell.ring()
        if self.timer:
            self.timer.cancel()
        late_s = max(0, self.core.wake_at_ms - self.cluster.clocks().mono_ms) / 1000
        self.timer = asyncio.get_running_loop().call_later(late_s, self.take, inputs.Woke())

    def send(self, peer: str, given: Input) -> None:
        if not self.cluster.cut:
            self.cluster.nodes[peer].post(given)

    # what the core orders

    def _append(self, order: effects.Append) -> None:
        for entry in order.entries:
            signed = entry.signed(entry.signature or b"x" * 64)
            self.log.setdefault((entry.event.node, entry.event.incarnation), []).append(signed)
        self.bell.ring()
        self.post(inputs.Durable(order.ticket, 100))

    def _push(self, order: effects.Push) -> None:
        self._deliver(self.peer, self.me, order.incarnation, order.first)

    def _want(self, order: effects.Want) -> None:
        if not self.cluster.cut:
            self.cluster.nodes[order.peer]._deliver(self.me, order.node, order.incarnation, order.first)

    def _deliver(self, peer: str, node: str, incarnation: int, first: int) -> None:
        entries = tuple(entry for entry in self.log.get((node, incarnation), []) if entry.event.number >= first)
        if entries:
            self.send(peer, inputs.BatchArrived(Batch(entries), self.me))

    def _beat(self, order: effects.Beat) -> None:
        verified = Verified(order.heartbeat, order.heartbeat.encode(), b"x")
        for link in ("lan", "direct"):
            self.send(self.peer, inputs.HeartbeatHeard(verified, link))

    def _guard(self, order: effects.Guard) -> None:
        self.post(inputs.Guarded(order.word.service, order.word.epoch))

    def _run(self, order: effects.Run) -> None:
        outcome = Outcome.FAILED if self.stuck and order.word == "down" else Outcome.DONE
        ending = inputs.ActionEnding(outcome, 1500, 200, "exit 1" if outcome is Outcome.FAILED else "")
        self.post(inputs.StepFinished(order.ticket, (ending,) * len(order.actions)))

    def _forward(self, order: effects.Forward) -> None:
        self.cluster.cut = self.cluster.cut or self.cluster.cut_by_orders
        self.send(order.peer, inputs.CommandArrived(order.command, 0, self.me))

    def _sendreply(self, order: effects.SendReply) -> None:
        self.send(order.peer, inputs.ReplyArrived(self.me, order.reply))

    def _answer(self, order: effects.Answer) -> None:
        if order.ticket in self.asked:
            self.asked.pop(order.ticket).set_result(order)

    def _ready(self, order: effects.Ready) -> None:
        self.ready = True

    # what the control server looks at

    @property
    def peer(self) -> str:
        return next(name for name in NODES if name != self.me)

    @property
    def state(self) -> Any:
        return self.core.state

    @property
    def unfit_because(self) -> str:
        return self.core.fitness.unfit_because

    @property
    def arbiter_unseen(self) -> str:
        return self.core.arbitrated.unseen(self.cluster.clocks().mono_ms)

    def peers(self) -> dict[str, PeerView]:
        given, liveness, now_ms = self.core.reconcile.rounds.given(), self.core.liveness, self.core.context.now_ms
        return {
            name: PeerView(peer.judgement, peer.silent_ms, liveness.reachable(name, now_ms), peer.fit, peer.agrees)
            for name, peer in given.peers.items()
        }

    def gate(self) -> GateView:
        return GateView()

    def fence(self, node: str) -> FenceView | None:
        return None

    def links(self) -> list[Link]:
        return self.links_

    def event(self, ref: Ref | None) -> Event | None:
        return self.recalled.event(ref)

    async def recall(self) -> bool:
        return await self.recalled.fetch()

    def sentence(self, service: str) -> str:
        return self.core.services.sentences.get(service, "")

    def refused_because(self, service: str) -> str:
        return self.core.gate_scripts.unfit_because(service)

    def number(self, service: str, node: str) -> tuple[int, int] | None:
        return self.core.evidence.number(service, node)

    def no_number_because(self, service: str) -> str:
        return self.core.evidence.troubles.get(service, "")

    def heads(self) -> tuple[Head, ...]:
        return tuple(entries[-1].head for entries in self.log.values())

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        entries = [entry for entry in self.log.get((node, incarnation), []) if entry.event.number >= first]
        return [(entry.raw, entry.signature) for entry in entries[:limit]]

    def resolve(self, wanted: Wanted) -> Resolved | Refusal | Already:
        return self.core.commands.resolve(wanted)

    async def submit(self, command: SignedCommand) -> effects.Answer:
        ticket = int.from_bytes(hashlib.sha256(command.raw).digest()[:6], "big")
        self.asked[ticket] = asyncio.get_running_loop().create_future()
        self.post(inputs.CommandArrived(command, ticket))
        return await self.asked[ticket]


class Cluster:
    def __init__(self, folder: Path):
        self.folder, self.cut, self.over = folder, False, False
        self.clocks = Clock()
        self.cut_by_orders = False  # the network ends with the first order that is passed on
        self.config = folder / "failover.toml"
        (folder / "operator").mkdir()
        keys = {"afm": folder / "operator" / "id_ed25519", "eve": folder / "eve", "olga": folder / "olga"}
        self.config.write_text(CONFIG.format(**{name: write_private(path, name) for name, path in keys.items()}))
        self.nodes: dict[str, Node] = {}

    async def __aenter__(self) -> "Cluster":
        for name in NODES:
            (self.folder / name).mkdir()
            self.nodes[name] = Node(name, self)
        for node in self.nodes.values():
            await node.server.start()
            for given in (inputs.GuardChanged(True), inputs.Booted(False)):
                node.post(given)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over = True
        for node in self.nodes.values():
            if node.timer:
                node.timer.cancel()
            await node.server.close()

    async def until(self, what: Any, timeout_s: float = 60.0) -> None:
        """Waits for a condition on the cluster."""
        until = time.monotonic() + timeout_s
        while not what(self):
            assert time.monotonic() < until, [node.core.services.sentences for node in self.nodes.values()]
            await asyncio.sleep(0.01)

    async def settled(self) -> "Cluster":
        """lukretia owns web and genesis db, and both know."""
        await self.until(lambda cluster: all(
            cluster.at(name, owner, service) == "UP"
            for name in NODES for owner, service in (("lukretia", "web"), ("genesis", "db"))
        ))  # fmt: skip
        return self

    def at(self, knower: str, node: str, service: str = "web") -> str:
        return str(self.nodes[knower].core.state.column(node).service(service).state)
