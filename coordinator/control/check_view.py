"""Which check failed, and with which words: read from the events, since the state keeps only that one has.

    words(view, column)                 # 'check 0 (tcp) failed: connection refused'; empty where it is not known yet
    failing(view, "web", owners)        # the checks that only tell, and fail now on who holds it
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coordinator.control.view import StateView
from coordinator.state import ownership
from coordinator.state.model import ServiceState
from protocol.event import Event, Ref
from protocol.events import CheckFailed, body_of
from protocol.kinds import Kind
from protocol.moment import rfc3339
from protocol.printable import printable


@dataclass(frozen=True, slots=True)
class Failing:
    """A check with on_fail = "tell" that has failed for good."""

    node: str
    check: int
    kind: str
    text: str
    since_ms: int | None
    """By the node's own clock; None while the event is not read yet."""

    @property
    def said(self) -> str:
        why = f": {self.text}" if self.text else ""
        return f"check {self.check} ({self.kind}) fails on {self.node}, and only tells{why}"

    def json(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "check": self.check,
            "kind": self.kind,
            "on_fail": "tell",
            "text": printable(self.text),
            "since": None if self.since_ms is None else rfc3339(self.since_ms),
            "since_ms": self.since_ms,
        }


def failing(view: StateView, name: str, owners: Iterable[str]) -> list[Failing]:
    found = []
    for node in owners:
        for check, ref in sorted(view.state.column(node).service(name).told.items()):
            event = view.event(ref)
            body = body_of(event) if event else None
            text = body.text if isinstance(body, CheckFailed) else ""
            found.append(Failing(node, check, kind(view, name, check), text, event.wall_ms if event else None))
    return found


def words(view: StateView, name: str, column: ServiceState) -> str:
    """Of a service that is out by a check: its `down` rests on the release, and that on the check."""
    release = _cause(view, view.event(column.changed), Kind.RELEASE)
    failed = _cause(view, release, Kind.CHECK_FAILED)
    body = body_of(failed) if failed else None
    if not isinstance(body, CheckFailed):
        return ""
    return f"check {body.check} ({kind(view, name, body.check)}) failed" + (f": {body.text}" if body.text else "")


def kind(view: StateView, name: str, check: int) -> str:
    """By the file that is in force now."""
    checks = ownership.ruled(view.state, view.policy, name).checks
    return checks[check].kind if check < len(checks) else "no longer there"


def _cause(view: StateView, event: Event | None, wanted: Kind) -> Event | None:
    causes: Iterable[Ref] = event.causes if event else ()
    found = (view.event(ref) for ref in causes)
    return next((cause for cause in found if cause and cause.kind == wanted), None)
