"""The way of a changed configuration file into a running node: read, check, compare, then all of it or nothing.

    reloading = ConfigReload(status, folders, links, traps, questions, exposed, tasks)
    await reloading.apply(command)      # `failc config apply`: what became of it
    reloading.reload()                  # SIGHUP: the log says what became of it

The file is read as at the start. A file that names what this machine has not (an interface, a program) is refused: at a start
it may come yet, but a service that runs is not given up for it. What a running node cannot change is refused with its line,
what would cut off a node that lives by the old file with a sentence. Then the links move, since their addresses are all that
the machine itself may still refuse, and the core takes the rest in one step (`coordinator.core.reconfigure`); where it
refuses, the links move back.
One at a time: a SIGHUP that comes meanwhile reads the file once more afterwards, a command is asked to come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from coordinator.config import Checked
from coordinator.config.changes import changes, unchangeable
from coordinator.config.complaints import Complaint
from coordinator.control.view import Applied, Fate
from coordinator.core.commands import Refusal
from coordinator.core.inputs import Reconfigured
from coordinator.daemon.config_file import look
from coordinator.daemon.folders import Folders
from coordinator.daemon.node_status import NodeStatus
from coordinator.daemon.questions import Questions
from coordinator.daemon.systemd import tell, tell_reloading
from coordinator.daemon.tasks import Tasks
from coordinator.daemon.traps import Traps
from coordinator.policy import Policy
from coordinator.transport.links import Links
from protocol.commands import SignedCommand
from protocol.invariant import InvariantBroken
from protocol.keys import UnusableKey
from protocol.printable import printable

log = logging.getLogger("failover.config")


class ConfigReload:
    def __init__(
        self,
        status: NodeStatus,
        folders: Folders,
        links: Links,
        traps: Traps,
        questions: Questions,
        exposed: Callable[[Sequence[Complaint]], None],
        tasks: Tasks,
    ) -> None:
        """`exposed` is told the files that others can change, each time the file is read."""
        self._status = status
        self._folders = folders
        self._links = links
        self._traps = traps
        self._questions = questions
        self._exposed = exposed
        self._tasks = tasks
        self._busy = False
        self._again = False
        """A SIGHUP came while a file was being applied, or before this node could."""

    def reload(self) -> None:
        """SIGHUP. The log says what became of it."""
        self._tasks.begin(self._hung_up())

    async def _hung_up(self) -> None:
        """While the node still reads its own feed the file waits: it is read when the node is ready."""
        self._again = True
        while not self._status.ready:
            await self._status.bell.heard(self._status.bell.count, 1.0)
        while self._again and not self._busy:
            self._again = False
            await self.apply(None)

    async def apply(self, command: SignedCommand | None) -> Applied:
        """Read the file again, and swap what it says or change nothing."""
        if self._busy:
            return Applied(Fate.REFUSED, "a configuration is being applied at this moment: ask again")
        self._busy = True
        tell_reloading()
        said = "READY=1"
        try:
            applied = await self._apply(command)
            said = f"STATUS={_status(applied)}\n{said}"
        finally:
            self._busy = False
            tell(said)
        _say(applied)
        if self._again and command is not None:
            self.reload()
        return applied

    async def _apply(self, command: SignedCommand | None) -> Applied:
        status = self._status
        checked = await self._read()
        if isinstance(checked, Applied):
            return checked
        new = checked.policy
        if new is None:
            raise InvariantBroken("what has complaints was refused")
        if new == status.policy and (command is None or command.command.digest == new.digest):
            return Applied(Fate.UNCHANGED, f"{status.config_path} is what this node runs already")
        lines = changes(status.policy, new)
        refused = status.core.reconfigure.refusal(Reconfigured(new, 0, command))
        return _no(refused) if refused else await self._swap(new, command, lines)

    async def _read(self) -> Checked | Applied:
        """On another thread: a disk that hangs, or a long file, must not hold up a heartbeat."""
        status = self._status
        try:
            checked = await asyncio.to_thread(look, status.config_path, status.me, self._folders.secrets)
        except OSError as error:
            return _bad((f"{status.config_path}: cannot be read: {error.strerror}. Nothing has changed",))
        self._exposed(checked.exposed)
        for warning in checked.warnings:
            log.warning("%s (warning)", warning)
        new = checked.policy
        wrong = (
            checked.wrong if new is None else [*unchangeable(status.policy, new, status.me, status.config_path), *checked.lacks]
        )
        return _bad(tuple(str(complaint) for complaint in wrong)) if wrong else checked

    async def _swap(self, new: Policy, command: SignedCommand | None, lines: tuple[str, ...]) -> Applied:
        old = self._status.policy
        try:
            await self._links.reconfigure(new)
        except (OSError, UnusableKey) as error:
            return Applied(Fate.REFUSED, f"{error} Nothing has changed")
        answer = await self._questions.ask(lambda ticket: Reconfigured(new, ticket, command))
        if not answer.admitted:
            await self._back(old)
            return Applied(Fate.REFUSED if answer.authority else Fate.DENIED, answer.text)
        await self._tell_other_receivers(new)
        number = self._status.core.column.config_number
        return Applied(Fate.APPLIED, f"configuration {number} ({new.digest.hex()[:12]}) is in force", lines)

    async def _tell_other_receivers(self, new: Policy) -> None:
        """New receivers need a new process, and the old one some time to end. Where none can be had, no trap is told."""
        try:
            await self._traps.configure(new)
        except OSError as error:
            log.error("no traps are told: %s", error)

    async def _back(self, old: Policy) -> None:
        try:
            await self._links.reconfigure(old)
        except (OSError, UnusableKey) as error:
            log.error("the links cannot go back to the configuration in force: %s Restart this node", error)


def _no(refused: Refusal) -> Applied:
    return Applied(Fate.REFUSED if refused.authority else Fate.DENIED, refused.text)


def _bad(complaints: tuple[str, ...]) -> Applied:
    return Applied(Fate.BAD, "the file is refused, and nothing has changed", complaints=complaints)


def _status(applied: Applied) -> str:
    """What `systemctl status` shows from now on: one line, with the first complaint where the file is refused."""
    return printable(f"{applied.text}: {applied.complaints[0]}" if applied.complaints else applied.text)


def _say(applied: Applied) -> None:
    level = logging.INFO if applied.fate in (Fate.APPLIED, Fate.UNCHANGED) else logging.ERROR
    log.log(level, "the configuration was read again: %s", applied.text)
    for line in (*applied.changes, *applied.complaints):
        log.log(level, "  %s", line)
