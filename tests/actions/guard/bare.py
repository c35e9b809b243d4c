"""The guard alone, as the program that it is, beside a process that stands for faild: a test says the messages itself.

guard = BareGuard()
guard.hold("web", program("true"))
guard.faild.kill()
assert guard.process.wait(60) == 0
"""

import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from actions.guard import FOLDER


class BareGuard:
    """It watches `faild`, which only sleeps. We are its parent, and live on. `prefix`: words before its own, of a program that
    becomes it; `more`: for Popen."""

    def __init__(self, kept: tuple[int, ...] = (), prefix: tuple[str, ...] = (), **more: Any) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(60)
        self.faild = subprocess.Popen(["/bin/sleep", "600"])
        watched = os.pidfd_open(self.faild.pid)
        numbers = (theirs.fileno(), watched, *kept)
        words = [*prefix, sys.executable, "-I", "-S", "-E", "-B", FOLDER, *map(str, numbers)]
        with theirs:
            self.process = subprocess.Popen(words, pass_fds=numbers, start_new_session=True, cwd="/", **more)
        os.close(watched)
        assert self.heard() == {"ready": self.process.pid}

    def heard(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.channel.recv(65536))
        return told

    def say(self, **message: Any) -> None:
        self.channel.send(json.dumps(message).encode())

    def hold(self, service: str, *downs: dict[str, Any], peers: tuple[list[Any], ...] = (), epoch: int = 7) -> None:
        """Returns when it is confirmed: the word is `word`, and there is no gate."""
        self.say(say="hold", service=service, epoch=epoch, downs=downs, word="d29yZA==", gate="", peers=peers)
        assert self.heard() == {"held": service, "epoch": epoch}

    def close(self) -> None:
        self.channel.close()
        self.process.send_signal(signal.SIGKILL)
        for process in (self.process, self.faild):
            process.kill()
            process.wait()


def listener() -> socket.socket:
    """Where a last word arrives."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(60)
    return made
