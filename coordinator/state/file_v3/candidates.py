"""`gate`, `evidence` and `prefer` of a service: what is asked of a candidate before it takes the service."""

from typing import NamedTuple

from coordinator.policy import EVIDENCE, EvidencePolicy, GatePolicy
from protocol.stored.table import Table, need, table, text, words
from protocol.stored.values import positive_ms


class Asked(NamedTuple):
    """The fields of a service that this file reads."""

    gate: GatePolicy | None
    evidence: EvidencePolicy | None
    prefer: str
    evidence_window_ms: int


def asked_of_candidates(it: Table) -> Asked:
    asked = Asked(
        it.take("gate", _gate, None),
        it.take("evidence", _evidence, None),
        it.take("prefer", words("order", EVIDENCE), "order"),
        it.take("evidence_window", positive_ms, 2000),
    )
    need(asked.evidence is not None or asked.prefer != EVIDENCE, "numbers are compared that no script gives")
    return asked


def _gate(value: object) -> GatePolicy:
    it = table(value)
    found = GatePolicy(it.take("script", _script), it.take("timeout", positive_ms, 2000), it.take("every", positive_ms, 5000))
    it.done()
    return found


def _evidence(value: object) -> EvidencePolicy:
    it = table(value)
    found = EvidencePolicy(
        it.take("script", _script),
        it.take("timeout", positive_ms, 500),
        it.take("every", positive_ms, 1000),
        it.take("max_age", positive_ms, 60_000),
    )
    it.done()
    return found


def _script(value: object) -> str:
    path = text(value)
    need(path.startswith("/"), "a script without an absolute path")
    return path
