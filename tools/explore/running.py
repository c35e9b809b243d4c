"""A core that thinks: one input, and at once all that its own machine answers to what it orders.

    run = Running(life, core, now_ms, keys)
    run.take(Woke())
    run.sent, run.faults, run.broken, run.ended()

Disk, guard and actions answer in order and succeed: that they are late, or refuse, is played by the simulator. With `torn` the
power goes after the first order to the disk: nothing of it is stored, and what was said in the same moment is out.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.ballots import FIRST_VOTERS
from coordinator.core.core import Core
from coordinator.core.feed_index import replaced
from coordinator.core.quorum.arithmetic import Voters
from coordinator.state.votes import newest
from protocol.event import Entry, Head, Ref
from protocol.events import Claim, Vote, body_of
from protocol.messages import Batch, Domain, Heartbeat, LastWord, Verified
from tools.explore.cast import SERVICE, now, term_of
from tools.explore.life import Life, Promise, stored
from tools.simulator.keys import Keys

DONE = saw.ActionEnding(saw.Outcome.DONE)


class Wanted(NamedTuple):
    """A request for a feed, which the peer answers from its disk."""

    node: str
    incarnation: int
    first: int


Said = Verified[Heartbeat] | Verified[LastWord] | Batch | Wanted | tuple[Head, ...]


class Sent(NamedTuple):
    way: str
    """"beat", "feed", "word", "relay", "want" or "heads"."""
    to: str
    """Empty: to every peer."""
    said: Said


class Running:
    def __init__(self, life: Life, core: Core, now_ms: int, keys: Keys) -> None:
        self.life, self.core, self.now_ms = replace(life, at_ms=now_ms), core, now_ms
        self._signer = keys.signer(life.name)
        self._term = term_of(core.policy)
        self._answers: deque[saw.Input] = deque()
        self.sent: list[Sent] = []
        self.faults: list[str] = []
        self.broken: list[Promise] = []
        """Promises that were not over when a vote for another was written."""
        self.exited = False

    def take(self, given: saw.Input, *, torn: bool = False) -> None:
        self._answers.append(given)
        while self._answers and not self.faults and not self.exited:
            self._handle(self._answers.popleft(), torn=torn)
        live = any(held.lease.is_live(self.now_ms, held.term) for held in self.core.majority.leases.held.values())
        if self.life.up and not live and not self.faults and not self.exited:
            self.faults.append(f"{self.life.name} keeps its address after the end of its lease")

    def _handle(self, given: saw.Input, *, torn: bool) -> None:
        before = self._voted()
        try:
            ordered = self.core.handle(given, now(self.now_ms))
        except Exception as error:  # whatever it is: a core that raises ends its faild, which is a fault of its own
            self.faults.append(f"{self.life.name}: {type(error).__name__}: {error}")
            return
        if isinstance(given, saw.HeartbeatHeard):
            self._hears(given.heartbeat.message)
        if self._voted() > before:
            self._votes()
        for effect in ordered:
            if torn and isinstance(effect, do.Append):
                self.exited = True
            elif (perform := PERFORM.get(type(effect))) is not None:
                perform(self, effect)
        self._leases()

    # --- what is ordered ------------------------------------------------------------------------------------------

    def append(self, order: do.Append) -> None:
        entries = tuple(entry if entry.signature else self._signed(entry) for entry in order.entries)
        self.life = replace(self.life, disk=stored(self.life.disk, entries))
        for entry in entries:
            if entry.event.node == self.life.name:
                self._looked_at(entry)
        self._answers.append(saw.Durable(order.ticket))

    def _signed(self, entry: Entry) -> Entry:
        return entry.signed(self._signer.sign(Domain.EVENT, entry.id))

    def _looked_at(self, entry: Entry) -> None:
        """One of our own, as it comes to stand on our disk."""
        body, me = body_of(entry.event), self.life.name
        if isinstance(body, Vote):
            others = [other for feed, entries in self.life.disk.items() if feed[0] == me for other in entries]
            twice = [other.ref for other in others if vote_of(other) == body.epoch and other.id != entry.id]
            if twice:
                self.faults.append(f"{me} votes twice for epoch {body.epoch}: {twice[0]} and {entry.ref}")
        elif isinstance(body, Claim):
            voters = {ref.node for ref in entry.event.causes if self._is_vote(ref, body.epoch)}
            if not Voters(FIRST_VOTERS, self.core.policy.voters).has_majority(voters):
                self.faults.append(f"{me} claims epoch {body.epoch} and names the votes of {sorted(voters)} alone")

    def _is_vote(self, ref: Ref, epoch: int) -> bool:
        entry = next(iter(self.life.feed((ref.node, ref.incarnation), ref.number)), None)
        body = body_of(entry.event) if entry is not None else None
        return isinstance(body, Vote) and (body.candidate, body.epoch) == (self.life.name, epoch)

    def push(self, order: do.Push) -> None:
        entries = self.life.disk[self.life.name, order.incarnation][order.first - 1 : order.last]
        self.sent.append(Sent("feed", "", Batch(entries)))

    def want(self, order: do.Want) -> None:
        self.sent.append(Sent("want", order.peer, Wanted(order.node, order.incarnation, order.first)))

    def show_heads(self, order: do.ShowHeads) -> None:
        heads = replaced(entries[-1].head for entries in self.life.disk.values())
        if heads:
            self.sent.append(Sent("heads", "", heads))

    def beat(self, order: do.Beat) -> None:
        raw = order.heartbeat.encode()
        self.sent.append(Sent("beat", "", Verified(order.heartbeat, raw, self._signer.sign(Domain.HEARTBEAT, raw))))
        for epoch in order.heartbeat.leases.asks.values():
            self._promise(self.life.name, self.life.run, epoch)

    def relay(self, order: do.Relay) -> None:
        passed = Verified(Heartbeat.decode(order.raw), order.raw, order.signature)
        self.sent.append(Sent("relay", order.peer, passed))

    def hold(self, order: do.Guard) -> None:
        self._answers.append(saw.Guarded(order.word.service, order.word.epoch))

    def say(self, order: do.SayLastWord) -> None:
        self._say(order.word)

    def _say(self, word: LastWord) -> None:
        raw = word.encode()
        self.sent.append(Sent("word", "", Verified(word, raw, self._signer.sign(Domain.LAST_WORD, raw))))

    def run(self, order: do.Run) -> None:
        if order.last_word is not None:
            self._say(order.last_word)
        self.life = replace(self.life, up=order.word != "down")
        self._answers.append(saw.StepFinished(order.ticket, (DONE,) * len(order.actions), order.last_word is not None))

    def alarm(self, order: do.Alarm) -> None:
        if order.name is AlarmName.QUOTA:
            self.faults.append(f"{self.life.name}: {order.text}; the key of a state leaves quotas out")

    def exit(self, order: do.Exit) -> None:
        self.exited = True

    # --- what we know ---------------------------------------------------------------------------------------------

    def _voted(self) -> int:
        last = newest(self.core.column.votes.get(SERVICE, ()))
        return last.epoch if last is not None else 0

    def _votes(self) -> None:
        """Looked at when it is written: it may be told long after."""
        last = newest(self.core.column.votes.get(SERVICE, ()))
        if last is None:
            return
        promised = self.life.promised
        self.broken += [each for each in promised if each.holder != last.candidate and self.now_ms < each.until_ms]
        self._promise(last.candidate, last.run, last.epoch)

    def _hears(self, heartbeat: Heartbeat) -> None:
        """A voter that hears a holder ask is bound, unless it has voted for another above that."""
        for epoch in heartbeat.leases.asks.values():
            last = newest(self.core.column.votes.get(SERVICE, ()))
            if last is None or last.epoch <= epoch or last.candidate == heartbeat.node:
                self._promise(heartbeat.node, heartbeat.run, epoch)

    def _promise(self, holder: str, run: bytes, epoch: int) -> None:
        until_ms = self.now_ms + self._term.lease_ms + self._term.stop_ms
        others = [each for each in self.life.promised if each.holder != holder]
        known = [each for each in self.life.promised if each.holder == holder and each.run == run]
        promise = Promise(holder, run, max([epoch, *(each.epoch for each in known)]), until_ms)
        self.life = replace(self.life, promised=tuple(sorted([*others, promise])))

    def _leases(self) -> None:
        """The kernel knows the end of a lease that lives; and one that was seen to have ended never lives again."""
        for held in self.core.majority.leases.held.values():
            if held.lease.is_live(self.now_ms, held.term):
                if held.claim in self.life.over:
                    self.faults.append(f"{self.life.name}: a lease that had ended lives again, under {held.claim}")
                gate_ms = held.lease.until_ms(held.term) + held.term.stop_ms
                self.life = replace(self.life, gate_ms=gate_ms)
            else:
                self._is_over(held.claim)

    def _is_over(self, claim: Ref) -> None:
        self.life = replace(self.life, over=self.life.over | {claim})

    def looked_at_first(self) -> None:
        """Before the input: the leases that have ended since the last one."""
        for held in self.core.majority.leases.held.values():
            if self.now_ms >= held.lease.until_ms(held.term):
                self._is_over(held.claim)


def vote_of(entry: Entry) -> int:
    """The epoch for which it votes; 0 where it is no vote."""
    body = body_of(entry.event)
    return body.epoch if isinstance(body, Vote) else 0


PERFORM: Mapping[type, Callable[[Running, Any], None]] = {
    do.Append: Running.append,
    do.Push: Running.push,
    do.Want: Running.want,
    do.ShowHeads: Running.show_heads,
    do.Beat: Running.beat,
    do.Relay: Running.relay,
    do.Guard: Running.hold,
    do.SayLastWord: Running.say,
    do.Run: Running.run,
    do.Alarm: Running.alarm,
    do.Exit: Running.exit,
}
"""All other orders change nothing here: checks, announcements and the answers to people."""
