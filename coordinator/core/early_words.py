"""Last words whose claim is not here: the network may have let the word overtake it, or nobody has made it.

    early.keep(given)                       # it names a claim that its node's feed does not have here
    given = early.take(node, service)       # the claim has come: what was kept of it
    early.tick()                            # with each heartbeat: what no claim will follow is told to people

The newest word of each node and service is kept, and none is written down: else each number that a thief signs would be an
event of ours.
"""

from typing import NamedTuple

from coordinator.alarms.names import AlarmName
from coordinator.core.context import Context
from coordinator.core.effects import Alarm
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.inputs import LastWordHeard
from coordinator.state.model import Judgement


class Early(NamedTuple):
    newest: LastWordHeard
    first_epoch: int
    """Of the first word that was kept here since a claim came: the claim of that one is looked for."""
    since_ms: int


class EarlyWords:
    def __init__(self, context: Context, liveness: FailureDetector) -> None:
        self.context, self.liveness = context, liveness
        self.waiting: dict[tuple[str, str], Early] = {}
        """By node and service."""

    def keep(self, given: LastWordHeard) -> None:
        word, now_ms = given.word.message, self.context.now_ms
        known = self.waiting.get((word.node, word.service))
        same = known is not None and known.newest.word.message.run == word.run
        first = (known.first_epoch, known.since_ms) if known and same else (word.epoch, now_ms)
        self.waiting[(word.node, word.service)] = Early(given, *first)

    def take(self, node: str, service: str) -> LastWordHeard | None:
        early = self.waiting.pop((node, service), None)
        return early.newest if early else None

    def tick(self) -> None:
        """A word ends a claim that is on its node's disk, and a heartbeat names what is there: where that is read here, and
        `dead` has passed, no claim follows.

        A word of another run is no such thing: a guard may say the last one of a run that is over.
        """
        unfounded = [key for key, early in self.waiting.items() if self._is_unfounded(*key, early)]
        for node, service in unfounded:
            epoch = self.waiting.pop((node, service)).first_epoch
            text = f"{node} says that epoch {epoch} of {service} is over, and has never claimed it: nothing rests on it"
            self.context.emit(Alarm(AlarmName.NO_AUTHORITY, text, service=service, node=node))

    def _is_unfounded(self, node: str, service: str, early: Early) -> bool:
        context = self.context
        column = context.state.column(node)
        if context.now_ms - early.since_ms < context.policy.timing.dead_ms or column.run != early.newest.word.message.run:
            return False
        if column.service(service).epoch >= early.first_epoch or node not in self.liveness.peers:
            return False
        return self.liveness.judgement(node, context.now_ms) is Judgement.ALIVE and self._is_read(node)

    def _is_read(self, node: str) -> bool:
        """All that its newest heartbeat names of its own feed is here."""
        newest = self.liveness.peers[node].newest
        head = newest.message.heads.get(node) if newest else None
        return head is not None and self.context.feeds.behind(node, head) is None
