"""`failaudit replay` and `diff`: the whole state at a moment, and what changed between two."""

import time
from typing import Any

import click

from coordinator.sentences import sentence
from coordinator.state.model import State
from protocol.event import Event
from tools.audit.clock import parse, show
from tools.audit.evidence import Evidence, gather
from tools.audit.history import History
from tools.audit.options import asked_for, auditing, settings
from tools.audit.owners_at import Held
from tools.audit.showing import line, name, print_json, print_lines


@click.command()
@click.option("--at", "at", default="now", metavar="TIME", help='RFC 3339, "now" or "5m ago".  [now]')
@auditing("[SOURCE]...")
def replay(words: tuple[str, ...], at: str) -> None:
    """The state at a moment: the same reducer over every event that counts by then."""
    at_ms = parse(at, time.time_ns() // 1_000_000)
    evidence = gather(asked_for(words).sources)
    told = snapshot(evidence, at_ms)
    if settings().json:
        print_json(told)
    else:
        print_lines(_lines(evidence, told, at_ms))


@click.command()
@auditing("T1 T2 [SOURCE]...")
def diff(words: tuple[str, ...]) -> None:
    """What changed between T1 and T2: owners, states and nodes, and the events in between."""
    asked = asked_for(words, times=2)
    now_ms = time.time_ns() // 1_000_000
    first, second = sorted(parse(text, now_ms) for text in asked.times)
    evidence = gather(asked.sources)
    before, after = snapshot(evidence, first), snapshot(evidence, second)
    between = [event for event in evidence.history.until(second) if evidence.history.at_ms[event.ref] > first]
    changes = list(_changes("", before, after))
    if settings().json:
        told = [{"what": what, "from": old, "to": new} for what, old, new in changes]
        print_json({"from": show(first), "from_ms": first, "to": show(second), "to_ms": second, "changes": told,
                    "events": len(between)})  # fmt: skip
        return
    lines = [f"from {show(first)} to {show(second)}: {len(between)} events, {len(changes)} changes"]
    lines += [f"  {what}: {_said(old)} -> {_said(new)}" for what, old, new in changes]
    print_lines([*lines, *(f"  {line(evidence.history, event, sentence(event))}" for event in between)])


def snapshot(evidence: Evidence, at_ms: int) -> dict[str, Any]:
    """The state as JSON, in the shape of `failc status`."""
    state = evidence.history.state_at(at_ms)
    services = sorted({*evidence.policy.services, *evidence.history.services})
    return {
        "cluster": evidence.policy.cluster,
        "at": show(at_ms),
        "at_ms": at_ms,
        "nodes": {node: _node(state, node) for node in sorted({*evidence.policy.nodes, *state.columns})},
        "services": {name: _service(evidence, state, evidence.tenure.at(state, name)) for name in services},
    }


def _node(state: State, node: str) -> dict[str, Any]:
    column = state.column(node)
    head = column.head
    return {
        "running": column.running,
        "head": {"incarnation": head.incarnation, "number": head.number} if head else None,
        "config": column.config_number,
        "judges": dict(sorted(column.judgement.items())),
    }


def _service(evidence: Evidence, state: State, held: Held) -> dict[str, Any]:
    policy = evidence.policy.services.get(held.service)
    nodes = policy.nodes if policy else [node for node in sorted(state.columns) if held.service in state.column(node).services]
    reason = state.column(held.owner).service(held.service).reason if held.owner else ""
    return {
        "owner": held.owner,
        "owners": list(held.owners),
        "epoch": held.epoch,
        "split": held.split,
        "states": {node: _shown(state, held, node) for node in nodes},
        "reason": reason,
    }


def _shown(state: State, held: Held, node: str) -> str:
    """Its own word; FAIL, as `failc status` shows a dead node, where its holding ended without one."""
    column = state.column(node).service(held.service)
    return "FAIL" if column.holds and held.owners and node not in held.owners else str(column.state)


def _changes(path: str, old: Any, new: Any) -> Any:
    """(what, before, after) for every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if path or key in ("nodes", "services"):
                yield from _changes(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif old != new and not path.endswith((".number", ".incarnation")):
        yield path, old, new


def _said(value: Any) -> str:
    """One side of a change, for people."""
    if isinstance(value, dict):  # the head of a feed, where there was none
        return f"{value['incarnation']}/{value['number']}"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)


def _lines(evidence: Evidence, told: dict[str, Any], at_ms: int) -> list[str]:
    history = evidence.history
    lines = [f"{told['cluster']} at {told['at']}"]
    for service, held in told["services"].items():
        states = ", ".join(f"{node} {state}" for node, state in held["states"].items())
        owner = f"owned by {held['owner']}" if held["owner"] else "owned by no node"
        split = f", SPLIT between {' and '.join(held['owners'])}" if held["split"] else ""
        lines.append(f"  {service}: {owner}, epoch {held['epoch']}{split} ({states})")
    for node, known in told["nodes"].items():
        judges = ", ".join(f"{peer} {judgement}" for peer, judgement in known["judges"].items())
        lines.append(f"  {node}: {'runs' if known['running'] else 'does not run'}{'; judges ' + judges if judges else ''}")
    return [*lines, *_bracket(history, at_ms)]


def _bracket(history: History, at_ms: int) -> list[str]:
    """Between which events nothing changes, so that no reader takes a state for more exact than it is."""
    last = max(history.until(at_ms), key=lambda event: history.at_ms[event.ref], default=None)
    later = [event for event in history.order if history.at_ms[event.ref] > at_ms]
    then = min(later, key=lambda event: history.at_ms[event.ref], default=None)
    since = _moment(history, last) if last else "the beginning"
    return ["this holds", f"  from   {since}", f"  until  {_moment(history, then) if then else 'the end of these logs'}"]


def _moment(history: History, event: Event) -> str:
    return f"{show(history.at_ms[event.ref])} ({name(history, event.ref)})"
