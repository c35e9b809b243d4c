"""The stage of a trial: two nodes, each a machine with its own /etc, /var and /run, and the example's files in /etc/failover.

An example is played as it is written: its paths are those in the laboratory, and what its page says is to be copied is copied.
/etc and parts of /var are overlays whose upper layer is the node's disk: it outlives the power, and /run does not.
"""

import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tools.cases.findings import CaseFailed, Findings
from tools.cases.requests import Requests, Seen
from tools.lab.lab import Lab
from tools.lab.measure import SETTLE_NS
from tools.lab.node import Node
from tools.lab.outage import longest_gap
from tools.lab.place import LabError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MASTER, SLAVE = "lukretia", "genesis"
OWN = ("/etc", "/var/cache", "/var/lib", "/var/log", "/var/spool", "/var/www")
SETTLED_S = 0.3
"""Between two moves: some heartbeats of both nodes."""


Launch = Callable[["Stage", str], None]
"""What a boot does to a node that has power: a machine around it, and its daemons."""


class Stage:
    """`off`: the switch of the control that is played, or "". `moves` and `crashes`: how many are measured."""

    def __init__(self, lab: Lab, example: str, off: str = "", moves: int = 2, crashes: int = 1):
        self.lab, self.example, self.off = lab, EXAMPLES / example, off
        self.moves, self.crashes, self.found = moves, crashes, Findings()
        self.closing = ExitStack()
        """What ends before the laboratory is closed."""
        self.afterwards: list[Callable[[], object]] = []
        """What is left to do when the laboratory is closed."""

    def without(self, switch: str) -> bool:
        return self.off == switch

    # Machines

    def services(self, edit: Callable[[str], str] = lambda text: text, file: str = "failover.toml") -> None:
        """What `failc init` writes, and behind it the services of the example, as its page says."""
        whole = (self.example / file).read_text()
        found = re.search(r"^\[services\b", whole, re.MULTILINE)
        if found is None:
            raise CaseFailed(f"{self.example.name}/{file} has no service")
        self.lab.init(lambda text: f"{text}\n{edit(whole[found.start() :])}", service="")

    def disk(self, name: str, folder: str) -> Path:
        """Where a folder of this node lies as the laboratory sees it: what is put there is in it, from the next power on."""
        path = self.lab.folder / f"{name}.disk" / folder.strip("/")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def copy(self, name: str, **files: str) -> None:
        """The example's files into /etc/failover of a node; `files` are further ones: name=text."""
        target = self.disk(name, "/etc/failover")
        for path in self.example.iterdir():
            if path.is_file() and path.suffix not in (".md", ".toml"):
                shutil.copy(path, target)
        for file, text in files.items():
            (target / file.replace("_", ".")).write_text(text)

    def furnish(self, name: str) -> None:
        """A machine of its own around a node that has power. Call it before anything is started there."""
        place = self.lab.nodes[name].running
        for folder in OWN:
            if not Path(folder).is_dir():
                continue
            upper, work = self.disk(name, folder), self.lab.folder / f"{name}.work" / folder.strip("/")
            work.mkdir(parents=True, exist_ok=True)
            layers = f"lowerdir={folder},upperdir={upper},workdir={work}"
            place.run("mount", "-t", "overlay", "overlay", "-o", layers, folder)
        for folder in ("/run", "/dev/shm"):
            place.run("mount", "-t", "tmpfs", "tmpfs", folder)

    def kill(self, name: str, program: str) -> None:
        """SIGKILL to every process of this name on a node: it has processes of its own, and its /proc shows no others."""
        each = f'for it in /proc/[0-9]*; do [ "$(cat "$it/comm")" != {program} ] || kill -9 "${{it#/proc/}}"; done'
        self.run(name, "sh", "-c", each)

    def node(self, name: str) -> Node:
        return self.lab.nodes[name]

    def run(self, name: str, *argv: str) -> str:
        return self.node(name).running.run(*argv)

    # Services

    def until_up(self, service: str, name: str, deadline_s: float = 30.0) -> None:
        """Until this node says that it has it up. Raises CaseFailed with the reason in the status."""
        try:
            self.lab.wait_until(lambda: self._is_up(service, name), "", deadline_s)
        except LabError:
            known = self.lab.service(name, service)
            raise CaseFailed(f"{service} is not up at {name}: {known['states']}, {known['reason']}") from None

    def _is_up(self, service: str, name: str) -> bool:
        known = self.lab.service(name, service)
        return bool(known["owners"] == [name] and known["states"][name] == "UP")

    def move(self, service: str, name: str) -> None:
        """`failc move`, which waits until it is up there."""
        try:
            self.lab.failc(name, "move", service, name)
        except LabError as error:
            raise CaseFailed(f"{service} did not move to {name}: {error}") from error
        self.until_up(service, name)

    def other(self, name: str) -> str:
        return SLAVE if name == MASTER else MASTER

    # Measuring

    def requests(self, url: str) -> Requests:
        """A client that begins to ask now: 200 requests a second, each on a connection of its own."""
        asking = Requests(self.lab.client, url, self.lab.folder)
        asking.start()
        return asking

    def measure_moves(self, service: str, asking: Requests, lost_max: int) -> None:
        """Moves it there and back, and keeps what the client lost; CaseFailed where one move lost more than `lost_max`."""
        holder = MASTER
        self.until_answered(asking, holder)
        for _ in range(self.moves):
            holder = self.other(holder)
            seen = self._one_move(service, holder, asking, lost_max)
            self.found.planned_ms.append(seen.outage_ms)
            self.found.lost_in_move.append(len(seen.lost))
            self.found.tool_late_ms = max(self.found.tool_late_ms, seen.late_ms)

    def _one_move(self, service: str, holder: str, asking: Requests, lost_max: int) -> Seen:
        began_ns = time.monotonic_ns()
        self.move(service, holder)
        time.sleep(SETTLED_S)
        self._until(lambda: asking.is_answered_by(holder) or len(asking.seen(began_ns).lost) > lost_max, asking, holder)
        seen = asking.seen(began_ns)
        if len(seen.lost) > lost_max:
            raise CaseFailed(f"{len(seen.lost)} requests lost in one move to {holder}: {seen.reasons()}")
        return seen

    def measure_crash(self, asking: Requests, victim: str) -> None:
        """The owner loses its power; the other one answers, and what the client and the bare address lost is kept."""
        heir, began_ns = self.other(victim), time.monotonic_ns()
        self.lab.power_off(victim)
        self.until_answered(asking, heir)
        time.sleep(SETTLED_S)
        seen = asking.seen(began_ns)
        self.found.crash_ms.append(seen.outage_ms)
        self.found.lost_in_crash.append(len(seen.lost))
        gap = longest_gap(self.lab.prober.answers(began_ns), 4, began_ns, time.monotonic_ns() - SETTLE_NS)
        self.found.crash_address_ms.append(gap.ms)

    def measure_crashes(self, service: str, asking: Requests, launch: "Launch", comes_back: bool = True) -> None:
        """The master loses its power as often as wanted, and boots again by `launch`. `comes_back`: the service by itself."""
        for _ in range(self.crashes):
            if self.lab.owner(SLAVE, service) != MASTER:
                self.move(service, MASTER)
            self.until_answered(asking, MASTER)
            self.measure_crash(asking, MASTER)
            self.lab.power_on(MASTER)
            launch(self, MASTER)
            self.lab.start(MASTER)
            if comes_back:
                self.until_up(service, MASTER)

    def until_answered(self, asking: Requests, name: str) -> None:
        self._until(lambda: asking.is_answered_by(name), asking, name)

    def _until(self, so: Callable[[], bool], asking: Requests, name: str) -> None:
        try:
            self.lab.wait_until(so, "", 8 if self.off else 20)
        except LabError:
            raise CaseFailed(f"{name} does not answer {asking.url}: {asking.last_words()}") from None
