"""Nodes that ask one etcd in virtual time, with all that goes wrong between them: for tests of `quorum.arbitration`.

    world = ArbiterWorld(random.Random(7), nodes=3)
    world.run(steps=2_000)          # raises Overlap where two nodes own the service

A node owns the service from its claim until it has let go, and no longer than `stop` after the end of its lease, by its own
clock: the kernel silences it. It is paused, cut off from etcd, restarted; its clock is faster or slower than others by up to
the drift that is allowed; questions and answers are late or lost; etcd has no quorum, elects, or is restored from an old
snapshot.
"""

import random
from dataclasses import dataclass, field

from coordinator.core.quorum.arbiter import Said, Taken
from coordinator.core.quorum.arbitration import Arbitration, Question
from coordinator.core.quorum.promise import Term
from tools.simulator.etcd import CLUSTER, Etcd

SERVICE = "db"
MS_US = 1000
TERM = Term(2_000, 30, 1)
STEP_MS = 10
SILENT_MS = 1_020
"""An etcd that is restored is silent for so long at least: more than half a lease, by any clock."""
DRIFT_PPM = 4_900
"""Of two clocks that differ by less than the 1 % of the term."""


class Overlap(AssertionError):
    """Two nodes own the service. The text says when, and what had happened."""


@dataclass
class Node:
    name: str
    ppm: int
    """By how much its clock is faster than the world's."""
    lives: int = 0
    asked: Arbitration | None = None
    paused_until_ms: int = 0
    cut_until_ms: int = 0
    wants: bool = True
    owns_until_ms: int = 0
    """By its own clock; 0: it owns nothing. What it has told the kernel last."""
    arriving: list[tuple[int, Question, Said]] = field(default_factory=list)
    claims: int = 0
    off_until_ms: int = 0

    def clock_ms(self, world_us: int) -> int:
        return world_us * (1_000_000 + self.ppm) // 1_000_000 // MS_US


class ArbiterWorld:
    def __init__(self, rng: random.Random, nodes: int) -> None:
        self.rng, self.now_us = rng, 0
        self.etcd = Etcd(drift_ppm=rng.randint(-DRIFT_PPM, DRIFT_PPM))
        self.nodes = [Node(f"n{at}", rng.randint(-DRIFT_PPM, DRIFT_PPM)) for at in range(nodes)]
        self.on_its_way: list[tuple[int, Node, int, Question]] = []
        self.etcd_back_us: int | None = None
        self.restoring: tuple[int, int | None] | None = None
        """As it was when, and under which id."""
        self.known = 0
        """The largest epoch that a feed names: nodes hear each other's claims."""
        self.epochs: set[int] = set()
        self.loss = rng.choice((0.0, 0.02, 0.15))
        self.restores = self.takes = 0
        self.story: list[str] = []
        for node in self.nodes:
            self.start(node)

    def tell(self, text: str) -> None:
        self.story = [*self.story, f"{self.now_us / 1e6:.3f} s: {text}"][-40:]

    # --- accidents ---------------------------------------------------------------------------------------------------

    def start(self, node: Node) -> None:
        node.lives += 1
        node.asked = Arbitration(node.name, node.lives.to_bytes(8, "big"), heartbeat_ms=100)
        node.asked.follow({SERVICE: TERM})
        node.arriving, node.owns_until_ms = [], 0

    def crash(self, node: Node, off_ms: int) -> None:
        """Its power is off: nothing is up, and its memory is gone."""
        self.tell(f"{node.name} crashes")
        node.asked, node.owns_until_ms, node.off_until_ms = None, 0, self.now_us // MS_US + off_ms

    def accident(self) -> None:
        rng, now_ms = self.rng, self.now_us // MS_US
        node = rng.choice(self.nodes)
        long_ms = rng.choice((50, 400, 1_900, 2_100, 6_000))
        match rng.randrange(10):
            case 0 | 1:
                node.paused_until_ms = now_ms + long_ms
                self.tell(f"{node.name} stands still for {long_ms} ms")
            case 2 | 3:
                node.cut_until_ms = now_ms + long_ms
                self.tell(f"{node.name} is cut off from etcd for {long_ms} ms")
            case 4:
                self.crash(node, long_ms)
            case 5 if self.etcd_back_us is None:
                self.etcd.down()
                self.etcd_back_us = self.now_us + long_ms * MS_US
                self.tell(f"etcd is down for {long_ms} ms")
            case 6:
                self.etcd.elect(self.now_us)
            case 7 if self.etcd_back_us is None and rng.random() < 0.5:
                ago_ms = rng.choice((500, 3_000, 10_000))
                cluster = CLUSTER + rng.randint(1, 9) if rng.random() < 0.3 else None
                self.etcd.down()
                self.restoring = self.now_us - ago_ms * MS_US, cluster
                self.etcd_back_us = self.now_us + (SILENT_MS + rng.choice((0, 500, 3_000))) * MS_US
                self.tell(f"etcd is stopped, to be restored as it was {ago_ms} ms ago")
            case _:
                node.wants = not node.wants
                self.tell(f"{node.name} {'wants' if node.wants else 'gives up'} the service")

    # --- time --------------------------------------------------------------------------------------------------------

    def run(self, steps: int, accidents: float = 0.004) -> None:
        for _ in range(steps):
            self.now_us += STEP_MS * MS_US
            if self.rng.random() < accidents:
                self.accident()
            if self.etcd_back_us is not None and self.now_us >= self.etcd_back_us:
                self.etcd_is_back()
            self.deliver()
            for node in self.rng.sample(self.nodes, len(self.nodes)):
                self.turn(node)
                self.look()

    def etcd_is_back(self) -> None:
        self.etcd_back_us = None
        if self.restoring is None:
            self.etcd.back(self.now_us)
            return
        at_us, cluster = self.restoring
        self.etcd.restore(at_us, self.now_us, cluster)
        self.restoring, self.restores = None, self.restores + 1
        self.tell("etcd is back, restored")

    def delay_ms(self, long_ms: int) -> int:
        return long_ms if self.rng.random() < 0.04 else self.rng.choice((0, 2, 20))

    def deliver(self) -> None:
        """Questions that reach etcd now, and answers that reach their node's socket."""
        due = [each for each in self.on_its_way if each[0] <= self.now_us]
        self.on_its_way = [each for each in self.on_its_way if each[0] > self.now_us]
        for _, node, life, question in due:
            if node.lives != life or node.asked is None:
                continue
            answer = self.etcd.answer(node.name, node.asked.run, question, self.now_us)
            self.takes += isinstance(answer, Taken)
            if self.rng.random() >= self.loss:
                late_ms = self.delay_ms(700)
                node.arriving.append((self.now_us + late_ms * MS_US, question, answer))

    def turn(self, node: Node) -> None:
        """What a node does when it runs: first it looks at its lease, then it takes in what has come."""
        now_ms = self.now_us // MS_US
        if node.asked is None:
            if now_ms >= node.off_until_ms:
                self.start(node)
            return
        if now_ms < node.paused_until_ms:
            return
        clock_ms, asked = node.clock_ms(self.now_us), node.asked
        asked.look(clock_ms)
        for at_us, question, answer in list(node.arriving):
            if at_us <= self.now_us:
                asked.said(question, answer, clock_ms)
                asked.look(clock_ms)
                node.arriving = [each for each in node.arriving if each[1] is not question]
        self.decide(node, clock_ms)
        for question in asked.questions(clock_ms):
            if now_ms >= node.cut_until_ms and self.rng.random() >= self.loss:
                self.on_its_way.append((self.now_us + self.delay_ms(300) * MS_US, node, node.lives, question))

    def decide(self, node: Node, clock_ms: int) -> None:
        asked = node.asked
        assert asked is not None
        if node.owns_until_ms:
            until_ms = asked.until_ms(SERVICE, clock_ms)
            if not until_ms or not node.wants:
                node.owns_until_ms = 0
                asked.down(SERVICE)
                self.tell(f"{node.name} lets go")
            else:
                node.owns_until_ms = until_ms
        elif not node.wants:
            asked.unwant(SERVICE)
        else:
            asked.want(SERVICE, self.known)
            if grant := asked.elected(SERVICE, self.known, clock_ms):
                assert grant.epoch not in self.epochs, f"epoch {grant.epoch} is given twice"
                self.epochs.add(grant.epoch)
                self.known = max(self.known, grant.epoch)
                asked.claimed(SERVICE)
                node.owns_until_ms, node.claims = grant.until_ms, node.claims + 1
                self.tell(f"{node.name} owns it by epoch {grant.epoch}")

    def owners(self) -> list[str]:
        """A paused node owns until the kernel silences it, by its own clock."""
        return [
            node.name
            for node in self.nodes
            if node.owns_until_ms and node.clock_ms(self.now_us) < node.owns_until_ms + TERM.stop_ms
        ]

    def look(self) -> None:
        if len(self.owners()) > 1:
            raise Overlap("\n".join([f"{self.owners()} own it at {self.now_us / 1e6:.3f} s", *self.story]))
