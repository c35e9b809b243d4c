"""The lines that a story can have, each a sentence with one meaning: `LINES` is the list.

    teller = Teller()
    teller.tell("node genesis of two-nodes")
    teller.tell("start")                        # the lines that came out

A line that is none of these, or that is told where it cannot happen, is an error with its text.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.core.inputs import (
    BatchArrived,
    CarrierChanged,
    CheckFinished,
    CommandArrived,
    ForkShown,
    GateGone,
    GateLapsed,
    GuardChanged,
    HeadsArrived,
    HeartbeatHeard,
    LastWordHeard,
    LinkChanged,
    Outcome,
    Reconfigured,
    RemovalShown,
    ReplyArrived,
    RoomChanged,
    StopAsked,
)
from protocol.bodies import Reply
from protocol.event import Entry, Head, Ref
from protocol.kinds import ALWAYS_SIGNED, Kind
from protocol.messages import Heartbeat, LastWord, ShortHead, open_batch, open_signed
from protocol.refusals import Refused
from tests.transcripts.files import FOLDER, policy_of, with_change
from tests.transcripts.peers import Peer
from tests.transcripts.stage import Stage

HEARTBEAT_MS = 100

NUMBERS = frozenset({"epoch", "for_ms", "number", "action", "check", "incarnation", "late_ms", "count", "rules"})


class BadStory(ValueError):
    """A line that cannot be played. The text names it."""


class Teller:
    """Plays lines one after the other on one stage."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self._kept: list[Entry] = []
        """What the node had stored before its disk lost something: its peers have it."""

    def tell(self, line: str) -> list[str]:
        """What came out of this line."""
        try:
            self._play(line)
        except (ValueError, KeyError, IndexError, Refused) as error:
            raise BadStory(f"{line!r}: {error}") from error
        if self.stage is None:
            return []
        self.stage.close()
        lines, self.stage.lines = self.stage.lines, []
        return lines

    def _play(self, line: str) -> None:
        for pattern, act in LINES:
            if found := re.fullmatch(pattern, line):
                act(self, *found.groups())
                return
        raise ValueError("it is no line of a story; tests/transcripts/language.py has the list")

    @property
    def _on(self) -> Stage:
        if self.stage is None:
            raise ValueError("the first line of a story says which node it is about")
        return self.stage

    # --- the node -------------------------------------------------------------------------------------------------------

    def _node(self, me: str, name: str, section: str | None, words: str | None) -> None:
        policy = policy_of(name)
        self.stage = Stage(me, with_change(policy, section, shlex.split(words or ""), policy) if section else policy)

    def _clock(self, wall_ms: str) -> None:
        self._on.wall_ms = int(wall_ms)

    def _as_in(self, name: str) -> None:
        """What happened before the story begins: played, and not printed."""
        for line in told(FOLDER / "before" / f"{name}.txt"):
            if is_input(line):
                self.tell(line)

    def _start(self, clean: str | None) -> None:
        self._on.boot(clean=bool(clean))

    def _time(self, ms: str) -> None:
        self._on.pass_time(self._on.now_ms + int(ms))

    def _asleep(self, ms: str) -> None:
        """The node does not run: it is woken too late."""
        self._on.now_ms += int(ms)

    def _stop(self) -> None:
        self._on.handle(StopAsked())

    def _room(self, how: str) -> None:
        self._on.handle(RoomChanged(how == "is nearly full"))

    # --- disk, guard, actions, checks -----------------------------------------------------------------------------------

    def _mode(self, what: str, how: str) -> None:
        at_once = how == "at once"
        match what:
            case "disk":
                self._on.disk_at_once = at_once
            case "guard":
                self._on.guard_at_once = at_once
            case "actions":
                self._on.steps_at_once = at_once

    def _durable(self, ms: str | None) -> None:
        self._on.durable(int(ms or 0))

    def _not_durable(self, why: str) -> None:
        self._on.not_durable(why)

    def _guarded(self) -> None:
        self._on.guarded()

    def _guard(self, how: str) -> None:
        self._on.handle(GuardChanged(how == "stands"))

    def _step(self, outcome: str, text: str | None) -> None:
        self._on.finish(Outcome(outcome), text or "")

    def _leases(self) -> None:
        self._on.shows_leases = True

    def _gate(self, service: str, what: str, ms: str) -> None:
        at_ms = self._on.now_ms + (int(ms) if what == "is gone with" else -int(ms))
        self._on.handle(GateLapsed(service, at_ms) if what == "lapsed" else GateGone(service, at_ms))

    def _check(self, check: str, service: str, how: str, text: str | None) -> None:
        self._on.handle(CheckFinished(service, int(check), how == "passes", text or ""))

    def _carrier(self, interface: str, how: str) -> None:
        self._on.handle(CarrierChanged(interface, how == "is back"))

    # --- peers ----------------------------------------------------------------------------------------------------------

    def _peer(self, name: str) -> Peer:
        return self._on.peers[name]

    def _link(self, link: str, peer: str, how: str) -> None:
        self._on.handle(LinkChanged(peer, link, how == "is up"))

    def _cut(self, name: str, how: str, whom: str) -> None:
        """Whether what another node sends reaches this peer; the story itself says what of the peer arrives at the node."""
        other = self._on.me if whom == "the node" else whom
        if how != "hears":
            self._peer(name).deaf_to.add(other)
            return
        self._peer(name).deaf_to.discard(other)
        if other == self._on.me:
            self._on.heals(self._peer(name))

    def _beat(self, name: str, by: str | None, more: str | None) -> None:
        """One copy on each link; `by`: a third node passes it on. `more`: unfit; claiming SERVICE; refusing NODE; over LINK
        alone; naming NODE/INCARNATION/NUMBER."""
        peer, fit, claiming, refused = self._peer(name), True, (), ()
        links = [""] if by else list(self._on.policy.nodes[self._on.me].links)
        heads: dict[str, ShortHead] = {}
        for word in filter(None, (more or "").split(", ")):
            first, _, rest = word.partition(" ")
            match first:
                case "unfit":
                    fit = False
                case "claiming":
                    claiming = (rest,)
                case "refusing":
                    refused = (rest,)
                case "over":
                    links = [rest]
                case "naming":
                    node, incarnation, number = rest.split("/")
                    heads[node] = ShortHead(int(incarnation), int(number), b"unproved")
                case _:
                    raise ValueError(f"{word} says nothing about a heartbeat")
        raw, signature = peer.heartbeat(self._on.now_ms, fit, claiming, refused, heads)
        self._on.reached(name, peer.run, peer.counter)
        heard = open_signed(Heartbeat, raw, signature, self._on.keyring, self._on.policy.cluster_id)
        for link in links:
            self._on.handle(HeartbeatHeard(heard, link))

    def _beats(self, count: str, names: str, more: str | None) -> None:
        """One each 100 ms."""
        for _ in range(int(count)):
            self._on.pass_time(self._on.now_ms + HEARTBEAT_MS)
            for name in names.split(" and "):
                who, by, _ = name.partition(" by ")
                self._on.labelled(lambda who=who, by=by: self._beat(who, by, more))

    def _starts(self, name: str, how: str | None) -> None:
        peer = self._peer(name)
        if how:
            peer.restart(new_feed=how == " again with a new disk")
        peer.start_events(clean=False, number=1)

    def _writes(self, name: str, kind: str, rest: str | None) -> None:
        service, fields, causes = self._fields(rest)
        self._peer(name).write(kind, service, fields, causes)

    def _writes_and_sends(self, name: str, kind: str, rest: str | None) -> None:
        self._writes(name, kind, rest)
        self._sends(name)

    def _fields(self, rest: str | None) -> tuple[str, dict[str, Any], tuple[Ref, ...]]:
        service, fields, causes = "", dict[str, Any](), tuple[Ref, ...]()
        for word in shlex.split(rest or ""):
            key, equals, value = word.partition("=")
            if not equals:
                service = word
            elif key == "causes":
                causes = tuple(_ref(each) for each in value.split(","))
            elif key == "command":
                signed = self._signed()
                fields |= {"command": signed.raw, "signature": signed.signature, "target": value}
            elif key in ("rivals", "nodes"):
                fields[key] = value.split(",")
            elif key == "run":
                fields[key] = self._peer(value).run
            else:
                fields[key] = _value(key, value)
        return service, fields, causes

    def _signed(self) -> Any:
        if self._on.signed is None:
            raise ValueError("nothing was ordered")
        return self._on.signed

    def _sends(self, name: str, of: str | None = None, first: str | None = None) -> None:
        """What it has not sent yet; or another peer's feed, or its own again from a number on."""
        author = self._peer(of or name)
        author.sent = int(first) - 1 if first else author.sent
        self._arrives(author.unsent(), name)

    def _sends_the_nodes_own(self, name: str, first: str) -> None:
        """The node's own feed, which this peer has kept: what the node has stored, or once had."""
        ours = [entry for entry in self._kept if entry.event.node == self._on.me and entry.event.number >= int(first)]
        newest = max(entry.event.incarnation for entry in ours)
        feed = [entry for entry in ours if entry.event.incarnation == newest]
        self._arrives([(entry.raw, entry.signature) for entry in feed], name)

    def _loses(self, what: str) -> None:
        """The disk is lost, or goes back to what it had up to a number of its own feed; the peers have kept what they got."""
        self._kept = list(self._on.disk)
        if what == "everything":
            self._on.disk = []
            return
        ours = [at for at, entry in enumerate(self._on.disk) if entry.event.node == self._on.me]
        self._on.disk = self._on.disk[: ours[int(what.split()[-1]) - 1] + 1]

    def _arrives(self, pairs: list[tuple[bytes, bytes | None]], source: str) -> None:
        batch = open_batch(pairs, self._on.keyring, self._on.policy.cluster_id, ALWAYS_SIGNED)
        self._on.handle(BatchArrived(batch, source))

    def _forgets(self, name: str, number: str) -> None:
        self._peer(name).forget(int(number))

    def _knows(self, name: str, other: str) -> None:
        """It has everything that this other peer has written."""
        self._peer(name).reads(self._peer(other).entries[-1])

    def _tells_heads(self, name: str, ref: str) -> None:
        node, incarnation, number = ref.split("/")
        self._on.handle(HeadsArrived(name, (Head(node, int(incarnation), int(number), b"u" * 32),)))

    def _word(self, name: str, service: str, epoch: str) -> None:
        raw, signature = self._peer(name).last_word(service, int(epoch))
        word = open_signed(LastWord, raw, signature, self._on.keyring, self._on.policy.cluster_id)
        self._on.handle(LastWordHeard(word))

    def _fork(self) -> None:
        theirs, self._on.fork = self._on.fork, None
        if theirs is None:
            raise ValueError("no fork was asked for")
        self._on.handle(ForkShown(self._on.stored_run(theirs[0].ref), theirs))

    # --- operators and files --------------------------------------------------------------------------------------------

    def _orders(self, operator: str, word: str, rest: str, source: str | None) -> None:
        self._sign(operator, word, rest)
        self._given(source)

    def _sign(self, operator: str, word: str, rest: str) -> None:
        """Signed, and given to no node of the story."""
        service, fields, _ = self._fields(rest)
        acts = str(fields.pop("acts", self._on.me)).split(",")
        ends = [_ref(each) for each in str(fields.pop("ends", "")).split(",") if each]
        self._on.order(operator, word, service, acts, ends=tuple(ends), **fields)

    def _given(self, source: str | None) -> None:
        self._on.handle(CommandArrived(self._signed(), 1, source or ""))

    def _replies(self, name: str, how: str, text: str) -> None:
        reply = Reply(self._signed().command.nonce, how == "admitted", True, text)
        self._on.handle(ReplyArrived(name, reply))

    def _changes(self, operator: str | None, section: str, words: str, number: str | None) -> None:
        """The file is changed and read again, or applied by an order of an operator."""
        policy = with_change(self._on.policy, section, shlex.split(words), self._on.first)
        signed = None
        if operator:
            fields = {"node": self._on.me, "digest": policy.digest, "epoch": int(number or 2)}
            signed = self._on.order(operator, "apply", "", [self._on.me], **fields)
        self._on.handle(Reconfigured(policy, 1, signed))

    def _peer_changes(self, name: str, section: str, words: str, number: str) -> None:
        """A peer lives by a changed file from now on; nothing of it is sent yet."""
        peer = self._peer(name)
        peer.apply(with_change(peer.policy, section, shlex.split(words), self._on.first), int(number))

    def _peer_applies(self, name: str, section: str, words: str, number: str) -> None:
        """The same by an administrator's order, which stands in this peer's feed."""
        peer = self._peer(name)
        policy = with_change(peer.policy, section, shlex.split(words), self._on.first)
        signed = self._on.order("afm", "apply", "", [name], node=name, digest=policy.digest, epoch=int(number))
        body = {"command": signed.raw, "signature": signed.signature, "target": name}
        command = peer.write(Kind.COMMAND, "", body)
        peer.apply(policy, int(number), (command.ref,))

    def _removal(self, name: str, signed: str) -> None:
        """This peer does not let the node in: its file does not name it."""
        if not signed:
            self._on.handle(RemovalShown(name, b"", b"", ""))
            return
        policy = with_change(self._on.policy, self._on.me, ["removed"], self._on.first)
        order = self._on.order("afm", "apply", "", [name], node=name, digest=policy.digest, epoch=2)
        self._on.handle(RemovalShown(name, order.raw, order.signature, policy.text))

    def _repeat(self, count: str, line: str) -> None:
        for _ in range(int(count)):
            self._play(line)


def told(path: Path) -> list[str]:
    """A story without what came out of it: its remarks and its inputs."""
    return [line for line in path.read_text().splitlines() if not line.startswith(" ")]


def is_input(line: str) -> bool:
    return bool(line) and not line.startswith("#")


def played(path: Path) -> str:
    """The whole transcript, as it should stand in the file."""
    teller, lines = Teller(), list[str]()
    for line in told(path):
        lines.append(line)
        try:
            lines += teller.tell(line) if is_input(line) else []
        except BadStory as error:
            raise BadStory(f"{path.stem}: {error}\n" + "\n".join(lines[-30:])) from None
    return "\n".join(lines) + "\n"


def stories() -> list[Path]:
    return sorted(FOLDER.glob("*.txt"))


def _ref(text: str) -> Ref:
    node, incarnation, number = text.split("/")
    return Ref(node, int(incarnation), int(number))


def _value(key: str, value: str) -> Any:
    if key in NUMBERS and value.isdecimal():
        return int(value)
    return {"yes": True, "no": False}.get(value, value)


PEER = r"(lukretia|genesis|carthage)"
LINES: tuple[tuple[str, Callable[..., None]], ...] = (
    # the node
    (r"node (\w+) of ([\w-]+)(?:, with (\w+): (.+))?", Teller._node),
    (r"the wall clock says (\d+)", Teller._clock),
    (r"as in ([\w-]+)", Teller._as_in),
    (r"start( after a clean end)?", Teller._start),
    (r"(\d+) ms", Teller._time),
    (r"asleep for (\d+) ms", Teller._asleep),
    (r"stop", Teller._stop),
    (r"the disk (is nearly full|has room again)", Teller._room),
    (r"the disk loses (everything|all after event \d+)", Teller._loses),
    # disk, guard, actions, checks
    (r"(disk|guard|actions) (at once|by the story)", Teller._mode),
    (r"durable(?: after (\d+) ms)?", Teller._durable),
    (r"not durable: (.+)", Teller._not_durable),
    (r"the guard confirms", Teller._guarded),
    (r"the guard (stands|is dead)", Teller._guard),
    (r"the step is (done|failed|unknown)(?:: (.+))?", Teller._step),
    (r"check (\d+) of (\w+) (passes|fails)(?:: (.+))?", Teller._check),
    (r"the carrier of (\w+) (is lost|is back)", Teller._carrier),
    (r"leases are shown", Teller._leases),
    (r"the gate of (\w+) (lapsed|is gone with|is gone since) (\d+) ms(?: ago| left)?", Teller._gate),
    # peers
    (rf"link (\w+) to {PEER} (is up|is down)", Teller._link),
    (rf"{PEER} (hears|does not hear) (the node|{PEER})", lambda teller, name, how, whom, _: teller._cut(name, how, whom)),
    (rf"heartbeat of {PEER}( by {PEER})?(?:, (.+))?", lambda teller, name, by, _, more: teller._beat(name, by, more)),
    (r"(\d+) heartbeats of ([a-z]+(?: by [a-z]+)?(?: and [a-z]+(?: by [a-z]+)?)*)(?:, (.+))?", Teller._beats),
    (rf"{PEER} starts( again| again with a new disk)?", Teller._starts),
    (rf"{PEER} writes ([\w-]+)(?: (.+))?", Teller._writes),
    (rf"{PEER} sends", Teller._sends),
    (rf"{PEER} sends its feed from (\d+) on", lambda teller, name, first: teller._sends(name, None, first)),
    (rf"{PEER} passes on {PEER}(?: from (\d+) on)?", Teller._sends),
    (rf"{PEER} sends the node's own feed from (\d+) on", Teller._sends_the_nodes_own),
    (rf"{PEER} says ([\w-]+)(?: (.+))?", Teller._writes_and_sends),
    (rf"{PEER} forgets all from its event (\d+) on", Teller._forgets),
    (rf"{PEER} reads {PEER}", Teller._knows),
    (rf"{PEER} tells that it has ([\w/]+)", Teller._tells_heads),
    (rf"last word of {PEER} about (\w+) with epoch (\d+)", Teller._word),
    (r"the fork is shown", Teller._fork),
    # operators and files
    (r"(\w+) signs ([\w-]+)(.*)", Teller._sign),
    (rf"(\w+) orders ([\w-]+)(.*?)(?:, passed on by {PEER})?", Teller._orders),
    (rf"the order comes(?: again)?(?:, passed on by {PEER})?", Teller._given),
    (rf"{PEER} replies (admitted|refused): (.+)", Teller._replies),
    (r"(?:(\w+) applies|the file is changed):? (?:section )?(\w+): ([^;]+)(?:; number (\d+))?", Teller._changes),
    (rf"{PEER} lives by another file, (\w+): (.+), number (\d+)", Teller._peer_changes),
    (rf"{PEER} is ordered to apply (\w+): (.+), number (\d+)", Teller._peer_applies),
    (rf"{PEER} does not let the node in(, and shows the order)?", Teller._removal),
    (r"(\d+) times: (.+)", Teller._repeat),
)
