"""The levels by which a node is fenced, with the secrets that the file points at.

levels = levels(policy.nodes["genesis"].fence)                      # what faild runs; secrets are read now
levels = levels_of(Path("/etc/failover/failover.toml"), "genesis")  # what failc tries; BadConfig, OSError, UnknownNode
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from actions.fencing import AGENT_FOLDERS, Device, Level, found_agent
from coordinator.config.fence_rules import secret_of
from coordinator.config.fence_secrets import secret
from coordinator.config.load import read
from coordinator.config.reading import nearest
from coordinator.policy import FencePolicy


class UnknownNode(ValueError):
    """The file names no such node, or no way to fence it: the text says which."""


def levels_of(path: Path, node: str) -> tuple[Level, ...]:
    """In order. An agent that is not on this machine says so when it is asked."""
    policy = read(path)
    if node not in policy.nodes:
        raise UnknownNode(f"no node {node}. {nearest(node, policy.nodes)}")
    fences = policy.nodes[node].fence
    if not fences:
        raise UnknownNode(f"has no [[nodes.{node}.fence]]. Write one for each way to switch it off")
    return levels(fences)


def levels(fences: Iterable[FencePolicy]) -> tuple[Level, ...]:
    """Of a policy whose secret files have absolute paths. Raises OSError and ValueError where one cannot be read."""
    return tuple(_level(fence) for fence in fences)


def _level(fence: FencePolicy) -> Level:
    program = found_agent(fence.agent) or str(Path(AGENT_FOLDERS[0], fence.agent))  # never by the path of the environment
    return Level(tuple(_device(program, fence, options) for options in fence.devices), fence.delay_ms)


def _device(program: str, fence: FencePolicy, options: Mapping[str, str]) -> Device:
    plain = {name: value for name, value in options.items() if secret_of(name) is None}
    kept = {named: secret(Path(value)) for name, value in options.items() if (named := secret_of(name))}
    return Device(program, plain, kept, fence.timeout_ms)
