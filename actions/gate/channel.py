"""The socket to nf_tables: a transaction is one system call, its answer another.

    channel = Channel()                     # raises OSError where there is none
    refused = channel.commit(messages)      # None, or which message the kernel refused, and why
    channel.dump(Message(GETSET, NFPROTO_INET, ...))    # the bodies of the answers

The kernel carries a transaction out before `send` returns. It may wait there for others that change rules: then the ticket
of a refresh is dead, and the refresh fails.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from actions.gate.encoding import (
    ACK,
    DUMP,
    DUMP_INTERRUPTED,
    GETGEN,
    HEADER,
    NFGENMSG,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    attributes,
    request,
    transaction,
)

NETLINK_NETFILTER = 12
SOL_NETLINK, NETLINK_CAP_ACK = 270, 10
"""An answer does not repeat the request."""

SO_SNDBUFFORCE = 32
SEND_BYTES_MAX = 8 << 20
"""A transaction is one message to the socket: some 20,000 addresses."""

ANSWER_BYTES_MAX = 65_536
ANSWER_S_MAX = 2
"""The answer is there when `send` returns. If it were lost all the same, no caller may wait for it for ever."""

DUMPS_MAX = 5
"""Of a list that others change while it is read."""


class Refused(NamedTuple):
    message: int
    """Its number among those that were sent; -1 is the transaction as a whole."""
    errno: int


class Channel:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        with contextlib.suppress(PermissionError):  # then the first transaction is refused, with its reason
            self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BYTES_MAX)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_S_MAX, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def commit(self, messages: Sequence[Message], generation: int | None = None) -> Refused | None:
        """The first refusal. Raises OSError where the answer is lost: then nobody knows what has become of it."""
        first = self._number(len(messages) + 2)
        self._socket.send(transaction(messages, first, generation))
        while True:
            for sequence, code in _errors(self._socket.recv(ANSWER_BYTES_MAX)):
                if sequence < first:
                    continue  # of a request whose answer came too late
                if code:
                    self._drain()
                    return Refused(sequence - first - 1, code)
                return None

    def dump(self, message: Message) -> list[bytes]:
        """The attributes of each answer. Raises OSError; ENOENT where what is asked about is missing."""
        for _ in range(DUMPS_MAX):
            found, whole = self._read_dump(request(message, sequence := self._number(1), DUMP), sequence)
            if whole:
                return found
        raise OSError(errno.EINTR, "the rules of this machine change too fast to be read")

    def generation(self) -> int:
        """It changes with each transaction that changes a rule or a set."""
        sequence = self._number(1)
        self._socket.send(request(Message(GETGEN, 0, b""), sequence, 0))
        answer = self._socket.recv(ANSWER_BYTES_MAX)
        _raise_error(answer)
        return int.from_bytes(attributes(answer[HEADER.size + NFGENMSG.size :])[1], "big")

    def ask(self, message: Message) -> None:
        """A question whose answer is of no interest. Raises OSError where the kernel refuses it."""
        self._socket.send(request(message, self._number(1), ACK))
        _raise_error(self._socket.recv(ANSWER_BYTES_MAX))
        self._drain()

    def _number(self, many: int) -> int:
        """The first of some sequence numbers."""
        first = self._sequence + 1
        self._sequence += many
        return first

    def _read_dump(self, data: bytes, sequence: int) -> tuple[list[bytes], bool]:
        found: list[bytes] = []
        self._socket.send(data)
        whole = True
        while True:
            answer = self._socket.recv(ANSWER_BYTES_MAX)
            for kind, flags, answered, body in _messages(answer):
                if answered != sequence:
                    continue
                whole = whole and not flags & DUMP_INTERRUPTED
                if kind == NLMSG_DONE:
                    return found, whole
                if kind == NLMSG_ERROR:
                    _raise_error(answer)
                found.append(body[NFGENMSG.size :])

    def _drain(self) -> None:
        try:
            while True:
                self._socket.recv(ANSWER_BYTES_MAX, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return


def _messages(answer: bytes) -> list[tuple[int, int, int, bytes]]:
    """Kind, flags, sequence and body of each."""
    found, at = [], 0
    while at + HEADER.size <= len(answer):
        length, kind, flags, sequence, _ = HEADER.unpack_from(answer, at)
        found.append((kind, flags, sequence, answer[at + HEADER.size : at + length]))
        at += max(length + -length % 4, HEADER.size)
    return found


def _errors(answer: bytes) -> list[tuple[int, int]]:
    """Sequence and errno (0 for done)."""
    return [
        (sequence, -struct.unpack_from("=i", body)[0]) for kind, _, sequence, body in _messages(answer) if kind == NLMSG_ERROR
    ]


def _raise_error(answer: bytes) -> None:
    for _, code in _errors(answer):
        if code:
            raise OSError(code, errno.errorcode.get(code, str(code)))
