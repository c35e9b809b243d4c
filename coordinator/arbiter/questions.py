"""What is asked of etcd: paths of its gateway and bodies of its requests, as its version 3.4 reads them.

    keys = Keys("/failover/demo", "db")
    path, body = read(keys)
    path, body = take(keys, modified=812, value=value, lease=77)

In JSON, bytes are base64 and whole numbers of 64 bits are strings.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from coordinator.core.quorum.arbiter import Holding
from protocol.events.shapes import NUMBER_MAX
from protocol.names import NAME_MAX

Question = tuple[str, Mapping[str, Any]]
"""A path of the gateway, and the request's body."""

VALUE = re.compile(r"failover 1 ([0-9a-f]{16}) ([1-9][0-9]{0,15}) ([A-Za-z0-9][A-Za-z0-9_.-]*) ([0-9a-f]{16})")
"""Format, cluster, epoch, node, run."""

VALUE_BYTES_MAX = 256


class Keys(NamedTuple):
    """The two keys of a service: the holder's lives as long as its lease, the epoch's for ever."""

    prefix: str
    service: str

    @property
    def holder(self) -> str:
        return f"{self.prefix}/{self.service}/holder"

    @property
    def epoch(self) -> str:
        return f"{self.prefix}/{self.service}/epoch"


def text64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def written(cluster_id: bytes, epoch: int, node: str, run: bytes) -> str:
    """The value of both keys."""
    return f"failover 1 {cluster_id[:8].hex()} {epoch} {node} {run.hex()}"


def holding(value: str, cluster_id: bytes, lease: int) -> Holding:
    """What a value says. Raises ValueError where it is none of ours: of another format, or of another cluster."""
    found = VALUE.fullmatch(value)
    if not found:
        raise ValueError("is no value of failover: another program uses this prefix")
    cluster, epoch, node, run = found.groups()
    if cluster != cluster_id[:8].hex():
        raise ValueError("was put by another cluster of failover: give each a prefix of its own")
    if int(epoch) > NUMBER_MAX or len(node) > NAME_MAX:
        raise ValueError("is no value of failover: its epoch or its node is out of range")
    return Holding(node, bytes.fromhex(run), int(epoch), lease)


def _range(key: str) -> Mapping[str, Any]:
    return {"request_range": {"key": text64(key)}}


def read(keys: Keys) -> Question:
    """Both keys as of one revision, through a quorum: no member answers a transaction of such reads by itself."""
    return "/v3/kv/txn", {"success": [_range(keys.holder), _range(keys.epoch)]}


def take(keys: Keys, modified: int, value: str, lease: int) -> Question:
    """Put both, where nobody holds the service and the epoch is the one that was read; else read both."""
    free = {"key": text64(keys.holder), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
    same = {"key": text64(keys.epoch), "target": "MOD", "result": "EQUAL", "mod_revision": str(modified)}
    puts = [
        {"request_put": {"key": text64(keys.holder), "value": text64(value), "lease": str(lease)}},
        {"request_put": {"key": text64(keys.epoch), "value": text64(value)}},
    ]
    return "/v3/kv/txn", {"compare": [free, same], "success": puts, "failure": [_range(keys.holder), _range(keys.epoch)]}


def grant(seconds: int) -> Question:
    return "/v3/lease/grant", {"TTL": str(seconds)}


def keep(lease: int) -> Question:
    return "/v3/lease/keepalive", {"ID": str(lease)}


def drop(lease: int) -> Question:
    return "/v3/lease/revoke", {"ID": str(lease)}


def authenticate(user: str, password: str) -> Question:
    return "/v3/auth/authenticate", {"name": user, "password": password}
