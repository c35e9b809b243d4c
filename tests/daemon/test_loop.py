"""Nothing on the event loop's thread waits: the causes, in real faild with real addresses, scripts and checks."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.lab import node
from tools.lab.lab import Lab
from tools.lab.pytest_plugin import MASTER, SLAVE, make_lab

__all__ = ["make_lab"]

WATCHED = """
import json, os, sys, threading
from coordinator.shell import perform
WAITS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "socket.getaddrinfo", "socket.gethostbyname", "os.system")
told = os.open({told!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
begun = []
def hook(event, args):
    if not begun or threading.current_thread() is not threading.main_thread():
        return
    if event in WAITS or (event == "socket.__new__" and args[1] in (16, 17)):  # netlink, packet
        os.write(told, (json.dumps([event, str(args)[:200]]) + chr(10)).encode())
ready = perform.Shell._ready
def then_watch(self, order):
    ready(self, order)
    begun.append(True)
    os.write(told, (json.dumps(["ready", ""]) + chr(10)).encode())
perform.PERFORM[perform.do.Ready] = then_watch
sys.addaudithook(hook)
from coordinator.daemon.main import main
sys.argv[0] = "faild"
main()
"""

ADDRESSES = 45


def many(script: Path) -> Callable[[str], str]:
    """The service of `failc init` with addresses, a script, a hook and checks."""

    def edit(text: str) -> str:
        before, _, rest = text.partition("\n[[services.web.actions]]")
        tail = rest[rest.index("\n\n") :] if "\n\n" in rest else ""
        while "[[services.web.actions]]" in tail:
            _, _, rest = tail.partition("[[services.web.actions]]")
            tail = rest[rest.index("\n\n") :] if "\n\n" in rest else ""
        addresses = [f"10.77.0.{100 + n}/24" for n in range(ADDRESSES)] + ["fd77::100/64"]
        actions = [f'[[services.web.actions]]\naddress = "{address}"\ninterface = "eth0"' for address in addresses]
        actions.append(f'[[services.web.actions]]\nscript = "{script}"')
        actions.append(f'[[services.web.actions]]\nnotify = "{script}"')
        checks = ['[[services.web.checks]]\nexec = ["/bin/true"]\nevery = "100ms"']
        checks.append('[[services.web.checks]]\ntcp = "localhost:1"\nevery = "1s"\nfall = 1000')
        return "\n".join([before, *actions, *checks, tail])

    return edit


@pytest.fixture
def crowded(make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    script = tmp_path / "web.sh"
    script.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/told.$FAILOVER_NODE\n[ $1 != status ] || exit 3\n")
    script.chmod(0o755)
    watched = WATCHED.format(told=str(tmp_path / "waits"))
    monkeypatch.setattr(node, "program", lambda *name: [sys.executable, "-c", watched])
    lab = make_lab(MASTER, SLAVE)
    lab.init(many(script))
    lab.start()
    return lab


def test_no_socket_is_opened_no_child_started_and_no_name_resolved_where_heartbeats_are_sent(crowded: Lab, tmp_path: Path):
    """There and back, with one address removed by hand in between."""
    lab, wanted = crowded, {f"10.77.0.{100 + n}" for n in range(ADDRESSES)}

    def has_all(name: str) -> bool:
        words = lab.nodes[name].running.run("ip", "-o", "addr", "show", "dev", "eth0").split()
        return wanted <= {word.partition("/")[0] for word in words} and lab.service(name)["states"][name] == "UP"

    lab.wait_until(lambda: has_all(MASTER), "the master serves", 30)
    for target, owner in ((SLAVE, MASTER), (MASTER, SLAVE)):
        lab.failc(owner, "move", "web", target, "--reason", "test")
        lab.wait_until(lambda target=target: has_all(target), f"{target} serves", 30)  # type: ignore[misc]
        lab.nodes[target].running.run("ip", "addr", "del", "10.77.0.120/24", "dev", "eth0")
        lab.wait_until(lambda target=target: has_all(target), "it is put back", 30)  # type: ignore[misc]
    assert {"start", "UP"} <= set((tmp_path / f"told.{MASTER}").read_text().split())
    said = [json.loads(line) for line in (tmp_path / "waits").read_text().splitlines()]
    assert said == [["ready", ""]] * 2
    for name in lab.nodes:
        assert lab.nodes[name].log.read_text().count("bug") == 0
