"""Signed commands as a client of the control socket sends them."""

import base64
import os
import time
from typing import Any

from coordinator.state import ownership
from protocol.commands import Act, Command, sign_command
from protocol.sshkey import load_private
from tests.control.cluster import Cluster


def body(world: Cluster, key: str = "operator/id_ed25519", **changes: Any) -> dict[str, str]:
    """A signed command for lukretia; afm says fail web, unless changed."""
    core = world.nodes["lukretia"].core
    fields = {
        "cluster": core.policy.cluster_id,
        "operator": "afm",
        "word": "fail",
        "service": "web",
        "node": "",
        "reason": "test",
        "for_ms": 0,
        "epoch": ownership.epoch(core.state, "web"),
        "expires_ms": time.time_ns() // 1_000_000 + 60_000,
        "nonce": os.urandom(16),
        "acts": (Act("lukretia", core.context.writer.incarnation),),
    }
    signed = sign_command(Command(**(fields | changes)), load_private(world.folder / key))
    return {"command": base64.b64encode(signed.raw).decode(), "signature": base64.b64encode(signed.signature).decode()}


def held_by_genesis(world: Cluster) -> dict[str, Any]:
    core = world.nodes["genesis"].core
    return {"acts": (Act("genesis", core.context.writer.incarnation),), "epoch": ownership.epoch(core.state, "db")}
