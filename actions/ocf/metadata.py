"""What an agent says of itself when it is asked for its meta-data: its parameters, its words, how long each may take.

    found = asked("/usr/lib/ocf/resource.d/heartbeat/nginx", environment)      # raises Unusable; never on the event loop
    found.parameters, found.required, found.words, found.timeouts_ms
"""

import contextlib
import os
import re
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree

BYTES_MAX = 1 << 20
"""The longest of Debian's has 40 KB."""

SECONDS_MAX = 10.0

DURATION = re.compile(r"(\d{1,9})(ms|msec|s|sec|m|min|h|hr)?", re.ASCII)
UNITS_MS = {"ms": 1, "msec": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "hr": 3_600_000}

NEEDED = ("start", "stop", "monitor")


class Unusable(Exception):
    """Why the agent cannot be used, as one half of a complaint."""


class Metadata(NamedTuple):
    parameters: frozenset[str]
    required: frozenset[str]
    timeouts_ms: Mapping[str, int]
    """Of each word that it knows; 0 where none is advised."""

    @property
    def is_promotable(self) -> bool:
        return "promote" in self.timeouts_ms


def asked(program: str, environment: Mapping[str, str]) -> Metadata:
    """Raises Unusable."""
    try:
        code, data = _printed([program, "meta-data"], environment)
    except OSError as error:
        raise Unusable(f"{program} cannot be run: {error.strerror}") from None
    if code:
        raise Unusable(f"{program} has no meta-data: it ends with {code}")
    return read(program, data)


def read(program: str, data: bytes) -> Metadata:
    """Raises Unusable."""
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Unusable(f"{program} has no meta-data that can be read: {error}") from None
    parameters = [it for it in root.iter("parameter") if it.get("name")]
    timeouts = {it.get("name", ""): _milliseconds(it.get("timeout", "")) for it in root.iter("action")}
    if missing := [word for word in NEEDED if word not in timeouts]:
        raise Unusable(f"{program} does not know {' and '.join(missing)}, by its meta-data")
    return Metadata(
        frozenset(it.get("name", "") for it in parameters),
        frozenset(it.get("name", "") for it in parameters if it.get("required") in ("1", "true")),
        timeouts,
    )


def _milliseconds(written: str) -> int:
    found = DURATION.fullmatch(written.strip())
    return int(found[1]) * UNITS_MS[found[2] or "s"] if found else 0


def _printed(words: list[str], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Its exit code and what it printed. Its group is killed in the end, and when it takes too long or prints too much. Raises
    OSError, Unusable."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        words, env=environment, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, start_new_session=True
    )
    try:
        data = _read(words[0], process)
        if not _ended(process):
            raise Unusable(f"{words[0]} does not end when it is asked for its meta-data")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it is not reaped yet: the number is still its own
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return process.returncode, data


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    handle = os.pidfd_open(process.pid)
    try:
        return bool(select.select([handle], [], [], SECONDS_MAX)[0])
    finally:
        os.close(handle)


def _read(program: str, process: "subprocess.Popen[bytes]") -> bytes:
    data, until = b"", time.monotonic() + SECONDS_MAX
    if process.stdout is None:
        return data
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not ready.select(max(0.0, until - time.monotonic())):
                raise Unusable(f"{program} does not answer when it is asked for its meta-data")
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return data
            data += piece
            if len(data) > BYTES_MAX:
                raise Unusable(f"{program} prints more than {BYTES_MAX} bytes when it is asked for its meta-data")
