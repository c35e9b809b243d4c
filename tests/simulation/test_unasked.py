"""The decide table is asked about few services after most inputs; about the others it has nothing new to say.

Here it is asked about all of them, beside what the core does: no answer may order anything.
"""

import copy

import pytest

from coordinator.config import parse
from coordinator.core.agenda import Agenda
from coordinator.core.reconcile import Reconcile
from coordinator.core.service_phases import Phase
from coordinator.decision.decide import Act, decide
from tests.config.sound import AFM, TEXT
from tools.simulator.orders import armed
from tools.simulator.random_run import RandomRun
from tools.simulator.world import World


def orders(reconcile, name, seen):
    """What the table would order for this service now; empty where nothing would be begun."""
    context, services = reconcile.context, reconcile.services
    job, timers = services.jobs[name], services.timers[name]
    kept, dead_ms, now_ms = copy.deepcopy(timers), context.policy.timing.dead_ms, context.now_ms
    try:
        asked = reconcile.rounds.case(name, seen)
        decision = decide(asked)
        if decision.act is Act.STAY:
            late = "pass over" if timers.decided(asked, decision, now_ms, dead_ms) else ""
            return late or ("end a move" if timers.move_over(asked, now_ms) else "")
        held_up = {
            Act.CLAIM: job.phase is not Phase.IDLE,
            Act.RECLAIM: job.phase not in (Phase.UP, Phase.RECALLED)
            or context.disk_refuses
            or timers.speaks_soon(asked, decision, now_ms, dead_ms),
            Act.RECOVER: context.disk_refuses,
            Act.RELEASE: decision.rule == "move" and not reconcile._target_knows(name, decision.causes[0]),
        }
        return "" if held_up.get(decision.act, False) else f"{decision.act}: {decision.rule}"
    finally:
        services.timers[name] = kept


class Asking:
    """Counts the services about which the table was asked, and looks at those about which it was not."""

    def __init__(self, monkeypatch, look):
        self.asked, self._asked, self._settle, self._look = 0, Agenda.asked, Reconcile._settle, look
        self._review, self._names = Reconcile.review, None
        monkeypatch.setattr(Reconcile, "review", lambda *words: self.review(*words))
        monkeypatch.setattr(Reconcile, "_settle", lambda *words: self.settle(*words))
        monkeypatch.setattr(Agenda, "asked", lambda *words: self.names(*words))

    def settle(self, *words):
        self.asked += 1
        return self._settle(*words)

    def names(self, *words):
        self._names = self._asked(*words)
        return None if self._names is None else set(self._names)

    def review(self, reconcile, *words):
        """Those that were left out are asked about as well: by what this review saw, and when it is over."""
        seen = reconcile.rounds.look_round()
        self._review(reconcile, *words)
        if self._look and self._names is not None:
            context, agenda = reconcile.context, reconcile.agenda
            left = [name for name in reconcile.services.jobs if name not in self._names and name not in agenda.postponed]
            for name in left:
                assert orders(reconcile, name, seen) == "", f"{context.me} was not asked about {name} at {context.now_ms}"


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
