"""What one node at a time owns: candidates, actions, checks."""

from collections.abc import Mapping
from typing import TypeVar

from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.kinds.kind import Kind
from coordinator.policy import ActionPolicy, CheckPolicy, NodePolicy, ServicePolicy, Timing
from protocol.stored.table import Table, every, need, number, table, text, words
from protocol.stored.values import duration_ms, duration_or, host_address, positive_ms, service_address

K = TypeVar("K", bound=Kind)

ANNOUNCE_MS_MIN = 1000
CHECK_MS_MIN = 10
STARTS = range(1, 1001)
RESTARTS = range(101)


def service(name: str, it: Table, nodes: Mapping[str, NodePolicy], timing: Timing) -> ServicePolicy:
    candidates = it.take("nodes", every(text))
    need(bool(candidates) and len(candidates) == len(set(candidates)), "no candidate, or one that stands twice")
    need(all(node in nodes and not nodes[node].witness for node in candidates), "a candidate that is no node or a witness")
    actions = it.take("actions", every(_action), None)
    need(actions is not None, "no action")
    lease_ms = it.take("lease", duration_ms, None)
    need(lease_ms is None or lease_ms >= 3 * timing.heartbeat_ms, "a lease shorter than 3 heartbeats")
    read = ServicePolicy(
        name=name,
        nodes=candidates,
        actions=actions or (),
        checks=it.take("checks", every(_check), ()),
        failback_ms=it.take("failback", duration_or({"auto": 0, "manual": None}), 0),
        partition=it.take("partition", words("serve", "majority"), "serve"),
        lease_ms=500 if lease_ms is None else lease_ms,
        split_winner=it.take("split_winner", words("preference", "incumbent"), "preference"),
        on_isolation=it.take("on_isolation", words("keep", "release"), "keep"),
        restarts=it.take("restarts", number(RESTARTS), 0),
        retry_ms=it.take("retry", duration_or({"never": None}), 60_000),
        announce_every_ms=it.take("announce_every", duration_ms, 60_000),
    )
    it.done()
    need(read.announce_every_ms >= ANNOUNCE_MS_MIN, "announcements more often than every second")
    return read


def _action(value: object) -> ActionPolicy:
    it = table(value)
    kind = _only(ACTIONS, it)
    settings, timeout_ms = kind.read(it), it.take("timeout", positive_ms, 20_000)
    it.done()
    return ActionPolicy(kind.name, settings, timeout_ms)


def _only(kinds: Mapping[str, K], it: Table) -> K:
    """The one kind whose key stands in the table."""
    said = [kind for name, kind in kinds.items() if name in it]
    need(len(said) == 1, "not one thing to do or to look at")
    return said[0]


def addresses_once(nodes: Mapping[str, NodePolicy], services: Mapping[str, ServicePolicy]) -> None:
    seen: set[object] = {host_address(host) for node in nodes.values() for host, _ in node.links.values()}
    for action in (action for service in services.values() for action in service.actions if action.kind == "address"):
        address = service_address(action.settings["address"])
        where: object = (address, action.interface) if address.is_link_local else address  # another on each interface
        need(where not in seen, f"{address} stands twice")
        seen.add(where)


def _check(value: object) -> CheckPolicy:
    it = table(value)
    kind = _only(CHECKS, it)
    settings = kind.read(it)
    every_ms, timeout_ms = it.take("every", duration_ms, 1000), it.take("timeout", duration_ms, 1000)
    need(min(every_ms, timeout_ms) >= CHECK_MS_MIN, "a check that is too short")
    fall, rise = it.take("fall", number(STARTS), 3), it.take("rise", number(STARTS), 2)
    it.done()
    return CheckPolicy(kind.name, settings, every_ms, timeout_ms, fall, rise)
