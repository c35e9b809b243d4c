"""The guard as a program: from its start to the end of `faild`. The package says what it is for."""

import sys

if not __package__:  # a bare interpreter runs this folder: it is a package of one place, and the only thing of ours to be found
    sys.modules["guard"] = type(sys)("guard")
    sys.modules["guard"].__path__ = [sys.path.pop(0)]
    __package__ = "guard"

import contextlib
import json
import os
import select
import signal
import socket

from .complaints import complain
from .hardening import hurry, keep_rights_to_ourselves, settle
from .held import Book, listen
from .parent import bell_at_the_end_of_our_parent, is_ending, rung
from .take_down import act

ENDED_S_MAX = 0.05
"""A killed process runs no further step of its own. One that sleeps in the kernel is gone when its disk answers, and the peers
do not wait for that."""


def main(channel: socket.socket, parent: int) -> None:
    """Listen until `faild` has ended or says that it will, then act."""
    channel.setblocking(False)
    book = Book()
    pid, bell = os.getppid(), bell_at_the_end_of_our_parent()
    channel.send(json.dumps({"ready": os.getpid()}).encode())
    waiting = select.poll()
    for descriptor in (parent, bell, channel.fileno()):
        waiting.register(descriptor, select.POLLIN)
    ended, look_ms = False, -1
    while not ended:
        ready = {descriptor for descriptor, _ in waiting.poll(look_ms)}
        ended = parent in ready or (bell in ready and rung(bell) and is_ending(pid))
        if ended or channel.fileno() in ready:  # what it said before its end is heard first
            more = listen(channel, book)
            ended = ended or more == "end"
            if more == "closed" and not ended:
                waiting.unregister(channel)
        look_ms = book.leases.look()  # what was said meanwhile is heard before the time is looked at
        if not ended and book.leases.is_forsaken():
            ended = end_faild(parent)
    act(book)


def end_faild(parent: int) -> bool:
    """It stands still, and a lease is over. Were it to go on one day, it would bring up what it was about to bring up then."""
    complain("a lease is over and faild stands still: it is killed, and what it held is taken down")
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(parent, signal.SIGKILL)
    select.select([parent], [], [], ENDED_S_MAX)
    return True


if __name__ == "__main__":
    SOCKET, PARENT, *KEPT = (int(word) for word in sys.argv[1:])  # kept open: the lock, and a copy of the packet socket
    for number in (SOCKET, PARENT, *KEPT):
        os.set_inheritable(number, False)
    settle()
    keep_rights_to_ourselves()
    hurry()
    main(socket.socket(fileno=SOCKET), PARENT)
