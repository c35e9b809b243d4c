"""Real `faild`s on loopback, as operators run them: files, processes, signals, sockets. Nothing here needs a namespace.

    with Cluster(folder) as cluster:        # lukretia and genesis with one service, `web`, that is a script
        cluster.start()
        cluster.until_up("lukretia")
        cluster.nodes["lukretia"].kill()
        cluster.failc("status", at="genesis")

Each node's script writes what it was told into `told`, and `up` beside it exists while the service is up there.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cli.trouble import Trouble
from tools.failc.asking import Node as Socket
from tools.lab.programs import program

DEADLINE_S = 30.0
NAMES = ("lukretia", "genesis")

SCRIPT = """\
#!/bin/sh
here={folder}/$FAILOVER_NODE.web
mkdir -p "$here"
echo "$1 $FAILOVER_EPOCH" >> "$here/told"
[ ! -e "$here/$1" ] || . "$here/$1"         # what a test has planted for this word
case $1 in
start)  : > "$here/up" ;;
stop)   rm -f "$here/up" ;;
status) [ -e "$here/up" ] || exit 3 ;;
esac
"""

SERVICE = """
[services.web]
nodes = [{nodes}]
retry = "2s"
{more}
[[services.web.actions]]
script  = "{script}"
timeout = "{timeout}"
{checks}
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(name: str, *words: object, **env: str) -> Done:
    """One of our commands to its end."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("FAILC_", "SSH_"))}
    command = [*program(name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, env=inherited | env)
    return Done(done.returncode, done.stdout, done.stderr)


class Node:
    def __init__(self, name: str, cluster: "Cluster"):
        self.name, self.cluster = name, cluster
        self.state = self.own_state = cluster.folder / f"{name}.state"
        """`own_state` is where we find it; `state` is what it is told, and may be in a namespace of its own."""
        self.config = cluster.config
        self.web = cluster.folder / f"{name}.web"
        self.log = cluster.folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.before: tuple[str, ...] = ()
        """What faild is started with: ("nsenter", ...)."""

    def start(self, out: int | None = None, err: int | None = None) -> "Node":
        """`out` and `err` are descriptors for its standard output and error, where these are not to go into `log`."""
        secrets = self.cluster.folder / "demo" / self.name
        command = [*self.before, *program("faild"), "--config", self.config, "--node", self.name]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*map(str, command), "--state", str(self.state), "--secrets", str(secrets)],
                stdout=log if out is None else out,
                stderr=log if err is None else err,
            )
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        assert self.process is not None, "it was started"
        return self.process.wait(DEADLINE_S)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None, "it was started"
        self.process.terminate()
        return self.ended()

    def kill(self) -> None:
        assert self.process is not None, "it was started"
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def guard(self) -> int:
        """The process id of its guard."""
        assert self.process is not None, "it was started"
        lists = [path.read_text() for path in Path(f"/proc/{self.process.pid}/task").glob("*/children")]
        pids = [pid for pid in " ".join(lists).split() if Path(f"/proc/{pid}/comm").read_text() == "faild-guard\n"]
        assert len(pids) == 1, pids
        return int(pids[0])

    def told(self) -> list[str]:
        """What its script was told, as "word epoch"."""
        path = self.web / "told"
        return path.read_text().splitlines() if path.exists() else []

    def plant(self, word: str, text: str) -> None:
        """What the script does before it obeys `word`; `exit 1` makes it fail."""
        self.web.mkdir(exist_ok=True)
        (self.web / word).write_text(text + "\n")

    def uproot(self, word: str) -> None:
        (self.web / word).unlink()

    def serves(self) -> bool:
        return (self.web / "up").exists()


class Cluster:
    """`init` writes the files, `start` starts the nodes; everything ends with the context."""

    def __init__(self, folder: Path, names: Sequence[str] = NAMES, links: Sequence[str] = ("lan",), **service: str):
        self.folder, self.names = folder, names
        self.config = folder / "demo" / "failover.toml"
        self.port = free_port()
        self.addresses = {name: f"127.{200 + os.getpid() % 50}.{self.port % 250}.{n + 11}" for n, name in enumerate(names)}
        self.init(links, **service)
        self.nodes = {name: Node(name, self) for name in names}

    def init(self, links: Sequence[str], more: str = "", checks: str = "", timeout: str = "2s") -> None:
        ends = [f"{name}=" + ",".join(self._end(name, n, link) for n, link in enumerate(links)) for name in self.names]
        options = [word for end in ends for word in ("--node", end)]
        done = run("failc", "init", self.folder / "demo", "--cluster", "demo", "--operator", "afm", *options)
        assert done.code == 0, done.err
        script = self.folder / "web"
        script.write_text(SCRIPT.format(folder=self.folder))
        script.chmod(0o755)
        nodes = ", ".join(f'"{name}"' for name in self.names)
        with self.config.open("a") as file:
            file.write(SERVICE.format(nodes=nodes, script=script, more=more, checks=checks, timeout=timeout))

    def _end(self, name: str, number: int, link: str) -> str:
        return f"{link}:{self.addresses[name]}:{self.port + number}"

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            if node.process is not None and node.lives():
                node.process.send_signal(signal.SIGCONT)
                node.kill()
        for node in self.nodes.values():
            self.until(lambda node=node: _guard_has_ended(node), f"{node.name}'s guard ends")  # type: ignore[misc]

    def start(self, *names: str) -> "Cluster":
        for name in names or self.names:
            self.nodes[name].start()
        for name in names or self.names:
            self.until_ready(name)
        return self

    def until_ready(self, name: str) -> None:
        node = self.nodes[name]
        begun = len(node.said())
        self.until(lambda: self._answers(name) or not node.lives(), f"{name} is ready")
        assert node.lives(), node.said()[begun - 2000 :]

    def _answers(self, name: str) -> bool:
        try:
            return bool(self.status(name)["ready"])
        except Trouble:
            return False

    def failc(self, *words: object, at: str = "lukretia", **env: str) -> Done:
        return run("failc", *words, "--state", self.nodes[at].own_state, **env)

    def audit(self, *words: object, at: Sequence[str] | None = None) -> Done:
        return run("failaudit", *words, "--config", self.config, *(self.nodes[name].own_state for name in at or self.names))

    def socket(self, at: str) -> Socket:
        return Socket(self.nodes[at].own_state / "control.sock")

    def status(self, at: str) -> Any:
        """What `failc status --json` prints, without starting it. Raises Trouble."""
        return self.socket(at).get("/status")

    def alarms(self, at: str) -> list[dict[str, Any]]:
        """Those that stand there. That its loop was late is left out: a machine that runs many tests at once may well be."""
        return [alarm for alarm in self.status(at)["alarms"] if alarm["name"] != "loop-late"]

    def web(self, at: str) -> Any:
        return self.status(at)["services"]["web"]

    def until_up(self, name: str, *, at: Sequence[str] | None = None) -> None:
        """Until every node that runs says that this node alone has it UP, and so does its script."""

        def up() -> bool:
            asked = [node for node in at or self.names if self.nodes[node].lives()]
            try:
                said = [self.web(node) for node in asked]
            except Trouble:  # its socket was closed a moment before it was dead
                return False
            return all(web["owners"] == [name] and web["states"][name] == "UP" for web in said) and self.nodes[name].serves()

        self.until(up, f"{name} is UP")

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        until = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > until:
                said = "\n".join(f"--- {name}\n{node.said()[-3000:]}" for name, node in self.nodes.items())
                raise AssertionError(f"did not happen in time: {what}\n{said}")
            time.sleep(0.05)

    def refused(self, name: str, peer: str) -> dict[str, int]:
        """What `failc links` says that this node refused from the peer, all links together."""
        total: dict[str, int] = {}
        for link in self.socket(name).get("/links")["links"]:
            if link["peer"] == peer:
                for reason, count in link["refused"].items():
                    total[reason] = total.get(reason, 0) + count
        return total


def _guard_has_ended(node: Node) -> bool:
    import fcntl

    lock = node.own_state / "guard.lock"
    if not lock.exists():
        return True
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1] % 20_000 + 10_000
