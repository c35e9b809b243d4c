"""The rows of the table about services that need each other or must not meet, and the neighbouring cases without them."""

from dataclasses import replace
from typing import Any

import pytest

from coordinator.config import read
from coordinator.core.commands import Refusal, Wanted
from coordinator.decision.decide import Act
from coordinator.policy import After, Policy, ServicePolicy
from coordinator.state.model import ServicePhase
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.story import Story, alive, dead, policy
from tests.scenarios.test_scenarios import HERE as SCENARIOS
from tools.simulator.world import World

L, G, C = "lukretia", "genesis", "carthage"
NEEDS: list[dict[str, Any]] = [{"together": ("db",)}, {"after": (After("db", here=True),)}]


def related(**relation: Any) -> Policy:
    """web has the relation; db stands behind it in the file."""
    plain = policy(L, G, C)
    web = replace(plain.services["web"], **relation)
    return replace(plain, services={"web": web, "db": ServicePolicy("db", (L, G, C))})


def story(**relation: Any) -> Story:
    told = Story(related(**relation))
    for node in (L, G, C):
        told.starts(node)
    return told


def claims(told: Story, node: str, service: str, epoch: int = 1) -> Ref:
    return told.write(node, Kind.CLAIM, {"epoch": epoch}, service)


def holds(told: Story, node: str, service: str, epoch: int = 1) -> Ref:
    claims(told, node, service, epoch)
    return told.write(node, Kind.UP, {"epoch": epoch}, service)


@pytest.mark.parametrize("needs", NEEDS)
def test_it_waits_for_what_it_needs_beside_it(needs: dict[str, Any]) -> None:
    told = story(**needs)
    assert (told.decides(L).rule, told.decides(L).act) == ("waits-for", Act.STAY)
    assert told.decides(L).reason.startswith("it waits for db, which is not ")
    holds(told, G, "db")
    assert told.decides(L).rule == "waits-for"


@pytest.mark.parametrize("needs", NEEDS)
def test_it_is_taken_beside_it_by_a_worse_candidate_and_rests_on_it(needs: dict[str, Any]) -> None:
    told = story(**needs)
    up = holds(told, G, "db")
    decision = told.decides(G)
    assert (decision.act, decision.rule) == (Act.CLAIM, "take-over-free")
    assert up in decision.causes
    assert decision.passed_over == ((L, f"it waits for db, which is not {'up ' if 'after' in needs else ''}on lukretia"),)


def test_with_starts_side_by_side_and_after_when_it_is_up() -> None:
    for needs, rule in zip(NEEDS, ("take-over-free", "waits-for")):
        told = story(**needs)
        claims(told, L, "db")
        assert told.decides(L).rule == rule


@pytest.mark.parametrize("needs", NEEDS)
def test_it_is_given_up_when_what_it_needs_is_gone_from_here(needs: dict[str, Any]) -> None:
    told = story(**needs)
    holds(told, L, "db")
    told.holds(L, 1)
    assert told.decides(L).rule == "keep"
    gone = told.write(L, Kind.RELEASE, {"to": "RECOVER", "cause": "move", "reason": "x"}, "db")
    decision = told.decides(L)
    assert (decision.rule, decision.act) == ("follows", Act.RELEASE)
    assert (decision.to, decision.causes) == (ServicePhase.RECOVER, (gone,))
    assert decision.reason == "db, which it needs, is gone"


@pytest.mark.parametrize("needs", NEEDS)
def test_it_does_not_fail_back_to_where_it_could_not_be(needs: dict[str, Any]) -> None:
    told = story(**needs)
    holds(told, G, "db")
    told.holds(G, 1)
    assert told.decides(G, timers=("failback:lukretia",)).rule == "keep"


def test_what_must_be_up_somewhere_may_be_anywhere_and_not_on_the_dead() -> None:
    told = story(after=(After("db"),))
    assert told.decides(L).reason == "it waits for db, which is up nowhere"
    claims(told, C, "db")
    assert told.decides(L).rule == "waits-for", "it has not come up yet"
    told.write(C, Kind.UP, {"epoch": 1}, "db")
    assert told.decides(L).act is Act.CLAIM
    assert told.decides(L, carthage=dead()).rule == "waits-for"
    assert told.decides(L, carthage=alive(same_run=False)).rule == "waits-for"


def test_it_stays_through_a_failover_of_what_it_comes_after() -> None:
    told = story(after=(After("db"),))
    holds(told, C, "db")
    told.holds(L, 1)
    assert told.decides(L, carthage=dead()).rule == "keep"
    assert told.decides(L, carthage=dead(), timers=("gone:db",)).rule == "follows"


def test_it_is_not_taken_where_it_must_not_be() -> None:
    told = story(apart=("db",))
    holds(told, L, "db")
    assert told.decides(L).reason == "db is here, and it must not be beside that"
    assert told.decides(G).act is Act.CLAIM
    told.write(L, Kind.RELEASE, {"to": "RECOVER", "cause": "move", "reason": "x"}, "db")
    assert told.decides(L).rule == "waits-for", "it is being taken down, and not gone"


def test_who_has_the_key_gives_way() -> None:
    told = story(apart=("db",))
    told.holds(L, 1)
    came = claims(told, L, "db")
    decision = told.decides(L)
    reason = "db is here too, and it must not be beside that"
    assert (decision.rule, decision.reason, decision.causes) == ("apart", reason, (came,))


@pytest.mark.parametrize(("order", "rule"), [(("web", "db"), "keep"), (("db", "web"), "apart")])
def test_of_two_that_name_each_other_the_later_one_in_the_file_gives_way(order: tuple[str, ...], rule: str) -> None:
    one = related(apart=("db",))
    both = {**one.services, "db": replace(one.services["db"], apart=("web",))}
    told = Story(replace(one, services={name: both[name] for name in order}))
    for node in (L, G, C):
        told.starts(node)
    told.holds(L, 1)
    holds(told, L, "db")
    assert told.decides(L).rule == rule


def test_a_service_without_relations_knows_nothing_of_the_others() -> None:
    told = Story(policy(L, G, C))
    for node in (L, G, C):
        told.starts(node)
    holds(told, G, "db")
    assert told.decides(L).act is Act.CLAIM


def test_a_move_to_where_it_could_not_be_is_refused_with_the_reason() -> None:
    files = read(SCENARIOS / "relations.toml", files=False)
    world = World(files, seed=0)
    world.start(*files.nodes)
    world.run_until_ms(5_000)
    faild = world.hosts["lukretia"].faild
    assert faild is not None
    refused = faild.core.commands.unfit_target(Wanted("move", "db", "genesis"))
    assert isinstance(refused, Refusal)
    assert "it waits for storage, which is not up on genesis" in refused.text
