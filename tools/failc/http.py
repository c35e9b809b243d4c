"""HTTP/1.1 as far as `faild` speaks it: what Python's own client costs `failc` at its start is more than all it asks.

    connection = Connection.open(Path("/var/lib/failover/control.sock"), "", timeout_s=10)
    answer = connection.ask("GET", "/status")
    answer.status, answer.read()                # or: for line in answer.lines(): ...

`http.client` brings `email` and `ssl` with it, a third of the time of a whole command. A connection carries one question at a
time and is kept by the caller until something is raised: OSError, or NotHttp where what came cannot be read.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

PATH_BYTES_MAX = 107
"""sun_path of unix(7): a longer name is reached through /proc/self/fd."""

LINE_BYTES_MAX = 64 * 1024
LINES_MAX = 100
"""As in Python's own client: more is no answer of a faild."""

BODY_BYTES_MAX = 256 * 1024 * 1024
"""The status of a thousand services on sixteen nodes has some megabytes."""

PORT = 80


class NotHttp(Exception):
    """What came is no answer; the text says what is wrong with it."""


class Answer(NamedTuple):
    status: int
    length: int | None
    """Length of the body; None where it comes in pieces, or ends with the connection."""
    in_pieces: bool
    stream: BinaryIO

    def read(self) -> bytes:
        return b"".join(self._pieces())

    def lines(self) -> Iterator[bytes]:
        """The lines of the body as they come, each with its end."""
        rest = b""
        for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest

    def _pieces(self) -> Iterator[bytes]:
        if self.length is not None:
            yield _exactly(self.stream, self.length)
        elif self.in_pieces:
            while size := _hexadecimal(_line(self.stream)):
                yield _exactly(self.stream, size)
                _line(self.stream)
            while _line(self.stream):
                pass
        else:
            yield self.stream.read(BODY_BYTES_MAX)


class Connection:
    def __init__(self, sock: socket.socket, host: str) -> None:
        self._sock, self._host = sock, host
        self._stream = sock.makefile("rb")

    @classmethod
    def open(cls, path: Path | None, host: str, timeout_s: float | None) -> "Connection":
        """To the socket at `path`, or to `host`, which may name a port. Raises OSError or NotHttp."""
        return cls(_unix(path, timeout_s), "localhost") if path else cls(_tcp(host, timeout_s), host)

    def ask(self, method: str, route: str, body: bytes = b"") -> Answer:
        about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {route} HTTP/1.1\r\nHost: {self._host}\r\n{about}\r\n"
        self._sock.sendall(head.encode("ascii") + body)
        return self._answer()

    def close(self) -> None:
        self._stream.close()
        self._sock.close()

    def _answer(self) -> Answer:
        first = _line(self._stream)
        version, _, rest = first.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise NotHttp("no answer in HTTP" if first else "it closed the connection without an answer")
        fields = {}
        while line := _line(self._stream):
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
            if len(fields) > LINES_MAX:
                raise NotHttp(f"an answer with more than {LINES_MAX} fields")
        length, in_pieces = fields.get(b"content-length"), fields.get(b"transfer-encoding", b"").lower() == b"chunked"
        if length is not None and not length.isdigit():
            raise NotHttp("an answer without a length that can be read")
        return Answer(int(rest[:3]), None if length is None or in_pieces else int(length), in_pieces, self._stream)


def _unix(path: Path, timeout_s: float | None) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(timeout_s)
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        made.connect(str(path))
        return made
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        made.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    return made


def _tcp(host: str, timeout_s: float | None) -> socket.socket:
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = host, ""
    if port and not (port.isascii() and port.isdigit()):
        raise NotHttp(f"{port} is no port")
    return socket.create_connection((name.strip("[]"), int(port or PORT)), timeout_s)


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(LINE_BYTES_MAX + 1)
    if len(line) > LINE_BYTES_MAX:
        raise NotHttp(f"an answer with a line of more than {LINE_BYTES_MAX} bytes")
    return line.rstrip(b"\r\n")


def _exactly(stream: BinaryIO, size: int) -> bytes:
    if size > BODY_BYTES_MAX:
        raise NotHttp(f"an answer of {size} bytes; at most {BODY_BYTES_MAX}")
    data = stream.read(size)
    if len(data) < size:
        raise NotHttp("it closed the connection inside an answer")
    return data


def _hexadecimal(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise NotHttp("an answer in pieces without their lengths") from None
