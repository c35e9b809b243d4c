"""One line for one event, as `failc watch` shows it: who, what and, where the event says so, why."""

from collections.abc import Callable, Mapping
from typing import Any

from protocol.event import Event
from protocol.kinds import Kind

Body = Mapping[str, Any]


def sentence(event: Event) -> str:
    """Never raises: an event whose body is not as expected is named by its kind."""
    try:
        words = WORDS[event.kind](event.body) if event.kind in WORDS else event.kind.replace("-", " ")
    except (KeyError, TypeError, ValueError, IndexError):
        words = event.kind
    why = event.body.get("reason")
    return f"{words}: {why}" if why else words


def _command(body: Body) -> str:
    from protocol.commands import Command

    command = Command.decode(body["command"])
    what = " ".join(part for part in (command.word, command.service, command.node) if part)
    why = f': "{command.reason}"' if command.reason else ""
    return f"{command.operator} said {what}{why}"


def _action(body: Body) -> str:
    text = f": {body['text']}" if body.get("text") else ""
    return f"action {body['action']} {body['word']} {body['outcome']} after {body['took_us'] / 1000:.1f} ms{text}"


WORDS: Mapping[str, Callable[[Body], str]] = {
    Kind.NODE_STARTED: lambda body: f"started, rules {body['rules']}" + ("" if body["clean"] else ", not after a clean stop"),
    Kind.NODE_STOPPING: lambda body: "stopping: takes nothing any more",
    Kind.NODE_STOPPED: lambda body: "stopped cleanly",
    Kind.NODE_PAUSED: lambda body: f"did not run for {body['late_ms']} ms",
    Kind.CONFIG_APPLIED: lambda body: f"configuration {body['number']} in force, digest {body['digest'].hex()[:16]}",
    Kind.LINK_UP: lambda body: f"link {body['link']} to {body['peer']} is up",
    Kind.LINK_DOWN: lambda body: f"link {body['link']} to {body['peer']} is down",
    Kind.JUDGED: lambda body: f"{body['peer']} is {body['judgement']}, was {body['was']}: silent for {body['silent_ms']} ms",
    Kind.PULSE: lambda body: f"pulse: at most {body['late_ms_max']} ms late",
    Kind.CLAIM: lambda body: f"claims with epoch {body['epoch']}",
    Kind.UP: lambda body: f"is up with epoch {body['epoch']}, {body['act_us'] / 1000:.1f} ms of actions",
    Kind.RELEASE: lambda body: f"releases ({body['cause']})",
    Kind.DOWN: lambda body: f"is down, {body['to']}",
    Kind.FAIL: lambda body: f"is in FAIL ({body['cause']})",
    Kind.RECOVER: lambda body: "is in RECOVER",
    Kind.RECLAIM: lambda body: f"announces again with epoch {body['epoch']}",
    Kind.RESTART: lambda body: f"restarts in place, number {body['count']}",
    Kind.ACTION_FINISHED: _action,
    Kind.CHECK_FAILED: lambda body: f"check {body['check']} failed{' for good' if body['good'] else ''}: {body['text']}",
    Kind.CHECK_PASSED: lambda body: f"check {body['check']} passed: {body['text']}",
    Kind.CARRIER_LOST: lambda body: f"no carrier on {body['interface']}",
    Kind.CARRIER_BACK: lambda body: f"carrier is back on {body['interface']}",
    Kind.COMMAND: _command,
    Kind.MOVE_BEGUN: lambda body: f"moves to {body['target']}",
    Kind.MOVE_ENDED: lambda body: f"the move is over: {body['why']}",
    Kind.FENCED: lambda body: f"{body['node']} counts as down up to epoch {body['epoch']}, by {body['by']}",
    Kind.LAST_WORD: lambda body: f"the guard of {body['node']} said that epoch {body['epoch']} is down",
    Kind.SPLIT_SEEN: lambda body: f"split: {' and '.join(body['nodes'])} hold it",
    Kind.SPLIT_RESOLVED: lambda body: f"the split is over, {body['winner'] or 'nobody'} has it",
    Kind.FORK_SEEN: lambda body: f"{body['node']} has written two events with one number",
}
