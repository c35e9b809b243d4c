"""What a trial found: figures and sentences; or that something was not as it should be."""

from dataclasses import dataclass, field


class CaseFailed(Exception):
    """What should have been so and was not, in words that name the node and the client."""


@dataclass
class Findings:
    """What the trials of a case measured: outages in ms, requests lost in each move and crash, and sentences."""

    planned_ms: list[float] = field(default_factory=list)
    crash_ms: list[float] = field(default_factory=list)
    crash_address_ms: list[float] = field(default_factory=list)
    """The outage of the bare address in the same crashes, as ICMP saw it."""
    lost_in_move: list[int] = field(default_factory=list)
    lost_in_crash: list[int] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What the client kept or lost otherwise: one short sentence a trial."""
    tool_late_ms: float = 0.0
    """How late the client itself asked at worst."""
