"""A claim between its decision and its first action: it waits for the disk and the guard, and the table must still say so.

claims.confirmed(job, "durable")            # True where it has all that it needs now
claims.launch(job, seen)                    # up, or reconsidered
"""

from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.inputs import Guarded
from coordinator.core.rounds import Round, Rounds
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.core.services import Services
from coordinator.decision.decide import Act, Decision, decide
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import Timing
from coordinator.state.model import ServicePhase
from protocol.invariant import InvariantBroken, must
from protocol.moment import lasting

PASSING = frozenset({"not-current", "in-doubt"})
"""Answers that pass by themselves: an event of a peer is on its way, a peer is late. A claim that stands waits for them up to
`dead` and asks again; to give it up at once would make a busy cluster claim, release and claim."""

CLAIM_DEADS, CLAIM_MS_MIN = 4, 2_000
"""A claim that the disk has not taken within so many times `dead`, and this time at least, is withdrawn. A slow disk takes half
a second for a commit, and a claim may wait for the commit before it: a service that came back meanwhile would go to and fro.
A node whose disk needs longer should not serve."""


def patience_ms(timing: Timing) -> int:
    """How long a claim may be on its way to the disk: others wait as long, for as long as we say that we claim."""
    return max(CLAIM_DEADS * timing.dead_ms, CLAIM_MS_MIN)


class Claims:
    def __init__(self, context: Context, services: Services, rounds: Rounds) -> None:
        self.context, self.services, self.rounds = context, services, rounds

    def guarded(self, given: Guarded) -> News | None:
        """None where the claim waits for the disk all the same."""
        was_mute = self.services.guard_confirms()
        job = self.services.jobs.get(given.service)
        if job is not None and job.holding.epoch == given.epoch and self.confirmed(job, "guard"):
            return News(frozenset({given.service}))
        return NOTHING_ELSE if was_mute else None

    def confirmed(self, job: Job, what: str, took_us: int = 0) -> bool:
        """A claim or reclaim is durable, or guarded. True where it has all that it needs now."""
        if not job.confirmed(what, took_us):
            return False
        if job.phase is Phase.ARMED:
            # it asks the table itself: the table is not asked again before the first action runs
            self.launch(job, self.rounds.look_round())
        return True

    def launch(self, job: Job, seen: Round) -> None:
        """The claim is durable and guarded: only where the table says the same, now, does the first action run."""
        context, name, holding = self.context, job.policy.name, job.holding
        must(job.phase is Phase.ARMED and not holding.waits, f"{name} is launched when its claim stands, not {job.phase.name}")
        before = context.state.with_column(context.column.with_service(name, holding.before))
        now = self.rounds.case(name, seen)
        again = decide(Snapshot(before, context.policy, context.me, name, now.given))
        if holding.decision is None:
            raise InvariantBroken("a claim has a decision")
        if again.same_as(holding.decision):
            job.raise_all()
            return
        if again.rule in PASSING and context.now_ms < holding.stands_ms + context.policy.timing.dead_ms:
            return
        reason = f"when the claim was durable, the table no longer said claim: {again.reason}"
        self.services.timers[name].settle(context.now_ms + context.policy.timing.heartbeat_ms)  # it shall not spin
        release = Decision("reconsidered", Act.RELEASE, reason, again.causes, ServicePhase.RECOVER, "reconsidered")
        job.release(release, now.given)

    def withdraw(self, job: Job) -> None:
        """Nothing of it has run, and nothing will: a peer that waits for us hears that we claim no longer, and may take it."""
        reason = f"the disk has not taken it within {lasting(self.context.now_ms - job.holding.armed_ms)}"
        release = Decision("withdrawn-claim", Act.RELEASE, reason, job.holding.claim, ServicePhase.RECOVER, "reconsidered")
        job.release(release, self.rounds.given())

    def give_up(self, job: Job) -> None:
        """Nothing of it is up, and nothing may come up that no guard would take down: it is for a node whose guard confirms."""
        self.services.guard_is_mute()
        waited = lasting(self.context.now_ms - job.holding.stands_ms)
        reason = f"the guard has not confirmed it within {waited}, and nothing runs without a guard"
        release = Decision("unguarded", Act.RELEASE, reason, job.holding.claim, ServicePhase.RECOVER, "unguarded")
        job.release(release, self.rounds.given())
