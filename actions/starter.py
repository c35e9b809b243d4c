"""The starter: a small process beside `faild` that starts its programs, and says when each has ended and how.

    python -I -S -E actions/starter.py SOCKET PIDFD     # descriptors, inherited; actions/starting.py speaks to it

A process that starts a program stands still until the program's file is open: for milliseconds on a busy machine, since the
child is an ordinary process while `faild` is a real-time one. So it is not `faild` that stands still. It imports nothing of
ours, as the guard; it ends with `faild`, and leaves what still runs to the guard, which knows it.

Told:     {"start": ticket, "words": [...], "env": {...}} with the output's descriptor, and the input's where there is one;
          {"kill": ticket}
Answered: {"started": ticket, "pid": n} or {"failed": ticket, "errno": n}; {"ended": ticket, "code": n}
"""

import array
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
from typing import Any

REQUEST_BYTES_MAX = 1 << 18

IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2)
"""What people and service managers send to all processes of a daemon: `faild` says what ends."""

USUAL = (*IGNORED, signal.SIGCHLD, signal.SIGXFSZ)
"""The signals that a program of ours must find as they usually are; Python itself ignores SIGPIPE and SIGXFSZ."""

PR_SET_PDEATHSIG = 1

Told = dict[str, Any]


class Children:
    """What runs, by its number and by its ticket."""

    def __init__(self) -> None:
        self.tickets: dict[int, str] = {}
        self.pids: dict[str, int] = {}

    def start(self, told: Told, output: int, given: int | None = None) -> Told:
        """`given`: what it reads on its standard input; nothing without."""
        ticket, words = told["start"], told["words"]
        nothing = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
        read = nothing if given is None else (os.POSIX_SPAWN_DUP2, given, 0)
        printed = [(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)]
        streams: list[Any] = [read, *printed]
        try:
            pid = os.posix_spawn(words[0], words, told["env"], file_actions=streams, setsid=True, setsigdef=USUAL)
        except OSError as error:
            return {"failed": ticket, "errno": error.errno}
        self.tickets[pid], self.pids[ticket] = ticket, pid
        return {"started": ticket, "pid": pid}

    def kill(self, ticket: str) -> None:
        """Its whole group. The number is still its own: it is not reaped yet."""
        if ticket in self.pids:
            with contextlib.suppress(OSError):
                os.killpg(self.pids[ticket], signal.SIGKILL)

    def ended(self) -> list[Told]:
        """Those that have ended since the last call."""
        found: list[Told] = []
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                ticket = self.tickets.pop(pid, "")
                self.pids.pop(ticket, None)
                found.append({"ended": ticket, "code": os.waitstatus_to_exitcode(status)})
        return found


def main(channel: socket.socket, parent: int) -> None:
    bell, striker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(striker)
    children = Children()
    say(channel, {"ready": os.getpid()})
    waiting = select.poll()
    for descriptor in (parent, bell, channel.fileno()):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if parent in ready:
            return
        if bell in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(bell, 4096)
        if channel.fileno() in ready and not listen(channel, children):
            return
        for end in children.ended():
            say(channel, end)


def listen(channel: socket.socket, children: Children) -> bool:
    """Do one thing that is asked: ends are told between two of them. False where `faild` will not ask again."""
    packet, streams = receive(channel)
    if not packet:
        return False
    told = json.loads(packet)
    if "kill" in told:
        children.kill(told["kill"])
        return True
    try:
        say(channel, children.start(told, *streams))
    finally:
        for stream in streams:
            os.close(stream)
    return True


def receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    """One packet, and the descriptors that came with it: the output's, and perhaps the input's."""
    numbers = array.array("i")
    space = socket.CMSG_SPACE(2 * numbers.itemsize)
    packet, extra, _, _ = channel.recvmsg(REQUEST_BYTES_MAX, space, socket.MSG_CMSG_CLOEXEC)
    for _, _, data in extra:
        numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return packet, list(numbers)


def say(channel: socket.socket, answer: Told) -> None:
    """Waits where `faild` does not listen just now. Where it has ended, there is nothing left to do."""
    try:
        channel.send(json.dumps(answer).encode())
    except OSError:
        sys.exit(0)


def settle() -> None:
    """Ended by the kernel with `faild`, also where we stand still with an order that we have read: what nobody waits for any
    more must not begin when we go on."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write("faild-starter")
    with contextlib.suppress(OSError):  # as `faild` runs; neither children nor threads inherit it
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


if __name__ == "__main__":
    SOCKET, PARENT = (int(word) for word in sys.argv[1:])
    for inherited in (SOCKET, PARENT):
        os.set_inheritable(inherited, False)
    settle()
    main(socket.socket(fileno=SOCKET), PARENT)
