"""Up to when an answer is known: the feeds of a service's candidates that end before the moment asked for.

    ends = open_ends(evidence, state, "web", at_ms)     # [End("lukretia", 1767225606000)]; empty: every feed reaches that far
    reach(evidence, state, ["web"])                     # the end of each feed that matters
    in_words(ends, held, {})                            # what may still change the answer
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from coordinator.state import ownership
from coordinator.state.model import State
from tools.audit.clock import show
from tools.audit.evidence import Evidence
from tools.audit.owners_at import Held

FOR_EVER_MS = 2**63
"""Later than any clock in an event: no feed reaches so far."""


class End(NamedTuple):
    """A feed that matters and does not reach the moment asked for."""

    node: str
    until_ms: int | None
    """The time of its newest event; None where no event of it is here."""

    def as_json(self) -> dict[str, Any]:
        return {"node": self.node, "until": None if self.until_ms is None else show(self.until_ms), "until_ms": self.until_ms}

    def __str__(self) -> str:
        return f"{self.node} until {show(self.until_ms)}" if self.until_ms is not None else f"{self.node} not at all"


def open_ends(evidence: Evidence, state: State, service: str, at_ms: int) -> list[End]:
    """Feeds of the candidates, and of every node that has claimed the service: an event that is not here may be of any of
    them."""
    history = evidence.history
    claimed = [node for node, column in state.columns.items() if column.service(service).epoch]
    nodes = dict.fromkeys((*ownership.ruled(state, evidence.policy, service).nodes, *sorted(claimed)))
    newest = {node: history.at_ms[history.nodes[node][-1].ref] if history.nodes.get(node) else None for node in nodes}
    return [End(node, last_ms) for node, last_ms in newest.items() if last_ms is None or last_ms < at_ms]


def reach(evidence: Evidence, state: State, services: Iterable[str]) -> list[End]:
    """Up to when each feed that matters for these services is here."""
    return sorted({end for service in services for end in open_ends(evidence, state, service, FOR_EVER_MS)})


def in_words(ends: list[End], held: Held, fenced: Mapping[str, str]) -> str:
    """Up to when it is known, and which event that is not here would make it another answer.

    `fenced`: nodes that held it until an operator's word, with the operator.
    """
    silent = [end.node for end in ends]
    changes = [f"{node} has given it up since" for node in silent if node in held.owners]
    changes += [f"{node} has claimed it since" for node in silent if node not in held.owners]
    changes += [f"{node} went on after {fenced[node]} said that it is down there" for node in silent if node in fenced]
    return f"{', '.join(map(str, ends))}; it is another answer if {' or '.join(changes)}"
