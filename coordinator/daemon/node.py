"""One node: the pure core in the middle, and around it the log, the links, the actions, the guard and the control socket.

    node = await Node.start(me, policy, folders, say)
    await node.ended()

Inputs go in one at a time (`inbox`), effects are performed in order (`PERFORM`), and nothing else decides anything.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from actions.wire import Wire
from coordinator.alarms.board import Alarm
from coordinator.alarms.names import AlarmName
from coordinator.config.complaints import Complaint
from coordinator.control.change_signal import ChangeSignal
from coordinator.control.opening import Opening
from coordinator.control.view import Applied, PeerView
from coordinator.core import commands, effects, inputs, removal
from coordinator.core.commands import Already, Refusal, Resolved, Wanted
from coordinator.core.core import Core
from coordinator.core.inputs import Input, Now
from coordinator.daemon.alarming import Alarming
from coordinator.daemon.config_reload import ConfigReload
from coordinator.daemon.disk_space import Room
from coordinator.daemon.event_lookup import Recall
from coordinator.daemon.folders import Folders
from coordinator.daemon.inbox import Inbox, boot_ms_now, read_clocks
from coordinator.daemon.log_output import Say
from coordinator.daemon.loop_timing import Turns
from coordinator.daemon.notifications import News
from coordinator.daemon.own_history import Past, Reading
from coordinator.daemon.realtime import PRIORITY_OF_THE_DISK, hurry
from coordinator.daemon.systemd import tell
from coordinator.daemon.traps import Traps
from coordinator.guarding.guard_link import GuardLink
from coordinator.guarding.state_lock import StateBusy
from coordinator.policy import Policy
from coordinator.services import leftovers
from coordinator.services.carrier import CarrierWatch
from coordinator.services.executor import Executor
from coordinator.services.rivals import Rivals
from coordinator.state.model import State
from coordinator.transport import listeners
from coordinator.transport.farewell import no_evidence
from coordinator.transport.link import LinkStatus
from coordinator.transport.links import Links
from protocol.bodies import Removal, Reply
from protocol.commands import SignedCommand
from protocol.event import Entry, Event, Head, Ref
from protocol.forks import RUN_ENTRIES_MAX, to_signature
from protocol.invariant import InvariantBroken
from protocol.messages import Domain, LastWord, Verified
from protocol.signing import Identity
from store.journal import Journal, Written
from store.refusals import JournalRefused

log = logging.getLogger("failover")

EXIT_BROKEN = 70
"""EX_SOFTWARE of sysexits.h."""

PUSHABLE_MAX = 4096
"""Own signed events kept for pushing; a peer that is further behind asks, and is served from the disk."""


class Node:
    """Implements `coordinator.control.view.NodeView`."""

    def __init__(self, me: str, policy: Policy, folders: Folders, journal: Journal, identity: Identity, say: Say) -> None:
        self.me, self.policy, self.folders, self._say_aloud = me, policy, folders, say
        self.config_path = folders.config
        self.journal, self.identity = journal, identity
        self.run = os.urandom(8)
        self.bell = ChangeSignal()
        self.turns = Turns.here()
        self.ready = False
        self._core: Core | None = None
        self._signed: dict[tuple[int, int], Entry] = {}
        self._words: dict[str, Verified[LastWord]] = {}
        """The last word of each service's newest claim."""
        self._alone = False
        """Whether the effect that is being performed is the only one of its input."""
        self._asked: dict[int, asyncio.Future[effects.Answer]] = {}
        self._tickets = 0
        self._end = asyncio.Event()
        self._stuck: tuple[str, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self.inbox = Inbox(self._take)
        post = self.inbox.post
        self.guard = GuardLink(me, policy, folders.state, post)
        self.traps = Traps(me, policy, folders.state, self._receivers_untold)
        self.executor = Executor(me, policy, post, self.guard, self.traps.tell, self._say_word, self.bell.ring)
        self.recalled = Recall(journal.read)
        self.rivals = Rivals(lambda: self.executor.held_addresses)
        troubles = {
            AlarmName.ADDRESS_CONFLICT: lambda: self.rivals.troubles,
            AlarmName.ADDRESS_MISSING: lambda: self.executor.troubles,
        }
        self.alarms_ = Alarming(self, troubles, self.rivals.look, self._alarmed)
        self.news = News(lambda: self.core, self.run, self.executor.changed, self.alarms_.written, self.bell)
        self.links_ = Links(
            me, policy, identity, self.run, journal, post, boot_ms_now,
            overfed=self._overfed, evidence=self._evidence, visited=self._visited,
        )  # fmt: skip
        self.room = Room(folders.state, post)
        self.carrier = CarrierWatch(_interfaces(me, policy), self._carrier_changed, boot_ms_now)
        self.control = Opening(self, folders.state, hurry, self._cannot_serve)
        self.reloading = ConfigReload(self)

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
        log.info("%s starts with %s", self.me, hurry())
        await self.journal.on_writer_thread(partial(hurry, PRIORITY_OF_THE_DISK))
        wire = await asyncio.to_thread(Wire.open)
        await self.guard.start(wire.descriptor)
        await self.executor.start(wire)
        await self.traps.start()
        for line in self.journal.warnings:
            log.warning("%s", line)
        if any(service.interfaces for service in self.policy.owned_by(self.me)):
            await self.rivals.start()
        past: Past = self.journal.noticed
        for line in await self.executor.sweep(past.owned()):
            log.warning("at the start: %s", line)
        known = past.folded or self.journal.entries()
        past.folded = None
        self._core = Core(self.me, self.policy, self.run, known, read_clocks(), ran=past.ran())
        for order in self._core.state.orders.of_first_rules():
            log.warning("at the start: `%s` was given to an older release, and ends here: give it again", order)
        self.links_.remember(self._core.departed)
        await self.links_.start()
        await self.carrier.start()
        self.control.listen()
        self.alarms_.start()
        short = any(remark.node == self.me for remark in self.journal.remarks)
        self.inbox.begin(inputs.Booted(past.ends_clean and not short, past.untold(self.journal.cuts)))
        self.room.start()

    async def ended(self) -> tuple[str, ...]:
        """Returns when everything is released and written; what is still up here, since its down failed."""
        await self._end.wait()
        return self._stuck

    def stop(self) -> None:
        """SIGTERM: release, say so, end."""
        self.inbox.post(inputs.StopAsked())

    def exposed(self, files: Sequence[Complaint]) -> None:
        """Files that others can change, as they were when the configuration was read last."""
        if not files:
            return self.alarms_.end(AlarmName.WRITABLE, node=self.me)
        more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        self.alarms_.begin(AlarmName.WRITABLE, f"{files[0].what}{more}. {files[0].instead}", node=self.me)

    def reload(self) -> None:
        """SIGHUP: read the configuration again, as soon as this node knows its own feed."""
        self._task(self.reloading.hung_up())

    async def close(self) -> None:
        """Close in the reverse order of starting; whatever is held is taken down by the guard, if anything is."""
        self.inbox.close()
        if self._core is not None:
            self.news.tell()
        self.alarms_.close()
        self.room.close()
        parts = (self.control, self.carrier, self.links_, self.executor, self.rivals, self.traps, self.guard, self.journal)
        for closing in parts:
            await closing.close()

    # --- the loop ------------------------------------------------------------------------------------------------

    @property
    def core(self) -> Core:
        if self._core is None:
            raise InvariantBroken("the core is there before the first input")
        return self._core

    def _take(self, given: Input, now: Now) -> None:
        """One input. What goes wrong here is a bug, and leaves half a decision behind: no node may go on with that."""
        core = self.core
        before = core.state
        try:
            ordered = core.handle(given, now)
            self._alone = len(ordered) == 1
            for effect in ordered:
                PERFORM[type(effect)](self, effect)
        except Exception as error:
            _break_off(f"a bug: {given} broke an invariant", error)
        if core.state is not before:
            self.links_.remember(core.departed)
            self.bell.ring()
        self.carrier.glance(now.mono_ms)
        self.inbox.wake_at(core.wake_at_ms)

    def _cannot_serve(self, error: BaseException) -> None:
        _break_off("the control socket cannot be served", error)

    def _carrier_changed(self, change: inputs.CarrierChanged) -> None:
        self.inbox.post(change)
        self.executor.carrier_changed(change)

    def _append(self, order: effects.Append) -> None:
        self.journal.order(order.entries, partial(self._appended, order))

    def _appended(self, order: effects.Append, result: Written | JournalRefused) -> None:
        self.room.look()
        if isinstance(result, JournalRefused):
            self.inbox.post(inputs.NotDurable(order.ticket, result.why))
        else:
            self._durable(result.entries)
            self.inbox.post(inputs.Durable(order.ticket, result.took_us))

    def _durable(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.event.node == self.me:
                self._signed[(entry.event.incarnation, entry.event.number)] = entry
                self.news.durable(entry.event)
        while len(self._signed) > PUSHABLE_MAX:
            del self._signed[next(iter(self._signed))]
        self.news.soon()

    def _push(self, order: effects.Push) -> None:
        """In the loop's next turn, like a heartbeat: an action that was ordered before it begins first."""
        asyncio.get_running_loop().call_soon(self._push_now, order)

    def _push_now(self, order: effects.Push) -> None:
        numbers = range(order.first, order.last + 1)
        entries = [self._signed[key] for number in numbers if (key := (order.incarnation, number)) in self._signed]
        if len(entries) == len(numbers):
            self.links_.push(entries, order.urgent)

    def _want(self, order: effects.Want) -> None:
        self.links_.want(order.peer, order.node, order.incarnation, order.first)

    def _show_heads(self, order: effects.ShowHeads) -> None:
        self.links_.show_heads()

    def _show_fork(self, order: effects.ShowFork) -> None:
        async def show() -> None:
            event = order.theirs[0].event
            pairs = await self.journal.read(event.node, event.incarnation, event.number, RUN_ENTRIES_MAX)
            if ours := to_signature([Entry.read(*pair) for pair in pairs]):
                self.inbox.post(inputs.ForkShown(ours, order.theirs))

        self._task(show())

    def _task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _beat(self, order: effects.Beat) -> None:
        """In the loop's next turn, where something else was ordered with it."""
        if self._alone:
            self.links_.beat(order.heartbeat)
        else:
            asyncio.get_running_loop().call_soon(self.links_.beat, order.heartbeat)

    def _relay(self, order: effects.Relay) -> None:
        self.links_.relay(order.peer, order.raw, order.signature)

    def _signed_word(self, word: LastWord) -> Verified[LastWord]:
        """Signed with its claim, and kept: when it is to be said, a successor waits."""
        known = self._words.get(word.service)
        if known is None or known.message != word:
            raw = word.encode()
            known = self._words[word.service] = Verified(word, raw, self.identity.sign(Domain.LAST_WORD, raw))
        return known

    def _guard(self, order: effects.Guard) -> None:
        self.guard.hold(self._signed_word(order.word), order.service)

    def _unguard(self, order: effects.Unguard) -> None:
        self.guard.release(order.service, order.epoch)

    def _say(self, order: effects.SayLastWord) -> None:
        self._say_word(order.word)

    def _say_word(self, word: LastWord) -> None:
        self.links_.say(self._signed_word(word))

    def _run(self, order: effects.Run) -> None:
        self.executor.run(order)

    def _cut(self, order: effects.Cut) -> None:
        self.executor.cut(order)

    def _announce(self, order: effects.Announce) -> None:
        self.executor.announce(order.service)

    def _watch(self, order: effects.Watch) -> None:
        self.executor.watch(order)

    def _adopt(self, order: effects.Adopt) -> None:
        """The links have moved before: their new addresses were the last thing that could be refused."""
        self.policy = order.policy
        self.guard.configure(order.policy)
        self.executor.configure(order.policy)
        self.carrier.configure(_interfaces(self.me, order.policy))

    def _equip(self, order: effects.Equip) -> None:
        self.executor.equip(order.service)

    def _forward(self, order: effects.Forward) -> None:
        if not self.links_.forward(order.peer, order.command) and not order.again:
            text = f"{order.peer} must act and is not connected: ask there, or when it is"
            reply = Reply(order.command.command.nonce, False, True, text)
            asyncio.get_running_loop().call_soon(self.inbox.post, inputs.ReplyArrived(order.peer, reply))

    def _send_reply(self, order: effects.SendReply) -> None:
        self.links_.reply(order.peer, order.reply)

    def _answer(self, order: effects.Answer) -> None:
        future = self._asked.pop(order.ticket, None)
        if future is not None and not future.done():
            future.set_result(order)

    def _alarm(self, order: effects.Alarm) -> None:
        about = {"service": order.service, "node": order.node}
        self.alarms_.begin(order.name, order.text, **about, until_written=order.until_written)

    def _alarm_over(self, order: effects.AlarmOver) -> None:
        self.alarms_.end(order.name, service=order.service, node=order.node)

    def _overfed(self, peer: str) -> None:
        self.alarms_.begin(AlarmName.QUOTA, f"{peer} sends more over its links than is read: it is read slowly", node=peer)

    def _visited(self, node: str, host: str) -> None:
        text = f"{node} tries to connect from {host}, and is no longer in the configuration: it runs an old file"
        self.alarms_.begin(AlarmName.REMOVED_NODE, text, node=node)

    async def _evidence(self, node: str) -> Removal:
        """The signed order by which it was removed, where there is one."""
        found = removal.evidence(self.core.state, self.policy, node)
        pairs = await self.journal.read(*found.ref, 1) if found else []
        if found is None or not pairs:
            return await no_evidence(node)
        body = Entry.read(*pairs[0]).event.body
        return Removal(body["command"], body["signature"], found.text)

    def _alarmed(self, alarm: Alarm, begins: bool) -> None:
        self.traps.alarmed(alarm, begins)
        self.bell.ring()

    def _receivers_untold(self, text: str) -> None:
        if text:
            self.alarms_.begin(AlarmName.TRAPS_UNTOLD, f"traps do not reach {text}", node=self.me)
        else:
            self.alarms_.end(AlarmName.TRAPS_UNTOLD, node=self.me)

    def _ready(self, order: effects.Ready) -> None:
        self.ready = True
        self.bell.ring()
        self._say_aloud("ready")
        self.control.serve(self._measured)  # what it loads is a part of the start: no alarm at each of them
        tell("READY=1")

    def _measured(self) -> None:
        """From here on a turn of the loop that takes long is one of a node that others rely on."""
        self.turns.begin(lambda: self.policy.timing.heartbeat_ms, lambda text: self.alarms_.begin(AlarmName.LOOP_LATE, text))

    def _exit(self, order: effects.Exit) -> None:
        self._stuck = order.stuck
        for service in order.stuck:
            log.error("%s is stuck here and stays up: its down failed. The guard tries once more; no peer takes it", service)
        self._end.set()

    # --- what the control socket looks at ------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.core.state

    @property
    def alarms(self) -> Sequence[Alarm]:
        return self.alarms_.standing

    @property
    def unfit_because(self) -> str:
        return self.core.unfit_because

    def peers(self) -> Mapping[str, PeerView]:
        now_ms, core = read_clocks().mono_ms, self.core
        views = {}
        for name, peer in core.liveness.peers.items():
            newest = peer.newest.message if peer.newest else None
            views[name] = PeerView(
                core.liveness.judgement(name, now_ms),
                core.liveness.silent_ms(name, now_ms),
                core.liveness.reachable(name, now_ms),
                bool(newest and newest.fit),
                bool(newest and newest.config == self.policy.digest[:8]),
                core.liveness.is_heard_by(name),
            )
        return views

    def links(self) -> Sequence[LinkStatus]:
        return self.links_.status()

    def sentence(self, service: str) -> str:
        return self.core.sentences.get(service, "")

    def event(self, ref: Ref | None) -> Event | None:
        return self.recalled.event(ref)

    async def recall(self) -> bool:
        return await self.recalled.fetch()

    def heads(self) -> tuple[Head, ...]:
        return self.journal.heads()

    async def read(self, node: str, incarnation: int, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        return await self.journal.read(node, incarnation, first, limit)

    def resolve(self, wanted: Wanted) -> Resolved | Refusal | Already:
        return commands.resolve(self.core, wanted)

    async def submit(self, command: SignedCommand) -> effects.Answer:
        return await self.ask(lambda ticket: inputs.CommandArrived(command, ticket))

    async def ask(self, question: Callable[[int], Input]) -> effects.Answer:
        """An input with a ticket, and the core's answer to it."""
        self._tickets += 1
        future: asyncio.Future[effects.Answer] = asyncio.get_running_loop().create_future()
        self._asked[self._tickets] = future
        self.inbox.post(question(self._tickets))
        return await future

    async def apply(self, command: SignedCommand) -> Applied:
        return await self.reloading.apply(command)


PERFORM: Mapping[type, Callable[[Node, Any], None]] = {
    effects.Append: Node._append,
    effects.Push: Node._push,
    effects.Want: Node._want,
    effects.ShowHeads: Node._show_heads,
    effects.ShowFork: Node._show_fork,
    effects.Beat: Node._beat,
    effects.Relay: Node._relay,
    effects.Guard: Node._guard,
    effects.Unguard: Node._unguard,
    effects.SayLastWord: Node._say,
    effects.Run: Node._run,
    effects.Cut: Node._cut,
    effects.Announce: Node._announce,
    effects.Watch: Node._watch,
    effects.Adopt: Node._adopt,
    effects.Equip: Node._equip,
    effects.Forward: Node._forward,
    effects.SendReply: Node._send_reply,
    effects.Answer: Node._answer,
    effects.Alarm: Node._alarm,
    effects.AlarmOver: Node._alarm_over,
    effects.Ready: Node._ready,
    effects.Exit: Node._exit,
}


def _break_off(why: str, error: BaseException) -> NoReturn:
    """What was being done is half done, and no node may go on with that."""
    log.critical("%s. faild ends, its guard takes down what is held", why, exc_info=error)
    logging.shutdown()
    os._exit(EXIT_BROKEN)


def _interfaces(me: str, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(interface for service in policy.owned_by(me) for interface in service.interfaces))
