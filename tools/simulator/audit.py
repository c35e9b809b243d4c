"""The auditor's own verify, over the logs of all simulated machines together."""

from coordinator.trust import beginning
from store.findings import Finding, Flaw
from store.merged import Source, merge
from store.soundness import Row
from tools.audit.evidence import Evidence
from tools.audit.history import History
from tools.audit.verify import findings_of
from tools.simulator.world import World

KINDS = tuple(str(kind) for kind in Flaw)


def audited(world: World) -> list[Finding]:
    """Every finding, as `failaudit verify DIR...` gives them for these disks."""
    policy = world.policy
    sources = [Source(name, _rows(world, name)) for name in world.hosts]
    merged = merge(sources, world.keys.keyring, policy.cluster_id)
    played = [entry for entry in merged.entries if entry.id in merged.attested]
    begin = beginning(policy, played, world.keys.keyring)
    return findings_of(Evidence(policy, merged, History(played, begin)))


def _rows(world: World, name: str) -> list[Row]:
    return [Row(*entry.ref, entry.raw, entry.signature) for entry in world.hosts[name].disk.entries()]
