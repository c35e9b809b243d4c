"""Two nodes and a client on one switch, each in a network namespace of its own.

A test never moves the pytest process: `inside` runs a coroutine in a thread of its own that has entered the namespace, so
sockets opened there, netlink included, belong to it. Names carry the process id; all is removed at the end.
"""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

CLONE_NEWNET = 0x4000_0000
libc = ctypes.CDLL(None, use_errno=True)


def sh(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def in_namespace(name: str, *words: str) -> str:
    return sh("ip", "netns", "exec", name, *words)


def inside(name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The result of `await work()` in a thread that lives in the namespace; its exception is raised here."""
    results: list[Any] = []
    thread = threading.Thread(target=_enter_and_run, args=(name, work, results))
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def _enter_and_run(name: str, work: Callable[[], Coroutine[Any, Any, Any]], results: list[Any]) -> None:
    try:
        enter(name)
        results.append(asyncio.run(work()))
    except BaseException as error:
        results.append(error)


def enter(name: str) -> None:
    handle = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


def ip(text: str) -> str:
    """An address without its prefix."""
    return text.partition("/")[0]


async def until(truth: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Ask again and again until it holds; never a fixed sleep."""
    deadline = time.monotonic() + seconds
    while not (found := truth()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.005)
    return found


def can_make_namespaces() -> bool:
    name = f"fo-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True)
    if made.returncode == 0:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return made.returncode == 0


class Lan:
    """Namespaces `one`, `two` and `client` on a bridge in a fourth; each has an eth0 with .1, .2, .3 and ::1, ::2, ::3."""

    def __init__(self) -> None:
        prefix = f"fo-{os.getpid()}"
        self.switch, self.one, self.two, self.client = (f"{prefix}-{part}" for part in ("sw", "n1", "n2", "cl"))

    def build(self) -> None:
        sh("ip", "netns", "add", self.switch)
        in_namespace(self.switch, "ip", "link", "add", "br0", "type", "bridge")
        in_namespace(self.switch, "ip", "link", "set", "br0", "up")
        for number, name in enumerate((self.one, self.two, self.client), start=1):
            sh("ip", "netns", "add", name)
            in_namespace(name, "ip", "link", "set", "lo", "up")
            in_namespace(self.switch, "ip", "link", "add", f"p{number}", "type", "veth", "peer", "eth0", "netns", name)
            in_namespace(self.switch, "ip", "link", "set", f"p{number}", "master", "br0", "up")
            in_namespace(name, "ip", "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            in_namespace(name, "ip", "address", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
            in_namespace(name, "ip", "link", "set", "eth0", "up")

    def remove(self) -> None:
        for name in (self.one, self.two, self.client, self.switch):
            with contextlib.suppress(subprocess.CalledProcessError):
                sh("ip", "netns", "del", name)

    def mac(self, name: str) -> str:
        return in_namespace(name, "cat", "/sys/class/net/eth0/address").strip()

    def neighbour(self, name: str, address: str) -> str:
        """The hardware address that `name` remembers for `address`, or nothing."""
        words = in_namespace(name, "ip", "neigh", "show", "to", address, "dev", "eth0").split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else ""

    def addresses(self, name: str, interface: str = "eth0") -> list[str]:
        lines = in_namespace(name, "ip", "-o", "address", "show", "dev", interface).splitlines()
        return [line.split()[3] for line in lines]

    def ips(self, name: str, interface: str = "eth0") -> set[str]:
        """The same without their prefixes."""
        return {ip(text) for text in self.addresses(name, interface)}

    def answers(self, address: str, seconds: float = 10.0) -> bool:
        """Whether a machine answers the client there: a refused connection is an answer, silence is none."""
        return bool(inside(self.client, lambda: _refuses(address, seconds)))


async def _refuses(address: str, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, 9)
    except ConnectionRefusedError:
        return True
    except (TimeoutError, OSError):
        return False
    writer.close()
    return True
