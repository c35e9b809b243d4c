"""What the service manager is told: sd_notify(3), a datagram to the socket that it names. Nothing where none listens.

tell("READY=1")
tell_reloading()            # before a configuration is read again; STATUS= and READY=1 follow, whatever became of it
"""

import contextlib
import os
import socket
import time


def tell(state: str) -> None:
    """Never waits, and never fails: a service manager that does not listen has missed nothing that we need."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        sender.sendto(state.encode(), address)


def tell_reloading() -> None:
    """Type=notify-reload matches the answer to its SIGHUP by the monotonic clock."""
    tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
