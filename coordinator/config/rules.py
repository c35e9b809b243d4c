"""What the values of failover.toml say about each other: every rule there is, in the order in which people think of them.

    found = list(findings(reading))

A rule is a function from a `Reading` to what it finds; none raises, none reads a file, none knows about lines.
"""

from collections.abc import Callable, Iterator

from coordinator.config import (
    arbiter_rules,
    candidate_rules,
    fence_rules,
    later_rules,
    node_rules,
    people_rules,
    relation_rules,
    service_rules,
)
from coordinator.config.complaints import Finding
from coordinator.config.reading import Reading

Rule = Callable[[Reading], Iterator[Finding]]

ALL: tuple[Rule, ...] = (
    *node_rules.RULES,
    *fence_rules.RULES,
    *arbiter_rules.RULES,
    *service_rules.RULES,
    *candidate_rules.RULES,
    *relation_rules.RULES,
    *people_rules.RULES,
    *later_rules.RULES,
)


def findings(reading: Reading) -> Iterator[Finding]:
    """What a node must not run with."""
    for rule in ALL:
        yield from rule(reading)
