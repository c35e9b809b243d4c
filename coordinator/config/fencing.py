"""The levels by which a node is fenced, as a file says them, with the secrets that it points at.

    levels = levels_of(Path("/etc/failover/fences.toml"), "genesis")    # raises BadConfig, OSError, and UnknownNode

In this release no node runs with such a file (`fence_rules.unwired`): the levels are for `failc fence NODE --dry-run`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from actions.fencing import AGENT_FOLDERS, Device, Level, found_agent
from actions.fencing.agent import wrong_value
from coordinator.config import rules, secrets
from coordinator.config.complaints import BadConfig, Finding, place
from coordinator.config.fence_rules import secret_of
from coordinator.config.load import read_file
from coordinator.config.reading import Reading, nearest
from coordinator.config.shape import FenceShape

SECRET_BYTES_MAX = 4096


class UnknownNode(ValueError):
    """The file names no such node, or no way to fence it: the text says which."""


def levels_of(path: Path, node: str) -> tuple[Level, ...]:
    """In order. An agent that is not on this machine says so when it is asked."""
    reading = read_file(path)
    found = [*reading.findings, *rules.sound(reading), *_secret_findings(reading, path.parent)]
    if found:
        raise BadConfig(place(found, reading.positions, str(path)))
    if node not in reading.file.nodes:
        raise UnknownNode(f"no node {node}. {nearest(node, reading.file.nodes)}")
    fences = reading.file.nodes[node].fence
    if not fences:
        raise UnknownNode(f"has no [[nodes.{node}.fence]]. Write one for each way to switch it off")
    return tuple(_level(fence, path.parent) for fence in fences)


def _level(fence: FenceShape, folder: Path) -> Level:
    program = found_agent(fence.agent) or str(Path(AGENT_FOLDERS[0], fence.agent))  # never by the path of the environment
    return Level(tuple(_device(program, fence, options, folder) for options in fence.options), fence.delay)


def _device(program: str, fence: FenceShape, options: Mapping[str, str], folder: Path) -> Device:
    plain = {name: value for name, value in options.items() if secret_of(name) is None}
    kept = {secret: _secret(folder / value) for name, value in options.items() if (secret := secret_of(name))}
    return Device(program, plain, kept, fence.timeout)


def _secret_findings(reading: Reading, folder: Path) -> Iterator[Finding]:
    for node, it in reading.file.nodes.items():
        for index, fence in enumerate(it.fence):
            files = [value for options in fence.options for name, value in options.items() if secret_of(name)]
            for file in files:
                wrong = secrets.unsafe(folder / file) or _no_secret(folder / file)
                if wrong:
                    yield Finding(("nodes", node, "fence", index, "options"), *wrong)


def _no_secret(path: Path) -> tuple[str, str] | None:
    """What the agent would misread, or would be given in vain."""
    try:
        secret = _secret(path)
    except (ValueError, OSError):
        return f"{path} has no secret that can be read", "Write one line of plain text into it"
    wrong = wrong_value(secret)
    if not secret or wrong:
        return f"what stands in {path} {wrong or 'is empty'}", "Write the secret into it, alone on one line"
    return None


def _secret(path: Path) -> str:
    """Its only line, without the end of the line. Raises ValueError where it is no text, or is no secret by its length."""
    with path.open("rb") as file:
        content = file.read(SECRET_BYTES_MAX + 1)
    if len(content) > SECRET_BYTES_MAX:
        raise ValueError("longer than any secret")
    return content.decode().removesuffix("\n").removesuffix("\r")
