"""The whole file: its tables in their order, and what they must agree on."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from coordinator.policy import NodePolicy, Policy, ServicePolicy, Timing
from coordinator.state.file_v1.nodes import fit_together, node
from coordinator.state.file_v1.outside import operator, trap
from coordinator.state.file_v1.services import addresses_once, service
from protocol.stored.table import Table, Unreadable, every, need, table, text
from protocol.stored.values import duration_ms, name_of, percentage_ppm

T = TypeVar("T")

TEXT_BYTES_MAX = 3_000_000
"""Some four thousand services as `failc init` writes them."""
BYTE_ORDER_MARK = "\ufeff"
"""Some editors put it before everything that they save as UTF-8."""
RESERVED = frozenset({"none", "operator"})
HEARTBEAT_MS = range(10, 60_001)
DEAD_MS_MAX = 3_600_000
DRIFT_PPM_MAX = 100_000


@lru_cache(maxsize=64)
def read_policy(stored: str) -> Policy | None:
    """The policy in a stored text; None where version 1 cannot read it."""
    try:
        return read(stored)
    except Unreadable:
        return None


def read(stored: str) -> Policy:
    """The policy in a stored text. Raises Unreadable."""
    return policy_of(tables(stored), stored, node, service)


def tables(stored: str) -> Table:
    """The whole file as a table of tables. Raises Unreadable where it is no TOML, or too long."""
    need(len(stored.encode()) <= TEXT_BYTES_MAX, f"more than {TEXT_BYTES_MAX} bytes")
    try:
        return Table(tomllib.loads(stored.removeprefix(BYTE_ORDER_MARK)))
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise Unreadable(f"no TOML: {error}") from None


def cluster_id(name: str, hex_digits: str) -> bytes:
    """SHA-256 of the name, a newline and the 16 random bytes: two clusters of one name are still two."""
    return hashlib.sha256(name.encode() + b"\n" + bytes.fromhex(hex_digits)).digest()


ReadNode = Callable[[str, Table], NodePolicy]
ReadService = Callable[[str, Table, Mapping[str, NodePolicy], Timing], ServicePolicy]


def policy_of(file: Table, stored: str, read_node: ReadNode, read_service: ReadService) -> Policy:
    """A later version takes its own tables out of `file` first, and has readers that take its own keys out of theirs."""
    cluster, digits = file.take("cluster", name_of), file.take("id", text)
    need(re.fullmatch("[0-9a-f]{32}", digits) is not None, "id is not 32 hex digits")
    timing = file.take("timing", lambda value: _timing(table(value)), _timing(Table({})))
    nodes = file.take("nodes", _named(read_node))
    fit_together(nodes)
    services = file.take("services", _named(lambda name, it: read_service(name, it, nodes, timing)), {})
    addresses_once(nodes, services)
    operators = file.take("operators", _named(lambda name, it: operator(name, it, services)), {})
    keys = [operator.key for operator in operators.values()]
    need(len(keys) == len(set(keys)), "two operators have one key")
    traps = file.take("traps", every(trap), ())
    file.done()
    return Policy(
        cluster=cluster,
        cluster_id=cluster_id(cluster, digits),
        timing=timing,
        nodes=MappingProxyType(nodes),
        services=MappingProxyType(services),
        operators=MappingProxyType(operators),
        traps=traps,
        digest=hashlib.sha256(stored.encode()).digest(),
        text=stored,
    )


def _named(read_one: Callable[[str, Table], T]) -> Callable[[object], dict[str, T]]:
    """A table of tables, each under a name of its own."""

    def read_all(value: object) -> dict[str, T]:
        named = table(value).rest()
        need(not RESERVED & named.keys(), "a name that has a meaning of its own")
        return {name_of(name): read_one(name, table(one)) for name, one in named.items()}

    return read_all


def _timing(it: Table) -> Timing:
    timing = Timing(
        heartbeat_ms=it.take("heartbeat", duration_ms, 100),
        indoubt_ms=it.take("indoubt", duration_ms, 300),
        dead_ms=it.take("dead", duration_ms, 500),
        drift_ppm=it.take("drift", percentage_ppm, 10_000),
    )
    it.done()
    need(timing.heartbeat_ms in HEARTBEAT_MS, "heartbeat is out of range")
    need(2 * timing.heartbeat_ms <= timing.indoubt_ms < timing.dead_ms <= DEAD_MS_MAX, "indoubt or dead do not fit")
    need(timing.drift_ppm <= DRIFT_PPM_MAX, "drift is more than 10%")
    return timing
