"""Performs what the core orders, in order, and hands back what became of it. Nothing here decides anything about a service.

    shell = Shell(core, inbox, sending, words, ports)
    inbox.begin(shell.take, Booted(clean=True))

The daemon and the simulator both run this; they differ in the ports alone (`coordinator.shell.ports`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core import removal
from coordinator.core.core import Core
from coordinator.shell.inbox import Inbox
from coordinator.shell.last_words import LastWords
from coordinator.shell.own_entries import OwnEntries
from coordinator.shell.ports import Ports, Stored
from coordinator.shell.sending import Sending
from protocol.bodies import Removal, Reply
from protocol.event import Entry
from protocol.events import Commanded, Removed, body_of
from protocol.forks import RUN_ENTRIES_MAX, to_signature
from protocol.invariant import must
from store.refusals import JournalRefused

NO_REMOVAL = Removal(b"", b"", "")
"""Nothing but our own word."""

SIGNED = Commanded | Removed
"""Bodies that carry an operator's signed order. One of another form carries none."""

Witness = Callable[[saw.Input, list[do.Effect], saw.Now], None]
"""Told of each input with what it ordered, before anything of that is done."""


class Shell:
    def __init__(
        self, core: Core, inbox: Inbox, sending: Sending, words: LastWords, ports: Ports, witness: Witness | None = None
    ) -> None:
        self.core = core
        self._inbox = inbox
        self._sending = sending
        self._words = words
        self._log, self._guard, self._actions, self._clock, self._notices, self._power, self._arbiter = ports
        self._witness = witness
        self._own = OwnEntries(core.me)
        self._flying = 0
        """The ticket of the transaction that the log has not answered yet; 0: none."""
        self._alone = False
        """Whether nothing was ordered but a heartbeat, and the leases that are counted from it."""

    def take(self, given: saw.Input, now: saw.Now) -> None:
        """One input: the core decides, and what it orders is done."""
        ordered = self.core.handle(given, now)
        if self._witness is not None:
            self._witness(given, ordered, now)
        self._alone = all(isinstance(effect, do.Beat | do.Refresh | do.Renew) for effect in ordered)
        for effect in ordered:
            PERFORM[type(effect)](self, effect)
        self._inbox.wake_at(self.core.wake_at_ms)

    # --- the log ---------------------------------------------------------------------------------------------------

    def _append(self, order: do.Append) -> None:
        must(not self._flying, f"transaction {order.ticket} is ordered while {self._flying} is on its way")
        self._flying = order.ticket
        self._log.order(order.entries, lambda result: self._appended(order.ticket, result))

    def _appended(self, ticket: int, result: Stored | JournalRefused) -> None:
        must(ticket == self._flying, f"the log answers for transaction {ticket}, and {self._flying or 'none'} is on its way")
        self._flying = 0
        if isinstance(result, JournalRefused):
            self._inbox.post(saw.NotDurable(ticket, result.why))
        else:
            self._notices.durable(self._own.add(result.entries))
            self._inbox.post(saw.Durable(ticket, result.took_us))

    def _show_fork(self, order: do.ShowFork) -> None:
        def found(stored: Sequence[Entry]) -> None:
            if ours := to_signature(stored):
                self._inbox.post(saw.ForkShown(ours, order.theirs))

        self._log.fetch(order.theirs[0].ref, RUN_ENTRIES_MAX, found)

    def removal_of(self, node: str, tell: Callable[[Removal], None]) -> None:
        """What a node that connects and was removed is shown: the signed order by which it was, where there is one."""
        found = removal.evidence(self.core.state, self.core.policy, node)
        if found is None:
            return tell(NO_REMOVAL)

        def read(stored: Sequence[Entry]) -> None:
            order = body_of(stored[0].event) if stored else None
            tell(Removal(order.command, order.signature, found.text) if isinstance(order, SIGNED) else NO_REMOVAL)

        self._log.fetch(found.ref, 1, read)

    # --- the peers -------------------------------------------------------------------------------------------------

    def _beat(self, order: do.Beat) -> None:
        """In the next turn, where something else was ordered with it: an action begins first."""
        if self._alone:
            self._sending.beat(order.heartbeat)
        else:
            self._clock.soon(self._sending.beat, order.heartbeat)

    def _push(self, order: do.Push) -> None:
        """In the next turn, like a heartbeat."""
        self._clock.soon(self._push_now, order)

    def _push_now(self, order: do.Push) -> None:
        if entries := self._own.between(order.incarnation, order.first, order.last):
            self._sending.push(entries, order.urgent)

    def _want(self, order: do.Want) -> None:
        self._sending.want(order.peer, order.node, order.incarnation, order.first)

    def _show_heads(self, order: do.ShowHeads) -> None:
        self._sending.show_heads()

    def _relay(self, order: do.Relay) -> None:
        self._sending.relay(order.peer, order.raw, order.signature)

    def _forward(self, order: do.Forward) -> None:
        """The asker waits: where no link takes it, it hears so at once, but only of the first try."""
        if not self._sending.forward(order.peer, order.command) and not order.again:
            text = f"{order.peer} must act and is not connected: ask there, or when it is"
            reply = Reply(order.command.command.nonce, False, True, text)
            self._clock.soon(self._inbox.post, saw.ReplyArrived(order.peer, reply))

    def _send_reply(self, order: do.SendReply) -> None:
        self._sending.reply(order.peer, order.reply)

    def _say(self, order: do.SayLastWord) -> None:
        self._sending.say(self._words.signed(order.word))

    # --- the guard and the actions ---------------------------------------------------------------------------------

    def _hold(self, order: do.Guard) -> None:
        self._guard.hold(self._words.signed(order.word), order.service)

    def _release(self, order: do.Unguard) -> None:
        self._guard.release(order.service, order.epoch)

    def _run(self, order: do.Run) -> None:
        self._actions.run(order)

    def _cut(self, order: do.Cut) -> None:
        self._actions.cut(order)

    def _announce(self, order: do.Announce) -> None:
        self._actions.announce(order.service)

    def _refresh(self, order: do.Refresh) -> None:
        self._actions.refresh(order)

    def _renew(self, order: do.Renew) -> None:
        self._guard.renew(order)

    def _open(self, order: do.Open) -> None:
        self._actions.open(order)

    def _watch(self, order: do.Watch) -> None:
        self._actions.watch(order)

    def _ask_gate(self, order: do.AskGate) -> None:
        self._actions.ask_gate(order)

    def _ask_evidence(self, order: do.AskEvidence) -> None:
        self._actions.ask_evidence(order)

    def _fence(self, order: do.Fence) -> None:
        self._power.fence(order)

    def _ask_arbiter(self, order: do.AskArbiter) -> None:
        self._arbiter.ask(order)

    def _equip(self, order: do.Equip) -> None:
        self._actions.equip(order.service)

    def _adopt(self, order: do.Adopt) -> None:
        """Real links have moved before: their new addresses were the last thing that could be refused."""
        self._guard.configure(order.policy)
        self._actions.configure(order.policy)
        self._arbiter.configure(order.policy)
        self._notices.adopted(order.policy)

    # --- people ----------------------------------------------------------------------------------------------------

    def _answer(self, order: do.Answer) -> None:
        self._notices.answer(order)

    def _alarm(self, order: do.Alarm) -> None:
        self._notices.alarm(order)

    def _alarm_over(self, order: do.AlarmOver) -> None:
        self._notices.alarm_over(order)

    def _ready(self, order: do.Ready) -> None:
        self._notices.ready()

    def _exit(self, order: do.Exit) -> None:
        self._notices.exit(order)


PERFORM: Mapping[type, Callable[[Shell, Any], None]] = {
    do.Append: Shell._append,
    do.Push: Shell._push,
    do.Want: Shell._want,
    do.ShowHeads: Shell._show_heads,
    do.ShowFork: Shell._show_fork,
    do.Beat: Shell._beat,
    do.Relay: Shell._relay,
    do.Guard: Shell._hold,
    do.Unguard: Shell._release,
    do.SayLastWord: Shell._say,
    do.Run: Shell._run,
    do.Cut: Shell._cut,
    do.Announce: Shell._announce,
    do.Refresh: Shell._refresh,
    do.Renew: Shell._renew,
    do.Open: Shell._open,
    do.Watch: Shell._watch,
    do.AskGate: Shell._ask_gate,
    do.AskEvidence: Shell._ask_evidence,
    do.Adopt: Shell._adopt,
    do.Equip: Shell._equip,
    do.Fence: Shell._fence,
    do.AskArbiter: Shell._ask_arbiter,
    do.Forward: Shell._forward,
    do.SendReply: Shell._send_reply,
    do.Answer: Shell._answer,
    do.Alarm: Shell._alarm,
    do.AlarmOver: Shell._alarm_over,
    do.Ready: Shell._ready,
    do.Exit: Shell._exit,
}
