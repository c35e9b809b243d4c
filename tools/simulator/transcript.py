"""What happened in a run, as lines for people: every input that changed something, every event, every order.

    transcript = Transcript(world, kept=400)
    print("\\n".join(transcript.lines()))

Heartbeats and the waking timer are left out where they brought nothing about. With `whole` the digest covers every
input and every effect: two runs of one seed have the same.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from protocol.event import Entry, Event
from tools.simulator.world import World

NOISE = (do.Beat, do.Relay)
"""Orders that every heartbeat brings."""


class Transcript:
    def __init__(self, world: World, kept: int | None = None) -> None:
        self._world = world
        self._lines: deque[str] = deque(maxlen=kept)
        self._digest = hashlib.sha256()
        world.witnesses.append(self._saw)

    def lines(self) -> list[str]:
        return list(self._lines)

    @property
    def digest(self) -> str:
        """A hash of everything that every core was told and ordered so far."""
        return self._digest.hexdigest()

    def say(self, text: str) -> None:
        """An accident, or whatever else happened outside the cores."""
        self._lines.append(f"{self._world.agenda.now_us / 1e6:12.6f}  {text}")
        self._digest.update(text.encode())

    def _saw(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        self._digest.update(repr((node, seen, ordered, now)).encode())
        told = [effect for effect in ordered if not isinstance(effect, NOISE)]
        if told or not isinstance(seen, saw.HeartbeatHeard | saw.Woke):
            self._lines.append(f"{self._world.agenda.now_us / 1e6:12.6f}  {node:10s} {heard(seen)}")
            self._lines.extend(f"{'':12s}  {'':10s}   -> {line}" for effect in told for line in ordered_lines(effect))


def heard(seen: saw.Input) -> str:
    """One input in a line."""
    match seen:
        case saw.HeartbeatHeard(heartbeat, link, datagram):
            way = f"{'datagram' if datagram else 'stream'} on {link}" if link else "relayed"
            return f"heartbeat {heartbeat.message.counter} of {heartbeat.message.node} ({way})"
        case saw.BatchArrived(batch, source):
            first, last = batch.first.ref, batch.head
            kinds = " ".join(entry.event.kind for entry in batch.entries)
            return f"entries {first.node} {first.incarnation}/{first.number}..{last.number} from {source}: {kinds}"
        case saw.HeadsArrived(peer, heads):
            return f"heads from {peer}: " + " ".join(f"{head.node} {head.incarnation}/{head.number}" for head in heads)
        case saw.CommandArrived(command, ticket):
            return f"command {command.command.word} {command.command.service} {command.command.node} (ticket {ticket})"
        case saw.LastWordHeard(word):
            return f"last word of {word.message.node} for {word.message.service} epoch {word.message.epoch}"
        case saw.ForkShown(ours, _):
            return f"fork shown at {ours[0].ref}"
        case _:
            return _plain(seen)


def ordered_lines(effect: do.Effect) -> Iterable[str]:
    """One effect in a line; an Append has one for each of its events."""
    shown = SHOWN.get(type(effect))
    return shown(effect) if shown else [_plain(effect)]


def event_line(event: Event) -> str:
    """`lukretia/17 claim web epoch=3 rule=take-over-dead: no node has held it yet`."""
    shown = {
        key: value for key, value in event.body.items() if isinstance(value, int | str | bool) and key not in ("text", "reason")
    }
    words = " ".join(f"{key}={value}" for key, value in sorted(shown.items()))
    reason = f": {event.body['reason']}" if event.body.get("reason") else ""
    return f"{event.node}/{event.number} {event.kind} {event.service} {words}{reason}"


def _append(effect: do.Append) -> list[str]:
    return [f"append[{effect.ticket}] {_entry(entry)}" for entry in effect.entries]


def _entry(entry: Entry) -> str:
    return event_line(entry.event)


def _forward(effect: do.Forward) -> list[str]:
    command = effect.command.command
    return [f"forward {command.word} {command.service} {command.node} to {effect.peer}"]


def _guard(effect: do.Guard | do.SayLastWord) -> list[str]:
    return [f"{type(effect).__name__} {effect.word.service} epoch {effect.word.epoch}"]


def _plain(value: Any) -> str:
    fields = [f"{name}={getattr(value, name)}" for name in getattr(value, "__slots__", ())]
    return f"{type(value).__name__} {' '.join(fields)}"[:240]


SHOWN: dict[type, Callable[[Any], Iterable[str]]] = {
    do.Append: _append,
    do.Forward: _forward,
    do.Guard: _guard,
    do.SayLastWord: _guard,
    do.ShowFork: lambda effect: [f"show fork at {effect.theirs[0].ref}"],
}
