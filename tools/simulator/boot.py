"""What the daemon does before its first input: read the disk, look whether it is sound, and make a core of it."""

import hashlib

from coordinator.core.core import Core
from coordinator.state.configurations import ran
from protocol.event import Entry
from protocol.kinds import Kind
from store.findings import REFUSED_AT_OPEN
from store.verify_log import Row, look
from tools.simulator.machine import Machine


class LogRefused(AssertionError):
    """A simulated disk holds a log that a starting faild refuses: nothing in this world may bring that about."""


def booted_core(host: Machine, nth: int) -> tuple[Core, bool]:
    """The core of this machine's `nth` faild, and whether its own feed ends in a clean stop."""
    surroundings = host.surroundings
    entries = host.disk.entries()
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in entries]
    sound = look(rows, surroundings.keys.keyring, surroundings.policy.cluster_id)
    refused = [finding for finding in sound.findings if finding.kind in REFUSED_AT_OPEN]
    if refused:
        raise LogRefused(f"{host.name} refuses its log: {refused[0].name} {refused[0].text}")
    run = hashlib.sha256(f"run {host.name} {nth}".encode()).digest()[:8]
    before = ran(host.name, (entry.event for entry in sound.entries))
    core = Core(host.name, host.file, run, sound.entries, host.now(), surroundings.keys.keyring, before)
    return core, ends_clean(host.name, sound.entries)


def ends_clean(me: str, entries: list[Entry]) -> bool:
    """Whether the last own event says that the run had released everything and ended."""
    own = [entry for entry in entries if entry.event.node == me]
    return bool(own) and own[-1].event.kind == Kind.NODE_STOPPED
