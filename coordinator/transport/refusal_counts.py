"""Every refusal, counted by peer, link and reason: never a crash, and never silence.

    tally.count("genesis", "lan", refused)      # the first of its kind is logged as a warning, the rest are only counted
    tally.of("genesis", "lan")                  # {"replayed": 3}

The peer is "?" while no name is proved.
"""

import logging
from collections import Counter

from protocol.refusals import Reason, Refused

STRANGER = "?"

log = logging.getLogger("failover.links")


class RefusalCounts:
    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counter[Reason]] = {}

    def count(self, peer: str, link: str, refused: Refused) -> None:
        """One message refused. Powers of two are logged: a flood writes twenty lines, not a million."""
        counts = self._counts.setdefault((peer, link), Counter())
        counts[refused.reason] += 1
        number = counts[refused.reason]
        if number & (number - 1) == 0:
            log.warning("refused from %s on link %s (%d times): %s", peer, link, number, refused)

    def of(self, peer: str, link: str) -> dict[str, int]:
        """Reason to count, in the order of the reasons' names."""
        counts = self._counts.get((peer, link), Counter())
        return {reason.value: counts[reason] for reason in sorted(counts)}

    def strangers(self) -> list[str]:
        """The links on which an unknown machine was refused."""
        return sorted(link for peer, link in self._counts if peer == STRANGER)
