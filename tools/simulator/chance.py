"""What accidents are made of: when the next one comes, which it is, and where it happens.

    drawn = Accidents(world, mood(rng), say)    # tools.simulator.accidents has the kinds
    drawn.happen()                              # and from then on again and again, until drawn.over

Each seed has a *mood*: the families of accidents that happen in it. All families at once hide what two of them alone bring
about, so a mood is a random subset (swarm testing). What is drawn is told to the transcript in words.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tools.simulator.world import World

FAMILIES = ("weather", "cuts", "power", "kills", "stops", "pauses", "disks", "memory", "actions", "downs", "checks", "carrier",
            "clocks", "orders", "files", "stuck", "slow", "oneway")  # fmt: skip

CALM = frozenset({"power", "kills", "stops", "disks", "memory", "actions", "checks", "carrier", "clocks", "orders", "files",
                  "stuck", "slow"})  # fmt: skip
"""Families in which no two nodes may ever own one service at once: the network is whole and no node stands still."""

RARE = ("removed",)
"""Families that come to the mood of one seed in six, drawn apart: the other seeds stay what they were."""

FORGETFUL = frozenset({"power", "kills", "memory", "disks", "orders", "files"})
"""In these one may lose what it has just heard, or say what is not so."""

LONGEST_CUT_MS = 5_000
"""A cut that is no lasting one (`for_us`) is healed after so long."""

Say = Callable[[str], None]


def mood(rng: random.Random) -> frozenset[str]:
    """Which families happen. One seed in four is calm."""
    possible = sorted(CALM) if rng.random() < 0.25 else FAMILIES
    return frozenset(rng.sample(possible, rng.randint(2, len(possible))))


def rare(seed: int) -> frozenset[str]:
    return frozenset(family for family in RARE if random.Random(f"{family} {seed}").random() < 1 / 6)


class Kind(NamedTuple):
    family: str
    weight: int
    act: Callable[[Any], None]
    """A method of `Drawn`."""


class Drawn:
    def __init__(self, world: World, families: frozenset[str], say: Say, kinds: Sequence[Kind]) -> None:
        self._world = world
        self._rng = world.rng
        self._say = say
        self._kinds = [kind for kind in kinds if kind.family in families]
        self.families = families
        self.calm = families <= CALM
        self.lasting = False
        """A link is lost one way for long: one at a time, else it is lost both ways."""
        self.removing = False
        """A node is removed at this moment, or was: one at a time, else no node is left."""
        self.last_cut_us = 0
        """When a link was last cut or healed by another accident."""
        self.suspended = False
        """In a calm world: something is up that no node may take over, and an accident that makes others forget it waits
        (`FORGETFUL`)."""
        self.over = False

    def next_in_us(self) -> int:
        """Until the next accident: mostly soon, so that accidents meet."""
        return int(self._rng.expovariate(1 / 700_000)) + 1_000

    def happen(self) -> None:
        if self.over:
            return
        kind = self._rng.choices(self._kinds, [kind.weight for kind in self._kinds])[0]
        if kind.family in ("cuts", "files"):
            self.last_cut_us = self._world.agenda.now_us + int(LONGEST_CUT_MS * 1_000)
        if not (self.calm and self.suspended and kind.family in FORGETFUL):
            kind.act(self)
        self._world.agenda.after(self.next_in_us(), self.happen)

    # What accidents are made of

    @property
    def world(self) -> World:
        return self._world

    @property
    def rng(self) -> random.Random:
        return self._rng

    def say(self, text: str) -> None:
        self._say(text)

    def node(self) -> str:
        return self._rng.choice(list(self._world.hosts))

    def pair(self) -> tuple[str, str]:
        a, b = self._rng.sample(list(self._world.hosts), 2)
        return a, b

    def candidate(self) -> tuple[str, str]:
        """A service, and one of its candidates; the owner more often than not."""
        service = self._rng.choice(list(self._world.policy.services))
        owners = self._world.owners(service)
        if owners and self._rng.random() < 0.5:
            return service, owners[0]
        return service, self._rng.choice(self._world.policy.services[service].nodes)

    def for_us(self, longest_ms: int = 5_000) -> int:
        """How long: as often short as long."""
        return int(1_000 * longest_ms ** self._rng.random()) + 1_000

    def then(self, after_us: int, text: str, act: Callable[[], None]) -> None:
        def now() -> None:
            if not self.over:
                self.say(text)
                act()

        self._world.agenda.after(after_us, now)
