"""Keeps records in memory and writes them every 20 ms, so that keeping them costs the loop nothing worth naming."""

import os

from tools.lab.wire import LATE, RECORD

FLUSH_NS = 20_000_000
LATE_NS = 1_000_000
"""A question sent a millisecond late is noted: the reader of a figure sees what the tool itself added."""


class Recorder:
    def __init__(self, path: str):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._waiting: list[bytes] = []
        self._flush_at_ns = 0

    def answer(self, received_ns: int, asked_ns: int, family: int, mac: bytes) -> None:
        self._waiting.append(RECORD.pack(received_ns, asked_ns, family, mac))

    def asked(self, now_ns: int, due_ns: int) -> None:
        if now_ns - due_ns >= LATE_NS:
            self._waiting.append(RECORD.pack(now_ns, due_ns, LATE, bytes(6)))

    def flush(self, now_ns: int) -> None:
        if now_ns >= self._flush_at_ns and self._waiting:
            os.write(self._file, b"".join(self._waiting))
            self._waiting.clear()
            self._flush_at_ns = now_ns + FLUSH_NS
