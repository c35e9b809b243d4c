"""What the tests of the guard share: a stand-in for faild that is really killed, and a peer on the wire.

    it = StandIn(namespace, folder, me="one", nodes=nodes, services={"web": [address(FOUR)]})
    it.hear("up")
    it.kill()
    Peer(lan).word(listener)
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from protocol.bodies import read_signed
from protocol.datagram import check_outside, last_word_body
from protocol.messages import LastWord
from tests.actions.lab import Lan, enter
from tests.actions.test_script import alive

FOUR, SIX = "10.77.0.120/24", "fd77::120/64"


ROOT = Path(__file__).parents[3]


def wait_for(truth: Any, what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := truth()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.001)
    return found


MODULE = ("tests.actions.stand_in",)


class StandIn:
    """The process, and what it says."""

    def __init__(
        self, namespace: str, folder: Path, prefix: tuple[str, ...] = (), module: tuple[str, ...] = MODULE, **plan: Any
    ) -> None:
        self.folder = folder
        (folder / "plan.json").write_text(json.dumps(plan))
        words = ["ip", "netns", "exec", namespace, *prefix, sys.executable, "-m", *module, str(folder)]
        self.errors = open(folder / "errors", "a+")  # noqa: SIM115  closed with the process
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.guards: set[int] = set()

    def hear(self, what: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            self.guards.add(told.get("guard") or 0)
            if told["what"] == what:
                return told
        raise AssertionError(f"it ended before it said {what}: {(self.folder / 'errors').read_text()}")

    def guard(self) -> int:
        """Its process id, once all is up: never 0, which would mean ourselves in a kill."""
        pid = int(self.hear("up")["guard"])
        assert pid > 1
        return pid

    def kill(self) -> float:
        """kill -9; the time just before."""
        at = time.monotonic()
        self.process.kill()
        return at

    def guard_ended(self) -> None:
        for pid in self.guards - {0}:
            wait_for(lambda pid=pid: not alive(pid), "the guard has ended")

    def complaints(self) -> str:
        return (self.folder / "errors").read_text()

    def close(self) -> None:
        for pid in (self.guards - {0}) if self.process.poll() is None else set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()
        self.errors.close()


class Peer:
    """Where the last words of `one` arrive, in the namespace `two`: one socket on IPv4 and one on IPv6."""

    def __init__(self, lan: Lan) -> None:
        self.four, self.six = self._in(lan, socket.AF_INET, "10.77.0.2"), self._in(lan, socket.AF_INET6, "fd77::2")
        self.links = {"lan": self.four.getsockname()[:2], "direct": self.six.getsockname()[:2]}

    def _in(self, lan: Lan, family: int, host: str) -> socket.socket:
        made: list[socket.socket] = []

        def make() -> None:
            enter(lan.two)
            made.append(socket.socket(family, socket.SOCK_DGRAM))
            made[0].bind((host, 0))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def word(self, listener: socket.socket) -> LastWord:
        listener.settimeout(10)
        data = listener.recv(2000)
        assert not check_outside(data)
        return LastWord.decode(read_signed(last_word_body(data))[0])

    def silent(self) -> bool:
        """Nothing has arrived so far."""
        for listener in (self.four, self.six):
            listener.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                listener.recv(2000)
                return False
        return True

    def close(self) -> None:
        self.four.close()
        self.six.close()


def address(text: str) -> list[Any]:
    return ["address", {"address": text, "interface": "eth0"}, 20_000]


def script(path: str, timeout_ms: int = 20_000) -> list[Any]:
    return ["script", {"path": path}, timeout_ms]


def program(*words: str, timeout_ms: int = 60_000, **env: str) -> dict[str, Any]:
    return {"run": list(words), "env": {"PATH": os.environ["PATH"], **env}, "timeout_ms": timeout_ms}
