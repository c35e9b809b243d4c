"""The guard: a small process beside `faild` that takes down what is held when `faild` ends, whatever ended it.

    python -I -S -E actions/guard.py SOCKET PIDFD LOCK [WIRE]       # descriptors, inherited; docs/guard.md

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
from typing import Any, NamedTuple

PACKET_BYTES_MAX = 1 << 20

MORE = b"+"
"""A packet that begins so is a piece of a message, and not the last one: a socket takes no packet larger than its buffer."""

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLM_F_REQUEST_ACK, NLM_F_REQUEST_DUMP, NLM_F_DUMP_INTR = 0x5, 0x301, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 6, 8, 11
IFA_F_SECONDARY, IFA_F_DEPRECATED = 0x01, 0x20
FOR_EVER = 0xFFFF_FFFF
OWNER_TAG = b"\xfa"
"""The tag of every address that `faild` adds (actions/rtnetlink.py)."""

GONE = (0, errno.EADDRNOTAVAIL, errno.ENODEV)
"""What the kernel answers when the address is not there (any more) as we know it."""

KERNEL_S_MAX = 2
"""Limit for one answer of the kernel: it waits for others that change the network."""

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
        """The pieces of a message whose end has not come."""

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
    """Any process of this user can send a signal: has the main thread of this process really begun to end?"""
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
    look(held["downs"])
    downs = [take_down(down) for down in held["downs"]]  # all of them, whatever the first ones say
    if nothing_left(held["downs"]) and all(downs):
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


# --- addresses -----------------------------------------------------------------------------------------------------


class Carried(NamedTuple):
    """One address that this machine has (rtnetlink(7))."""

    address: bytes
    prefix: int
    interface: int
    """Its number."""
    flags: int
    scope: int
    ours: bool
    """It carries our tag."""
    lasting: bool
    """It was not lent for a time, as DHCP and routers do."""

    @property
    def network(self) -> tuple[int, int, int]:
        bits = len(self.address) * 8
        return self.interface, self.prefix, int.from_bytes(self.address, "big") >> (bits - self.prefix)

    @property
    def is_primary(self) -> bool:
        """The first IPv4 address of a network that the interface is in: without it the host is not in that network."""
        return len(self.address) == 4 and self.prefix < 32 and not self.flags & IFA_F_SECONDARY


def remove_address(down: Told) -> bool:
    """From wherever it was when we looked. True where it is not there any more."""
    codes = [take_away(one) for one in down["here"]]
    for code in codes:
        if code not in GONE:
            complain(f"{down['address']} on {down['interface']}: {os.strerror(code)}")
    return all(code in GONE for code in codes)


def look(downs: list[Told]) -> bool:
    """Where each address is now (`here`). Interfaces are renamed, people add an address once more with another prefix, and
    an IPv4 address of ours has the one that fits. False where that cannot be told."""
    wanted = addresses_of(downs)
    for down in downs:
        down["here"] = []
    try:
        everything = every_address() if wanted else []
    except OSError as error:
        complain(f"the addresses that are here cannot be listed: {error}")
        return False
    for one in carried(everything, wanted):
        claimed_by(one, wanted)[0]["here"].append(one)
    return True


def nothing_left(downs: list[Told]) -> bool:
    """Addresses that came meanwhile go as well. One by which the host itself lives stays; then this machine answers for it."""
    wanted = addresses_of(downs)
    if look(downs):
        for down in downs:
            if down["here"]:
                remove_address(down)
    try:
        left = [one for one in every_address() if claimed_by(one, wanted)] if wanted else []
    except OSError as error:
        complain(f"the addresses that are still here cannot be listed: {error}")
        return False
    for one in left:
        complain(f"{socket.inet_ntop(family_of(one.address), one.address)} is still here, on interface {one.interface}")
    return not left


def addresses_of(downs: list[Told]) -> dict[bytes, list[Told]]:
    """A link-local address may be there for several interfaces."""
    wanted: dict[bytes, list[Told]] = {}
    for down in downs:
        if "address" in down:
            wanted.setdefault(packed(down["address"]), []).append(down)
    return wanted


def carried(everything: list[Carried], wanted: dict[bytes, list[Told]]) -> list[Carried]:
    """Where this machine has one of these addresses and would not have it without us: where ours is, all of them."""
    own, ours = the_hosts_own(everything), {one.address for one in everything if one.ours}
    return [one for one in everything if claimed_by(one, wanted) and (one not in own or one.address in ours)]


def claimed_by(one: Carried, wanted: dict[bytes, list[Told]]) -> list[Told]:
    """The services that claim it."""
    named = wanted.get(one.address, [])
    return [down for down in named if counts(one.address, down["interface"], one.interface)] or (named if one.ours else [])


def take_away(one: Carried) -> int:
    if one.is_primary:
        keep_secondaries(one.interface)
    return delete(one.address, one.prefix, one.interface)


def the_hosts_own(everything: list[Carried]) -> set[Carried]:
    """The addresses by which the host itself lives: lent to it for a time, or all that it has in their network; and without
    our tag.

    A person who types a service address in an emergency adds it beside the host's own, or with no network (/32, /128).
    """
    strange = [one for one in everything if not one.ours]
    beside: dict[tuple[int, int, int], int] = {}
    for one in strange:
        beside[one.network] = beside.get(one.network, 0) + one.lasting
    return {one for one in strange if not one.lasting or one.is_primary or is_alone(one, beside)}


def is_alone(one: Carried, beside: dict[tuple[int, int, int], int]) -> bool:
    """An IPv6 address knows no first of its network; a deprecated one is no connection's source, and no host lives by it."""
    return len(one.address) == 16 and one.prefix < 128 and not one.flags & IFA_F_DEPRECATED and beside[one.network] < 2


def keep_secondaries(index: int) -> None:
    """Ask the kernel to keep a network's other addresses when its first one goes; without that it takes them along."""
    with contextlib.suppress(OSError):
        name = socket.if_indextoname(index)
        with open(f"/proc/sys/net/ipv4/conf/{name}/promote_secondaries", "w") as file:
            file.write("1")


def every_address(kernel: socket.socket | None = None) -> list[Carried]:
    """On every interface. Raises OSError."""
    code, answers = ask(RTM_GETADDR, NLM_F_REQUEST_DUMP, bytes(8), kernel)
    if code:
        raise OSError(code, os.strerror(code))
    return [address_in(body) for kind, body in answers if kind == RTM_NEWADDR]


def address_in(body: bytes) -> Carried:
    """What an ifaddrmsg says."""
    _, prefix, flags, scope, index = struct.unpack_from("BBBBI", body)
    found = attributes_of(body)
    if IFA_FLAGS in found:
        (flags,) = struct.unpack("I", found[IFA_FLAGS])
    lasting = struct.unpack_from("II", found[IFA_CACHEINFO])[1] == FOR_EVER if IFA_CACHEINFO in found else True
    address = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    return Carried(address, prefix, index, flags, scope, found.get(IFA_PROTO) == OWNER_TAG, lasting)


def counts(address: bytes, interface: str, index: int) -> bool:
    """On `lo` people put an address on purpose; a link-local one is another on every interface (as in kinds/address.py)."""
    try:
        name = socket.if_indextoname(index)
    except OSError:
        name = ""
    link_local = address[:2] == b"\xa9\xfe" if len(address) == 4 else address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return name == interface or (name != "lo" and not link_local)


def delete(address: bytes, prefix: int, index: int) -> int:
    """RTM_DELADDR (rtnetlink(7)): 0, or the kernel's errno."""
    attributes = b"".join(struct.pack("HH", 4 + len(address), kind) + address for kind in (IFA_LOCAL, IFA_ADDRESS))
    body = struct.pack("BBBBI", family_of(address), prefix, 0, 0, index) + attributes
    return ask(RTM_DELADDR, NLM_F_REQUEST_ACK, body)[0]


Answers = list[tuple[int, bytes]]


def ask(kind: int, flags: int, body: bytes, kernel: socket.socket | None = None) -> tuple[int, Answers]:
    """0 or the kernel's errno, and every message of the answer: its type and its body. The last one tells how it ended."""
    if kernel is not None:
        return ask_by(kernel, kind, flags, body)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as fresh:
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", KERNEL_S_MAX, 0))
        return ask_by(fresh, kind, flags, body)


def ask_by(kernel: socket.socket, kind: int, flags: int, body: bytes) -> tuple[int, Answers]:
    answers: Answers = []
    changed = False
    kernel.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    while not answers or answers[-1][0] not in (NLMSG_ERROR, NLMSG_DONE):
        packet, at = kernel.recv(65536), 0
        while at < len(packet):
            length, what, how = struct.unpack_from("IHH", packet, at)
            changed = changed or bool(how & NLM_F_DUMP_INTR)
            answers.append((what, packet[at + 16 : at + length]))
            at += (length + 3) & ~3
    if changed:
        return ask_by(kernel, kind, flags, body)  # something changed meanwhile: once more
    return -int(struct.unpack_from("i", answers[-1][1])[0]), answers


def attributes_of(body: bytes) -> dict[int, bytes]:
    """What follows the 8 bytes of an ifaddrmsg."""
    found, at = {}, 8
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("HH", body, at)
        found[kind] = body[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)
    return found


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def family_of(address: bytes) -> int:
    return socket.AF_INET if len(address) == 4 else socket.AF_INET6


# --- scripts -------------------------------------------------------------------------------------------------------


BY_SHELL = ("/bin/sh", "-c", """
case $0 in */*) if [ -f "$0" ] && ! [ -s "$0" ]; then echo "$0: $0: Exec format error"; exit 126; fi ;; esac
exec "$0" "$@"
""")
"""Goes before the words of a program: its starter stands still until its file is open, for minutes on a file server that
hangs. So we start this, which is small and local and becomes the program in the same process. A shell, because it knows what
is no program (env would take a file of zeros for a script, and for one that did well); of an empty file it must be told."""


def run(down: Told) -> bool:
    """True where it exits with 0 in time; else its group is killed. No input, no output."""
    argv, nothing = down["run"], (0, 1, 2)
    streams = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in nothing]
    words = [*BY_SHELL, *argv]
    pid = os.posix_spawn(words[0], words, down["env"], file_actions=streams, setsid=True, setsigdef=USUAL)
    leader = os.pidfd_open(pid)
    ended, _, _ = select.select([leader], [], [], down["timeout_ms"] / 1000)
    os.close(leader)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
        complain(f"{' '.join(argv)}: no end after {down['timeout_ms'] / 1000:g} s, killed")
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
    # As bytes: for a string Python would load its tables of international names, which takes 2 ms.
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
    """Be hard to end: by no signal but SIGKILL, and last when memory runs out, where we may ask the kernel for that."""
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
    """What let us start with rights (ambient capabilities) is dropped, so that no script inherits it; we keep it ourselves."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        ambient = next((line.split()[1] for line in file if line.startswith("CapAmb:")), "0")
        if int(ambient, 16):
            ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


if __name__ == "__main__":
    SOCKET, PARENT, *KEPT = (int(word) for word in sys.argv[1:])  # kept open: the lock, and a copy of the packet socket
    for number in (SOCKET, PARENT, *KEPT):
        os.set_inheritable(number, False)
    settle()
    keep_rights_to_ourselves()
    hurry()
    main(socket.socket(fileno=SOCKET), PARENT)
