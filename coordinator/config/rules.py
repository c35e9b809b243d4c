"""What the values of failover.toml say about each other: every rule there is, in the order in which people think of them.

    found = list(findings(reading))             # of a file that a node is to run
    found = list(findings(reading, LOGGED))     # of one that stands in a log

A rule is a function from a `Reading` to what it finds; none raises, none reads a file, none knows about lines.
"""

from collections.abc import Callable, Iterator, Sequence

from coordinator.config import node_rules, people_rules, service_rules
from coordinator.config.complaints import Finding
from coordinator.config.reading import Reading

Rule = Callable[[Reading], Iterator[Finding]]

LOGGED = (*node_rules.RULES, *service_rules.RULES, *people_rules.RULES)
"""What every file in a log has passed. A rule that comes later does not belong here: history that was lawful stays readable."""

ALL = (*LOGGED, *node_rules.LATER_RULES, *service_rules.LATER_RULES, *people_rules.LATER_RULES)


def findings(reading: Reading, rules: Sequence[Rule] = ALL) -> Iterator[Finding]:
    """What these rules find."""
    for rule in rules:
        yield from rule(reading)
