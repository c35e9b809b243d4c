"""The honest nodes, as operators run them: files, processes, loopback. Their scripts write down who served when.

    with Victims(folder, candidate=True) as victims:
        victims.start()
        victims.nodes["lukretia"].power_off()
        victims.owners("web")               # [Held("lukretia", 1, from_ns, to_ns), ...]

`web` is a service of the two honest nodes. With `candidate` the thief's node may own `mail`, before genesis; else nothing.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cli.trouble import Trouble
from tools.failc.asking import Node as Socket
from tools.lab.programs import program

HONEST = ("lukretia", "genesis")
THIEF = "brutus"
"""A smaller name than the honest ones: so it is the thief that dials, and it needs to listen nowhere."""

INDOUBT, DEAD = '"500ms"', '"1s"'
"""Twice the default: a machine that is busy with floods may keep a process waiting for half a second, and that is no attack."""

ALARM = re.compile(r"^\S+ alarm (\S+) (.*)$", re.MULTILINE)
"""A line of the daemon's log."""

SCRIPT = """\
#!/bin/sh
marks={folder}/$FAILOVER_SERVICE.$FAILOVER_NODE
case $1 in
start)  echo "start $FAILOVER_EPOCH $(date +%s%N)" >> $marks; : > $marks.up ;;
stop)   [ -e $marks.up ] || exit 0; rm $marks.up; echo "stop $FAILOVER_EPOCH $(date +%s%N)" >> $marks ;;
status) [ -e $marks.up ] || exit 3 ;;
esac
"""

SERVICE = """
[services.{name}]
nodes = {nodes}
retry = "2s"
[[services.{name}.actions]]
script  = "{script}"
timeout = "2s"
"""


@dataclass(frozen=True, slots=True)
class Held:
    """From the first up action to the last down action of one node, by its script."""

    node: str
    epoch: int
    from_ns: int
    to_ns: int


class Victim:
    def __init__(self, name: str, folder: Path, config: Path):
        self.name, self.folder, self.config = name, folder, config
        self.state, self.log = folder / f"{name}.state", folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.on = False
        """Whether it has power: without, it has not ended."""

    def start(self) -> None:
        self.on = True
        words = [*program("faild"), "--config", str(self.config), "--node", self.name, "--state", str(self.state)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def status(self) -> dict[str, Any]:
        """What `failc status` shows; empty where it does not answer."""
        return self._asked("/status")

    def refused(self, *peers: str) -> int | None:
        """How much it has refused from these peers since it started; None where it does not answer."""
        said = self._asked("/links")
        mine = (link["refused"].values() for link in said.get("links", ()) if link["peer"] in peers)
        return sum(map(sum, mine)) if said else None

    def alarmed(self, peer: str, begin: int) -> set[str]:
        """The names of the alarms about a peer that began behind this byte of its log: none is over before it is seen."""
        with self.log.open("rb") as file:
            file.seek(begin)
            told = file.read().decode(errors="replace")
        begun = [match.groups() for match in ALARM.finditer(told) if " is over: " not in match.group(2)]
        return {name for name, text in begun if peer in text}

    @property
    def process_id(self) -> int:
        return self._pid()

    def _asked(self, route: str) -> dict[str, Any]:
        try:
            return Socket(self.state / "control.sock").get(route)
        except Trouble:
            return {}

    def power_off(self) -> int:
        """`faild` and its guard at once: no process takes anything down, and no last word is said. Returns when (ns since
        1970).

        What it served ends when the last of them can do nothing any more, and not when this program, which a busy machine
        may keep waiting, has found out that they are gone.
        """
        self.on = False
        guard = self._guard()
        for pid, number in ((guard, signal.SIGSTOP), (self._pid(), signal.SIGKILL), (guard, signal.SIGKILL)):
            if pid:
                os.kill(pid, number)
        off_ns = time.time_ns()
        if self.process is not None:
            self.process.wait()
        for up in self.folder.glob(f"*.{self.name}.up"):
            with up.with_suffix("").open("a") as marks:
                marks.write(f"stop 0 {off_ns}\n")
            up.unlink()
        return off_ns

    def _pid(self) -> int:
        return self.process.pid if self.process is not None and self.running else 0

    def _guard(self) -> int:
        for path in Path(f"/proc/{self._pid()}/task").glob("*/children"):
            for pid in path.read_text().split():
                if Path(f"/proc/{pid}/comm").read_text() == "faild-guard\n":
                    return int(pid)
        return 0

    def size(self) -> tuple[int, int]:
        """Bytes on its disk and in its memory."""
        disk = sum(path.stat().st_size for path in self.state.glob("log.db*"))
        return disk, self._memory()

    def _memory(self) -> int:
        try:
            pages = int(Path(f"/proc/{self._pid()}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


class Victims:
    def __init__(self, folder: Path, *, candidate: bool):
        self.folder, self.candidate = folder, candidate
        self.config = folder / "demo" / "failover.toml"
        self.port = _free_port()
        net = f"127.{150 + os.getpid() % 50}.{self.port % 250}"
        self.addresses = {name: f"{net}.{number}" for number, name in enumerate((*HONEST, THIEF), 11)}
        self._init()
        self.nodes = {name: Victim(name, folder, self.config) for name in HONEST}

    def _init(self) -> None:
        ends = [word for name, at in self.addresses.items() for word in ("--node", f"{name}=lan:{at}:{self.port}")]
        self.failc("init", str(self.folder / "demo"), "--cluster", "demo", "--operator", "afm", *ends)
        script = self.folder / "service"
        script.write_text(SCRIPT.format(folder=self.folder))
        script.chmod(0o755)
        text = self.config.read_text()
        self.config.write_text(text.replace('"500ms"', DEAD).replace('"300ms"', INDOUBT))
        with self.config.open("a") as file:
            file.write(SERVICE.format(name="web", nodes=json.dumps(HONEST), script=script))
            if self.candidate:
                file.write(SERVICE.format(name="mail", nodes=json.dumps((THIEF, "genesis")), script=script))

    def __enter__(self) -> "Victims":
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.power_off()

    def start(self, *names: str) -> None:
        for name in names or HONEST:
            self.nodes[name].start()

    def failc(self, *words: str, at: str = "") -> str:
        """One command of the operator. Raises RuntimeError with its words where it does not end well."""
        state = ["--state", str(self.nodes[at].state)] if at else []
        done = subprocess.run([*program("failc"), *words, *state], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"failc {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def audit(self) -> list[dict[str, Any]]:
        """The findings of `failaudit verify` over both logs."""
        states = [str(node.state) for node in self.nodes.values()]
        words = [*program("failaudit"), "verify", "--json", "--config", str(self.config), *states]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        try:
            return list(json.loads(done.stdout)["findings"])
        except (ValueError, KeyError):
            kind = "traceback" if "Traceback" in done.stderr else "unreadable"
            return [{"kind": kind, "node": "", "text": done.stderr[-1500:]}]

    def owners(self, service: str) -> list[Held]:
        """Who served when, oldest first; what has not ended lasts until now."""
        return sorted((held for name in HONEST for held in self._held(service, name)), key=lambda held: held.from_ns)

    def _held(self, service: str, name: str) -> Iterator[Held]:
        marks = self.folder / f"{service}.{name}"
        begun: tuple[int, int] | None = None
        for line in marks.read_text().splitlines() if marks.exists() else ():
            word, epoch, at_ns = line.split()
            if begun:
                yield Held(name, *begun, int(at_ns))
            begun = (int(epoch), int(at_ns)) if word == "start" else None
        if begun:
            yield Held(name, *begun, time.time_ns())

    def serving(self, service: str) -> tuple[str, ...]:
        return tuple(name for name in HONEST if (self.folder / f"{service}.{name}.up").exists())

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether it came true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1]) % 20_000 + 10_000
