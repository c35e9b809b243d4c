"""What `faild` told the guard: what is held, and which programs run. docs/guard.md lists the messages.

    book = Book()
    listen(channel, book)       # "end" where `faild` asks to act now, "closed" where nothing can come any more
    book.held, book.programs
"""

import contextlib
import json
import socket
from typing import Any

from .leases import Leases
from .programs import Program

PACKET_BYTES_MAX = 1 << 20

MORE = b"+"
"""A packet that begins so is a piece of a message, and not the last one: a socket takes no packet larger than its buffer."""

Told = dict[str, Any]


class Book:
    """What `faild` told us: what is held, and which programs run."""

    def __init__(self) -> None:
        self.held: dict[str, Told] = {}
        """Service to its newest `hold`."""
        self.programs: dict[str, Program | None] = {}
        """Ticket to what runs; None while its number is not known."""
        self.leases = Leases()
        """When what is held must be down, for what is held under one."""
        self.pieces = b""
        """The pieces of a message whose end has not come."""

    def hear(self, told: Told) -> Told | None:
        """Write one message down; what is to be answered."""
        say = told["say"]
        if say == "hold":
            return self._hold(told)
        if say == "leases":
            self.leases.renew(told["leases"])
            return {"leases": len(told["leases"])}
        if say == "disarm":
            self.leases.stop(told["watchdog"])
        elif say == "promised":
            self.leases.inherit(told["leases"])
        elif say == "release":
            if told["service"] in self.held and self.held[told["service"]]["epoch"] <= told["epoch"]:
                del self.held[told["service"]]
                self.leases.release(told["service"])
        elif say == "began":
            self.programs[told["ticket"]] = None
        elif say == "group":
            self.programs[told["ticket"]] = Program(told["group"])
        elif say == "ended":
            program = self.programs.pop(told["ticket"], None)
            if program is not None:
                program.forget()
        return None

    def _hold(self, told: Told) -> Told:
        """Armed before it is confirmed: what comes up has an end from its beginning. What is refused is not to come up; what is
        up already, when we take a dead guard's place, is taken down all the same."""
        self.held[told["service"]] = told
        if why := self.leases.take(told):
            return {"refused": told["service"], "epoch": told["epoch"], "why": why}
        return {"held": told["service"], "epoch": told["epoch"]}


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
