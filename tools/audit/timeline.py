"""`failaudit timeline`: every event as one line, causes before effects."""

import time
from typing import Any

import click

from coordinator.sentences import sentence
from protocol.event import Event
from tools.audit.clock import parse, show
from tools.audit.evidence import gather
from tools.audit.history import History
from tools.audit.options import asked_for, auditing, settings
from tools.audit.showing import line, print_json, ref_json


@click.command()
@click.option("--from", "since", metavar="TIME", help="Only what counts from then on.")
@click.option("--to", "until", metavar="TIME", help="Only what counts by then.")
@click.option("--service", metavar="SERVICE", help="Only events about this service.")
@click.option("--kind", multiple=True, metavar="KIND", help="Only events of this kind; may be given again.")
@auditing("SOURCE...")
def timeline(words: tuple[str, ...], since: str | None, until: str | None, service: str | None, kind: tuple[str, ...]) -> None:
    """Every event as one line; with --json one object a line."""
    history = gather(asked_for(words).sources).history
    now_ms = time.time_ns() // 1_000_000
    first = parse(since, now_ms) if since else -1
    last = parse(until, now_ms) if until else None
    for event in history.order:
        at_ms = history.at_ms[event.ref]
        wanted = (not kind or event.kind in kind) and (service is None or event.service == service)
        if wanted and at_ms >= first and (last is None or at_ms <= last):
            _print(history, event)


def _print(history: History, event: Event) -> None:
    if settings().json:
        print_json(as_json(history, event))
    else:
        click.echo(line(history, event, sentence(event)))


def as_json(history: History, event: Event) -> dict[str, Any]:
    at_ms = history.at_ms[event.ref]
    return {
        **ref_json(event.ref),
        "kind": event.kind,
        "service": event.service or None,
        "at": show(at_ms),
        "at_ms": at_ms,
        "wall_ms": event.wall_ms,
        "text": sentence(event),
        "causes": [ref_json(cause) for cause in event.causes],
    }
