"""Fencing in the simulated world: what is ordered when, and what the world looks like then."""

from random import Random

from coordinator.config import parse
from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.inputs import Now
from coordinator.policy import Policy
from protocol.kinds import Kind
from tests.scenarios.test_scenarios import HERE
from tools.simulator.leases import LeaseInvariants
from tools.simulator.network_faults import RETRANSMIT_US, Sky, Way
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

LEVEL = '\n[[nodes.{node}.fence]]\nagent = "fence_dummy"\noptions = {{ plug = "{node}" }}\n'


def fenced(name: str = "two-nodes.toml", *nodes: str) -> Policy:
    """A configuration of the scenarios in which these nodes can be switched off, or all of them."""
    text = (HERE / name).read_text()
    names = nodes or tuple(parse(text, name).nodes)
    return armed(parse(text + "".join(LEVEL.format(node=node) for node in names), name))


def test_no_device_is_told_before_the_request_is_on_the_disk() -> None:
    """The log of a cluster in which a node was switched off says by which other one, and why."""
    world = World(fenced(), seed=1)
    told: list[int] = []

    def watched(node: str, seen: saw.Input, ordered: list[do.Effect], now: Now) -> None:
        for effect in ordered:
            if isinstance(effect, do.Fence):
                stored = {entry.ref for entry in world.hosts[node].disk.entries() if entry.event.kind == Kind.FENCE_REQUESTED}
                assert effect.request in stored, "its request is not on the disk"
                told.append(world.now_ms)

    world.witnesses.append(watched)
    world.start("lukretia", "genesis")
    world.run_until_ms(5_000)
    assert world.order("fence", "", "lukretia") == ["genesis"]
    world.run_until_ms(10_000)
    assert len(told) == 1
    assert not world.hosts["lukretia"].powered
    assert world.owners("web") == ("genesis",)


def requests(world: World) -> list[int]:
    """When each fencing was requested, by the wall clock of its author, in seconds since the first."""
    found = [entry.event for entry in world.entries() if entry.event.kind == Kind.FENCE_REQUESTED]
    return [round((event.wall_ms - found[0].wall_ms) / 1000) for event in found]


def test_a_fence_that_fails_is_tried_again_after_a_pause_that_doubles() -> None:
    """And each of them is an alarm, which is over when the node is off."""
    world = World(fenced(), seed=1)
    world.start("lukretia", "genesis")
    world.run_until_ms(5_000)
    world.power.trouble["lukretia"] = "fails"
    world.hosts["lukretia"].crash()
    world.run_until_ms(60_000)
    assert requests(world) == [0, 10, 31]
    assert world.owners("web") == ()
    told = [text for _, node, text in world.alarms if "waits for it" in text]
    assert told == ["level 1: exit 4, the connection was lost; web waits for it, with no node"] * 3
    world.power.trouble["lukretia"] = ""
    world.run_until_ms(90_000)
    assert world.owners("web") == ("genesis",)
    assert requests(world) == [0, 10, 31, 71]


def test_what_need_not_wait_is_taken_over_at_once() -> None:
    policy = fenced()
    world = World(armed(parse(policy.text.replace("[services.web]", "[services.web]\nfence = false"), "f")), seed=1)
    world.start("lukretia", "genesis")
    world.run_until_ms(5_000)
    world.hosts["lukretia"].crash()
    world.run_until_ms(7_000)
    assert world.owners("web") == ("genesis",)
    assert requests(world) == []


# --- under a lease ---------------------------------------------------------------------------------------------------

SLOW = 'script = "/etc/failover/web"\ntimeout = "60s"'
"""Its holder may take a minute to go down when its lease is over: so long a voter is bound."""

CUT_MS = 70_000
"""By then a voter that has started may vote: it keeps for a term what it may have promised before."""


def leased(more: str = "") -> World:
    """lukretia owns web by leave of three voters, and is cut off at `CUT_MS`."""
    text = fenced("three-nodes.toml").text.replace('script = "/etc/failover/web"\ntimeout = "2s"', SLOW)
    text = text.replace("[services.web]", f'[services.web]\npartition = "majority"\n{more}')
    world = World(armed(parsed(text)), 1)
    LeaseInvariants(world)
    world.start(*world.hosts)
    world.run_until_ms(CUT_MS)
    assert world.owners("web") == ("lukretia",)
    for other in ("genesis", "carthage"):
        ways = world.network.ways
        world.network.cut([*ways("lukretia", other, None), *ways(other, "lukretia", None)])
    return world


def test_a_fence_that_succeeded_ends_what_voters_had_promised() -> None:
    world = leased()
    world.run_until_ms(CUT_MS + 4_000)
    assert not world.hosts["lukretia"].powered
    assert world.owners("web") == ("genesis",)


class Congested(Sky):
    """Datagrams pass at once; of what comes by a stream each first segment is lost, and sent again."""

    def stream_delay_us(self, way: Way) -> int:
        return RETRANSMIT_US + super().stream_delay_us(way)


def test_a_voter_that_reads_of_the_fence_behind_the_question_gives_its_vote_then() -> None:
    """It has refused for the sake of a promise, and that is over: its heartbeats no longer say that it is bound."""
    world = leased()
    sky = Congested(Random(1))
    sky.cuts = world.network.sky.cuts
    world.network.sky = sky
    world.run_until_ms(CUT_MS + 4_000)
    assert world.owners("web") == ("genesis",)


def test_without_a_fence_the_promises_run_out_first() -> None:
    world = leased("fence = false")
    world.run_until_ms(CUT_MS + 55_000)
    assert world.owners("web") == ()
    world.run_until_ms(CUT_MS + 70_000)
    assert world.owners("web") == ("genesis",)


def test_an_operators_word_ends_no_promise() -> None:
    """The operator may not have looked, and a vote is not taken back."""
    world = leased()
    world.power.trouble["lukretia"] = "fails"
    world.run_until_ms(CUT_MS + 4_000)
    assert world.order("is-off", "", "lukretia") == ["genesis"]
    world.run_until_ms(CUT_MS + 50_000)
    assert world.owners("web") == ()
    world.run_until_ms(CUT_MS + 75_000)
    assert world.owners("web") == ("genesis",)
