"""A long history of two nodes for benchmarks of reading: the real core in virtual time, real keys, a real log.db.

    python -m tools.bench.history FOLDER 100000         # FOLDER/failover.toml, FOLDER/lukretia/log.db with so many events

An operator moves the service there and back: every kind of event that a quiet cluster has, one in four with a signature
of its own, and now and then pulses.
"""

import asyncio
import sys
from pathlib import Path

from coordinator.config import parse
from store.journal import Journal
from tools.simulator.keys import Keys
from tools.simulator.orders import armed
from tools.simulator.runner import Player
from tools.simulator.script import read_script
from tools.simulator.world import World

ME = "lukretia"
SCENARIOS = Path(__file__).parents[2] / "tests" / "scenarios"
GROUP = 500
"""Entries that are appended at once: the signatures are there already."""


async def write_history(folder: Path, events: int) -> int:
    """Returns how many events there are: at least `events`."""
    policy = armed(parse((SCENARIOS / "two-nodes.toml").read_text(), "two-nodes.toml"))
    world = World(policy, 0, real_keys=True)
    player = Player(world, lambda outcome: None)
    disk, at_s = world.hosts[ME].disk, 10
    player.play(read_script("history", "at 0s start lukretia genesis\nat 10s expect web owner=lukretia", policy))
    while len(entries := disk.entries()) < events:
        lines = []
        for _ in range(25):
            lines += [f"at {at_s + 1}s move web genesis", f"at {at_s + 2}s move web lukretia"]
            at_s += 2
        player.play(read_script("history", "\n".join(lines), policy))
    (folder / ME).mkdir(parents=True)
    (folder / "failover.toml").write_text(policy.text)
    journal = await Journal.open(folder / ME, ME, Keys([ME], real=True).signer(ME))
    for at in range(0, len(entries), GROUP):
        await journal.append(entries[at : at + GROUP])
    await journal.close()
    return len(entries)


if __name__ == "__main__":
    print(asyncio.run(write_history(Path(sys.argv[1]), int(sys.argv[2]))))
