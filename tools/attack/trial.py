"""One attack: played while the holder serves, while it dies, while the other takes over, and while it comes back.

    result = play(stage, attack)
    result.flaws            # what must not have happened, in words; empty where the attack did nothing
"""

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tools.attack.attacks import Attack
from tools.attack.stage import Stage
from tools.attack.victims import HONEST, THIEF, Held

WATCH_S = 1.4
"""More than `dead` after the attack has begun: what it makes the honest nodes believe, they have acted upon."""

LEFT_S = 1.5
"""For an attack that takes longer to begin with, until the holder dies."""

NAMED_S = 5.0
"""So long it goes on where nothing has named it yet: on a busy machine a flood takes its time to go past a quota."""

TAKEN_S = 5.0
BACK_S = 15.0
"""Within so long a failover, and the way back after a start, have happened or do not happen at all."""

ACCUSING = frozenset({"no-authority", "encoding", "quota", "fork", "config-differs", "peer-unfit"})
"""Alarms that say of a peer that something is wrong with what it says; that its cable is out does not count."""

DISK_MAX = 24 * 2**20
MEMORY_MAX = 96 * 2**20
"""What one attack of some seconds may cost each honest node. Without limits: 16 MB of disk a second."""


@dataclass(slots=True)
class Result:
    attack: Attack
    candidate: bool
    moves: int = 0
    two_owners_ms: float = 0.0
    overlaps: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    failover_ms: float | None = None
    back_ms: float | None = None
    disk: int = 0
    memory: int = 0
    refused: int = 0
    alarms: list[str] = field(default_factory=list)
    unaudited: str = ""
    """What `failaudit verify` said instead of an answer about the logs in which the attack stands."""
    found: list[str] = field(default_factory=list)
    written: dict[int, range] = field(default_factory=dict)
    """Incarnation to the numbers of the events that the thief wrote into it meanwhile."""

    @property
    def named(self) -> bool:
        return bool(self.refused or self.alarms or self.found)

    @property
    def flaws(self) -> list[str]:
        """What must not be, in words."""
        return self.damage + (["nothing names it"] if not self.named and not self.attack.unnamed else [])

    @property
    def damage(self) -> list[str]:
        said = [
            (self.moves != 0, f"{self.moves} moves"),
            (self.two_owners_ms > 0, f"two owners for {self.two_owners_ms:.0f} ms: {'; '.join(self.overlaps)}"),
            (bool(self.ended), f"ended: {', '.join(self.ended)}"),
            (bool(self.unaudited), f"failaudit verify gave no answer: {self.unaudited}"),
            (self.failover_ms is None, "no failover"),
            (self.failover_ms is not None and self.back_ms is None, "no way back"),
            (self.disk > DISK_MAX, f"{self.disk / 2**20:.0f} MB of disk"),
            (self.memory > MEMORY_MAX, f"{self.memory / 2**20:.0f} MB of memory"),
        ]
        return [words for wrong, words in said if wrong]


def play(stage: Stage, attack: Attack) -> Result:
    """What it did. The honest nodes are to be begun anew where it did anything."""
    victims = stage.victims
    result = Result(attack, stage.candidate)
    stage.anew()
    begun = stage.thief.written()
    watched = Watched(stage)
    sizes = {name: node.size() for name, node in victims.nodes.items()}
    began_ns = time.time_ns()
    task = stage.play(attack)
    victims.until(task.done, LEFT_S)
    time.sleep(WATCH_S)
    _look(stage, result, watched)
    _fail_over(stage, result)
    if not attack.unnamed and not result.named:
        victims.until(watched.alarms, NAMED_S)
    _look(stage, result, watched)
    task.cancel()
    ends = stage.thief.written()
    result.written = {feed: range(begun.get(feed, 0) + 1, last + 1) for feed, last in ends.items()}
    grown = [tuple(now - then for now, then in zip(node.size(), sizes[name])) for name, node in victims.nodes.items()]
    result.disk, result.memory = (max(column) for column in zip(*grown))
    judge(result, [held for held in victims.owners("web") if held.to_ns > began_ns])
    return result


def _fail_over(stage: Stage, result: Result) -> None:
    """The holder loses its power under attack, and comes back."""
    victims = stage.victims
    holder = victims.nodes["lukretia"]
    if result.ended or victims.serving("web") != ("lukretia",):
        return
    off_ns = holder.power_off()
    if not victims.until(lambda: "genesis" in victims.serving("web"), TAKEN_S):
        return
    result.failover_ms = (time.time_ns() - off_ns) / 1e6
    holder.start()
    on = time.monotonic()
    if victims.until(lambda: victims.serving("web") == ("lukretia",) and _is_up(stage), BACK_S):
        result.back_ms = (time.monotonic() - on) * 1000


def _is_up(stage: Stage) -> bool:
    said = stage.victims.nodes["lukretia"].status()
    return bool(said) and said["services"]["web"]["owners"] == ["lukretia"]


class Watched:
    """What the honest nodes say of the thief from here on: alarms by their logs, refusals by their own counts."""

    def __init__(self, stage: Stage):
        self._nodes = stage.victims.nodes
        self._begin = {name: node.log.stat().st_size for name, node in self._nodes.items()}
        self._counted: dict[tuple[str, int], int] = {}
        self.refusals()

    def refusals(self) -> int:
        """How many more there are than at the last look, under the thief's name or a stranger's; a process that is new counts
        from nothing, and one that does not answer is asked again at the next look."""
        more = 0
        for name, node in self._nodes.items():
            life, count = (name, node.process_id), node.refused(THIEF, "?")
            if count is not None:
                more += count - self._counted.get(life, 0)
                self._counted[life] = count
        return more

    def alarms(self) -> set[str]:
        told = (node.alarmed(THIEF, self._begin[name]) for name, node in self._nodes.items())
        return set().union(*told) & ACCUSING


def _look(stage: Stage, result: Result, watched: Watched) -> None:
    for name, node in stage.victims.nodes.items():
        if node.on and not node.running and name not in result.ended:
            result.ended.append(name)
    result.alarms = sorted(watched.alarms())
    result.refused += watched.refusals()


def judge(result: Result, held: list[Held]) -> None:
    """The node that serves next must be the one whose turn it is: genesis after the death, lukretia after its start."""
    expected = 1 + (result.failover_ms is not None) + (result.back_ms is not None)
    result.moves = max(0, len(held) - expected)
    for one, other in pairwise(held):
        both_ns = min(one.to_ns, other.to_ns) - other.from_ns
        if one.node != other.node and both_ns > 0:
            result.two_owners_ms += both_ns / 1e6
            ended = f"{one.node} epoch {one.epoch} until {both_ns / 1e6:.0f} ms"
            result.overlaps.append(f"{ended} after {other.node} epoch {other.epoch}")


def find(results: list[Result], findings: list[dict[str, Any]]) -> None:
    """The auditor's findings, each to the attack that wrote the event."""
    for result in results:
        for finding in findings:
            if finding["node"] == THIEF and finding["number"] in result.written.get(finding["incarnation"], ()):
                result.found.append(finding["kind"])
            elif finding["kind"] in ("traceback", "unreadable"):
                result.unaudited = finding["text"]


__all__ = ["HONEST", "Result", "find", "judge", "play"]
