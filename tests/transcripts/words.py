"""How an effect is printed: the field's words, one line each, with no name of a class or a module.

A heartbeat is printed in full where it says something that the one before did not, and counted elsewhere.
"""

from collections.abc import Callable, Mapping
from typing import Any

from coordinator.core import effects as do
from coordinator.policy import ServicePolicy
from coordinator.sentences import sentence
from protocol.commands import Command
from protocol.event import Entry
from protocol.messages import Heartbeat


def effect_lines(me: str, effect: do.Effect) -> list[str]:
    """What the node orders, and below an order to store events, each of these."""
    if isinstance(effect, do.Append):
        return ["store", *(f"  {line}" for line in _entries(me, effect.entries))]
    return [SAID[type(effect)](effect)]


def heartbeat_line(beat: Heartbeat) -> str:
    """Without its counter, which grows, and without how long ago a peer was heard."""
    heads = " ".join(f"{node}/{head.incarnation}/{head.number}" for node, head in sorted(beat.heads.items()))
    parts = [
        "fit" if beat.fit else "not fit",
        f"has {heads or 'nothing'}",
        f"heard {' '.join(sorted(beat.heard)) or 'no peer'}",
        *([f"claims {' '.join(beat.claiming)}"] if beat.claiming else []),
        *([f"refuses {' '.join(beat.refused)}"] if beat.refused else []),
    ]
    return f"heartbeat: {', '.join(parts)}"


def refresh_line(effect: do.Refresh, now_ms: int) -> str:
    """How long from now the kernel may let each service's addresses answer."""
    spans = (f"{service} for {ends_ms - now_ms} ms" for service, ends_ms in effect.leases)
    return f"lease in the kernel: {', '.join(spans)}"


def _entries(me: str, entries: tuple[Entry, ...]) -> list[str]:
    """Events of our own in a sentence each; those of peers by their numbers."""
    lines: list[str] = []
    theirs: tuple[str, int, int, int] | None = None
    for entry in entries:
        event = entry.event
        if event.node == me:
            because = " ".join("/".join(map(str, ref)) for ref in event.causes)
            rests = f" [rests on {because}]" if because else ""
            lines.append(f"{me}/{event.incarnation}/{event.number} {event.kind}: {sentence(event)}{rests}")
            theirs = None
        elif theirs and (event.node, event.incarnation, event.number) == (*theirs[:2], theirs[3] + 1):
            theirs = (*theirs[:3], event.number)
            lines[-1] = _range(theirs)
        else:
            theirs = (event.node, event.incarnation, event.number, event.number)
            lines.append(_range(theirs))
    return lines


def _range(feed: tuple[str, int, int, int]) -> str:
    node, incarnation, first, last = feed
    return f"{node}/{incarnation}/{first}" + (f" to {last}" if last > first else "")


def _push(effect: do.Push) -> str:
    numbers = f"{effect.first} to {effect.last}" if effect.last > effect.first else f"{effect.first}"
    return f"push events {numbers}" + (", urgently" if effect.urgent else "")


def _run(effect: do.Run) -> str:
    actions = " and ".join(map(str, effect.actions))
    word = f", then say the last word of epoch {effect.last_word.epoch}" if effect.last_word else ""
    return f"run {effect.word} of action {actions} of {effect.service} with epoch {effect.epoch}: {effect.reason}{word}"


def _checks(effect: do.Watch) -> str:
    slowly = f", at most every {effect.patience_ms} ms" if effect.patience_ms else ""
    return f"checks of {effect.service} {'on' if effect.on else 'off'}{slowly}"


def _equip(service: ServicePolicy) -> str:
    actions = ", ".join(f"{action.kind} {action.settings.get(action.kind, '')}".strip() for action in service.actions)
    return f"from now on the actions of {service.name} are: {actions}"


def _relay(effect: do.Relay) -> str:
    return f"relay {Heartbeat.decode(effect.raw).node}'s heartbeat to {effect.peer}"


def _said(command: Command) -> str:
    return " ".join(part for part in (command.word, command.service, command.node) if part)


def _forward(effect: do.Forward) -> str:
    return f"pass on to {effect.peer}: {_said(effect.command.command)}" + (" (again)" if effect.again else "")


def _became(admitted: bool, authority: bool, text: str) -> str:
    return f"{'admitted' if admitted else 'refused' if authority else 'refused for lack of authority'}: {text}"


def _alarm(effect: do.Alarm | do.AlarmOver) -> str:
    about = " ".join(word for word in (effect.service, effect.node) if word)
    return f"{effect.name} ({about})" if about else f"{effect.name}"


SAID: Mapping[type, Callable[[Any], str]] = {
    do.Push: _push,
    do.Want: lambda effect: f"ask {effect.peer} for {effect.node}/{effect.incarnation} from {effect.first} on",
    do.ShowHeads: lambda effect: "tell every peer what is here of replaced incarnations",
    do.ShowFork: lambda effect: f"show the fork at {'/'.join(map(str, effect.theirs[0].ref))}",
    do.Relay: _relay,
    do.Guard: lambda effect: f"guard {effect.word.service} with epoch {effect.word.epoch}",
    do.Unguard: lambda effect: f"guard {effect.service} no more",
    do.SayLastWord: lambda effect: f"say the last word of {effect.word.service} with epoch {effect.word.epoch}",
    do.Run: _run,
    do.Cut: lambda effect: f"cut the step of {effect.service} short",
    do.Announce: lambda effect: f"announce {effect.service} once more",
    do.Open: lambda effect: f"open the gate of {effect.service}",
    do.Renew: lambda effect: f"tell the guard the ends of {', '.join(name for name, _, _ in effect.leases)}",
    do.Watch: _checks,
    do.Adopt: lambda effect: "adopt the file",
    do.Equip: lambda effect: _equip(effect.service),
    do.Forward: _forward,
    do.SendReply: lambda effect: (
        f"reply to {effect.peer}: {_became(effect.reply.admitted, effect.reply.authority, effect.reply.text)}"
    ),
    do.Answer: lambda effect: f"answer: {_became(effect.admitted, effect.authority, effect.text)}",
    do.Alarm: lambda effect: f"alarm {_alarm(effect)}: {effect.text}",
    do.AlarmOver: lambda effect: f"alarm {_alarm(effect)} is over",
    do.Ready: lambda effect: "ready",
    do.Exit: lambda effect: "exit" + (f", stuck with {' '.join(effect.stuck)}" if effect.stuck else ""),
}
