"""The line to `faild-snmp`, which tells the receivers of [[traps]] every change of a service's state, and every alarm.

    traps = Traps(me, policy, state)
    await traps.start()                     # starts nothing where no receiver is configured
    traps.tell("web", "UP", 7, "lukretia is dead")      # never waits
    traps.alarmed(alarm, True)              # it begins; False: it is over
    await traps.close()

A trap is news without an answer: what cannot be handed over at once is dropped and said so. `engine_id` is what a version 3
receiver must know (docs/actions.md).
"""

import asyncio
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from actions import trap as trap_program
from coordinator.alarms.board import Alarm
from coordinator.policy import Policy
from protocol.invariant import InvariantBroken
from protocol.printable import printable

log = logging.getLogger("failover.traps")

AGAIN_S = (1.0, 5.0, 30.0)
"""Before a process that ended is started again, by the number of ends in a row."""

END_S_MAX = 1.0
"""How long what was said last may take to leave."""


PIECE_BYTES = 65_536

REASON_MAX = 255
"""Letters; so a line is shorter than PIPE_BUF, and goes into the pipe whole or not at all."""


class Traps:
    def __init__(self, me: str, policy: Policy, state: Path, untold: Callable[[str], None] = lambda text: None) -> None:
        """`untold` is told in words which receivers are not told; empty where all are."""
        self._untold = untold
        self._heard = b""
        self._me = me
        self._policy = policy
        self._folder = state / "snmp"
        self._process: subprocess.Popen[bytes] | None = None
        self._life = -1
        self._ends = 0
        self._again: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        if self._policy.traps:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            log.info("SNMP engine %s", engine_id(self._policy, self._me).hex())
            self._spawn()

    async def configure(self, policy: Policy) -> None:
        """New receivers need a new process."""
        old, self._policy = self._policy, policy
        if old.traps != policy.traps:
            await self.close()
            await self.start()

    def tell(self, service: str, state: str, epoch: int, reason: str) -> None:
        if self._policy.traps:
            about = {"cluster": self._policy.cluster, "node": self._me, "service": service}
            self._write({**about, "state": state, "epoch": epoch, "reason": printable(reason)[:REASON_MAX]})

    def alarmed(self, alarm: Alarm, begins: bool) -> None:
        if self._policy.traps:
            about = {"cluster": self._policy.cluster, "node": self._me, "service": alarm.key.service, "about": alarm.key.node}
            text = printable(alarm.text)[:REASON_MAX]
            self._write({**about, "alarm": str(alarm.key.name), "begins": begins, "text": text})

    async def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        process, self._process = self._process, None
        if process is None:
            return
        asyncio.get_running_loop().remove_reader(self._life)
        os.close(self._life)
        if process.stdin is None:
            raise InvariantBroken("it is fed through a pipe")
        process.stdin.close()
        self._untold("")
        self._heard = b""
        try:
            await asyncio.to_thread(process.wait, END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self) -> None:
        words = [sys.executable, "-I", trap_program.__file__, str(self._folder)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True, cwd="/"
        )
        if self._process.stdout is None:
            raise InvariantBroken("it says who is not told")
        os.set_blocking(self._process.stdout.fileno(), False)
        asyncio.get_running_loop().add_reader(self._process.stdout, self._read, self._process.stdout)
        if self._process.stdin is None:
            raise InvariantBroken("it is fed through a pipe")
        os.set_blocking(self._process.stdin.fileno(), False)
        self._life = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._life, self._ended)
        self._write({"engine": engine_id(self._policy, self._me).hex(), "targets": _targets(self._policy)})

    def _read(self, pipe: IO[bytes]) -> None:
        piece = pipe.read(PIECE_BYTES)
        if piece is None:
            return
        if not piece:
            asyncio.get_running_loop().remove_reader(pipe)
            return pipe.close()
        *lines, self._heard = (self._heard + piece).split(b"\n")
        for line in lines:
            untold = json.loads(line)["untold"]
            self._untold("; ".join(f"{name}: {why}" for name, why in untold.items()))

    def _write(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return log.warning("no trap: faild-snmp does not run")
        try:
            os.write(self._process.stdin.fileno(), json.dumps(message).encode() + b"\n")
        except OSError as error:
            log.warning("no trap: faild-snmp takes nothing (%s)", error.strerror)

    def _ended(self) -> None:
        if self._process is None:
            raise InvariantBroken("only a running process is watched")
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._life)
        os.close(self._life)
        code, self._process = self._process.wait(), None
        delay_s = AGAIN_S[min(self._ends, len(AGAIN_S) - 1)]
        self._ends += 1
        log.error("faild-snmp ended with %d; again in %g s", code, delay_s)
        self._again = loop.call_later(delay_s, self._spawn)


def engine_id(policy: Policy, node: str) -> bytes:
    """RFC 3411: our enterprise with the high bit, format 5 (octets), 8 bytes that differ by cluster and node."""
    own = hashlib.sha256(policy.cluster_id + node.encode()).digest()[:8]
    return (0x8000_0000 | 32473).to_bytes(4, "big") + b"\x05" + own


def _targets(policy: Policy) -> list[dict[str, Any]]:
    return [{"host": trap.host, "port": trap.port, "version": trap.version, **trap.settings} for trap in policy.traps]
