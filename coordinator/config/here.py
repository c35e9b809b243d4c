"""What a configuration asks of the machine that it is read on: interfaces, networks, programs. Asked, never changed.

    list(lacking(reading, {"lukretia"}))    # findings: what lukretia's actions and checks need, and this machine lacks
    nodes_here(reading)                     # {"lukretia"}: the nodes that this machine is, by its name and its addresses
    list(elsewhere(reading, {"lukretia"}))  # what the other nodes need and this machine has not, with their names

A file can be sound on every desk and useless on its node: there each of these is a service that is down. So the node refuses
to go over to such a file, and a desk can only warn.
"""

import os
import socket
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path as File

from actions.fencing import AGENT_FOLDERS, found_agent
from actions.guard.watchdog import SYSRQ
from actions.mount_table import wrong_mount
from actions.netdev import InterfaceLook
from actions.networks import Network, answers_for_others, has_ipv6, networks, own_ipv6
from actions.ocf.metadata import Metadata, Unusable, asked
from actions.unit_files import enabled_by, wrong_unit
from coordinator.config.complaints import Finding
from coordinator.config.positions import Path
from coordinator.config.reading import Reading
from coordinator.config.shape import ServiceShape
from coordinator.policy import DOWN_AT_ONCE
from protocol import endpoints

INTERPRETER_BYTES_MAX = 256
"""How much of the first line of a script Linux reads."""

Wrong = tuple[str, str]
"""What is wrong and what to do."""


def lacking(reading: Reading, nodes: Iterable[str]) -> Iterator[Finding]:
    """What these nodes need for their services, and this machine lacks."""
    names, machine = set(nodes), _Machine()
    for name, service in reading.file.services.items():
        if names & set(service.nodes):
            for path, wrong in _needs(("services", name), service, machine):
                yield Finding(path, *wrong)
    yield from _agents(reading, names)
    yield from _watchdog(reading, names)


def _watchdog(reading: Reading, nodes: set[str]) -> Iterator[Finding]:
    """What resets this machine, where one of these nodes may hold what must be down in time. To open it would arm it."""
    services = [service for service in reading.file.services.values() if nodes & set(service.nodes)]
    asked, found = any(_is_ended_by_guard(service) for service in services), reading.file.watchdog
    device = {"none": None, "sysrq": SYSRQ}.get(found.device, found.device) if found is not None and asked else None
    if device is not None and not os.access(device, os.W_OK):
        what = f"{device} cannot be written" if os.path.exists(device) else f"there is no {device}"
        instead = "Load its driver (softdog is one of the kernel's), or write another device"
        yield Finding(("watchdog", "device"), f"{what} on this machine", instead)


def _is_ended_by_guard(service: ServiceShape) -> bool:
    return service.partition == "majority" and any(kind.name not in DOWN_AT_ONCE for it in service.actions for kind in it.kinds)


def _agents(reading: Reading, nodes: set[str]) -> Iterator[Finding]:
    """The fence agents of every node that one of these would fence."""
    for name, node in reading.file.nodes.items():
        for index, fence in enumerate(node.fence if nodes - {name} else ()):
            if found_agent(fence.agent) is None:
                what, instead = _missing(fence.agent)
                yield Finding(("nodes", name, "fence", index, "agent"), what, instead)


def _missing(agent: str) -> Wrong:
    if agent.startswith("/"):
        return unusable(agent) or (f"{agent} cannot be run", "Write the path of a program")
    return f"there is no {agent} in {', '.join(AGENT_FOLDERS)}", "Install it: on Debian, apt-get install fence-agents"


def elsewhere(reading: Reading, here: Iterable[str]) -> Iterator[Finding]:
    """The same of all other nodes: perhaps they have it."""
    machine = _Machine(networks_too=False)
    for name, service in reading.file.services.items():
        others = [node for node in service.nodes if node not in here]
        if others:
            for path, (what, _) in _needs(("services", name), service, machine):
                whom = ", ".join(others)
                yield Finding(path, f"{what} on this machine", f"Look on {whom}: faild --check --node {others[0]}")


def nodes_here(reading: Reading) -> frozenset[str]:
    """The nodes whose name is that of this machine, or that have a link address of it. A loopback address tells nothing."""
    host = socket.gethostname().split(".")[0]
    own = _own_addresses()
    found = {name for name in reading.file.nodes if name == host}
    for name, node in reading.file.nodes.items():
        hosts = [endpoints.address(endpoints.endpoint(text, endpoints.PORT)[0]) for text in node.links.values()]
        if any(address.packed in own and not address.is_loopback for address in hosts):
            found.add(name)
    return frozenset(found)


def _own_addresses() -> set[bytes]:
    look = InterfaceLook()
    try:
        return look.addresses() | own_ipv6()
    finally:
        look.close()


class _Machine:
    """What it has, asked once for a whole file. `networks_too`: it is the one that the file is for."""

    def __init__(self, *, networks_too: bool = True) -> None:
        self._networks_too = networks_too
        self._agents: dict[str, Metadata | str] = {}
        self._networks: dict[tuple[str, int], list[Network]] = {}

    @cached_property
    def interfaces(self) -> list[str]:
        return sorted(name for _, name in socket.if_nameindex())

    def has_ipv6(self, interface: str) -> bool:
        return has_ipv6(interface)

    def networks(self, interface: str, version: int) -> list[Network]:
        asked = (interface, version)
        if asked not in self._networks:
            self._networks[asked] = networks(interface, version) if self._networks_too else []
        return self._networks[asked]

    def answers_for_others(self, interface: str, version: int) -> bool:
        return answers_for_others(interface, version) if self._networks_too else True

    def wrong_unit(self, unit: str, *, starts_it: bool) -> Wrong | None:
        return wrong_unit(unit) or (enabled_by(unit) if starts_it and self._networks_too else None)

    def wrong_mount(self, folder: str, device: str) -> Wrong | None:
        return wrong_mount(folder, device)

    def unusable(self, program: str) -> Wrong | None:
        return unusable(program)

    def metadata(self, program: str, environment: Mapping[str, str]) -> Metadata | str | None:
        """Asked once for the whole file."""
        if not self._networks_too:
            return None
        if program not in self._agents:
            try:
                self._agents[program] = asked(program, environment)
            except Unusable as why:
                self._agents[program] = str(why)
        return self._agents[program]

    def unreadable(self, file: str) -> Wrong | None:
        return unreadable(file)


def _needs(at: Path, service: ServiceShape, machine: _Machine) -> Iterator[tuple[Path, Wrong]]:
    for table, shapes in (("actions", service.actions), ("checks", service.checks)):
        for index, shape in enumerate(shapes):
            for kind in shape.kinds:
                written = {**shape.written, "timeout": shape.timeout, "nodes": service.nodes}
                for key, what, instead in kind.lacking(written, machine):
                    yield (*at, table, index, key), (what, instead)
    for key, script in service.scripts.items():
        if wrong := machine.unusable(script):
            yield (*at, key, "script"), wrong


def unusable(program: str) -> Wrong | None:
    """Why this program cannot be run by us, or None. Also where the interpreter that it names is missing."""
    file = File(program)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return f"there is no {program}", "Write it there, or the path of one that is there"
    except OSError as error:
        return f"{program} cannot be looked at: {error.strerror}", "Make its folders readable for the user that faild runs as"
    if not stat.S_ISREG(mode):
        return f"{program} is not a file", "Write the path of a program"
    if not os.access(file, os.X_OK):
        return f"{program} is not executable", f"Do: chmod +x {program}; on a file system mounted noexec, move it"
    interpreter = _interpreter(file)
    if interpreter and not os.access(interpreter, os.X_OK):
        return f"{program} names the interpreter {interpreter!r}, which cannot be run", "Correct its first line"
    return None


def unreadable(path: str) -> Wrong | None:
    """Why this file cannot be read by us, or None."""
    try:
        with File(path).open("rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        return f"there is no {path}", "Write it there, or the path of one that is there"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}", "Make it a file that the user can read who faild runs as"
    return None


def _interpreter(file: File) -> str | None:
    """What stands behind #!; None where the file does not begin so, or may not be read (it may be run all the same)."""
    try:
        with file.open("rb") as opened:
            first = opened.readline(INTERPRETER_BYTES_MAX)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = first[2:].rstrip(b"\n").lstrip(b" \t").replace(b"\t", b" ").split(b" ", 1)
    return os.fsdecode(words[0])
