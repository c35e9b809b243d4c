"""The auditor's verify over the world's logs: soundness by the store's rules, lawfulness by the coordinator's."""

from coordinator.core.lawful import findings
from coordinator.core.model import State
from coordinator.core.reducer import reduce
from protocol.event import Entry
from store.findings import Finding, Flaw
from store.soundness import Row, look
from tools.simulator.world import World

KINDS = tuple(str(kind) for kind in Flaw)


def audited(world: World) -> list[Finding]:
    """Every finding over all disks together, as `failaudit verify` gives them."""
    found = [finding for host in world.hosts.values() for finding in _unsound(world, host.disk.entries())]
    entries = world.entries()
    found += [Finding(Flaw.UNLAWFUL, *wrong.ref, wrong.text) for wrong in findings(entries)]
    found += [
        Finding(Flaw.AUTHORITY, *ref, text) for column in folded(entries).columns.values() for ref, text in column.refused
    ]
    return found


def folded(entries: list[Entry]) -> State:
    """The state that these entries tell; in order inside each feed."""
    state = State()
    for entry in entries:
        state = reduce(state, entry.event)
    return state


def _unsound(world: World, entries: list[Entry]) -> list[Finding]:
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in entries]
    return look(rows, world.keys.keyring, world.policy.cluster_id).findings
