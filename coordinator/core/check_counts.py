"""Counting checks: `fall` failures in a row are for good, `rise` passes in a row end that."""

from dataclasses import dataclass, field

from coordinator.core.inputs import CheckFinished
from coordinator.policy import ServicePolicy
from protocol.event import Ref
from protocol.events import OnFail


@dataclass(slots=True)
class Counts:
    """The checks of one service while it is up."""

    policy: ServicePolicy
    row: dict[int, int] = field(default_factory=dict)
    """Check to its run of equal results: positive passes, negative failures."""
    bad: set[int] = field(default_factory=set)
    """Checks that have failed for good."""
    told: set[int] = field(default_factory=set)
    """The same of those that only tell: a restart makes none of them good."""
    began: Ref | None = None
    """The claim of the holding in which these were told."""

    def configure(self, policy: ServicePolicy) -> None:
        """The same checks, in a newer file."""
        self.policy = policy

    def reset(self) -> None:
        self.row.clear()
        self.bad.clear()

    def all_well(self) -> bool:
        """Whether every check has passed so often in a row that it is good; while the service is out that ends its FAIL."""
        counted = [(number, check) for number, check in enumerate(self.policy.checks) if check.on_fail != OnFail.TELL]
        return all(self.row.get(number, 0) >= check.rise for number, check in counted)

    def begin(self, began: Ref | None) -> None:
        """In another holding nothing has been told."""
        if began != self.began:
            self.began = began
            self.told.clear()

    def put_off(self, check: int) -> None:
        """Nothing follows yet: the next failure asks again."""
        self.bad.discard(check)

    def asks(self, found: CheckFinished) -> bool:
        """Whether this check is still configured: its last run may have ended just when the list was changed."""
        known = self.policy.checks[found.check : found.check + 1]
        return bool(known) and found.asked in (None, known[0])

    def count(self, check: int, passed: bool) -> str:
        """ "fell" where this result makes the check fail for good, "rose" where it is good again, "first" for the
        first failure in a row, else empty."""
        spec = self.policy.checks[check]
        failed = self.told if spec.on_fail == OnFail.TELL else self.bad
        run = self.row.get(check, 0)
        run = max(run, 0) + 1 if passed else min(run, 0) - 1
        self.row[check] = run
        if not passed and -run >= spec.fall and check not in failed:
            failed.add(check)
            return "fell"
        if passed and run >= spec.rise and check in failed:
            failed.discard(check)
            return "rose"
        return "first" if run == -1 and check not in failed else ""
