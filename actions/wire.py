"""The one packet socket of this process, for announcements on every interface.

    wire = await asyncio.to_thread(Wire.open)
    wire.send("eth0", ETHERTYPE_ARP, frame)     # raises OSError: interface down, no right
    wire.descriptor                             # to be inherited by the guard

The last close of such a socket waits until the kernel has let all its processors pass (9 to 20 ms each, tried), wherever it
happens: in `close`, at the end of a process that is killed, and in a child that closes what it inherited. So there is one for
the life of the process, and the guard holds a copy of it: whatever happens to ours, it is not the last one, and no process
that waits for the end of `faild` waits for that. It is bound to nothing and hears nothing.
"""

import errno
import os
import socket


class Wire:
    def __init__(self, wire: socket.socket | None, why: OSError | None = None) -> None:
        self._wire = wire
        self._why = why

    @classmethod
    def open(cls) -> "Wire":
        """Without the right to have one, every `send` says so: a node can still run scripts."""
        try:
            return cls(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))  # protocol 0: it hears nothing
        except OSError as error:
            return cls(None, error)

    @property
    def descriptor(self) -> int:
        """-1 where there is none."""
        return -1 if self._wire is None else self._wire.fileno()

    def send(self, interface: str, kind: int, frame: bytes) -> None:
        if self._wire is None:
            number = self._why.errno if self._why is not None and self._why.errno else errno.EPERM
            raise OSError(number, os.strerror(number))
        self._wire.sendto(frame, (interface, kind))

    def close(self) -> None:
        """Waits, where no other process holds a copy: not on the event loop's thread."""
        if self._wire is not None:
            self._wire.close()
