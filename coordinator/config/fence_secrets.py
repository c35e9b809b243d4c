"""The secrets of fence devices, each in a file of its own: that they are there, private and of one line, and where they are.

findings(reading, folder, me="lukretia")    # of every node that lukretia would fence
resolved(policy, folder)                    # the policy with the paths of these files absolute
secret(path)                                # what an agent is given
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from actions.fencing.agent import wrong_value
from coordinator.config import secrets
from coordinator.config.complaints import Finding
from coordinator.config.fence_rules import secret_of
from coordinator.config.reading import Reading
from coordinator.policy import FencePolicy, NodePolicy, Policy

SECRET_BYTES_MAX = 4096


def findings(reading: Reading, folder: Path, me: str = "") -> Iterator[Finding]:
    """Complaints about the files of all nodes but `me`, which never needs what switches it off."""
    for node, it in reading.file.nodes.items():
        for index, fence in enumerate(it.fence if node != me else ()):
            files = [value for options in fence.options for name, value in options.items() if secret_of(name)]
            for file in dict.fromkeys(files):
                wrong = secrets.unsafe(folder / file) or no_secret(folder / file)
                if wrong:
                    yield Finding(("nodes", node, "fence", index, "options"), *wrong)


def no_secret(path: Path) -> tuple[str, str] | None:
    """What the agent would misread, or would be given in vain."""
    try:
        found = secret(path)
    except (ValueError, OSError):
        return f"{path} has no secret that can be read", "Write one line of plain text into it"
    wrong = wrong_value(found)
    if not found or wrong:
        return f"what stands in {path} {wrong or 'is empty'}", "Write the secret into it, alone on one line"
    return None


def secret(path: Path) -> str:
    """Its only line, without the end of the line. Raises OSError, and ValueError where it is no text or too long."""
    with path.open("rb") as file:
        content = file.read(SECRET_BYTES_MAX + 1)
    if len(content) > SECRET_BYTES_MAX:
        raise ValueError("longer than any secret")
    return content.decode().removesuffix("\n").removesuffix("\r")


def resolved(policy: Policy, folder: Path) -> Policy:
    """The same policy where no node can be fenced."""
    if not any(node.fence for node in policy.nodes.values()):
        return policy
    nodes = {name: _node(node, folder) for name, node in policy.nodes.items()}
    return replace(policy, nodes=MappingProxyType(nodes))


def _node(node: NodePolicy, folder: Path) -> NodePolicy:
    return replace(node, fence=tuple(_level(level, folder) for level in node.fence))


def _level(level: FencePolicy, folder: Path) -> FencePolicy:
    return replace(level, devices=tuple(_device(options, folder) for options in level.devices))


def _device(options: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    return MappingProxyType({name: str(folder / it) if secret_of(name) else it for name, it in options.items()})
