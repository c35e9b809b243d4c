"""A node: a place with two cables and a `faild` in it. Its state folder outlives its power; its namespaces do not."""

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tools.lab.addresses import Port
from tools.lab.place import LabError, Place
from tools.lab.programs import program

READY = "ready"


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """The order of a power loss, in monotonic nanoseconds. It is void unless the ports were down before the first death."""

    began_ns: int
    ports_down_ns: int
    dead_ns: int
    gone_ns: int


class Node:
    """`place` is None while the power is off; `pid` is that of `faild` inside the place, None while it does not run."""

    def __init__(self, name: str, ports: tuple[Port, ...], folder: Path, copy: Path | None = None):
        """`copy`: another installed copy of this project, whose `faild` it runs."""
        self.name, self.ports, self._copy = name, ports, copy
        self.state = folder / f"{name}.state"
        self.log = folder / f"{name}.log"
        self._config, self._secrets = folder / "failover.toml", folder / name
        self.place: Place | None = None
        self.pid: int | None = None

    @property
    def mac(self) -> str:
        """The hardware address on the link where the clients are."""
        return self.ports[0].mac

    @property
    def running(self) -> Place:
        if self.place is None:
            raise LabError(f"{self.name} has no power")
        return self.place

    def port(self, link: str) -> Port:
        return next(port for port in self.ports if port.link == link)

    def launch(self) -> None:
        """Start `faild`; `wait_ready` tells when it is up."""
        if self.pid is not None and self.running.exit_code(self.pid) is None:
            raise LabError(f"{self.name}: faild runs already")
        self.state.mkdir(mode=0o700, exist_ok=True)
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        where = {"--config": self._config, "--node": self.name, "--state": self.state, "--secrets": self._secrets}
        options = [str(word) for option in where.items() for word in option]
        self.pid = self.running.start([*program("faild", self._copy), *options], self.log)

    def is_ready(self) -> bool:
        """Whether this run has printed `ready`. Raises LabError with its last words where it ended instead."""
        with self.log.open() as log:
            log.seek(self._read_from)
            said = log.read()
        if any(line.strip() == READY for line in said.splitlines()):
            return True
        if self.exit_code() is not None:
            raise LabError(f"{self.name}: faild ended with {self.exit_code()}: {said.strip()[-2000:]}")
        return False

    def exit_code(self) -> int | None:
        return None if self.pid is None else self.running.exit_code(self.pid)

    def signal(self, number: int) -> None:
        """A signal to `faild` alone."""
        if self.pid is None:
            raise LabError(f"{self.name}: faild does not run")
        self.running.signal(self.pid, number)

    def terminate(self, deadline_s: float = 20.0) -> int:
        """SIGTERM, and wait for its end. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self._await_end(deadline_s)

    def kill(self) -> None:
        """SIGKILL to `faild` alone: guard, actions and kernel go on."""
        self.signal(signal.SIGKILL)
        self._await_end(5)

    def freeze(self) -> None:
        """SIGSTOP to every process of the node, guard included; the kernel and its addresses go on."""
        self.running.signal(-1, signal.SIGSTOP)

    def kill_everything(self) -> None:
        """SIGKILL to every process of the node, guard included; the kernel and its addresses go on."""
        self.running.signal(-1, signal.SIGKILL)
        self._await_end(5)

    def thaw(self) -> None:
        self.running.signal(-1, signal.SIGCONT)

    def _await_end(self, deadline_s: float) -> int:
        until = time.monotonic() + deadline_s
        while (code := self.exit_code()) is None:
            if time.monotonic() > until:
                raise LabError(f"{self.name}: faild still runs {deadline_s:.0f} s after the signal")
            time.sleep(0.002)
        self.pid = None
        return code

    def die(self) -> None:
        """Every process of the node ends at one stroke. The caller has switched the ports off before."""
        self.running.kill()
        self.place, self.pid = None, None
