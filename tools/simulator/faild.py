"""One life of a simulated faild: the shell around the production core. It does what effects order, and reports back.

Nothing here decides. Every input reaches the core through `post`, one after the other, with the machine's own clocks;
what arrives from the network goes through `open_signed` and `open_batch` exactly as in the daemon.
"""

from collections.abc import Callable, Sequence

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core import removal
from coordinator.core.commands import Already, Resolved, Wanted
from coordinator.core.core import Core
from coordinator.core.feed_index import replaced
from coordinator.policy import Policy
from protocol.bodies import Removal, Reply
from protocol.commands import open_command
from protocol.event import Entry
from protocol.forks import to_signature
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain, Heartbeat, LastWord, Verified, open_batch
from protocol.refusals import Refused
from store.refusals import JournalRefused
from tools.simulator.actions import Order
from tools.simulator.checks import Checks
from tools.simulator.disk import Result
from tools.simulator.machine import Machine
from tools.simulator.messages import (
    BeatMail,
    CommandMail,
    EntriesMail,
    HeadsMail,
    Mail,
    Pairs,
    RemovedMail,
    ReplyMail,
    WantMail,
    WordMail,
)
from tools.simulator.orders import order

BATCH_ENTRIES = 256
"""Entries in one piece of the answer to a want."""

TIMER_LATE_US = 300
"""An event loop wakes a little late."""


SLOW_GUARD, SLOW_GUARD_SHARE = 20, 0.1
"""Now and then the guard's word takes longer than the disk's: nothing may run on the disk's word alone."""


class Faild:
    def __init__(self, host: Machine, core: Core) -> None:
        self.core = core
        self.alive = True
        self.handled = 0
        self._host = host
        self._surroundings = host.surroundings
        self._checks = Checks(host, self.post)
        self._wake_us: int | None = None
        self._guards = 0
        self._cuts: set[int] = set()
        """The steps that were told to end."""

    # The inbox

    def post(self, seen: saw.Input) -> None:
        """Hand one input to the core, now or as soon as the machine runs again."""
        self._host.when_awake(lambda: self._handle(seen))

    def _handle(self, seen: saw.Input) -> None:
        if not self.alive:
            return
        now = self._host.now()
        self.handled += 1
        ordered = self.core.handle(seen, now)
        self._surroundings.watched(self._host.name, seen, ordered, now)
        for effect in ordered:
            if self.alive:
                PERFORM[type(effect)](self, effect)
        self._rearm()

    def _rearm(self) -> None:
        if not self.alive:
            return
        at_us = max(self._host.clocks.world_us(self.core.wake_at_ms), self._surroundings.agenda.now_us)
        if self._wake_us is None or at_us < self._wake_us:
            self._wake_us = at_us
            late_us = self._surroundings.rng.randint(0, TIMER_LATE_US)
            self._surroundings.agenda.at(at_us + late_us, lambda: self._woke(at_us))

    def _woke(self, at_us: int) -> None:
        if at_us != self._wake_us or not self.alive:
            return
        if self._host.frozen:
            self._host.when_awake(lambda: self._woke(at_us))
            return
        self._wake_us = None
        if self._host.now().mono_ms >= self.core.wake_at_ms:
            self._handle(saw.Woke())
        else:
            self._rearm()

    # What arrives

    def take(self, sender: str, link: str, mail: Mail, datagram: bool) -> None:
        if not self.alive:
            return
        try:
            ARRIVE[type(mail)](self, sender, link, mail, datagram)
        except Refused as refusal:
            self._surroundings.refused(self._host.name, sender, refusal)

    def _beat_arrived(self, sender: str, link: str, mail: BeatMail, datagram: bool) -> None:
        heard = self._surroundings.opened(Heartbeat, mail.raw, mail.signature)
        self._handle(saw.HeartbeatHeard(heard, "" if mail.relayed else link, datagram))

    def _entries_arrived(self, sender: str, link: str, mail: EntriesMail, datagram: bool) -> None:
        surroundings = self._surroundings
        batch = open_batch(list(mail.pairs), surroundings.keys.keyring, surroundings.policy.cluster_id, ALWAYS_SIGNED)
        self._handle(saw.BatchArrived(batch, sender))

    def _want_arrived(self, sender: str, link: str, mail: WantMail, datagram: bool) -> None:
        """Served until nothing is left, as the daemon's links do."""
        first = mail.first
        while pairs := self._served(mail.node, mail.incarnation, first):
            self._surroundings.network.stream(self._host.name, sender, link, EntriesMail(pairs))
            first += len(pairs)

    def _heads_arrived(self, sender: str, link: str, mail: HeadsMail, datagram: bool) -> None:
        self._handle(saw.HeadsArrived(sender, mail.heads))

    def _command_arrived(self, sender: str, link: str, mail: CommandMail, datagram: bool) -> None:
        self.command(mail.command.raw, mail.command.signature, 0, sender)

    def _reply_arrived(self, sender: str, link: str, mail: ReplyMail, datagram: bool) -> None:
        self._handle(saw.ReplyArrived(sender, mail.reply))

    def _removal_arrived(self, sender: str, link: str, mail: RemovedMail, datagram: bool) -> None:
        self._handle(saw.RemovalShown(sender, *mail.removal))

    def removal_of(self, peer: str) -> Mail:
        """What a node is shown that connects and that this one's file does not name."""
        self._surroundings.alarmed(self._host.name, f"{peer} was removed and tries to connect")
        found = removal.evidence(self.core.state, self.core.policy, peer)
        feed = self._host.disk.feed(*found.ref[:2]) if found else []
        if found is None or len(feed) < found.ref.number:
            return RemovedMail(Removal(b"", b"", ""))
        body = feed[found.ref.number - 1].event.body
        return RemovedMail(Removal(body["command"], body["signature"], found.text))

    def _word_arrived(self, sender: str, link: str, mail: WordMail, datagram: bool) -> None:
        self._handle(saw.LastWordHeard(self._surroundings.opened(LastWord, mail.raw, mail.signature)))

    def ordered(self, wanted: Wanted, for_ms: int, ticket: int) -> None:
        """An admin at this node's door: what to sign is asked here, and the command is given here."""
        self._host.when_awake(lambda: self._resolve(wanted, for_ms, ticket))

    def _resolve(self, wanted: Wanted, for_ms: int, ticket: int) -> None:
        if not self.alive:
            return
        found = self.core.commands.resolve(wanted)
        if isinstance(found, Resolved):
            signed = order(self._surroundings.policy, f"{ticket} at {self._host.name}", wanted, found, for_ms)
            self.command(signed.raw, signed.signature, ticket)
        else:
            self._answer(do.Answer(ticket, isinstance(found, Already), found.text))

    def applied(self, policy: Policy, nth: str) -> None:
        """`failc config apply`, signed by the admin; before the node knows its own feed, SIGHUP."""
        wanted = Wanted("apply", "", self._host.name, policy.digest)
        found = self.core.commands.resolve(wanted)
        signed = order(self._surroundings.policy, nth, wanted, found) if isinstance(found, Resolved) else None
        self.post(saw.Reconfigured(policy, 0, signed))

    def command(self, raw: bytes, signature: bytes, ticket: int, source: str = "") -> None:
        """A command at the door: signature and cluster are looked at, as the control socket does. Raises Refused."""
        policy = self._surroundings.policy
        keys = {operator.name: operator.key for operator in policy.operators.values()}
        self.post(saw.CommandArrived(open_command(raw, signature, keys, policy.cluster_id), ticket, source))

    def connected(self, peer: str, link: str, up: bool) -> None:
        if up:
            self._surroundings.network.stream(self._host.name, peer, link, HeadsMail(self._host.disk.as_heads()))
        self.post(saw.LinkChanged(peer, link, up))

    # What the core orders

    def _append(self, order: do.Append) -> None:
        began_us = self._surroundings.agenda.now_us

        def written(result: Result) -> None:
            took_us = self._surroundings.agenda.now_us - began_us
            if isinstance(result, JournalRefused):
                self.post(saw.NotDurable(order.ticket, result.why))
            else:
                self.post(saw.Durable(order.ticket, took_us))

        self._host.disk.append(order.entries, written)

    def _push(self, order: do.Push) -> None:
        me = self._host.name
        entries = self._host.disk.feed(me, order.incarnation)[order.first - 1 : order.last]
        if entries:
            mail = EntriesMail(tuple((entry.raw, entry.signature) for entry in entries))
            for peer in self.core.policy.others(me):
                self._to_peer(peer, mail, order.urgent)

    def _to_peer(self, peer: str, mail: Mail, urgent: bool) -> None:
        network, me = self._surroundings.network, self._host.name
        for link in network.links_between(me, peer):
            network.stream(me, peer, link, mail)
            if urgent:
                network.datagram(me, peer, link, mail)

    def _want(self, order: do.Want) -> None:
        self._one_link(order.peer, WantMail(order.node, order.incarnation, order.first))

    def _show_heads(self, order: do.ShowHeads) -> None:
        if heads := replaced(self._host.disk.as_heads()):
            for peer in self.core.policy.others(self._host.name):
                self._one_link(peer, HeadsMail(heads))

    def _one_link(self, peer: str, mail: Mail) -> bool:
        network, me = self._surroundings.network, self._host.name
        links = [link for link in network.links_between(me, peer) if network.connection(me, peer, link)]
        for link in links:
            network.stream(me, peer, link, mail)
        return bool(links)

    def _show_fork(self, order: do.ShowFork) -> None:
        theirs = order.theirs[0].event
        feed = self._host.disk.feed(theirs.node, theirs.incarnation)
        if ours := to_signature(feed[theirs.number - 1 :]):
            self._host.later(0, lambda: self.post(saw.ForkShown(ours, order.theirs)))

    def _beat(self, order: do.Beat) -> None:
        raw = order.heartbeat.encode()
        mail = BeatMail(raw, self._sign(Domain.HEARTBEAT, raw))
        for peer in self.core.policy.others(self._host.name):
            self._to_peer(peer, mail, urgent=True)

    def _relay(self, order: do.Relay) -> None:
        self._to_peer(order.peer, BeatMail(order.raw, order.signature, relayed=True), urgent=True)

    def _guard(self, order: do.Guard) -> None:
        word, service = self._signed(order.word), order.service
        self._guards += 1
        nth = self._guards

        def confirmed() -> None:
            if not self.alive:
                return
            self._host.guard.hold(word, service, nth)  # also while there is none: a new one is told what it was not
            if self._host.guard.alive and not self._host.guard.mute:
                self.post(saw.Guarded(order.word.service, order.word.epoch))

        slow = SLOW_GUARD if self._surroundings.rng.random() < SLOW_GUARD_SHARE else 1
        self._host.later(self._host.guard_slow_us + slow * self._surroundings.rng.randint(50, 300), confirmed)

    def _unguard(self, order: do.Unguard) -> None:
        self._host.guard.release(order.service, order.epoch)

    def _say_last_word(self, order: do.SayLastWord) -> None:
        self._host.say(self._signed(order.word))

    def _run(self, order: do.Run) -> None:
        self._run_rest(order, ())

    def _run_rest(self, order: do.Run, done: tuple[saw.ActionEnding, ...]) -> None:
        """The next action of a step, and after the last one its end. After a cut none begins any more."""
        if order.ticket in self._cuts:
            done += (saw.ActionEnding(saw.Outcome.FAILED, 0, text="not begun"),) * (len(order.actions) - len(done))
        if len(done) == len(order.actions):
            said = order.last_word is not None and all(ending.outcome is saw.Outcome.DONE for ending in done)
            if order.last_word is not None and said:
                self._host.say(self._signed(order.last_word))
            self.post(saw.StepFinished(order.ticket, done, said))
            return
        began_us = self._surroundings.agenda.now_us

        def finished(outcome: saw.Outcome) -> None:
            took_us = self._surroundings.agenda.now_us - began_us
            text = "" if outcome is saw.Outcome.DONE else f"{order.word} {outcome} in the simulation"
            self._run_rest(order, (*done, saw.ActionEnding(outcome, took_us, text=text)))

        self._host.works.run(Order(order.service, order.actions[len(done)], order.word, order.epoch), finished)

    def _cut(self, order: do.Cut) -> None:
        self._cuts.add(order.ticket)
        self._host.works.cut(order.service)

    def _announce(self, order: do.Announce) -> None:
        self._host.works.announce(order.service)

    def _watch(self, order: do.Watch) -> None:
        self._checks.watch(order.service, order.on, order.patience_ms)

    def _adopt(self, order: do.Adopt) -> None:
        """What the shell would swap follows the core's own policy here, but for the connections."""
        self._host.later(0, lambda: self._surroundings.network.disown(self._host.name) if self.alive else None)

    def _equip(self, order: do.Equip) -> None:
        self._host.works.equip(order.service)

    def _forward(self, order: do.Forward) -> None:
        if not self._one_link(order.peer, CommandMail(order.command)) and not order.again:
            reply = Reply(order.command.command.nonce, False, True, f"{order.peer} is not connected")
            self._host.later(0, lambda: self.post(saw.ReplyArrived(order.peer, reply)))

    def _send_reply(self, order: do.SendReply) -> None:
        self._one_link(order.peer, ReplyMail(order.reply))

    def _answer(self, order: do.Answer) -> None:
        self._surroundings.answered(self._host.name, order)

    def _alarm(self, order: do.Alarm) -> None:
        self._surroundings.alarmed(self._host.name, order.text)

    def _alarm_over(self, order: do.AlarmOver) -> None:
        """The simulator keeps what was begun: what ended does no harm."""

    def _ready(self, order: do.Ready) -> None:
        """No service manager waits for a simulated node's `ready`."""

    def _exit(self, order: do.Exit) -> None:
        self._host.faild_exited()

    # Inside

    def _signed(self, word: LastWord) -> Verified[LastWord]:
        raw = word.encode()
        return self._surroundings.opened(LastWord, raw, self._sign(Domain.LAST_WORD, raw))

    def _sign(self, domain: Domain, raw: bytes) -> bytes:
        return self._surroundings.keys.signer(self._host.name).sign(domain, raw)

    def _served(self, node: str, incarnation: int, first: int) -> Pairs:
        """Durable entries from `first` on, ending in a signed one."""
        feed = self._host.disk.feed(node, incarnation)
        last = min(len(feed), first - 1 + BATCH_ENTRIES)
        while last < len(feed) and not _signed(feed, last):
            last += 1
        while last >= first and not _signed(feed, last):
            last -= 1
        return tuple((entry.raw, entry.signature) for entry in feed[max(0, first - 1) : last])


def _signed(feed: Sequence[Entry], number: int) -> bool:
    return bool(feed[number - 1].signature)


ARRIVE: dict[type, Callable[..., None]] = {
    BeatMail: Faild._beat_arrived,
    EntriesMail: Faild._entries_arrived,
    WantMail: Faild._want_arrived,
    HeadsMail: Faild._heads_arrived,
    CommandMail: Faild._command_arrived,
    ReplyMail: Faild._reply_arrived,
    RemovedMail: Faild._removal_arrived,
    WordMail: Faild._word_arrived,
}

PERFORM: dict[type, Callable[..., None]] = {
    do.Append: Faild._append,
    do.Push: Faild._push,
    do.Want: Faild._want,
    do.ShowHeads: Faild._show_heads,
    do.ShowFork: Faild._show_fork,
    do.Beat: Faild._beat,
    do.Relay: Faild._relay,
    do.Guard: Faild._guard,
    do.Unguard: Faild._unguard,
    do.SayLastWord: Faild._say_last_word,
    do.Run: Faild._run,
    do.Cut: Faild._cut,
    do.Announce: Faild._announce,
    do.Watch: Faild._watch,
    do.Adopt: Faild._adopt,
    do.Equip: Faild._equip,
    do.Forward: Faild._forward,
    do.SendReply: Faild._send_reply,
    do.Answer: Faild._answer,
    do.Alarm: Faild._alarm,
    do.AlarmOver: Faild._alarm_over,
    do.Ready: Faild._ready,
    do.Exit: Faild._exit,
}
