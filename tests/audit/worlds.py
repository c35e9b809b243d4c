"""Histories for the auditor: a scenario through the real core with real keys, then every node's disk as a real log.db."""

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from coordinator.core.commands import Wanted
from coordinator.policy import Policy
from store.journal import Journal
from tools.audit.clock import show
from tools.audit.main import run
from tools.simulator.clocks import EPOCH_WALL_MS
from tools.simulator.keys import Keys
from tools.simulator.orders import armed, parsed
from tools.simulator.runner import Player
from tools.simulator.script import read_script
from tools.simulator.world import World

Words = tuple[tuple[int, str, Wanted], ...]
SCENARIOS = Path(__file__).parents[1] / "scenarios"


class Answer(NamedTuple):
    """What `failaudit` printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Played:
    """What is left after the accident: a configuration, and one state folder for each node."""

    world: World
    folder: Path
    began_ms: int

    @property
    def config(self) -> Path:
        return self.folder / "failover.toml"

    def state(self, node: str) -> Path:
        return self.folder / node

    def at(self, at_ms: int) -> str:
        """The scenario's time as the nodes' wall clocks showed it."""
        return show(self.began_ms + at_ms)

    def audit(self, command: str, *words: str, nodes: tuple[str, ...] | None = None, as_json: bool = True) -> Answer:
        """`failaudit COMMAND WORDS` over these nodes' logs (all, unless told)."""
        sources = [str(self.state(node)) for node in (self.world.policy.nodes if nodes is None else nodes)]
        arguments = [command, *words, *sources, "--config", str(self.config), *(["--json"] if as_json else [])]
        return audit(*arguments)


def audit(*arguments: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    return Answer(code, out.getvalue(), err.getvalue())


def played(
    scenario: str, folder: Path, configuration: str = "two-nodes.toml", seed: int = 0, changes: str = "", words: Words = ()
) -> Played:
    """Play a scenario (its text, or the name of a file) and write every disk as `failover` would have left it.

    `words`: what operators say beside it: when, to which node, and what.
    """
    policy = armed(parsed((SCENARIOS / configuration).read_text() + changes, configuration))
    text = (SCENARIOS / scenario).read_text() if scenario.endswith(".scenario") else scenario
    world = World(policy, seed, real_keys=True)
    steps, player = read_script("scenario", text, policy), Player(world, lambda outcome: None)
    for nth, (at_ms, door, wanted) in enumerate(words, 1):
        player.play([step for step in steps if step.line.at_ms <= at_ms])
        steps = [step for step in steps if step.line.at_ms > at_ms]
        world.run_until_ms(at_ms)
        _say(world, door, wanted, nth)
    player.play(steps)
    write(world, policy, folder)
    return Played(world, folder, EPOCH_WALL_MS)


def _say(world: World, door: str, wanted: Wanted, nth: int) -> None:
    faild = world.hosts[door].faild
    assert faild is not None, f"no faild listens at {door}"
    faild.ordered(wanted, 0, 1000 + nth)
    world.settle()


def write(world: World, policy: Policy, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "failover.toml").write_text(policy.text)
    for name, host in world.hosts.items():
        asyncio.run(_write_log(folder / name, name, host.disk.entries()))


async def _write_log(folder: Path, name: str, entries: Any) -> None:
    folder.mkdir()
    journal = await Journal.open(folder, name, Keys([name], real=True).signer(name))
    if entries:
        await journal.append(entries)
    await journal.close()
