"""What faild says on its standard output and error: a thread writes it, and no other waits for the reader.

    output = Output()
    logging.basicConfig(handlers=[output], ...)     # the text log
    output.say("ready")                             # standard output, in order with the log
    output.complain("faild: ...")                   # standard error
    logging.shutdown()                              # waits until it is written, and no longer than FLUSH_S

A pipe that is not read (a stopped `tee`, a stuck journald) makes write(2) sleep; a full disk makes it fail. Neither may
hold up a node that is to beat and decide: more than LINES_MAX lines that wait are lost, counted, and the count is said.
"""

import contextlib
import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TextIO

from coordinator.daemon.realtime import hurry

LINES_MAX = 2000
"""Waiting to be written: more than a node says in an hour."""

FLUSH_S = 0.5
"""At the end: a living reader has read by then."""

Say = Callable[[str], None]


class Output(logging.Handler):
    """One queue for both streams, so that `ready` stands where it belongs. Its thread ends with the process."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: SimpleQueue[tuple[TextIO | None, str] | threading.Event] = SimpleQueue()
        self._lost = 0
        threading.Thread(target=self._work, name="text log", daemon=True).start()

    def say(self, line: str) -> None:
        self._put(sys.stdout, line)

    def complain(self, line: str) -> None:
        self._put(sys.stderr, line)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.complain(self.format(record))
        except Exception:  # of a line that cannot be formatted logging itself says so
            self.handleError(record)

    def flush(self) -> None:
        written = threading.Event()
        self._lines.put(written)
        written.wait(FLUSH_S)

    def _put(self, stream: TextIO | None, line: str) -> None:
        if self._lines.qsize() >= LINES_MAX:
            self._lost += 1
            return
        if self._lost:
            self._lines.put((sys.stderr, f"{self._lost} lines are lost here: the output of faild was not read"))
            self._lost = 0
        self._lines.put((stream, line))

    def _work(self) -> None:
        """At the priority of the loop: between two writes this thread has the interpreter, and must not lose the processor
        with it."""
        hurry()
        while True:
            match self._lines.get():
                case threading.Event() as asked:
                    asked.set()
                case (stream, line):
                    _write(stream, line)


def _write(stream: TextIO | None, line: str) -> None:
    """The interpreter is free meanwhile. A stream that was closed before we began is None: its number may be the log's now."""
    if stream is None:
        return
    rest = (line + "\n").encode(errors="backslashreplace")
    with contextlib.suppress(OSError, ValueError):  # a full disk, a reader that has gone
        while rest:
            rest = rest[_some(stream.fileno(), rest) :]


def _some(descriptor: int, piece: bytes) -> int:
    """How many bytes were written."""
    try:
        return os.write(descriptor, piece)
    except BlockingIOError:  # another process has made it so
        select.select([], [descriptor], [])
        return 0
