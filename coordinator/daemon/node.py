"""One node: the pure core in the middle, the shell around it, and the real world at the shell's ports.

    node = await Node.start(me, policy, folders, say)
    await node.ended()

Inputs go in one at a time (`coordinator.shell.inbox`), effects are performed in order (`coordinator.shell.perform`), and
nothing else decides anything. Here the parts are made, started and closed in their order.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from coordinator.alarms.board import Alarm
from coordinator.config.complaints import Complaint
from coordinator.control.enforcement import GateView, LeaseView
from coordinator.control.fence_view import FenceView
from coordinator.control.opening import Opening
from coordinator.control.view import Applied
from coordinator.core import inputs
from coordinator.core.core import Core
from coordinator.core.inputs import Input, Now
from coordinator.daemon.arbiter_port import ArbiterPort
from coordinator.daemon.clock import LoopClock, boot_ms_now, read_clocks
from coordinator.daemon.config_reload import ConfigReload
from coordinator.daemon.folders import Folders
from coordinator.daemon.log_output import Say
from coordinator.daemon.log_port import LogPort
from coordinator.daemon.machine import Machine
from coordinator.daemon.node_status import NodeStatus
from coordinator.daemon.notices import Notices
from coordinator.daemon.own_history import Past, Reading
from coordinator.daemon.questions import Questions
from coordinator.daemon.realtime import PRIORITY_OF_THE_DISK, hurry
from coordinator.daemon.tasks import Tasks
from coordinator.guarding.guard_link import GuardLink
from coordinator.guarding.state_lock import StateBusy
from coordinator.policy import Policy
from coordinator.services import leftovers
from coordinator.shell.inbox import Inbox
from coordinator.shell.last_words import LastWords
from coordinator.shell.perform import Shell
from coordinator.shell.ports import Ports
from coordinator.transport import listeners
from coordinator.transport.link import LinkStatus
from coordinator.transport.links import Links
from protocol.bodies import Removal
from protocol.commands import SignedCommand
from protocol.invariant import InvariantBroken
from protocol.messages import LastWord
from protocol.signing import Identity
from store.journal import Journal
from store.refusals import JournalRefused

log = logging.getLogger("failover")

EXIT_BROKEN = 70
"""EX_SOFTWARE of sysexits.h."""


class Node:
    def __init__(self, me: str, policy: Policy, folders: Folders, journal: Journal, identity: Identity, say: Say) -> None:
        self.run = os.urandom(8)
        self._me = me
        self._policy = policy
        """What it is started with; from the first input on the core's counts."""
        self._journal = journal
        self._tasks = Tasks()
        self._inbox = Inbox(LoopClock())
        self._words = LastWords(identity)
        self._shell: Shell | None = None
        post, questions = self._inbox.post, Questions(self._inbox.post)
        self._status = NodeStatus(me, policy, folders.config, self._core, self, journal, questions)
        self._machine = Machine(
            me, policy, folders.state, post, self._say, self._status.bell.ring, self._untold, self._unfenced
        )
        self._notices = Notices(self._status, self._machine, questions, self.run, say)
        self._arbiter = ArbiterPort(me, self.run, policy, post)
        self._links = Links(
            me, policy, identity, self.run, journal, post, boot_ms_now,
            overfed=self._notices.overfed, evidence=self._evidence, visited=self._notices.visited,
        )  # fmt: skip
        self._control = Opening(self._status, folders.state, hurry, _cannot_serve)
        traps, exposed = self._machine.traps, self._notices.exposed
        self._reloading = ConfigReload(self._status, folders, self._links, traps, questions, exposed, self._tasks)

    @classmethod
    async def start(cls, me: str, policy: Policy, folders: Folders, say: Say) -> "Node":
        """Everything in its order: key, guard's lock, a look at the doors, log, sweep, links, and only then the core.

        `say` is told `ready`; it must not wait for its reader, and the log's handlers must not either.
        Raises UnusableKey, JournalRefused, StillUp or OSError, each with words for people.
        """
        identity = Identity.load(me, folders.secrets / "node.key")
        await GuardLink.wait_for_lock(folders.state)
        listeners.look(policy.nodes[me].links)  # before the sweep: a second faild of one node takes down nothing of the first
        try:
            return await cls._started(me, policy, folders, identity, say)
        except StateBusy:
            raise
        except (JournalRefused, OSError):
            await leftovers.take_down(me, policy)
            raise

    @classmethod
    async def _started(cls, me: str, policy: Policy, folders: Folders, identity: Identity, say: Say) -> "Node":
        reading = Reading(me, policy)
        journal = await Journal.open(
            folders.state / "log.db", me, identity,
            keyring=reading.keyring, cluster=policy.cluster_id, notice=reading.past,
        )  # fmt: skip
        node = cls(me, policy, folders, journal, identity, say)
        try:
            await node._open()
        except BaseException:
            await node.close()
            raise
        return node

    async def _open(self) -> None:
        log.info("%s starts with %s", self._me, hurry())
        await self._journal.on_writer_thread(partial(hurry, PRIORITY_OF_THE_DISK))
        await self._machine.start()
        for line in self._journal.warnings:
            log.warning("%s", line)
        past: Past = self._journal.noticed
        for line in await self._machine.sweep(past.owned()):
            log.warning("at the start: %s", line)
        core = self._begin(past)
        for order in core.state.orders.of_first_rules():
            log.warning("at the start: `%s` was given to an older release, and ends here: give it again", order)
        self._links.remember(core.removal.departed)
        await self._links.start()
        await self._machine.carrier.start()
        self._notices.open(self._control)
        short = any(remark.node == self._me for remark in self._journal.remarks)
        self._inbox.begin(self._take, inputs.Booted(past.ends_clean and not short, past.untold(self._journal.cuts)))
        self._machine.room.start()

    def _begin(self, past: Past) -> Core:
        """The core with what the log says, and the shell around it."""
        known = past.folded or self._journal.entries()
        past.folded = None
        core = Core(self._me, self._policy, self.run, known, read_clocks(), ran=past.ran())
        machine = self._machine
        log_port = LogPort(self._journal, machine.room.look, self._tasks)
        clock, notices = self._inbox.clock, self._notices
        ports = Ports(log_port, machine.guard, machine.executor, clock, notices, machine.fencer, self._arbiter)
        self._shell = Shell(core, self._inbox, self._links, self._words, ports)
        return core

    async def ended(self) -> tuple[str, ...]:
        """Returns when everything is released and written; what is still up here, since its down failed."""
        return await self._notices.ended()

    def stop(self) -> None:
        """SIGTERM: release, say so, end."""
        self._inbox.post(inputs.StopAsked())

    def reload(self) -> None:
        """SIGHUP: read the configuration again, as soon as this node knows its own feed."""
        self._reloading.reload()

    def exposed(self, files: Sequence[Complaint]) -> None:
        """Files that others can change, as they were when the configuration was read."""
        self._notices.exposed(files)

    async def close(self) -> None:
        """Close in the reverse order of starting; whatever is held is taken down by the guard, if anything is."""
        self._inbox.close()
        self._notices.close()
        self._machine.room.close()
        for part in (self._control, self._machine.carrier, self._arbiter, self._links, self._machine, self._journal):
            await part.close()

    # --- the loop ------------------------------------------------------------------------------------------------

    def _take(self, given: Input, now: Now) -> None:
        """One input. What goes wrong here is a bug, and leaves half a decision behind: no node may go on with that."""
        shell = self.shell
        before = shell.core.state
        try:
            shell.take(given, now)
        except Exception as error:
            _break_off(f"a bug: {given} broke an invariant", error)
        if shell.core.state is not before:
            self._links.remember(shell.core.removal.departed)
            self._status.bell.ring()
        self._machine.carrier.glance(now.mono_ms)

    @property
    def shell(self) -> Shell:
        if self._shell is None:
            raise InvariantBroken("the shell is there before the first input")
        return self._shell

    def _core(self) -> Core | None:
        return self._shell.core if self._shell is not None else None

    def _say(self, word: LastWord) -> None:
        self._links.say(self._words.signed(word))

    def _untold(self, text: str) -> None:
        self._notices.untold(text)

    def _unfenced(self, node: str, text: str) -> None:
        self._notices.unfenced(node, text)

    async def _evidence(self, node: str) -> Removal:
        """The signed order by which it was removed, where there is one."""
        found: asyncio.Future[Removal] = asyncio.get_running_loop().create_future()
        self.shell.removal_of(node, lambda removal: _tell(found, removal))
        return await found

    # --- what the status shows of the parts ------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return self._notices.is_ready

    @property
    def alarms(self) -> Sequence[Alarm]:
        return self._notices.alarming.standing

    def links(self) -> Sequence[LinkStatus]:
        return self._links.status()

    def gate(self) -> GateView:
        gates = self._machine.executor.gates
        left_ms = {str(address): left for address, left in gates.left_ms().items()}
        core, now_ms = self._core(), boot_ms_now()
        standing = core.majority.leases.standing() if core else {}
        kept = core.arbitrated.standing() if core else {}
        leases = {name: LeaseView(max(0, until_ms - now_ms), votes) for name, (until_ms, votes) in standing.items()}
        leases |= {name: LeaseView(max(0, until_ms - now_ms), ()) for name, until_ms in kept.items()}
        return GateView(gates.enforced_by, gates.because, left_ms, leases)

    def fence(self, node: str) -> FenceView | None:
        return self._machine.fences.found(node)

    async def apply(self, command: SignedCommand) -> Applied:
        return await self._reloading.apply(command)


def _tell(waiting: "asyncio.Future[Removal]", removal: Removal) -> None:
    if not waiting.done():  # the connection of the asker may have ended
        waiting.set_result(removal)


def _cannot_serve(error: BaseException) -> None:
    _break_off("the control socket cannot be served", error)


def _break_off(why: str, error: BaseException) -> NoReturn:
    """What was being done is half done, and no node may go on with that."""
    log.critical("%s. faild ends, its guard takes down what is held", why, exc_info=error)
    logging.shutdown()
    os._exit(EXIT_BROKEN)
