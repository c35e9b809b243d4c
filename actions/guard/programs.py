"""The process groups of running actions, checks and hooks: known by a pidfd or found by their ticket, and killed."""

import contextlib
import os
import select
import signal
import time

KILLED_S_MAX = 0.5
"""A killed script is gone within a millisecond; one that sleeps in the kernel may never be, and peers are waiting."""

SCANS, SCAN_EVERY_S = 3, 0.005
"""Looking for a program that was starting while `faild` was killed: it may not have its environment yet."""


class Program:
    """The process group of a running action, held by a pidfd of its leader: its number may be given to another process."""

    def __init__(self, group: int) -> None:
        if group <= 1:
            raise ValueError(f"process group {group}: 0 is our own, and killpg(1) is kill(-1), everything on this machine")
        self.group = group
        self.leader = -1
        with contextlib.suppress(OSError):
            self.leader = os.pidfd_open(group)

    def forget(self) -> None:
        if self.leader >= 0:
            os.close(self.leader)
            self.leader = -1

    def lives(self) -> bool:
        """Whether the leader has not ended. Other members of its group may live on without it."""
        return self.leader >= 0 and not select.select([self.leader], [], [], 0)[0]

    def kill(self) -> None:
        """Kill the group, if the number is still ours: while the leader lives or is a zombie, or while members keep it."""
        if self.lives() or state_of(self.group) in ("", "Z", "X"):
            with contextlib.suppress(OSError):
                os.killpg(self.group, signal.SIGKILL)


def kill_programs(programs: dict[str, Program | None]) -> None:
    """SIGKILL, and wait until they are gone: a script's last gasp must not undo what we take down."""
    known = [program for program in programs.values() if program is not None]
    lost = lost_groups({ticket for ticket, program in programs.items() if program is None})
    running = [*known, *(Program(group) for group in lost)]
    for program in running:
        program.kill()
    deadline = time.monotonic() + KILLED_S_MAX
    for program in running:
        if program.lives():
            select.select([program.leader], [], [], max(0.0, deadline - time.monotonic()))
        program.forget()


def lost_groups(tickets: set[str]) -> set[int]:
    """Groups of programs that were started but whose numbers never reached us: found by the ticket in their environment.

    Entries are compared whole, never as a part of something: what is found here is killed, and a short text stands in every
    environment.
    """
    found: set[int] = set()
    entries = {b"FAILOVER_TICKET=" + ticket.encode() for ticket in tickets}
    for _ in range(SCANS if tickets else 0):
        for name in os.listdir("/proc"):
            if name.isdigit() and not entries.isdisjoint(environment_of(int(name))):
                with contextlib.suppress(OSError):
                    found.add(os.getpgid(int(name)))
        time.sleep(SCAN_EVERY_S)
    return {group for group in found if group > 1 and group != os.getpgrp()}


def environment_of(pid: int) -> list[bytes]:
    """The entries of its environment; none where the process is gone, not ours to read, or has none yet."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return [entry for entry in file.read().split(b"\0") if entry]
    except OSError:
        return []


def state_of(pid: int) -> str:
    """One letter, as in proc(5); empty where there is no such process."""
    fields = stat_of(pid)
    return fields[0] if fields else ""


def stat_of(pid: int) -> list[str]:
    """The fields behind the name; none where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()
    except OSError:
        return []
