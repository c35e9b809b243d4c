"""The other things that one can ask for: links, the numbers in force, and what an operator's tool must know to sign."""

from typing import Any

from coordinator.control.status import rounded
from coordinator.control.view import NodeView, TurnsView
from coordinator.core.commands import Already, Refusal, Wanted
from coordinator.policy import ServicePolicy, Timing
from protocol.moment import rfc3339


def links(view: NodeView) -> dict[str, Any]:
    """The JSON of `failc links`."""
    return {
        "links": [
            {
                "peer": link.peer,
                "link": link.link,
                "up": link.up,
                "datagram": link.datagram,
                "rtt_ms": rounded(link.rtt_ms),
                "refused": dict(link.refused),
            }
            for link in view.links()
        ]
    }


def timings(view: NodeView) -> dict[str, Any]:
    """The JSON of `failc timings`: every number in force, and what follows from them."""
    policy = view.policy
    return {
        "cluster": policy.cluster,
        "node": view.me,
        "heartbeat_ms": policy.timing.heartbeat_ms,
        "indoubt_ms": policy.timing.indoubt_ms,
        "dead_ms": policy.timing.dead_ms,
        "drift_ppm": policy.timing.drift_ppm,
        "derived": derived(policy.timing),
        "loop": _loop(view.turns),
        "services": {name: _service(service) for name, service in policy.services.items()},
    }


def derived(timing: Timing) -> dict[str, int]:
    """What the timing means: from a peer's last heartbeat, a death is judged so many ms later, at the latest."""
    return {
        "lost_heartbeats_to_doubt": -(-timing.indoubt_ms // timing.heartbeat_ms),
        "lost_heartbeats_to_death": -(-timing.dead_ms // timing.heartbeat_ms),
        "death_judged_ms_min": timing.dead_ms - timing.heartbeat_ms,
        "death_judged_ms_max": timing.dead_ms,
        "death_judged_after_start_ms": timing.dead_ms + 1000,
    }


def _loop(turns: TurnsView) -> dict[str, Any]:
    """The turns of the event loop since this node was ready."""
    return {
        "longest_turn_ms": rounded(turns.longest_ms),
        "what": turns.longest_text,
        "at": rfc3339(turns.longest_at_ms) if turns.longest_at_ms else None,
        "turns_above_20_ms": turns.long,
    }


def _service(service: ServicePolicy) -> dict[str, Any]:
    return {
        "nodes": list(service.nodes),
        "partition": service.partition,
        "lease_ms": service.lease_ms,
        "failback_ms": service.failback_ms,
        "restarts": service.restarts,
        "retry_ms": service.retry_ms,
        "actions": [
            {"kind": action.kind, "timeout_ms": action.timeout_ms, "down_timeout_ms": action.limit_ms("down")}
            for action in service.actions
        ],
        "checks": [
            {
                "kind": check.kind,
                "every_ms": check.every_ms,
                "timeout_ms": check.timeout_ms,
                "fall": check.fall,
                "rise": check.rise,
                "fails_after_ms": check.fall * check.every_ms,
            }
            for check in service.checks
        ],
    }


def resolved(view: NodeView, wanted: Wanted) -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON: what `failc` must sign beside what its operator wants, as this node knows it now."""
    found = view.resolve(wanted)
    if isinstance(found, Refusal):
        return 409, {"refused": "not-now", "text": found.text}
    if isinstance(found, Already):
        return 200, {"already": found.text, "acts": []}
    return 200, {
        "already": None,
        "acts": [list(act) for act in found.acts],
        "service_epoch": found.service_epoch,
        "epoch": found.epoch,
        "run": found.run.hex(),
        "ends": [list(ref) for ref in found.ends],
    }


def cluster(view: NodeView) -> dict[str, Any]:
    """What `failc` needs before it can sign: the cluster's id, and whose key is whose."""
    return {
        "cluster": view.policy.cluster,
        "cluster_id": view.policy.cluster_id.hex(),
        "node": view.me,
        "nodes": list(view.policy.nodes),
        "services": {name: list(service.nodes) for name, service in view.policy.services.items()},
        "operators": {
            name: {"key": operator.key, "role": operator.role, "services": list(operator.services)}
            for name, operator in view.policy.operators.items()
        },
        "config": str(view.config_path),
    }
