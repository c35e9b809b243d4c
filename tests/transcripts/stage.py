"""The node of a story with what surrounds it: its clocks, its disk, its guard, its actions, and the scripted peers.

    stage = Stage("genesis", policy)
    stage.boot(clean=False)
    stage.handle(GuardChanged(True))
    stage.lines                     # what came out of it

The wall clock stands still: it labels events and numbers a new incarnation, and no decision reads it.
"""

import hashlib
from collections.abc import Callable, Sequence

from coordinator.core import effects as do
from coordinator.core.core import Core
from coordinator.core.inputs import (
    ActionEnding,
    Booted,
    Durable,
    Guarded,
    Input,
    NotDurable,
    Now,
    Outcome,
    StepFinished,
    Woke,
)
from coordinator.policy import Policy
from protocol.commands import Act, Command, SignedCommand, sign_command
from protocol.event import Entry, Ref
from protocol.forks import Branch, to_signature
from protocol.keys import NodeKeyring
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain, Heartbeat
from tests.transcripts.files import identity, operator_key
from tests.transcripts.peers import Peer
from tests.transcripts.words import effect_lines, heartbeat_line, refresh_line

BEGAN_MS = 1_000


class Stage:
    def __init__(self, me: str, policy: Policy) -> None:
        self.me, self.policy, self.first = me, policy, policy
        self.keyring = NodeKeyring({name: identity(name).public for name in policy.nodes})
        self.peers = {name: Peer(name, policy) for name in policy.nodes if name != me}
        self.now_ms, self.wall_ms = BEGAN_MS, 1
        self.lines: list[str] = []
        self.disk: list[Entry] = []
        self.life = 0
        self.core: Core | None = None
        self.append: do.Append | None = None
        self.guards: list[do.Guard] = []
        self.steps: list[do.Run] = []
        self.fork: Branch | None = None
        self.beat: Heartbeat | None = None
        self.shows_leases = False
        self.disk_at_once = self.guard_at_once = self.steps_at_once = True
        self.signed: SignedCommand | None = None
        self.orders = 0
        self._beat, self._as_before, self._leases = "", 0, ""
        self._sentences: dict[str, str] = {}
        self._alarms: dict[tuple[str, str, str], str] = {}

    # --- time and inputs ------------------------------------------------------------------------------------------------

    def now(self) -> Now:
        return Now(self.now_ms, self.wall_ms, self.now_ms)

    def boot(self, clean: bool) -> None:
        """A new life of the node, with what is on its disk."""
        self.life += 1
        self.append, self.guards, self.steps, self.beat = None, [], [], None
        self._beat, self._leases, self._sentences, self._alarms = "", "", {}, {}
        run = f"{self.me} {self.life}".encode()[-8:].rjust(8)
        self.core = Core(self.me, self.policy, run, self.disk, self.now())
        self.handle(Booted(clean))

    def pass_time(self, until_ms: int) -> None:
        """The node is woken whenever it asked for it."""
        while self._core.wake_at_ms <= until_ms:
            self.now_ms = max(self.now_ms, self._core.wake_at_ms)
            self.labelled(lambda: self.handle(Woke()))
        self.now_ms = until_ms

    def labelled(self, act: Callable[[], None]) -> None:
        """Where anything came out, the time stands above it."""
        before = len(self.lines)
        act()
        if len(self.lines) > before:
            self.lines.insert(before, f"  at {self.now_ms} ms")

    @property
    def _core(self) -> Core:
        if self.core is None:
            raise ValueError("the node has not been started")
        return self.core

    def handle(self, given: Input) -> None:
        """One input, and after it what disk, guard and actions answer at once where the story says so."""
        for effect in self._core.handle(given, self.now()):
            self._take(effect)
        self._decided()
        if self.disk_at_once and self.append:
            self.lines.append("  . durable")
            self.durable(0)
        elif self.guard_at_once and self.guards:
            self.lines.append(f"  . the guard confirms {self.guards[0].word.service}")
            self.guarded()
        elif self.steps_at_once and self.steps:
            self.lines.append(f"  . {self.steps[0].word} of {self.steps[0].service} is done")
            self.finish(Outcome.DONE, "")

    def _decided(self) -> None:
        """The sentence of the last decision about each service, where it is another one."""
        for service, text in sorted(decisions(self._core).items()):
            if self._sentences.get(service) != text:
                self._sentences[service] = text
                self.lines.append(f"    {service}: {text or 'nothing to decide'}")

    def close(self) -> None:
        """The end of what one line of the story brought about."""
        if self._as_before:
            how_many = f"{self._as_before} heartbeats" if self._as_before > 1 else "a heartbeat"
            self.lines.append(f"    {how_many} as before")
        self._as_before = 0

    # --- effects --------------------------------------------------------------------------------------------------------

    def _take(self, effect: do.Effect) -> None:
        if isinstance(effect, do.Beat):
            self._beaten(effect)
            return
        if isinstance(effect, do.Refresh):
            self._refreshed(effect)
            return
        if isinstance(effect, do.Alarm | do.AlarmOver) and not self._is_news(effect):
            return
        self.lines += [f"    {line}" for line in effect_lines(self.me, effect)]
        match effect:
            case do.Append():
                self.append = effect
            case do.Push():
                self._pushed(effect)
            case do.Guard():
                self.guards.append(effect)
            case do.Run():
                self.steps.append(effect)
            case do.ShowFork():
                self.fork = effect.theirs
            case do.Adopt():
                self.policy = effect.policy
            case do.Forward():
                self.signed = effect.command

    def _is_news(self, effect: do.Alarm | do.AlarmOver) -> bool:
        """An alarm that stands may be raised again, and one that does not stand may be said to be over: neither is printed."""
        about = (effect.name, effect.service, effect.node)
        if isinstance(effect, do.AlarmOver):
            return self._alarms.pop(about, None) is not None
        known, self._alarms[about] = self._alarms.get(about), effect.text
        return known != effect.text

    def _beaten(self, effect: do.Beat) -> None:
        beat = effect.heartbeat
        self.beat = beat
        self.reached(self.me, beat.run, beat.counter)
        line = heartbeat_line(beat)
        if line == self._beat:
            self._as_before += 1
        else:
            self._beat = line
            self.lines.append(f"    {line}")

    def _refreshed(self, effect: do.Refresh) -> None:
        """Where the story asks for them, and where it is not what it was at the heartbeat before, counted from this one."""
        if not self.shows_leases:
            return
        line = refresh_line(effect, self.now_ms)
        if line != self._leases:
            self._leases = line
            self.lines.append(f"    {line}")

    def _pushed(self, effect: do.Push) -> None:
        feed = [entry for entry in self.disk if entry.ref[:2] == (self.me, effect.incarnation)]
        for peer in self.peers.values():
            if self.me not in peer.deaf_to:
                peer.reads(feed[effect.last - 1])

    def reached(self, sender: str, run: bytes, counter: int) -> None:
        """A heartbeat goes to every other node, as far as that hears its sender."""
        for peer in self.peers.values():
            if sender != peer.name and sender not in peer.deaf_to:
                peer.heard[sender] = (run, counter, self.now_ms)

    def heals(self, peer: Peer) -> None:
        """What it missed of the node's feed it gets at once, and the newest heartbeat."""
        ours = [entry for entry in self.disk if entry.event.node == self.me]
        if ours:
            peer.reads(ours[-1])
        if self.beat:
            peer.heard[self.me] = (self.beat.run, self.beat.counter, self.now_ms)

    # --- what answers it ------------------------------------------------------------------------------------------------

    def durable(self, took_ms: int) -> None:
        append, self.append = self._in_flight(), None
        self.disk += [self._signed(entry, entry is append.entries[-1]) for entry in append.entries]
        self.handle(Durable(append.ticket, took_ms * 1000))

    def not_durable(self, why: str) -> None:
        append, self.append = self._in_flight(), None
        self.handle(NotDurable(append.ticket, why))

    def _in_flight(self) -> do.Append:
        if self.append is None:
            raise ValueError("nothing is on its way to the disk")
        return self.append

    def _signed(self, entry: Entry, last: bool) -> Entry:
        if entry.event.node != self.me or not (last or entry.event.kind in ALWAYS_SIGNED):
            return entry
        return entry.signed(identity(self.me).sign(Domain.EVENT, entry.id))

    def guarded(self) -> None:
        if not self.guards:
            raise ValueError("the guard was told nothing")
        word = self.guards.pop(0).word
        self.handle(Guarded(word.service, word.epoch))

    def finish(self, outcome: Outcome, text: str) -> None:
        """The step that was ordered first ends; where all of it is down its last word has gone out, as the shell does it."""
        if not self.steps:
            raise ValueError("no step runs")
        step = self.steps.pop(0)
        ended = ActionEnding(outcome, 1000, 0, text)
        said = step.last_word is not None and outcome is Outcome.DONE
        self.handle(StepFinished(step.ticket, (ended,) * len(step.actions), said))

    def stored_run(self, ref: Ref) -> Branch:
        """What is stored here from this event to the next that is signed itself."""
        feed = [entry for entry in self.disk if entry.ref[:2] == ref[:2]]
        return to_signature(feed[ref.number - 1 :])

    # --- operators ------------------------------------------------------------------------------------------------------

    def order(self, operator: str, word: str, service: str, acts: Sequence[str], **fields: object) -> SignedCommand:
        """What `failc` signs. The story says what the node would have been asked: who acts, and for which epoch."""
        self.orders += 1
        nonce = hashlib.sha256(f"order {self.orders}".encode()).digest()[:16]
        plain = Command(self.policy.cluster_id, operator, word, service, "", "", 0, 0, 1 << 52, nonce)
        feeds = tuple(Act(node, self.incarnation(node)) for node in acts)
        command = plain._replace(acts=feeds, **fields)  # type: ignore[arg-type]
        self.signed = sign_command(command, operator_key(operator))
        return self.signed

    def incarnation(self, node: str) -> int:
        if node in self.peers:
            return self.peers[node].incarnation
        ours = [entry.event.incarnation for entry in self.disk if entry.event.node == self.me]
        return max(ours, default=1)


def decisions(core: Core) -> dict[str, str]:
    """Service to the sentence of its last decision, as `failc status` shows it."""
    return dict(core.services.sentences)
