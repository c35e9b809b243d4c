"""A watchdog device of the laboratory: a file of FUSE that answers the ioctls of Linux's watchdogs, and strikes where not fed.

    python -m tools.lab.fuse_watchdog FILE LOG VICTIM [--options N] [--shortest S]

Machines that tests run on have no /dev/watchdog. FILE becomes a mount of this process, which speaks the kernel's FUSE protocol
by itself (include/uapi/linux/fuse.h). Where it was opened and is not fed for its timeout it kills the process whose number
stood in the file VICTIM when it was opened: the first one of a namespace, with which the kernel ends all others there, as a
reset would. A close without `V` before it does not stop it. It ends with the process that started it, by the end of its input.
LOG gets a line for each thing that happens: `open`, `feed`, `timeout S`, `close`, `stopped`, `strike`.
"""

import argparse
import contextlib
import ctypes
import errno
import os
import select
import signal
import struct
import time

LOOKUP_ROOT, OWNER = 1, 0o100600
GETATTR, SETATTR, OPEN, WRITE, RELEASE, FLUSH, INIT, IOCTL = 3, 4, 14, 16, 18, 25, 26, 39
FORGOTTEN = (2, 36, 38, 42)
SETTIMEOUT, GETSUPPORT = 0xC0045706, 0x80285700
ATTR = struct.pack("QQI4x", 0, 0, 0) + struct.pack("QQQQQQIIIIIIIIII", 1, 4096, 0, 0, 0, 0, 0, 0, 0, OWNER, 1, 0, 0, 0, 512, 0)
DIRECT_IO, MNT_DETACH = 1, 2


class Timer:
    def __init__(self, log: str, victim: str) -> None:
        self.log, self.victim = log, victim
        self.timeout_s = 60
        self.due_s: float | None = None
        self.magic = False
        self.machine: int | None = None
        """A descriptor of the process: its number may be another one's by the time it is struck."""

    def say(self, what: str) -> None:
        with open(self.log, "a") as file:
            file.write(f"{what}\n")

    def fed(self, what: str) -> None:
        self.due_s = time.monotonic() + self.timeout_s
        self.say(what)

    def opened(self) -> None:
        if self.machine is not None:
            os.close(self.machine)
        self.machine = None
        with contextlib.suppress(OSError, ValueError), open(self.victim) as file:
            self.machine = os.pidfd_open(int(file.read()))
        self.fed("open")

    def written(self, data: bytes) -> None:
        self.magic = b"V" in data
        self.fed("feed")

    def closed(self) -> None:
        self.say("close")
        if self.magic:
            self.due_s = None
            self.say("stopped")
        self.magic = False

    def strike_in_time(self) -> float | None:
        if self.due_s is None:
            return None
        left_s = self.due_s - time.monotonic()
        if left_s <= 0:
            self.due_s = None
            self.say("strike")
            with contextlib.suppress(OSError):
                if self.machine is not None:
                    signal.pidfd_send_signal(self.machine, signal.SIGKILL)
            return None
        return left_s


def answer(timer: Timer, opcode: int, body: bytes, options: int, shortest_s: int) -> bytes | int | None:
    """The body of the answer, an errno, or None where none is expected."""
    if opcode == INIT:
        return struct.pack("IIIIHHIIHHI28x", 7, 31, 65536, 0, 1, 1, 65536, 1, 1, 0, 0)
    if opcode in (GETATTR, SETATTR):
        return ATTR
    if opcode == OPEN:
        timer.opened()
        return struct.pack("QII", 1, DIRECT_IO, 0)
    if opcode == WRITE:
        size = struct.unpack_from("I", body, 16)[0]
        timer.written(body[40 : 40 + size])
        return struct.pack("II", size, 0)
    if opcode == IOCTL:
        return controlled(timer, body, options, shortest_s)
    if opcode == RELEASE:
        timer.closed()
    if opcode in (RELEASE, FLUSH):
        return b""
    return None if opcode in FORGOTTEN else errno.ENOSYS


def controlled(timer: Timer, body: bytes, options: int, shortest_s: int) -> bytes | int:
    _, _, command, *_ = struct.unpack_from("QIIQII", body)
    if command == GETSUPPORT:
        return struct.pack("iIII", 0, 0, 0, 0) + struct.pack("II32s", options, 0, b"of the laboratory")
    if command == SETTIMEOUT:
        timer.timeout_s = max(shortest_s, *struct.unpack_from("i", body, 32))
        timer.fed(f"timeout {timer.timeout_s}")
        return struct.pack("iIII", 0, 0, 0, 0) + struct.pack("i", timer.timeout_s)
    return errno.ENOTTY


def serve(file: str, timer: Timer, options: int, shortest_s: int) -> None:
    channel = os.open("/dev/fuse", os.O_RDWR)
    how = f"fd={channel},rootmode={OWNER:o},user_id=0,group_id=0".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"watchdog", file.encode(), b"fuse", 0, how):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), file)
    print("ready", flush=True)
    while True:
        left_s = timer.strike_in_time()
        ready = select.select([channel, 0], [], [], left_s)[0]
        if 0 in ready:  # who started us has ended
            libc.umount2(file.encode(), MNT_DETACH)
            return
        if not ready:
            continue
        try:
            packet = os.read(channel, 1 << 17)
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted
                return
            continue
        _, opcode, unique = struct.unpack_from("IIQ", packet)
        found = answer(timer, opcode, packet[40:], options, shortest_s)
        if found is not None:
            code, body = (-found, b"") if isinstance(found, int) else (0, found)
            os.write(channel, struct.pack("IiQ", 16 + len(body), code, unique) + body)


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("file")
    given.add_argument("log")
    given.add_argument("victim")
    given.add_argument("--options", type=int, default=0x8180)
    given.add_argument("--shortest", type=int, default=1)
    told = given.parse_args()
    serve(told.file, Timer(told.log, told.victim), told.options, told.shortest)
