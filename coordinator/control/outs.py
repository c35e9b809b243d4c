"""Why a candidate does not take a service, for people: since when, by whose word, and when it is tried again.

    out = look(view, "web", "lukretia")         # None where it is neither in FAIL nor stuck
    out.text        # 'in FAIL since 2026-11-28T12:45:52Z by an operator (afm), "disk swap"; until `failc recover web`'
    order = held_by(view, "web")                # the oldest `hold` in force, as its operator signed it
    predecessor(view, "web", "genesis", peers)          # "lukretia was stopped"

What the state does not keep (times, names, reasons) is read from the events themselves: `NodeView.event`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.control import check_view
from coordinator.control.view import PeerView, StateView
from coordinator.core.service_timers import retry_wait_ms
from coordinator.state import ownership
from coordinator.state.model import STOPPED, Judgement, ServicePhase, ServiceState
from protocol.canonical import NotCanonical
from protocol.commands import Command
from protocol.event import Ref
from protocol.events import Commanded, Down, body_of
from protocol.moment import rfc3339
from protocol.printable import printable


@dataclass(frozen=True, slots=True)
class Said:
    """A command, as it stands in the log."""

    operator: str
    reason: str
    at_ms: int
    """By the clock of the node that took it."""


@dataclass(frozen=True, slots=True)
class Out:
    kind: str
    """"operator", "action", "check", "stop", "carrier": the cause of a FAIL; "stuck"."""
    since_ms: int | None
    """By the node's own clock; None while the event is not read yet."""
    by: str
    """The operator, where it was one's word."""
    reason: str
    again_ms: int | None
    """When the node tries again by itself, by its own clock."""
    text: str

    def json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "since": None if self.since_ms is None else rfc3339(self.since_ms),
            "since_ms": self.since_ms,
            "by": printable(self.by) or None,
            "reason": printable(self.reason) or None,
            "again_at": None if self.again_ms is None else rfc3339(self.again_ms),
            "again_at_ms": self.again_ms,
            "text": printable(self.text),
        }


def to_the_second(wall_ms: int) -> str:
    said = rfc3339(wall_ms)
    return f"{said[:19]}Z" if said.endswith("Z") else said


def look(view: StateView, name: str, node: str) -> Out | None:
    column = view.state.column(node).service(name)
    if not column.stuck and column.state is not ServicePhase.FAIL:
        return None
    is_stuck = column.stuck and ownership.holds(view.state, name, node)
    if not is_stuck and (column.state is not ServicePhase.FAIL or not column.cause):
        return None
    event = view.event(column.changed)
    since_ms = event.wall_ms if event else None
    since = f" since {to_the_second(since_ms)}" if since_ms is not None else ""
    if is_stuck:
        way = f"say `failc fail {name} {node}` when it is down there"
        return Out("stuck", since_ms, "", column.reason, None, f"stuck in STOPPING{since}: a down action failed; {way}")
    said = _order(view, name, column)
    reason = said.reason if said else check_view.words(view, name, column) or column.reason
    again_ms = _again_ms(view, name, column, since_ms)
    text = f"in FAIL{since} {_by(column.cause, said, reason)}; {_way_out(view, name, column.cause, again_ms)}"
    return Out(column.cause, since_ms, said.operator if said else "", reason, again_ms, text)


def _order(view: StateView, name: str, column: ServiceState) -> Said | None:
    """The operator's word by which it is out, here or everywhere; None where it is out by something else."""
    if column.cause == "operator":
        return command(view, column.requested_by)
    everywhere = ownership.failed_everywhere(view.state, name) if column.cause == "everywhere" else frozenset()
    return command(view, min(everywhere, default=None))


def command(view: StateView, ref: Ref | None) -> Said | None:
    """The command in an event; None where that is not read yet, or is none."""
    event = view.event(ref)
    body = body_of(event) if event else None
    if event is None or not isinstance(body, Commanded):
        return None
    try:
        signed = Command.decode(body.command)
    except NotCanonical:
        return None
    return Said(signed.operator, signed.reason, event.wall_ms)


def held_by(view: StateView, name: str) -> Said | None:
    """The oldest hold in force whose command is known."""
    events = [view.event(ref) for ref in sorted(ownership.held_back(view.state, name))]
    orders = [command(view, cause) for event in events if event for cause in event.causes]
    return min((order for order in orders if order), key=lambda order: order.at_ms, default=None)


def predecessor(view: StateView, name: str, owner: str, peers: Mapping[str, PeerView]) -> str:
    """How the holding before this owner's ended, by what is known now; empty where that says no more than the claim did."""
    began = view.state.column(owner).service(name).holding_epoch
    held = {node: column.service(name) for node, column in view.state.columns.items() if node != owner}
    before = {node: column for node, column in held.items() if 0 < column.holding_epoch < began}
    node = max(before, key=lambda other: before[other].holding_epoch, default=None)
    if node is None:
        return ""
    column = before[node]
    killed = f"{node} was killed: its faild ended without a stop, and its guard took {name} down"
    if column.holds:
        return killed if node in peers and peers[node].judgement is Judgement.DEAD else ""
    event = view.event(column.ended_by)
    if event is None:
        return ""
    body = body_of(event)
    return _ended(view, node, column, body) if isinstance(body, Down) else killed


def _ended(view: StateView, node: str, column: ServiceState, down: Down) -> str:
    cause = down.cause
    if cause == "stopping":
        return f"{node} was stopped"
    if cause == "operator":
        return f"{words(command(view, column.requested_by))} said fail on {node}"
    if cause == "standby":
        return f"{node} was put in standby by an operator"
    return f"{node} has given it up: {down.reason or cause}"


def words(said: Said | None) -> str:
    """Who, and what for."""
    if said is None:
        return "an operator"
    return f"an operator ({said.operator})" + (f', "{said.reason}"' if said.reason else "")


def _by(cause: str, said: Said | None, reason: str) -> str:
    if cause in ("operator", "everywhere"):
        return f"by {words(said)}" + (", everywhere" if cause == "everywhere" else "")
    articles: Mapping[str, str] = {
        "check": "by a check",
        STOPPED: "by a check that stops it everywhere",
        "action": "by an action",
        "carrier": "for want of carrier",
    }
    return articles.get(cause, f"by {cause}") + (f": {reason}" if reason else "")


def _again_ms(view: StateView, name: str, column: ServiceState, since_ms: int | None) -> int | None:
    policy = ownership.ruled(view.state, view.policy, name)
    if since_ms is None or policy.retry_ms is None or column.cause not in ("action", "check"):
        return None
    return since_ms + retry_wait_ms(policy.retry_ms, column.failures)


def _way_out(view: StateView, name: str, cause: str, again_ms: int | None) -> str:
    now = f"`failc recover {name}`"
    if cause in ("operator", "everywhere", STOPPED):
        return f"until {now}"
    if cause == "carrier":
        return f"until the carrier is back, or {now}"
    if ownership.ruled(view.state, view.policy, name).retry_ms is None:
        return f"not tried again by itself (retry = never): {now}"
    when = f"at {to_the_second(again_ms)}" if again_ms is not None else "after `retry`"
    return f"tried again {when}, or at once with {now}"
