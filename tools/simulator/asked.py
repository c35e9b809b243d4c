"""Worlds of services of which something is asked of the candidates, and what must hold there besides (decisions 0090, 0091).

    run = RandomRun(seed, steps, asked=True)
    watch = AskedInvariants(world)          # raises BrokenAnswer where a node takes what its gate refuses

Gates refuse and open, scripts give other numbers or none, and everything else happens as in any other world.
"""

import random

from coordinator.config import parse
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.policy import EVIDENCE, Policy
from protocol.event import Entry, Ref
from protocol.events import Claim, body_of
from tools.simulator import drawn as plain_worlds
from tools.simulator.chance import Drawn
from tools.simulator.chance import mood as plain_mood
from tools.simulator.orders import armed
from tools.simulator.world import World

GATE = 'gate = { script = "/etc/failover/gate", every = "1s" }\n'
NUMBERS = 'evidence = { script = "/etc/failover/lag" }\n'
COMPARED = f'{NUMBERS}prefer = "evidence"\n'

NO_NUMBER_SHARE = 0.2

COMPARED_MIN = 3
"""Of two, one has it and dies, and the other is alone with its number."""


OTHERS_MAX = 2


def mood(rng: random.Random) -> frozenset[str]:
    """Owners that go, and a few families besides, so that what is asked meets them. A changed file would ask other things."""
    others = sorted(plain_mood(rng) - {"files"})
    return frozenset({*rng.sample(others, min(len(others), OTHERS_MAX)), "asked", "kills", "stops", "power"})


def drawn(rng: random.Random) -> Policy:
    """Any other world with three candidates of a service or more, in which something is asked of those of each service."""
    while _candidates(policy := plain_worlds.drawn(rng)) < COMPARED_MIN:
        pass
    text = policy.text
    for name in policy.services:
        asked = rng.choice((GATE, COMPARED, COMPARED, GATE + COMPARED, GATE + NUMBERS))
        head = f"[services.{name}]\n"
        begin = text.index(head) + len(head)
        end = text.index("[[", begin)
        table = text[begin:end]
        if "prefer" in asked:
            kept = [line for line in table.split("\n") if not line.startswith("failback")]
            table = 'failback = "manual"\n' + "\n".join(kept)
        text = text[:begin] + asked + table + text[end:]
    return armed(parse(text, "drawn"))


def _candidates(policy: Policy) -> int:
    """Of the service that has most."""
    return max(len(service.nodes) for service in policy.services.values())


def trouble(accidents: Drawn) -> None:
    """A gate that refuses for a while, or other numbers on all candidates."""
    world, rng = accidents.world, accidents.rng
    service = rng.choice(sorted(world.policy.services))
    policy = world.policy.services[service]
    if policy.evidence is not None and (policy.gate is None or rng.random() < 1 / 2):
        for node in policy.nodes:
            number = None if rng.random() < NO_NUMBER_SHARE else rng.randint(0, 3)
            accidents.say(f"evidence {service} {node} {'none' if number is None else number}")
            world.hosts[node].evidence[service] = number
    else:
        node = accidents.node()
        accidents.say(f"gate-refuses {service} {node}")
        refusing = world.hosts[node].refusing_gates
        refusing.add(service)
        accidents.then(accidents.for_us(), f"gate-opens {service} {node}", lambda: refusing.discard(service))


class BrokenAnswer(AssertionError):
    """A node has taken what it might not, by what it was told. The text says which, and by what."""


class AskedInvariants:
    def __init__(self, world: World) -> None:
        self._world = world
        self._opens: dict[tuple[str, str], bool] = {}
        """Node and service to what its gate said last, since it is asked."""
        self._claims: set[Ref] = set()
        """Those that were seen: a node that has lost its disk stores its own once more."""
        self.refused = self.outranked = 0
        """Answers that refused, and claims that went past a node by its number."""
        world.witnesses.append(self._after_input)

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        if isinstance(seen, saw.Booted):
            self._opens = {key: opens for key, opens in self._opens.items() if key[0] != node}
        if isinstance(seen, saw.GateAnswered):
            self._opens[node, seen.service] = seen.opens
            self.refused += not seen.opens
        for effect in ordered:
            if isinstance(effect, do.AskGate) and effect.gate is not None:
                self._opens.pop((node, effect.service), None)
            elif isinstance(effect, do.Guard):
                self._armed(node, effect.word.service)
            elif isinstance(effect, do.Append):
                for entry in effect.entries:
                    self._stored(node, entry)

    def _armed(self, node: str, service: str) -> None:
        """It is claimed in this step."""
        if self._world.policy.services[service].gate is not None and not self._opens.get((node, service)):
            raise BrokenAnswer(f"{node} claims {service}, and its gate has not opened")

    def _stored(self, node: str, entry: Entry) -> None:
        claim = body_of(entry.event)
        if isinstance(claim, Claim) and entry.event.node == node and entry.ref not in self._claims:
            self._claims.add(entry.ref)
            self._compared(node, entry.event.service, claim)

    def _compared(self, node: str, service: str, claim: Claim) -> None:
        numbers = dict(claim.given.evidence)
        if self._world.policy.services[service].prefer != EVIDENCE or node not in numbers:
            return
        behind = [other for other, why in claim.passed_over if why.startswith("its number is ")]
        self.outranked += len(behind)
        if any(numbers[other] >= numbers[node] for other in behind):
            raise BrokenAnswer(f"{node} claims {service} by a number that is not the largest: {numbers}")
