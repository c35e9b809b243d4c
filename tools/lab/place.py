"""A place: a network namespace (and a process namespace, if wanted) with an agent in it that does what we order.

As root a place is made directly. An ordinary user first gets a `World`: a user namespace in which he is root, and every
place is made inside it. `reason_against()` says in one sentence why neither works here, or nothing.
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

AGENT = Path(__file__).with_name("agent.py")
OWN_NAMESPACES = ("--net", "--mount", "--ipc", "--propagation", "private")
OWN_PROCESSES = ("--pid", "--fork", "--kill-child", "--mount-proc")
PROGRAMS = ("unshare", "nsenter", "ip", "bridge")
UCRED = struct.Struct("iII")


class LabError(Exception):
    """An order that could not be carried out, with the command and what it said."""


@cache
def is_root() -> bool:
    """Whether places can be made without a user namespace; root of a locked-down container cannot either."""
    return os.geteuid() == 0 and _try(()) is None


@cache
def reason_against() -> str | None:
    """None where a laboratory can be built, else one sentence: what is in the way and what to do."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=_environment()["PATH"]) is None]:
        return f"{' and '.join(missing)} cannot be found; install iproute2 and util-linux (Debian: apt install iproute2)."
    if is_root():
        return None
    refusal = _try(("--user", "--map-root-user"))
    return refusal and (
        f"No namespaces can be made here ({refusal}): run it as root, or allow user namespaces "
        "(sysctl user.max_user_namespaces=10000; Debian: kernel.unprivileged_userns_clone=1; "
        "Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0; a container needs --privileged)."
    )


def _try(rights: tuple[str, ...]) -> str | None:
    probe = ("ip", "link", "add", "name", "lab0", "type", "bridge")
    command = ["unshare", *rights, *OWN_NAMESPACES, *OWN_PROCESSES, "--", *probe]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=_environment())
    return None if done.returncode == 0 else done.stderr.strip().replace("\n", "; ") or f"exit {done.returncode}"


def has_packet_filter() -> bool:
    """Whether switches can drop frames here: only some accidents need it, and no demonstration does."""
    return shutil.which("nft", path=_environment()["PATH"]) is not None


def _environment() -> dict[str, str]:
    """Ours, with the folders where `bridge` and `nft` live: an ordinary user often has them not on his path."""
    return {**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])}


class Place:
    """One namespace. `pid` is its agent's process id here; `holder` is a process of ours in its network namespace."""

    def __init__(self, name: str, enter: tuple[str, ...] = (), unshare: tuple[str, ...] = (*OWN_NAMESPACES, *OWN_PROCESSES)):
        self.name = name
        self._channel, theirs = socket.socketpair()
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        command = [*enter, "unshare", *unshare, "--", sys.executable, "-IS", str(AGENT)]
        # A session of its own: Ctrl-C reaches the laboratory alone, which then takes everything down in order.
        self._process = subprocess.Popen(
            command, stdin=theirs.fileno(), stderr=subprocess.PIPE, start_new_session=True, env=_environment()
        )
        theirs.close()
        self.pid = self._hello()
        self._answers = self._channel.makefile("rb")

    def _hello(self) -> int:
        self._channel.settimeout(20)
        data, extra, _, _ = self._channel.recvmsg(1, socket.CMSG_SPACE(UCRED.size))
        if not data:
            words = self._process.communicate()[1].decode(errors="replace").strip()
            raise LabError(f"place {self.name} could not be made: {words}")
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        pid = int(UCRED.unpack(next(value for _, kind, value in extra if kind == socket.SCM_CREDENTIALS))[0])
        # 0 would be an agent that died right after its hello; a signal to 0 would be a signal to ourselves.
        if pid <= 1:
            raise LabError(f"place {self.name} was gone as soon as it was made")
        return pid

    @property
    def holder(self) -> int:
        return self._process.pid

    def order(self, **order: Any) -> dict[str, Any]:
        """Send one order and wait for its answer. Raises LabError where the agent could not do it, or is no more."""
        try:
            self._channel.sendall(json.dumps(order).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise LabError(f"place {self.name} does not answer: {error}") from error
        if not line:
            raise LabError(f"place {self.name} is gone: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LabError(f"{self.name}: {order}: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        """What the agent said on its way out."""
        try:
            return self._process.communicate(timeout=2)[1].decode(errors="replace").strip()[-1000:]
        except (subprocess.TimeoutExpired, ValueError):
            return "it says nothing"

    def run(self, *argv: str, text: str = "") -> str:
        """Run a short command inside, give it `text`, return what it printed."""
        done = self.order(do="run", argv=list(argv), input=text)
        if done["code"]:
            raise LabError(f"{self.name}: {' '.join(argv)}: {done['err'].strip() or done['out'].strip()} ({text.strip()})")
        return str(done["out"])

    def ip(self, *lines: str) -> None:
        """Several `ip` commands in one process."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def start(self, argv: list[str], log: Path) -> int:
        return int(self.order(do="start", argv=argv, log=str(log))["pid"])

    def signal(self, pid: int, number: int) -> None:
        self.order(do="signal", pid=pid, signal=number)

    def exit_code(self, pid: int) -> int | None:
        """None while it runs."""
        code: int | None = self.order(do="ended", pid=pid)["code"]
        return code

    def read(self, path: str) -> str:
        return str(self.order(do="read", path=path)["out"])

    def kill(self) -> None:
        """SIGKILL to process 1 of the place: the kernel kills all the others with it. Returns when all are gone."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait()
        self._channel.close()
        if self._process.stderr:
            self._process.stderr.close()


class World:
    """What every place is made in: nothing as root, else a user namespace that we are root of."""

    def __init__(self) -> None:
        if reason := reason_against():
            raise LabError(reason)
        self._holder = None if is_root() else Place("world", unshare=("--user", "--map-root-user", "--mount"))

    def place(self, name: str, processes: bool = True) -> Place:
        """A new place; with `processes` it has process numbers of its own and ends as a whole."""
        own = (*OWN_NAMESPACES, *OWN_PROCESSES) if processes else OWN_NAMESPACES
        place = Place(name, self._enter(), own)
        if processes:
            # /sys shows the devices of the namespace that mounted it. Best effort: our own programs ask by ioctl.
            place.order(do="run", argv=["mount", "-t", "sysfs", "sysfs", "/sys"])
        return place

    def _enter(self) -> tuple[str, ...]:
        if self._holder is None:
            return ()
        return ("nsenter", "--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials", "--")

    def close(self) -> None:
        if self._holder is not None:
            self._holder.kill()
