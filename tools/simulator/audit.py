"""The auditor's own verify, over the logs of all simulated machines together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coordinator.trust import beginning
from store.findings import Finding, Flaw
from store.merge import Source, merge
from store.verify_log import Row
from store.walk import Feed, Odd
from tools.audit.evidence import Evidence
from tools.audit.history import History
from tools.audit.quick import verdict_of
from tools.audit.verify import findings_of
from tools.simulator.world import World

KINDS = tuple(str(kind) for kind in Flaw)


class TwoAnswers(Exception):
    """The auditor finds one thing where it plays a history, and another where it holds the history in memory."""


def audited(world: World) -> list[Finding]:
    """Every finding, as `failaudit verify DIR...` gives them for these disks. Raises TwoAnswers."""
    policy = world.policy
    sources = [Source(name, _rows(world, name)) for name in world.hosts]
    merged = merge(sources, world.keys.keyring, policy.cluster_id)
    played = [entry for entry in merged.entries if entry.id in merged.attested]
    begin = beginning(policy, played, world.keys.keyring)
    whole = findings_of(Evidence(policy, merged, History(played, begin)))
    quick = _quick(world, sources)
    if quick is not None and quick != whole:
        raise TwoAnswers(f"played: {quick}; held: {whole}")
    return whole


def _quick(world: World, sources: Sequence[Source]) -> list[Finding] | None:
    try:
        logs = [_Log.of(source.rows) for source in sources]
        return list(verdict_of(logs, world.policy, world.keys.keyring).findings)
    except Odd:
        return None


def unplayed(world: World) -> list[str]:
    """The sound logs of these disks, each alone and all together, that look odd when they are played. None should."""
    sources = [Source(name, _rows(world, name)) for name in world.hosts]
    return [
        " and ".join(source.name for source in some)
        for some in (sources, *([source] for source in sources if source.rows))
        if _quick(world, some) is None and not merge(some, world.keys.keyring, world.policy.cluster_id).findings
    ]


@dataclass(frozen=True, slots=True)
class _Log:
    """A log in memory: `store.proved.Log`."""

    feeds: Mapping[Feed, int]
    held: Mapping[Feed, Sequence[Row]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Log":
        held: dict[Feed, list[Row]] = {}
        for row in rows:
            held.setdefault((row.node, row.incarnation), []).append(row)
        if any(row.number != number for feed in held.values() for number, row in enumerate(feed, 1)):
            raise Odd
        return cls({feed: len(found) for feed, found in held.items()}, held)

    def rows(self, feed: Feed, first: int = 1, last: int | None = None) -> Iterator[Row]:
        return iter(self.held.get(feed, [])[first - 1 : last])


def _rows(world: World, name: str) -> list[Row]:
    return [Row(*entry.ref, entry.raw, entry.signature) for entry in world.hosts[name].disk.entries()]
