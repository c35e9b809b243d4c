"""One line for an event, as it happens; None for those that would only be noise here (`failaudit timeline` has them all)."""

from collections.abc import Callable, Mapping
from typing import Any

from protocol.event import Event

Body = Mapping[str, Any]


def _judged(event: Event, body: Body) -> str:
    words = {"alive": "is alive", "indoubt": "is in doubt", "dead": "is dead"}
    verdict = f"judges: {body['peer']} {words.get(body['judgement'], body['judgement'])}"
    return f"{verdict}, silent for {body['silent_ms']} ms" if body["judgement"] != "alive" else verdict


def _up(event: Event, body: Body) -> str:
    parts = {"durable": body["durable_us"], "actions": body["act_us"], "of that announcing": body["announce_us"]}
    times = ", ".join(f"{name} {us / 1000:.1f} ms" for name, us in parts.items())
    return f"{event.service} is UP (epoch {body['epoch']}; {times})"


SENTENCES: dict[str, Callable[[Event, Body], str]] = {
    "node-started": lambda event, body: "starts",
    "node-stopped": lambda event, body: "has stopped cleanly",
    "node-paused": lambda event, body: f"did not run for {body['late_ms']} ms",
    "link-down": lambda event, body: f"loses the link {body['link']} to {body['peer']}",
    "link-up": lambda event, body: f"has the link {body['link']} to {body['peer']}",
    "judged": _judged,
    "command": lambda event, body: f"admits an operator's signed command for {event.service}",
    "claim": lambda event, body: f"claims {event.service}, epoch {body['epoch']}: {body['reason']}",
    "up": _up,
    "release": lambda event, body: f"releases {event.service}: {body['reason']}",
    "down": lambda event, body: f"{event.service} is down here, now {body['to']}",
    "fail": lambda event, body: f"{event.service} is in FAIL here: {body['reason']}",
    "recover": lambda event, body: f"{event.service} can be brought up here (RECOVER): {body['reason']}",
    "reclaim": lambda event, body: f"reclaims {event.service}, epoch {body['epoch']}: {body['reason']}",
    "carrier-lost": lambda event, body: f"no carrier on {body['interface']}",
    "carrier-back": lambda event, body: f"carrier is back on {body['interface']}",
    "last-word": lambda event, body: f"hears the last word of {body['node']}'s guard: {event.service} is down there",
    "split-seen": lambda event, body: f"sees that {event.service} was split between {' and '.join(body['nodes'])}",
    "split-resolved": lambda event, body: f"the split of {event.service} is over: {body['winner']} has it",
}


def sentence(event: Event) -> str | None:
    """What happened, in words; without the time and the node."""
    tell = SENTENCES.get(event.kind)
    return None if tell is None else tell(event, event.body)
