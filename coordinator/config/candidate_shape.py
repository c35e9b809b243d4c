"""The shape of what is asked of a candidate before it takes a service: `gate`, `evidence` and `prefer`."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from coordinator.config.durations import written
from coordinator.config.shape_types import Duration, Shape, wrong
from coordinator.policy import EVIDENCE

WAYS = ("order", EVIDENCE)


def _way(value: object) -> object:
    if value in WAYS:
        return value
    raise wrong(f'"{written(value)[:40]}" is not one of the choices', f'Write "{WAYS[0]}" or "{WAYS[1]}"')


class GateShape(Shape):
    script: str = Field(description="Exit 0: this node may take the service.", examples=["/etc/failover/gate"])
    timeout: Duration = Field(2000, description="A run that takes longer refuses.", examples=["2s"])
    every: Duration = Field(5000, description="From one run to the next, on a node that has it not.", examples=["5s"])


class EvidenceShape(Shape):
    script: str = Field(description="Prints one whole number: the more, the better.", examples=["/etc/failover/lag"])
    timeout: Duration = Field(500, description="A run that takes longer gives no number.", examples=["500ms"])
    every: Duration = Field(1000, description="From one run to the next, on a node that has it not.", examples=["1s"])
    max_age: Duration = Field(60_000, description="An older number counts no more.", examples=["1m"])


class CandidatesShape(Shape):
    gate: GateShape | None = Field(None, description="A script that may refuse the service on a node that has it not.")
    evidence: EvidenceShape | None = Field(None, description="A script that says by a number how fit such a node is.")
    prefer: Annotated[str, BeforeValidator(_way), WithJsonSchema({"type": "string", "enum": list(WAYS)})] = Field(
        "order", description="Who takes it over: the first in order, or the largest number.", examples=["evidence"]
    )
    evidence_window: Duration = Field(2000, description="How long at most numbers are collected.", examples=["2s"])

    @property
    def scripts(self) -> dict[str, str]:
        """Key to the program that is run for it."""
        asked = {"gate": self.gate, "evidence": self.evidence}
        return {key: table.script for key, table in asked.items() if table is not None}
