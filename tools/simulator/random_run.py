"""One seed, from the drawn cluster to the settled world.

run = RandomRun(seed, steps=4_000)
run.play()                      # raises Broken, Unsettled, or whatever an assertion of the core says
"""

import random

from tools.simulator import arbitrated as arbiter_worlds
from tools.simulator import asked as asked_worlds
from tools.simulator import fences as fence_worlds
from tools.simulator import leases as lease_worlds
from tools.simulator import related as related_worlds
from tools.simulator.accidents import Accidents
from tools.simulator.chance import CALM, mood, rare
from tools.simulator.drawn import drawn
from tools.simulator.invariants import Invariants
from tools.simulator.settling import settle
from tools.simulator.transcript import Transcript
from tools.simulator.world import World

DRIFT_PPM = 500

BACK_MS_MAX = 8_000
"""People who find a machine switched off switch it on again, within so long."""

REAL_KEYS_EVERY = 20
"""One seed in twenty signs and verifies with real Ed25519."""


class RandomRun:
    def __init__(
        self,
        seed: int,
        steps: int,
        kept: int = 0,
        *,
        leases: bool = False,
        fences: bool = False,
        relations: bool = False,
        guarded: bool = False,
        arbiter: bool = False,
        asked: bool = False,
    ) -> None:
        """`kept`: lines of transcript to keep; 0 keeps none, which is faster. `leases`: services under `majority`; `fences`:
        nodes that can be switched off. `relations`: services that need each other or must not meet. `guarded`: services under
        `majority` of which the guard ends what stays up. `arbiter`: services that an etcd decides on. `asked`: services of
        which scripts are asked on their candidates."""
        self.seed = seed
        self.steps = steps
        rng = random.Random(f"cluster {seed}")
        chosen = (
            (leases, lease_worlds), (fences, fence_worlds), (relations, related_worlds), (arbiter, arbiter_worlds),
            (asked, asked_worlds),
        )  # fmt: skip
        special = next((worlds for wanted, worlds in chosen if wanted), None)
        if guarded:
            self.families, policy, leases = lease_worlds.guarded_mood(rng), lease_worlds.drawn_guarded(rng), True
        else:
            self.families = special.mood(rng) if special else mood(rng) | rare(seed)
            policy = special.drawn(rng) if special else drawn(rng)
        self.world = World(policy, seed, real_keys=seed % REAL_KEYS_EVERY == 0)
        self._drift(rng, lease_worlds.DRIFT_PPM if leases or arbiter else DRIFT_PPM)
        if arbiter:
            arbiter_worlds.begin(self.world, rng)
        self.transcript = Transcript(self.world, kept) if kept else None
        calm = self.families <= CALM
        self.invariants = Invariants(self.world, calm)
        self.leases = lease_worlds.LeaseInvariants(self.world) if leases else None
        self.fences = fence_worlds.FenceInvariants(self.world) if fences else None
        self.arbiter = arbiter_worlds.ArbiterInvariants(self.world) if arbiter else None
        self.relations = related_worlds.RelationInvariants(self.world) if relations else None
        self.asked = asked_worlds.AskedInvariants(self.world) if asked else None
        self.world.power.back_ms_max = BACK_MS_MAX if fences else 0
        for host in self.world.hosts.values():
            host.back_ms_max = BACK_MS_MAX if guarded else 0
        self.accidents = Accidents(self.world, self.families, self.say)

    def _drift(self, rng: random.Random, most_ppm: int) -> None:
        for host in self.world.hosts.values():
            host.clocks.drift_ppm = rng.randint(-most_ppm, most_ppm)
            host.clocks.jump(rng.randint(-5_000, 5_000))

    def say(self, text: str) -> None:
        if self.transcript:
            self.transcript.say(text)

    def play(self) -> None:
        """Accidents for so many steps, then mending, then what must be."""
        for node in self.world.hosts:
            self.world.agenda.after(self.world.rng.randint(0, 2_000_000), self.world.hosts[node].start)
        self.world.agenda.after(3_000_000, self.accidents.happen)
        while self.world.agenda.steps < self.steps:
            self.world.step()
        self.accidents.over = True
        settle(self.world, self.say)
        self.invariants.deep()
        self.invariants.history(forgetful="memory" in self.families)
