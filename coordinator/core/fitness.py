"""Whether this node is fit to take anything, and why not: in one sentence, which its heartbeats and the table go by."""

from coordinator.core.context import Context
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.services import Services
from coordinator.state import ownership
from coordinator.state.model import Judgement

DISK_REFUSES = "its disk refuses to write"
DISK_HANGS = "its disk hangs"
GUARD_GONE = "it has no living guard"
GUARD_MUTE = "its guard confirms nothing"
REMOVED = "it was removed from the configuration"
OUTDONE = "others know a newer incarnation of its feed, and it begins one above that"


class Fitness:
    def __init__(self, context: Context, liveness: FailureDetector, services: Services) -> None:
        self.context, self.liveness, self.services = context, liveness, services
        self.stalled_until_ms = 0

    def stalled(self) -> None:
        """This node did not run: it looks before it claims."""
        self.stalled_until_ms = self.context.now_ms + self.context.policy.timing.indoubt_ms

    @property
    def unfit_because(self) -> str:
        """Why this node takes nothing now; empty where it is fit."""
        context = self.context
        if not context.joined:
            return "it is still reading its own feed"
        if context.writer.superseded:
            return OUTDONE
        if ownership.removed(context.state, context.me):
            return REMOVED
        if context.disk_refuses:
            return DISK_REFUSES
        if context.writer.hangs_ms(context.now_ms) >= context.policy.timing.dead_ms:
            return DISK_HANGS
        if not self.services.guard_alive:
            return GUARD_GONE
        if self.services.guard_mute:
            return GUARD_MUTE
        if context.now_ms < self.stalled_until_ms:
            return "it did not run for a while, and looks first"
        unheard = self._unheard()
        return f"it has not heard {unheard} since its start" if unheard else ""

    def _unheard(self) -> str:
        """A candidate beside us that was not heard in this run, and may hold something: we would wait, and say so."""
        for name, peer in self.liveness.peers.items():
            unheard = name in self.context.beside and peer.heard_ms is None
            if unheard and self.liveness.judgement(name, self.context.now_ms) is Judgement.INDOUBT:
                return name
        return ""

    @property
    def fit(self) -> bool:
        return not self.unfit_because
