"""`failaudit timeline`: every event as one line, causes before effects."""

import time
from typing import Any

import click

from coordinator.sentences import sentence
from protocol.event import Event
from protocol.kinds import Kind
from tools.audit.clock import parse, show
from tools.audit.evidence import Evidence, gather
from tools.audit.history import History
from tools.audit.options import asked_for, auditing, settings
from tools.audit.showing import line, print_json, print_lines, ref_json
from tools.cli.trouble import USAGE, Trouble


@click.command()
@click.option("--from", "since", metavar="TIME", help="Only events from then on.")
@click.option("--to", "until", metavar="TIME", help="Only events up to then.")
@click.option("--service", metavar="SERVICE", help="Only events about this service.")
@click.option("--kind", multiple=True, metavar="KIND", help="Only events of this kind; may be given several times.")
@auditing("[SOURCE]...")
def timeline(words: tuple[str, ...], since: str | None, until: str | None, service: str | None, kind: tuple[str, ...]) -> None:
    """Every event as one line; with --json one object a line."""
    evidence = gather(asked_for(words).sources)
    _known(evidence, service, kind)
    history = evidence.history
    now_ms = time.time_ns() // 1_000_000
    first = parse(since, now_ms) if since else -1
    last = parse(until, now_ms) if until else None
    for event in history.order:
        at_ms = history.at_ms[event.ref]
        wanted = (not kind or event.kind in kind) and (service is None or event.service == service)
        if wanted and at_ms >= first and (last is None or at_ms <= last):
            _print(history, event)


def _known(evidence: Evidence, service: str | None, kinds: tuple[str, ...]) -> None:
    """Raises where a name is misspelt: an empty answer would be taken for one."""
    if service is not None:
        evidence.service(service)
    written = {event.kind for event in evidence.history.order}
    for kind in kinds:
        if kind not in {*written, *Kind}:
            raise Trouble(f"no kind {kind}: there are {', '.join(sorted(written))}", USAGE)


def _print(history: History, event: Event) -> None:
    if settings().json:
        print_json(as_json(history, event))
    else:
        print_lines([line(history, event, sentence(event))])


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
