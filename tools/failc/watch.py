"""`failc watch`: the status as it changes and the events as they come; plain lines where there is no terminal."""

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import click

from tools.cli.interrupt import remembered
from tools.cli.trouble import DONE, Trouble
from tools.failc.asking import Node, connect
from tools.failc.options import reaching
from tools.failc.screen import coloured, folded, terminal
from tools.failc.status import lines

AGAIN_S = 0.5
"""Between two attempts to reach a node that was reachable a moment ago."""

EVENTS_KEPT = 200


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each event.")
@click.option("--last", default=10, show_default=True, type=click.IntRange(0, 1000), help="Begin with so many earlier events.")
@reaching
def watch(as_json: bool, last: int) -> None:
    """The status and the newest events, live. Ctrl-C ends it.

    Without a terminal, or with --json, it prints a line for each event as it becomes durable, and goes on where it was when
    the node comes back after a restart.

    \b
    failc watch
    failc watch --json | jq 'select(.kind == "claim")'
    """
    ask = connect()
    ask.get("/status")  # a node that cannot be reached at all is told so, and not watched
    if not terminal() or as_json:
        signal.signal(signal.SIGINT, _end)
        return _plain(ask, last, as_json)
    try:
        _live(ask, last)
    except KeyboardInterrupt:
        return


def _end(_number: int, _frame: object) -> None:
    """At once, as there is nothing to put back; every line was flushed when it was whole."""
    os._exit(DONE)


def _plain(ask: Node, last: int, as_json: bool) -> None:
    for event in events(ask, last):
        print(json.dumps(event) if as_json else line(event), flush=True)


def line(event: dict[str, Any]) -> str:
    """When, by the author's own clock and in UTC, and what."""
    return f"{event['at'][11:]} {event['text']}"


def events(ask: Node, last: int) -> Iterator[dict[str, Any]]:
    """Every event from now on, for ever: a node that went away is asked again, from the last event seen."""
    route = f"/events?format=jsonl&last={last}"
    reached = True
    while True:
        try:
            for text in ask.lines(route):
                reached = True
                if text.strip():
                    event: dict[str, Any] = json.loads(text)
                    route = f"/events?format=jsonl&after={event['cursor']}"
                    yield event
        except Trouble as trouble:
            if reached:
                print(f"failc: {trouble.message}; waiting for it", file=sys.stderr)
        reached = False
        time.sleep(AGAIN_S)


def _live(ask: Node, last: int) -> None:
    from rich.console import Console
    from rich.live import Live

    newest: deque[str] = deque(maxlen=EVENTS_KEPT)
    interrupted = remembered(signal.SIGINT)
    threading.Thread(target=_collect, args=(Node(ask.path, ask.host), last, newest), daemon=True).start()
    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for known in _statuses(ask):
            if interrupted.is_set():
                return
            live.update(_picture(known, list(newest), *console.size), refresh=True)


def _collect(ask: Node, last: int, newest: "deque[str]") -> None:
    for event in events(ask, last):
        newest.append(line(event))


def _statuses(ask: Node) -> Iterator[dict[str, Any] | str]:
    """The status whenever it is newer, at least twice a second; a sentence while the node does not answer."""
    version = -1
    while True:
        try:
            known = ask.get(f"/status?version={max(version, 0)}&wait_ms=500" if version >= 0 else "/status")
            version = known["version"]
            yield known
        except Trouble as trouble:
            version, ask = -1, Node(ask.path, ask.host)
            yield trouble.message
            time.sleep(AGAIN_S)


def _picture(known: dict[str, Any] | str, newest: list[str], columns: int, height: int) -> Any:
    """The status, and as many of the newest events as there is room for."""
    from rich.text import Text

    above = folded([known] if isinstance(known, str) else lines(known, coloured(), columns), columns)
    room = max(0, height - len(above) - 2)
    below = folded(newest[-room:], columns)[-room:] if room else []
    return Text.from_ansi("\n".join([*above, "", *below] if room else above), no_wrap=True, overflow="ellipsis")
