"""The first process of a place (a namespace): does what the laboratory orders, and reaps what others leave behind.

Standard library only, run as `python -IS agent.py`: it must start in milliseconds. Orders come and answers go as JSON
lines over the socket that is its standard input. When the socket closes it ends, and as process 1 takes everything of
the place with it: a laboratory that was killed leaves nothing behind.

    {"do": "run", "argv": [...], "input": text}     -> {"code", "out", "err"}     waits; for commands of milliseconds
    {"do": "start", "argv": [...], "log": path}     -> {"pid"}                    the pid as this place counts
    {"do": "signal", "pid": n, "signal": n}         -> {}
    {"do": "ended", "pid": n}                       -> {"code": n or null}        negative: the signal, as subprocess has it
    {"do": "read", "path": path}                    -> {"out": text}              a file as this place sees it, such as /proc
    {"do": "down", "interface": name}               -> {"down": bool}             at once, without starting a process
"""

import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
ended: dict[int, int] = {}


def reap(*_: object) -> None:
    """Collect every process that has ended: ours, and orphans that the kernel handed to process 1."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            ended[pid] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return


def spawn(argv: list[str], streams: list[int]) -> int:
    """Start `argv` in a session of its own with these three descriptors as its standard streams."""
    moves = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(streams)]
    usual = [signal.SIGCHLD]
    return os.posix_spawnp(argv[0], argv, os.environ, file_actions=moves, setsid=True, setsigmask=[], setsigdef=usual)


def run(order: dict[str, object]) -> dict[str, object]:
    """Run a command to its end. Memory files instead of pipes: a child that lives on cannot hold us up."""
    given, out, err = (os.memfd_create(name) for name in ("in", "out", "err"))
    try:
        os.write(given, str(order.get("input", "")).encode())
        os.lseek(given, 0, os.SEEK_SET)
        pid = spawn(order["argv"], [given, out, err])  # type: ignore[arg-type]
        while pid not in ended:
            time.sleep(0.0002)
        return {"code": ended.pop(pid), "out": _text(out), "err": _text(err)}
    finally:
        for descriptor in (given, out, err):
            os.close(descriptor)


def _text(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


def start(order: dict[str, object]) -> dict[str, object]:
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    nothing = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return {"pid": spawn(order["argv"], [nothing, log, log])}  # type: ignore[arg-type]
    finally:
        os.close(log)
        os.close(nothing)


def send_signal(order: dict[str, object]) -> dict[str, object]:
    os.kill(order["pid"], order["signal"])  # type: ignore[arg-type]
    return {}


def has_ended(order: dict[str, object]) -> dict[str, object]:
    reap()
    return {"code": ended.get(order["pid"])}  # type: ignore[call-overload]


def read(order: dict[str, object]) -> dict[str, object]:
    with open(str(order["path"])) as file:
        return {"out": file.read()}


def down(order: dict[str, object]) -> dict[str, object]:
    """Switch an interface off and look at it. A power loss must be over before a peer has noticed the first port."""
    request = struct.Struct("16sh14x")
    name = str(order["interface"]).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = request.unpack(fcntl.ioctl(sock, SIOCGIFFLAGS, request.pack(name, 0)))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, request.pack(name, flags & ~IFF_UP))
        after = request.unpack(fcntl.ioctl(sock, SIOCGIFFLAGS, request.pack(name, 0)))[1]
    return {"down": not after & IFF_UP}


ORDERS = {"run": run, "start": start, "signal": send_signal, "ended": has_ended, "read": read, "down": down}


def main() -> None:
    """Say hello (the kernel adds our process id as the laboratory sees it), then serve until the socket closes."""
    channel = socket.socket(fileno=0)
    os.set_inheritable(0, False)
    signal.signal(signal.SIGCHLD, reap)
    channel.sendall(b"\n")
    for line in channel.makefile("rb"):
        try:
            order = json.loads(line)
            answer = ORDERS[order["do"]](order)
        except OSError as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        channel.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
    sys.exit(0)
