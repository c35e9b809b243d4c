"""What the guard is told of a service: by which programs it goes down, and how long each may take."""

import dataclasses

from coordinator.guarding.guard_messages import duty
from coordinator.policy import NodePolicy
from protocol.messages import LastWord, Verified
from tests.actions.stage import policy, script


def test_the_guard_takes_down_within_the_limit_of_the_down() -> None:
    quick = dataclasses.replace(script("/etc/failover/db", 60_000), down_timeout_ms=300)
    ours = policy(script("/etc/failover/web", 60_000), quick)
    nodes = {name: NodePolicy(name, bytes(32), {"lan": ("10.0.0.1", 1291)}) for name in ("one", "two")}
    word = LastWord(bytes(32), "one", bytes(8), "web", 7)
    told = duty("one", dataclasses.replace(ours, nodes=nodes), ours.services["web"], Verified(word, word.encode(), bytes(64)))
    assert [(down["run"], down["timeout_ms"]) for down in told["downs"]] == [
        (["/etc/failover/db", "stop"], 300),
        (["/etc/failover/web", "stop"], 60_000),
    ]
