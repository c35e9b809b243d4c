"""The laboratory as its users see it: build it, start nodes, do harm, look.

Everything that it makes lives in processes of its own, and `close` ends them (so does the end of this program, and a
SIGKILL to it: agents end when their socket closes). Files go to a temporary folder, which `close` removes.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.lab.addresses import BYSTANDER_HOST, CLIENT_HOST, INTERFACES, LINKS, SERVICE_V4, SERVICE_V6, Port
from tools.lab.node import Node, PowerLoss
from tools.lab.place import LabError, Place, World
from tools.lab.programs import program
from tools.lab.switch import Switch
from tools.lab.watchers import Watcher

if TYPE_CHECKING:
    from tools.lab.feeds import FeedIndex

POLL_S = 0.01


class Lab:
    """`nodes` in order of preference; `witnesses` are plugged in as well and own nothing.

    `copy`: another installed copy of this project, whose commands run here (a benchmark's "before").
    """

    def __init__(
        self,
        nodes: Sequence[str],
        witnesses: Sequence[str] = (),
        folder: Path | None = None,
        copy: Path | None = None,
    ):
        self._own_folder, self.copy = folder is None, copy
        self.folder = folder or Path(tempfile.mkdtemp(prefix="failover-lab-"))
        self.witnesses = tuple(witnesses)
        self._places: list[Place] = []
        self.world = World()
        try:
            self._build((*nodes, *witnesses))
        except BaseException:
            self.close()
            raise

    def _build(self, names: Sequence[str]) -> None:
        self.switches = {link: Switch(link, self._place(link, processes=False)) for link in LINKS}
        self.nodes = {name: self._node(name, 11 + at) for at, name in enumerate(names)}
        self.client, self.bystander = (self.guest("client", CLIENT_HOST), self.guest("bystander", BYSTANDER_HOST))
        self.prober = Watcher(self.client, "prober", 2000, self.folder)
        asker = Port("lan", "bystander", BYSTANDER_HOST)
        self.asker = Watcher(self.bystander, "bystander", 5000, self.folder, asker.v4, asker.v6)
        for name in names:
            self._cable(self.nodes[name])
        self.wait_until(self._cables_carry, "every cable carries")

    def _place(self, name: str, processes: bool = True) -> Place:
        self._places.append(self.world.place(name, processes))
        return self._places[-1]

    def _node(self, name: str, host: int) -> Node:
        return Node(name, tuple(Port(link, name, host) for link in LINKS), self.folder, self.copy)

    def guest(self, name: str, host: int, link: str = "lan") -> Place:
        """One more machine on a link, at 10.77.0.HOST or 10.78.0.HOST: not a node."""
        place, port = self._place(name), Port(link, name, host)
        place.ip("link set lo up")
        self.switches[link].plug(port, place)
        self.switches[link].up(port)
        return place

    def _cable(self, node: Node) -> None:
        node.place = self._place(node.name)
        node.place.ip("link set lo up")
        for port in node.ports:
            self.switches[port.link].plug(port, node.place)
            self.switches[port.link].up(port)

    def _cables_carry(self) -> bool:
        return all(state == "up" for switch in self.switches.values() for state in switch.states().values())

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process and remove every file. Safe to call twice."""
        for place in reversed(self._places):
            place.kill()
        self.world.close()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # The cluster

    def init(self, edit: Callable[[str], str] = lambda text: text, service: str = "web") -> None:
        """`failc init` for these nodes, with one service of both addresses (none: ""); `edit` may change the text."""
        addresses = ["--service", f"{service}={SERVICE_V4}/24@eth0,{SERVICE_V6}/64@eth0"] if service else []
        members = [part for name in self.nodes for part in (f"--{self._role(name)}", self._links(name))]
        self.command("failc", "init", str(self.folder), "--cluster", "demo", *members, *addresses)
        config = self.folder / "failover.toml"
        config.write_text(edit(config.read_text()))

    def _role(self, name: str) -> str:
        return "witness" if name in self.witnesses else "node"

    def _links(self, name: str) -> str:
        return f"{name}=" + ",".join(f"{port.link}:{port.v4}" for port in self.nodes[name].ports)

    def start(self, *names: str, deadline_s: float = 20.0) -> None:
        """Start `faild` on these nodes (all of them without a name), giving power where there is none; wait until ready."""
        chosen = [self.nodes[name] for name in names or self.nodes]
        for node in chosen:
            if node.place is None:
                self.power_on(node.name)
            node.launch()
        for node in chosen:
            self.wait_until(node.is_ready, f"{node.name} is ready", deadline_s)

    # Accidents

    def power_off(self, name: str) -> PowerLoss:
        """The ports of all its links go down, then every process dies at once, then its namespace goes: in that order."""
        node, began_ns = self.nodes[name], time.monotonic_ns()
        # The service's own link last: who sees it go has no way left to say so.
        if not all(self.switches[port.link].off(port) for port in reversed(node.ports)):
            raise LabError(f"void: {name} could still speak when it lost its power")
        ports_down_ns = time.monotonic_ns()
        self._places.remove(node.running)
        node.die()
        dead_ns = time.monotonic_ns()
        for port in node.ports:
            # No process is in the namespace any more; but its kernel keeps it until its last half-closed connection has timed
            # out.
            self.switches[port.link].remove(port)
        return PowerLoss(began_ns, ports_down_ns, dead_ns, time.monotonic_ns())

    def power_on(self, name: str) -> None:
        """New namespaces and cables, the disk as it was; nothing runs yet."""
        self._cable(self.nodes[name])
        self.wait_until(self._cables_carry, "every cable carries")

    def cut(self, name: str, *links: str) -> None:
        """The fault lies behind the switch: the node keeps its carrier and hears no peer. All links without a name."""
        for switch, port in self._ports(name, links):
            switch.isolate(port)

    def heal(self, name: str, *links: str) -> None:
        for switch, port in self._ports(name, links):
            switch.join(port)

    def unplug(self, name: str, *links: str) -> None:
        """The cable comes out: the node sees its carrier go."""
        for switch, port in self._ports(name, links):
            switch.down(port)

    def plug(self, name: str, *links: str) -> None:
        for switch, port in self._ports(name, links):
            switch.up(port)

    def _ports(self, name: str, links: Sequence[str]) -> list[tuple[Switch, Port]]:
        return [(self.switches[link], self.nodes[name].port(link)) for link in links or LINKS]

    def cut_one_way(self, source: str, target: str, *links: str) -> None:
        """Nothing that `source` sends reaches `target`; needs nft."""
        for link in links or LINKS:
            self.switches[link].block(self.nodes[source].port(link), self.nodes[target].port(link))

    def heal_one_way(self, source: str, target: str, *links: str) -> None:
        for link in links or LINKS:
            self.switches[link].unblock(self.nodes[source].port(link), self.nodes[target].port(link))

    def split(self, *names: str) -> None:
        """Every switch falls into two: these machines on one side, all others on the other. Without a name it is whole again.
        Needs nft."""
        for switch in self.switches.values():
            switch.split(names)

    def lose(self, percent: float) -> None:
        """Every switch drops this share of the frames, at random; needs nft."""
        for switch in self.switches.values():
            switch.lose(percent)

    def swallow(self, longer_than: int) -> None:
        """Every switch drops longer packets in silence; 0: none. Needs nft."""
        for node in self.nodes.values():
            for link in LINKS:  # else many segments cross the switch as one long packet
                node.running.ip(f"link set {INTERFACES[link]} gso_max_segs {1 if longer_than else 65535}")
        for switch in self.switches.values():
            switch.swallow(longer_than)

    # Looking

    @cached_property
    def feeds(self) -> "FeedIndex":
        """What the nodes write. Imported late: the laboratory itself needs nothing but the standard library."""
        from tools.lab.feeds import FeedIndex

        return FeedIndex([node.state for node in self.nodes.values()])

    def command(self, name: str, *arguments: str, accept: Sequence[int] = (0,)) -> str:
        """Run one of our commands here (the control socket is a file) and return what it printed."""
        done = subprocess.run([*program(name, self.copy), *arguments], capture_output=True, text=True, timeout=120)
        if done.returncode not in accept:
            words = done.stderr.strip() or done.stdout.strip()
            raise LabError(f"{name} {' '.join(arguments)}: exit {done.returncode}: {words}")
        return done.stdout

    def failc(self, node: str, *arguments: str, accept: Sequence[int] = (0,)) -> str:
        """`failc` talking to this node, as the cluster's operator."""
        identity = self.folder / "operator" / "id_ed25519"
        where = ("--state", str(self.nodes[node].state), "--identity", str(identity))
        return self.command("failc", *where, *arguments, accept=accept)

    def audit(self, *arguments: str, accept: Sequence[int] = (0,)) -> str:
        return self.command("failaudit", *arguments, "--config", str(self.folder / "failover.toml"), accept=accept)

    def status(self, node: str) -> dict[str, Any]:
        """What `failc status --json` prints, without starting a process for it."""
        from tools.failc.asking import Node as Asked

        return Asked(self.nodes[node].state / "control.sock").get("/status")

    def alarms(self, node: str) -> list[dict[str, Any]]:
        """Those that stand there. That its loop was late is left out: a busy machine may well be."""
        return [alarm for alarm in self.status(node)["alarms"] if alarm["name"] != "loop-late"]

    def service(self, node: str, service: str = "web") -> dict[str, Any]:
        """What this node knows of the service: owner, owners, epoch, split, states, reason."""
        found: dict[str, Any] = self.status(node)["services"][service]
        return found

    def owner(self, node: str, service: str = "web") -> str | None:
        owner: str | None = self.service(node, service)["owner"]
        return owner

    def wait_until(self, predicate: Callable[[], object], what: str, deadline_s: float = 10.0) -> float:
        """Ask until it is so; returns the seconds it took. Raises LabError with `what` after the deadline."""
        began = time.monotonic()
        while not predicate():
            if time.monotonic() - began > deadline_s:
                raise LabError(f"not within {deadline_s:.0f} s: {what}")
            time.sleep(POLL_S)
        return time.monotonic() - began
