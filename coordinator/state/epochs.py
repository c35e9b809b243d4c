"""The epochs that were ever claimed, over all feeds and all their incarnations: a number given once is never given again.

    epochs.known("web")                                     # the largest one that counts
    epochs = epochs.claimed("web", ("genesis", 7), 12)      # one more claim or reclaim
    epochs.claimed("db", feed, 9_000_000, ahead=AHEAD_BY_ARBITER)

A node that lost its disk and begins a new incarnation forgets what it had claimed; its peers do not. And no claim may use up
the numbers: one that is more than AHEAD_MAX above all that count waits until the numbers between are known (AHEAD_BY_ARBITER
where a file that counts lets an arbiter decide). Claims of a node
that is a candidate by no file which counts are put aside, and count as soon as it is one by any. So what counts depends on
the claims and the files alone, and not on the order in which they come.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from coordinator.state.replacing import replace

AHEAD_MAX = 1_000
"""A claim takes the number after the largest that its author knew. So many claims may be lost with every disk that had them
before a service would need an operator; a thief that raises the number by as many with every event still needs longer than
the machines will last to come to 2^53."""

AHEAD_BY_ARBITER = 2**40
"""Under `arbiter` a claim takes the number after etcd's revision, which all users of that etcd raise together: a thousand
million in a day. A thief that raises the number by as many with every claim needs 8,192 of them to use all up; it has etcd's
password too, and can write the last number there at once."""

WAITING_MAX = 64
"""Claims of each service that are too far ahead: the lowest ones, since they are reached first."""

ASIDE_MAX = 2_000
"""Services and incarnations of one node that are kept aside: two files of a thousand services that are not known here yet. The
first by name are kept, so that the order of arrival does not matter, and one node does not crowd out another."""

Feed = tuple[str, int]

T = TypeVar("T")


@dataclass(frozen=True)
class Epochs:
    counted: Mapping[str, Mapping[Feed, int]] = field(default_factory=dict)
    """Service and feed to the largest epoch of that feed that counts."""
    waiting: Mapping[str, tuple[tuple[int, Feed], ...]] = field(default_factory=dict)
    """Service to the claims that are too far ahead, lowest first."""
    aside: Mapping[str, Mapping[tuple[str, int], int]] = field(default_factory=dict)
    """Node to service and incarnation to the largest epoch claimed there: of nodes that are no candidates by any file here."""

    def known(self, service: str) -> int:
        """The largest epoch that counts; 0 where the service was never claimed."""
        return max(self.counted.get(service, {}).values(), default=0)

    def claimed(self, service: str, feed: Feed, epoch: int, ahead: int = AHEAD_MAX) -> "Epochs":
        """`ahead`: how far above all that count a claim of this service may be, by the files that count."""
        if not self.waiting.get(service) and epoch <= self.known(service) + ahead:
            return self._with(service, {**self.counted.get(service, {}), feed: max(epoch, self._of(service, feed))}, ())
        return self._looked(service, {*self.waiting.get(service, ()), (epoch, feed)}, ahead)

    def _looked(self, service: str, claims: Iterable[tuple[int, Feed]], ahead: int) -> "Epochs":
        counted, waiting = dict(self.counted.get(service, {})), list[tuple[int, Feed]]()
        for number, by in sorted(claims):
            if number <= max(counted.values(), default=0) + ahead:
                counted[by] = max(number, counted.get(by, 0))
            else:
                waiting.append((number, by))
        return self._with(service, counted, tuple(waiting[:WAITING_MAX]))

    def put_aside(self, service: str, feed: Feed, epoch: int) -> "Epochs":
        node, incarnation = feed
        theirs = self.aside.get(node, {})
        kept = {**theirs, (service, incarnation): max(epoch, theirs.get((service, incarnation), 0))}
        if len(kept) > ASIDE_MAX:
            del kept[max(kept)]
        return replace(self, aside={**self.aside, node: kept})

    def with_files(self, is_candidate: Callable[[str, str], bool], ahead: Callable[[str], int]) -> "Epochs":
        """`is_candidate(node, service)` and `ahead(service)` by the files that count now: what was put aside of those that are
        candidates counts, and so does what is not too far ahead any more."""
        epochs = self
        for service in [name for name, waiting in self.waiting.items() if waiting and ahead(name) > AHEAD_MAX]:
            epochs = epochs._looked(service, self.waiting[service], ahead(service))
        return epochs._admitted(is_candidate, ahead)

    def _admitted(self, is_candidate: Callable[[str, str], bool], ahead: Callable[[str], int]) -> "Epochs":
        left, admitted = dict[str, Mapping[tuple[str, int], int]](), list[tuple[int, str, Feed]]()
        for node, theirs in self.aside.items():
            able = {service for service, _ in theirs if is_candidate(node, service)}
            admitted += [(epoch, name, (node, number)) for (name, number), epoch in theirs.items() if name in able]
            if kept := {key: epoch for key, epoch in theirs.items() if key[0] not in able}:
                left[node] = kept
        if not admitted:
            return self
        epochs = replace(self, aside=left)
        for epoch, service, feed in sorted(admitted):
            epochs = epochs.claimed(service, feed, epoch, ahead(service))
        return epochs

    def _of(self, service: str, feed: Feed) -> int:
        return self.counted.get(service, {}).get(feed, 0)

    def _with(self, service: str, counted: Mapping[Feed, int], waiting: tuple[tuple[int, Feed], ...]) -> "Epochs":
        return replace(self, counted=_put(self.counted, service, counted), waiting=_put(self.waiting, service, waiting))


def _put(known: Mapping[str, T], service: str, value: T) -> Mapping[str, T]:
    """A service without a value has no entry."""
    if not value and service not in known:
        return known
    changed = {**known, service: value}
    if not value:
        del changed[service]
    return changed
