"""An etcd cluster in virtual time: keys, revisions and leases, as much of them as `coordinator.arbiter` asks for.

    etcd = Etcd()
    answer = etcd.answer("genesis", run, question, now_us)      # what a client makes of its answer
    etcd.down(); etcd.back(now_us); etcd.restore(now_us - 5_000_000, now_us)

An answer may be lost or come late on its way: that is the network's affair. What is asked for is done, or not, at one instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coordinator.core.quorum.arbiter import Dropped, Holding, Kept, Refusal, Refused, Said, Seen, Sight, Taken
from coordinator.core.quorum.arbitration import Drop, Keep, Look, Question, Take

SECOND_US = 1_000_000
CLUSTER = 0xE7CD
HISTORY_MAX = 10_000


@dataclass(frozen=True)
class Store:
    """All that a snapshot has."""

    revision: int = 1
    holders: Mapping[str, Holding] = field(default_factory=dict)
    epochs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Service to the largest epoch that was put, and the revision at which it was."""
    leases: Mapping[int, int] = field(default_factory=dict)
    """Lease to its seconds."""


class Etcd:
    def __init__(self, drift_ppm: int = 0) -> None:
        """`drift_ppm`: by how much its clock is faster than the world's."""
        self.store, self.cluster, self.is_down = Store(), CLUSTER, False
        self._rate = 1_000_000 + drift_ppm
        self._ends_us: dict[int, int] = {}
        """By the world's clock. Of no snapshot: a leader that begins counts each lease anew."""
        self._past: list[tuple[int, Store]] = [(0, self.store)]
        self._leases_given = 0

    # --- accidents ---------------------------------------------------------------------------------------------------

    def down(self) -> None:
        """No quorum: nothing is answered, and nothing ends."""
        self.is_down = True

    def back(self, now_us: int) -> None:
        """With a new leader, by whom each lease has its whole time again."""
        self.is_down = False
        self.elect(now_us)

    def written_by_others(self, revision: int) -> None:
        """What is not ours has raised the revision."""
        self._write(replace(self.store, revision=max(revision, self.store.revision)), 0)

    def look(self, service: str, now_us: int) -> Seen:
        self._expire(now_us)
        return self._seen(service)

    def set_drift(self, drift_ppm: int) -> None:
        self._rate = 1_000_000 + drift_ppm

    def elect(self, now_us: int) -> None:
        self._expire(now_us)
        self._ends_us = {lease: self._after(seconds, now_us) for lease, seconds in self.store.leases.items()}

    def restore(self, at_us: int, now_us: int, cluster: int | None = None) -> None:
        """As it was at `at_us`; under another id where one is given."""
        self._expire(now_us)
        then = [store for since_us, store in self._past if since_us <= at_us]
        self.store = then[-1] if then else self._past[0][1]
        self.cluster = cluster or self.cluster
        self._past.append((now_us, self.store))
        self.back(now_us)

    # --- what is asked -----------------------------------------------------------------------------------------------

    def answer(self, node: str, run: bytes, question: Question, now_us: int) -> Said:
        if self.is_down:
            return Refused(Refusal.NO_QUORUM, "the simulated etcd has no quorum")
        self._expire(now_us)
        service, what = question.service, question.what
        known = what.seen.sight if isinstance(what, Take) else what.known
        if known is not None and (odd := known.went_back(self.sight)):
            return Refused(odd, "the simulated etcd was restored", self.sight)
        match what:
            case Look():
                return self._seen(service)
            case Take():
                return self._take(Holding(node, run, what.epoch, 0), service, what, now_us)
            case Keep():
                return self._keep(service, what, now_us)
            case Drop():
                self._revoke(what.lease, now_us)
                return Dropped(self.sight)

    @property
    def sight(self) -> Sight:
        return Sight(self.cluster, self.store.revision)

    def _seen(self, service: str) -> Seen:
        epoch, modified = self.store.epochs.get(service, (0, 0))
        return Seen(self.sight, self.store.holders.get(service), epoch, modified)

    def _take(self, who: Holding, service: str, what: Take, now_us: int) -> Said:
        self._leases_given += 1
        lease = self._leases_given
        self._ends_us[lease] = self._after(what.seconds, now_us)
        leases = {**self.store.leases, lease: what.seconds}
        if service in self.store.holders or self.store.epochs.get(service, (0, 0))[1] != what.seen.modified:
            self._write(replace(self.store, leases=leases), now_us)
            return self._seen(service)
        revision = self.store.revision + 1
        holders = {**self.store.holders, service: who._replace(lease=lease)}
        epochs = {**self.store.epochs, service: (who.epoch, revision)}
        self._write(Store(revision, holders, epochs, leases), now_us)
        return Taken(self.sight, lease, who.epoch)

    def _keep(self, service: str, what: Keep, now_us: int) -> Said:
        held = self.store.holders.get(service)
        if what.lease not in self.store.leases or held is None or held.lease != what.lease:
            return Refused(Refusal.LEASE_LOST, "the simulated etcd knows this lease no more")
        self._ends_us[what.lease] = self._after(what.seconds, now_us)
        return Kept(self.sight)

    def _revoke(self, lease: int, now_us: int) -> None:
        if lease not in self.store.leases:
            return
        leases = {name: seconds for name, seconds in self.store.leases.items() if name != lease}
        holders = {name: held for name, held in self.store.holders.items() if held.lease != lease}
        gone = len(holders) < len(self.store.holders)
        self._ends_us.pop(lease, None)
        self._write(Store(self.store.revision + gone, holders, self.store.epochs, leases), now_us)

    def _expire(self, now_us: int) -> None:
        for lease, ends_us in sorted(self._ends_us.items(), key=lambda each: (each[1], each[0])):
            if ends_us <= now_us and not self.is_down:
                self._revoke(lease, now_us)

    def _after(self, seconds: int, now_us: int) -> int:
        """etcd ends no lease before its time by its own clock, and may be a moment late."""
        return now_us + seconds * SECOND_US * 1_000_000 // self._rate

    def _write(self, store: Store, now_us: int) -> None:
        self.store = store
        self._past = [*self._past, (now_us, store)][-HISTORY_MAX:]
