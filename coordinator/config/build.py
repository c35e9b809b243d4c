"""From a shape that no rule complains about to the Policy that the core knows."""

import hashlib
from types import MappingProxyType
from typing import Any

from coordinator.config import endpoints, keys
from coordinator.config.shape import (
    ActionShape,
    CheckShape,
    FileShape,
    NodeShape,
    OperatorShape,
    ServiceShape,
    TimingShape,
    TrapShape,
)
from coordinator.policy import (
    ActionPolicy,
    CheckPolicy,
    NodePolicy,
    OperatorPolicy,
    Policy,
    ServicePolicy,
    Timing,
    TrapPolicy,
)

TRAP_PORT = 162
"""RFC 3418: where notifications are received."""


def policy(file: FileShape, text: str) -> Policy:
    return Policy(
        cluster=file.cluster,
        cluster_id=cluster_id(file.cluster, file.id),
        timing=_timing(file.timing),
        nodes=MappingProxyType({name: _node(name, node) for name, node in file.nodes.items()}),
        services=MappingProxyType({name: _service(name, service) for name, service in file.services.items()}),
        operators=MappingProxyType({name: _operator(name, operator) for name, operator in file.operators.items()}),
        traps=tuple(_trap(trap) for trap in file.traps),
        digest=hashlib.sha256(text.encode()).digest(),
        text=text,
    )


def cluster_id(name: str, hex_digits: str) -> bytes:
    """SHA-256 of the name, a newline and the 16 random bytes: two clusters of one name are still two."""
    return hashlib.sha256(name.encode() + b"\n" + bytes.fromhex(hex_digits)).digest()


def _timing(timing: TimingShape) -> Timing:
    return Timing(timing.heartbeat, timing.indoubt, timing.dead, timing.drift)


def _node(name: str, node: NodeShape) -> NodePolicy:
    links = {link: endpoints.endpoint(text, endpoints.PORT) for link, text in node.links.items()}
    return NodePolicy(name, keys.node_key(node.key), MappingProxyType(links), node.witness)


def _service(name: str, service: ServiceShape) -> ServicePolicy:
    return ServicePolicy(
        name=name,
        nodes=tuple(service.nodes),
        actions=tuple(_action(action) for action in service.actions),
        checks=tuple(_check(check) for check in service.checks),
        failback_ms=_number(service.failback, {"auto": 0, "manual": None}),
        partition=service.partition,
        lease_ms=service.lease,
        split_winner=service.split_winner,
        on_isolation=service.on_isolation,
        restarts=service.restarts,
        retry_ms=_number(service.retry, {"never": None}),
        announce_every_ms=service.announce_every,
    )


def _number(value: int | str, words: dict[str, int | None]) -> int | None:
    return words[value] if isinstance(value, str) else value


def _action(action: ActionShape) -> ActionPolicy:
    if action.address is not None:
        settings: dict[str, Any] = {"address": action.address, "interface": action.interface}
        return ActionPolicy("address", MappingProxyType(settings), action.timeout)
    kind = "script" if action.script is not None else "notify"
    return ActionPolicy(kind, MappingProxyType({"path": getattr(action, kind)}), action.timeout)


def _check(check: CheckShape) -> CheckPolicy:
    if check.tcp is not None:
        host, port = endpoints.endpoint(check.tcp, None)
        settings: dict[str, Any] = {"host": host, "port": port}
    else:
        settings = {"argv": tuple(check.exec or ())}
    kind = "tcp" if check.tcp is not None else "exec"
    return CheckPolicy(kind, MappingProxyType(settings), check.every, check.timeout, check.fall, check.rise)


def _operator(name: str, operator: OperatorShape) -> OperatorPolicy:
    return OperatorPolicy(name, keys.operator_key(operator.key), operator.role, tuple(operator.services or ()))


def _trap(trap: TrapShape) -> TrapPolicy:
    host, port = endpoints.endpoint(trap.to, TRAP_PORT)
    wanted = ("community",) if trap.version == "2c" else ("user", "auth", "priv", "secret_file")
    settings = {key: getattr(trap, key) for key in wanted if getattr(trap, key) is not None}
    return TrapPolicy(host, port, trap.version, MappingProxyType(settings))
