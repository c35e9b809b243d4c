"""Events that had no effect since their author, or the operator who ordered them, had no right to them.

    without_authority(history.order, history.begin, wrong)      # findings of a whole history
    unobeyed = Unobeyed()
    unobeyed.see(before, event, after) ...                      # the same along a fold that goes on anyhow
    unobeyed.findings(wrong)
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from coordinator.state.configurations import is_candidate
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import Event, Ref
from protocol.events import Malformed, body_of
from protocol.kinds import Kind
from store.findings import Finding, Flaw


def without_authority(order: Iterable[Event], begin: State, wrong: Sequence[Finding]) -> list[Finding]:
    """Findings of a whole history. `wrong`: what the bytes prove."""
    unobeyed = Unobeyed()
    state = begin
    for event in order:
        before, state = state, reduce(state, event)
        unobeyed.see(before, event, state)
    return unobeyed.findings(wrong)


class Unobeyed:
    """Events that their authors had no right to, as a history is played; also those that a later incarnation has replaced."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._unjudged: dict[tuple[str, int, Ref | None], list[Ref]] = defaultdict(list)
        """By feed and by the event that put its configuration in force, as far as that is here: commands of which it is not
        known which roles were in force. Nothing is said against their operators."""

    def see(self, before: State, event: Event, after: State) -> None:
        column = after.column(event.node)
        known = before.column(event.node).skipped
        if not column.skipped or column.skipped is known or column.skipped[-1:] == known[-1:]:  # empty: an incarnation begins
            if event.kind in OF_CANDIDATES and _is_anothers(after, event):
                text = f"{event.kind} {event.service}: {event.node} is no candidate of it by any configuration that counts"
                self._found.append(Finding(Flaw.AUTHORITY, *event.ref, text))
            return
        ref, flaw, text = column.skipped[-1]
        if flaw is not Flaw.AUTHORITY:
            return  # what is not of the format or out of order is found elsewhere
        if after.policy_of(column.configs) is not None or ref not in dict(column.refused):
            self._found.append(Finding(Flaw.AUTHORITY, *ref, text))
        elif event.kind == Kind.COMMAND:  # else it says no more than its command's finding
            self._unjudged[ref.node, ref.incarnation, column.configured].append(ref)

    def findings(self, wrong: Sequence[Finding]) -> list[Finding]:
        """Where it is not known which roles were in force, that is said once for all commands."""
        unknown = [
            Finding(Flaw.AUTHORITY, *refs[0], _roles_unknown(refs, configured, wrong))
            for (_, _, configured), refs in self._unjudged.items()
        ]
        return self._found + unknown


OF_CANDIDATES = frozenset({Kind.CLAIM, Kind.RECLAIM, Kind.MOVE_ENDED})


def _is_anothers(state: State, event: Event) -> bool:
    """Whether only a candidate may do this, and its author is one by a file of its own at most. A living node cannot say so:
    the order that makes a file count may be on its way. Here everything that the event knew stands before it."""
    lived = state.orders.feed(event.node, event.incarnation).configs
    known = any(event.service in policy.services for policy in state.policies.values())
    return known and not isinstance(body_of(event), Malformed) and not is_candidate(state, event.node, event.service, lived)


def beside(found: Iterable[Finding], denied: Iterable[Finding]) -> list[Finding]:
    """Events without authority that are not called unlawful already."""
    named = {item[1:4] for item in found if item.kind is Flaw.UNLAWFUL}
    return [item for item in denied if item[1:4] not in named]


def _roles_unknown(refs: Sequence[Ref], configured: Ref | None, wrong: Sequence[Finding]) -> str:
    first = refs[0]
    damaged = next((item for item in wrong if item[1:3] == first[:2] and item.number < first.number), None)
    if configured:
        why = f"the configuration of event {configured.number} cannot be read by this program"
    elif damaged:
        why = f"{damaged.name} is not here as it was written ({damaged.kind}), and no other event brings a configuration"
    else:
        why = "no configuration is in force in this feed"
    more = f" and {len(refs) - 1} later {'one' if len(refs) == 2 else 'ones'}" if len(refs) > 1 else ""
    return f"{why}: no operator's role is known for this command{more}"
