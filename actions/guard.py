"""The guard: a small process beside `faild` that takes down what is held when `faild` ends, whatever ended it.

    python -I -S -E actions/guard.py SOCKET PIDFD LOCK      # three descriptors, inherited; docs/guard.md

It is told, and confirms, what is held before the first up action begins. It imports nothing of ours and nothing that is not
in Python's library, has no key, writes no file, and does nothing at all until `faild` has ended. Then it

1. kills the process groups of the actions that were running,
2. takes down each service: its actions in reverse, all of them, also after one has failed,
3. says a service's last word (bytes that `faild` signed long before) to every peer on every link: only where every
   action is down,

and ends, which releases the lock that a new `faild` waits for. The end of `faild` is seen by pidfd: a pipe or socket may live
on in some child that inherited it. And it is seen by a signal at the end of the thread that started us, its main one: a
process is gone only with its last thread, and one that waits for a hanging disk cannot be killed before the disk answers.
A stopped `faild` has not ended.
"""

import base64
import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from typing import Any

PACKET_BYTES_MAX = 1 << 20

MORE = b"+"
"""A packet that begins so is a piece of a message, and not the last one: a socket takes no packet larger than its buffer."""

RTM_DELADDR, NLM_F_REQUEST_ACK = 21, 5
IFA_ADDRESS, IFA_LOCAL = 1, 2
GONE = (0, errno.EADDRNOTAVAIL, errno.ENODEV)
"""What the kernel answers when the address is not there (any more)."""

KERNEL_S_MAX = 2
"""For one answer of the kernel: it waits for others that change the network."""

KILLED_S_MAX = 0.5
"""A killed script is gone within a millisecond; one that sleeps in the kernel may never be, and peers are waiting."""

SAID_AT_S = (0.0, 0.03, 0.1)
"""A last word may be lost like any datagram; a peer that hears none waits until it judges us dead."""

SCANS, SCAN_EVERY_S = 3, 0.005
"""Looking for a program that was starting while `faild` was killed: it may not have its environment yet."""

PR_SET_PDEATHSIG, PARENT_ENDED = 1, signal.SIGUSR1
PF_EXITING = 0x4

Told = dict[str, Any]


class Book:
    """What `faild` told us: what is held, and which programs run."""

    def __init__(self) -> None:
        self.held: dict[str, Told] = {}
        """Service to its newest `hold`."""
        self.programs: dict[str, Program | None] = {}
        """Ticket to what runs; None while its number is not known."""
        self.pieces = b""
        """Of a message whose end has not come."""

    def hear(self, told: Told) -> Told | None:
        """Write one message down; what is to be answered."""
        say = told["say"]
        if say == "hold":
            self.held[told["service"]] = told
            return {"held": told["service"], "epoch": told["epoch"]}
        if say == "release":
            if told["service"] in self.held and self.held[told["service"]]["epoch"] <= told["epoch"]:
                del self.held[told["service"]]
        elif say == "began":
            self.programs[told["ticket"]] = None
        elif say == "group":
            self.programs[told["ticket"]] = Program(told["group"])
        elif say == "ended":
            program = self.programs.pop(told["ticket"], None)
            if program is not None:
                program.forget()
        return None


class Program:
    """The process group of a running action, held by a pidfd of its leader: its number may be given to somebody else."""

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


def main(channel: socket.socket, parent: int) -> None:
    """Listen until `faild` has ended or says that it will, then act."""
    channel.setblocking(False)
    book = Book()
    pid, bell = os.getppid(), bell_at_the_end_of_our_parent()
    channel.send(json.dumps({"ready": os.getpid()}).encode())
    waiting = select.poll()
    for descriptor in (parent, bell, channel.fileno()):
        waiting.register(descriptor, select.POLLIN)
    ended = False
    while not ended:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        ended = parent in ready or (bell in ready and rung(bell) and is_ending(pid))
        if ended or channel.fileno() in ready:  # what it said before its end is heard first
            more = listen(channel, book)
            ended = ended or more == "end"
            if more == "closed" and not ended:
                waiting.unregister(channel)
    act(book)


def bell_at_the_end_of_our_parent() -> int:
    """A descriptor that becomes readable when the thread that started us has ended: the kernel then sends us a signal."""
    bell, striker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(PARENT_ENDED, lambda *_: None)
    signal.set_wakeup_fd(striker)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(PARENT_ENDED), 0, 0, 0)
    return bell


def rung(bell: int) -> bool:
    return bool(os.read(bell, 4096))


def is_ending(pid: int) -> bool:
    """Anybody can send a signal: has the main thread of this process really begun to end?"""
    fields = stat_of(pid)
    return not fields or fields[0] in "ZX" or bool(int(fields[6]) & PF_EXITING)


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


def listen(channel: socket.socket, book: Book) -> str:
    """Hear all that is there. "end": it asks us to act now; "closed": nothing can come any more; else empty."""
    while True:
        try:
            packet = channel.recv(PACKET_BYTES_MAX)
        except BlockingIOError:
            return ""
        except OSError:
            return "closed"
        if not packet:
            return "closed"
        if packet.startswith(MORE):
            book.pieces += packet.removeprefix(MORE)
            continue
        told, book.pieces = json.loads(book.pieces + packet), b""
        if told["say"] == "end":
            return "end"
        answer = book.hear(told)
        if answer:
            with contextlib.suppress(OSError):
                channel.send(json.dumps(answer).encode())


def act(book: Book) -> None:
    """Services side by side: a script that takes its time in one must not keep another's address up."""
    kill_programs(book.programs)
    threads = [threading.Thread(target=end_service, args=(held,)) for held in book.held.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def end_service(held: Told) -> None:
    hurry()
    downs = [take_down(down) for down in held["downs"]]  # all of them, whatever the first ones say
    if all(downs):
        say_last_word(base64.b64decode(held["word"]), held["peers"])
    else:
        complain(f"{held['service']}: not everything is down here, so no last word is said")


def take_down(down: Told) -> bool:
    try:
        return run(down) if "run" in down else remove_address(down)
    except OSError as error:
        complain(f"{down}: {error}")
        return False


# --- the groups of running actions ---------------------------------------------------------------------------------


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

    Entries are compared whole, never as a part of something: what is found here is killed, and a short text is in everybody's
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
    """Its entries; none where it is gone, not ours to read, or has none yet."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return [entry for entry in file.read().split(b"\0") if entry]
    except OSError:
        return []


# --- addresses -----------------------------------------------------------------------------------------------------


def remove_address(down: Told) -> bool:
    """RTM_DELADDR (rtnetlink(7)). True where the address is not there any more."""
    try:
        index = socket.if_nametoindex(down["interface"])
    except OSError:
        return True  # the interface is gone, and its addresses with it
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", KERNEL_S_MAX, 0))
        kernel.send(deletion(down["address"], down["prefix"], index))
        answer = kernel.recv(65536)
    code = -int(struct.unpack_from("i", answer, 16)[0])
    if code not in GONE:
        complain(f"{down['address']} on {down['interface']}: {os.strerror(code)}")
    return code in GONE


def deletion(address: str, prefix: int, index: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    attributes = b"".join(struct.pack("HH", 4 + len(packed), kind) + packed for kind in (IFA_LOCAL, IFA_ADDRESS))
    body = struct.pack("BBBBI", family, prefix, 0, 0, index) + attributes
    return struct.pack("IHHII", 16 + len(body), RTM_DELADDR, NLM_F_REQUEST_ACK, 1, 0) + body


# --- scripts -------------------------------------------------------------------------------------------------------


def run(down: Told) -> bool:
    """True where it exits with 0 in time; else its group is killed. No shell, no input, no output."""
    argv, nothing = down["run"], (0, 1, 2)
    streams = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in nothing]
    pid = os.posix_spawn(argv[0], argv, down["env"], file_actions=streams, setsid=True, setsigdef=USUAL)
    leader = os.pidfd_open(pid)
    ended, _, _ = select.select([leader], [], [], down["timeout_ms"] / 1000)
    os.close(leader)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
        complain(f"{' '.join(argv)}: no end after {down['timeout_ms']} ms, killed")
        return False
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        complain(f"{' '.join(argv)}: exit {code}")
    return code == 0


# --- the last word -------------------------------------------------------------------------------------------------


def say_last_word(word: bytes, peers: list[list[Any]]) -> None:
    """To every (our address, their address, their port), three times: a link may be gone, and a datagram lost."""
    began = time.monotonic()
    for at in SAID_AT_S:
        time.sleep(max(0.0, began + at - time.monotonic()))
        for local, host, port in peers:
            with contextlib.suppress(OSError):
                send_datagram(word, local, host, port)


def send_datagram(data: bytes, local: str, host: str, port: int) -> None:
    # As bytes: for a string Python would load its tables of international names, 2 ms.
    found = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as sender:
        with contextlib.suppress(OSError):
            sender.bind((local, 0))  # the way of that link; without it, any way will do
        sender.sendto(data, socket.MSG_DONTWAIT, address)


# --- the process ---------------------------------------------------------------------------------------------------

IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR2)
"""What people and service managers send to all processes of a daemon: we end after `faild`, never before."""

COMPLAINT_BYTES_MAX = 4096
"""PIPE_BUF: so much goes into a pipe that says it takes something."""

PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

USUAL = (*IGNORED, PARENT_ENDED, signal.SIGCHLD)


def complain(text: str) -> None:
    """To the standard error that `faild` had, where it takes it at once: a log that hangs must not hold us up."""
    with contextlib.suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"guard: {text}\n".encode()[:COMPLAINT_BYTES_MAX])


def settle() -> None:
    """Be hard to end: no signal but SIGKILL, and the last that the kernel picks when memory runs out, where we may say so."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for path, text in (("/proc/self/comm", "faild-guard"), ("/proc/self/oom_score_adj", "-1000")):
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write(text)


def hurry() -> None:
    """Real-time, as `faild` runs: a take-down must not wait behind busy programs. Neither children nor threads inherit it."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def keep_rights_to_ourselves() -> None:
    """What let us start with rights (ambient capabilities) is dropped, so that no script inherits it; the rights stay."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        ambient = next((line.split()[1] for line in file if line.startswith("CapAmb:")), "0")
        if int(ambient, 16):
            ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


if __name__ == "__main__":
    SOCKET, PARENT, LOCK = (int(word) for word in sys.argv[1:4])
    for number in (SOCKET, PARENT, LOCK):
        os.set_inheritable(number, False)
    settle()
    keep_rights_to_ourselves()
    hurry()
    main(socket.socket(fileno=SOCKET), PARENT)
