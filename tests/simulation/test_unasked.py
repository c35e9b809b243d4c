"""The decide table is asked about few services after most inputs; about the others it has nothing new to say.

Here it is asked about all of them, beside what the core does: no answer may order anything.
"""

import copy

import pytest

from coordinator.config import parse
from coordinator.core import reconcile
from coordinator.core.service_phases import Phase
from coordinator.decision.decide import Act, decide
from tests.config.sound import AFM, TEXT
from tools.simulator.orders import armed
from tools.simulator.random_run import RandomRun
from tools.simulator.world import World


def orders(core, name, seen):
    """What the table would order for this service now; empty where nothing would be begun."""
    job, waits = core.jobs[name], core.waits[name]
    kept, dead_ms = copy.deepcopy(waits), core.policy.timing.dead_ms
    try:
        asked = reconcile.case(core, name, seen)
        decision = decide(asked)
        if decision.act is Act.STAY:
            late = "pass over" if waits.decided(asked, decision, core.now_ms, dead_ms) else ""
            return late or ("end a move" if waits.move_over(asked, core.now_ms) else "")
        held_up = {
            Act.CLAIM: job.phase is not Phase.IDLE,
            Act.RECLAIM: job.phase not in (Phase.UP, Phase.RECALLED)
            or core.disk_refuses
            or waits.speaks_soon(asked, decision, core.now_ms, dead_ms),
            Act.RECOVER: core.disk_refuses,
            Act.RELEASE: decision.rule == "move" and not reconcile._target_knows(core, name, decision.causes[0]),
        }
        return "" if held_up.get(decision.act, False) else f"{decision.act}: {decision.rule}"
    finally:
        core.waits[name] = kept


class Asking:
    """Counts the services about which the table was asked, and looks at those about which it was not."""

    def __init__(self, monkeypatch, look):
        self.asked, self._services, self._settle, self._look = 0, reconcile.services, reconcile._settle, look
        monkeypatch.setattr(reconcile, "services", self.services)
        monkeypatch.setattr(reconcile, "_settle", self.settle)

    def settle(self, *words):
        self.asked += 1
        return self._settle(*words)

    def services(self, core):
        seen, before = reconcile.look_round(core), (core.outside, core.current, core.hears_us, copy.deepcopy(core.wakes))
        names = reconcile._asked(core, seen)
        core.outside, core.current, core.hears_us, core.wakes = before
        left = [] if names is None else [name for name in core.jobs if name not in names and name not in core.postponed]
        self._services(core)
        if self._look:
            for name in left:
                assert orders(core, name, seen) == "", f"{core.me} was not asked about {name} at {core.now_ms}"


@pytest.mark.parametrize("seed", [3, 17, 29, 41])
def test_nothing_is_overlooked(monkeypatch, seed):
    asking = Asking(monkeypatch, look=True)
    RandomRun(seed, 1500).play()
    assert asking.asked > 0


def pair(count):
    """lukretia and genesis with so many services, all up."""
    services = "".join(
        f'[services.s{n}]\nnodes = ["lukretia", "genesis"]\n[[services.s{n}.actions]]\n'
        f'address = "10.80.0.{n + 1}/32"\ninterface = "eth0"\n'
        for n in range(count)
    )
    head = TEXT[: TEXT.index("[nodes.umpire]")]
    text = f'{head}{services}[operators.afm]\nkey = "{AFM}"\nrole = "admin"\n'
    world = World(armed(parse(text, "f")), 0, real_keys=False)
    for host in world.hosts.values():
        host.start()
    world.run_until_ms(6000)
    assert all(world.owners(name) == ("lukretia",) for name in world.policy.services)
    return world


def test_what_is_asked_grows_no_faster_than_the_services(monkeypatch):
    """While nothing happens nothing is asked, however many services there are; a stop asks about each of them some times."""
    asked = {}
    for count in (10, 60):
        world, asking = pair(count), Asking(monkeypatch, look=False)
        world.run_until_ms(world.now_ms + 5000)
        assert asking.asked <= 4, "only a pulse or a timer asks while nothing happens"
        world.hosts["lukretia"].stop()
        world.run_until_ms(world.now_ms + 3000)
        assert all(world.owners(name) == ("genesis",) for name in world.policy.services)
        asked[count] = asking.asked / count
        monkeypatch.undo()
    assert asked[60] <= 1.5 * asked[10]
