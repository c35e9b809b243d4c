"""What version 2 takes out of each table before version 1 reads the rest of it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from coordinator.policy import NodePolicy, Policy, ServicePolicy, Timing
from coordinator.state import file_v1
from coordinator.state.file_v1 import reader
from coordinator.state.file_v1.nodes import node as node_v1
from coordinator.state.file_v1.services import service as service_v1
from coordinator.state.file_v2.fences import fence, watchdog
from protocol.stored.table import Table, every, flag


@lru_cache(maxsize=64)
def read_policy(stored: str) -> Policy | None:
    """The policy in a stored text; None where version 2 cannot read it."""
    try:
        return read(stored)
    except file_v1.Unreadable:
        return None


def read(stored: str) -> Policy:
    """The policy in a stored text. Raises Unreadable."""
    file = reader.tables(stored)
    own = file.take("watchdog", watchdog, None)
    return replace(reader.policy_of(file, stored, node, service), watchdog=own)


def node(name: str, it: Table) -> NodePolicy:
    voter, fences = it.take("voter", flag, True), it.take("fence", every(fence), ())
    return replace(node_v1(name, it), voter=voter, fence=fences)


def service(name: str, it: Table, nodes: Mapping[str, NodePolicy], timing: Timing) -> ServicePolicy:
    waits = it.take("fence", flag, True)
    return replace(service_v1(name, it, nodes, timing), fence=waits)
