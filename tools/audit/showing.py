"""How answers are printed: JSON for programs, plain lines for people."""

import json
from collections.abc import Iterable
from typing import Any

import click

from protocol.event import Event, Ref
from protocol.printable import printable
from tools.audit.clock import show
from tools.audit.history import History


def print_json(value: Any) -> None:
    click.echo(json.dumps(value))


def print_lines(lines: Iterable[str]) -> None:
    """Each on one line, whatever stands in the log: a reason that holds a line end forges no line of its own."""
    click.echo("\n".join(printable(line) for line in lines))


def ref_json(ref: Ref) -> dict[str, Any]:
    return {"node": ref.node, "incarnation": ref.incarnation, "number": ref.number}


def name(history: History, ref: Ref) -> str:
    """How an event is named in text: the incarnation only where its node has more than one."""
    several = len({event.incarnation for event in history.nodes.get(ref.node, ())}) > 1
    return f"{ref.node} {ref.incarnation}/{ref.number}" if several else f"{ref.node} {ref.number}"


def at(history: History, ref: Ref) -> str:
    return show(history.at_ms[ref])


def line(history: History, event: Event, text: str) -> str:
    return f"{at(history, event.ref)}  {name(history, event.ref):<13}  {text}"


def bracket(history: History, ref: Ref) -> str:
    """Between which events of others this one happened, whatever its author's clock said."""
    before, after = history.bracket(ref)
    low = f"after {_placed(history, before)}, which it knew" if before else "it knew no event of another node"
    high = f"before {_placed(history, after)}, which knew it" if after else "no other node attests it yet"
    return f"by the clocks of others: {low}; {high}"


def _placed(history: History, event: Event) -> str:
    return f"{at(history, event.ref)} ({name(history, event.ref)})"
