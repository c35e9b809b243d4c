"""A new configuration in a running core: what is taken, what is refused, and in which order what follows is done."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from coordinator.config import read
from coordinator.core.core import Core
from coordinator.core.effects import Adopt, Answer, Append, Effect, Equip, Guard, Run, Watch
from coordinator.core.inputs import CheckFinished, Reconfigured
from coordinator.core.service_phases import Phase
from coordinator.policy import CheckPolicy, Policy
from coordinator.state.configurations import ruling
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import Event
from protocol.kinds import Kind
from tools.simulator.files import changed
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

SCENARIOS = Path(__file__).parents[1] / "scenarios"
TWO = armed(read(SCENARIOS / "two-nodes.toml", files=False))
THREE = armed(read(SCENARIOS / "three-nodes.toml", files=False))
Applies = Callable[..., list[Effect]]


@pytest.fixture
def world() -> World:
    return running(TWO)


def running(policy: Policy) -> World:
    world = World(policy, seed=3)
    world.start(*policy.nodes)
    world.run_until_ms(4_000)
    assert world.owners("web") == ("lukretia",)
    return world


def core_of(world: World, node: str = "lukretia") -> Core:
    faild = world.hosts[node].faild
    assert faild is not None
    return faild.core


def effects_of(world: World, node: str, policy: Policy, until_ms: int = 100) -> list[Effect]:
    """Everything that this node orders from the new configuration on."""
    seen: list[Effect] = []
    world.witnesses.append(lambda who, given, ordered, now: seen.extend(ordered) if who == node else None)
    world.hosts[node].apply(policy)
    world.run_until_ms(world.now_ms + until_ms)
    return [effect for effect in seen if not isinstance(effect, Append)]


def events(world: World, node: str, kind: Kind) -> list[Event]:
    return [entry.event for entry in world.entries() if entry.event.node == node and entry.event.kind == kind]


def without(policy: Policy, *nodes: str) -> Policy:
    """The same file without these nodes, as the core sees it."""
    kept = {name: node for name, node in policy.nodes.items() if name not in nodes}
    services = {
        name: replace(service, nodes=tuple(node for node in service.nodes if node not in nodes))
        for name, service in policy.services.items()
    }
    return replace(policy, nodes=MappingProxyType(kept), services=MappingProxyType(services), digest=b"w" * 32)


def moved(policy: Policy, node: str, *links: str) -> Policy:
    old = policy.nodes[node]
    there = {link: (host, port + 1 if link in links else port) for link, (host, port) in old.links.items()}
    return replace(policy, nodes=MappingProxyType({**policy.nodes, node: replace(old, links=there)}), digest=b"m" * 32)


def asked(world: World, policy: Policy, node: str = "lukretia") -> str:
    """The refusal's sentence; empty where it would be taken."""
    refused = core_of(world, node).reconfigure.refusal(Reconfigured(policy))
    return refused.text if refused else ""


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_candidate_that_runs_is_not_removed() -> None:
    """It would hear no peer, and take what it can: a split that no node sees."""
    world = running(THREE)
    assert "carthage is no longer in it, and its faild runs" in asked(world, without(THREE, "carthage"))
    world.hosts["carthage"].stop()
    world.run_until_ms(5_000)
    assert asked(world, without(THREE, "carthage")) == ""


def test_a_candidate_that_is_in_doubt_is_not_removed_and_a_dead_one_is() -> None:
    world = running(THREE)
    world.hosts["carthage"].crash()
    world.run_until_ms(4_400)
    assert asked(world, without(THREE, "carthage"))
    world.run_until_ms(6_000)
    assert asked(world, without(THREE, "carthage")) == ""


def test_one_link_stands_while_others_move(world: World) -> None:
    for node in ("lukretia", "genesis"):
        assert asked(world, moved(TWO, node, "lan")) == ""
        assert "changes every link to genesis at once" in asked(world, moved(TWO, node, "lan", "direct"))


def test_all_links_follow_a_peer_that_has_gone_before(world: World) -> None:
    """Refused where it has not: else no configuration could ever come after it."""
    there = moved(TWO, "genesis", "lan", "direct")
    state = core_of(world).state
    column = replace(state.column("genesis"), config=there.digest)
    core_of(world).context.rewind(state.with_column(column))
    assert asked(world, there) == ""


def test_what_the_disk_would_not_take_is_not_applied(world: World) -> None:
    world.hosts["lukretia"].disk.fill()
    world.run_until_ms(70_000)
    assert "disk refuses to write" in asked(world, changed(TWO, "web", ["retry=20s"]))
    world.hosts["lukretia"].apply(changed(TWO, "web", ["retry=20s"]))
    assert core_of(world).policy == TWO
    assert world.answers[-1][1].admitted is False


def test_a_change_that_the_disk_refuses_in_the_same_moment_is_in_force_and_written_later(world: World) -> None:
    """It cannot be taken back: what it ordered has been done. It stands in the log before anything else that follows."""
    host, new = world.hosts["lukretia"], changed(TWO, "web", ["retry=20s"])
    host.disk.fill()
    host.apply(new)
    world.run_until_ms(8_000)
    assert core_of(world).column.config == new.digest
    host.disk.release()
    world.run_until_ms(12_000)
    assert events(world, "lukretia", Kind.CONFIG_APPLIED)[-1].body["digest"] == new.digest


# --- who rules -------------------------------------------------------------------------------------------------------


def test_what_was_applied_last_rules_and_the_same_file_is_the_same_number(world: World) -> None:
    newer = changed(TWO, "web", ["retry=20s"])
    for node, policy, number in [
        ("lukretia", newer, 2),
        ("genesis", newer, 2),
        ("genesis", TWO, 3),
        ("lukretia", TWO, 3),
        ("lukretia", newer, 4),
    ]:
        world.hosts[node].apply(policy)
        world.run_until_ms(world.now_ms + 500)
        assert core_of(world, node).column.config_number == number
    assert world.owners("web") == ("lukretia",)


# --- what follows ----------------------------------------------------------------------------------------------------


def test_other_actions_come_up_after_the_guard_knows_how_to_take_them_down(world: World) -> None:
    effects = effects_of(world, "lukretia", changed(TWO, "web", ["address=10.77.0.101/24"]))
    told = [effect for effect in effects if isinstance(effect, Adopt | Equip | Guard | Run | Watch)]
    words = [f"{effect.word} {effect.actions[0]}" if isinstance(effect, Run) else type(effect).__name__ for effect in told]
    assert words == ["Adopt", "Watch", "down 1", "down 0", "Equip", "Guard", "up 0", "up 1", "Watch"]
    epoch = core_of(world).services.jobs["web"].holding.epoch
    assert {effect.word.epoch for effect in told if isinstance(effect, Guard)} == {epoch}


def test_other_actions_wait_for_a_guard_that_is_slow(world: World) -> None:
    world.hosts["lukretia"].guard_slow_us = 300_000
    effects = effects_of(world, "lukretia", changed(TWO, "web", ["address=10.77.0.101/24"]))
    assert [effect.word for effect in effects if isinstance(effect, Run)] == ["down", "down"]
    assert core_of(world).services.jobs["web"].phase is Phase.RENEWED
    world.run_until_ms(world.now_ms + 1_000)
    assert core_of(world).services.jobs["web"].phase is Phase.UP


def test_a_release_while_the_guard_is_told_ends_without_anything_up(world: World) -> None:
    host = world.hosts["lukretia"]
    host.guard_slow_us = 300_000
    effects_of(world, "lukretia", changed(TWO, "web", ["address=10.77.0.101/24"]))
    world.order("fail", "web", "lukretia")
    world.run_until_ms(world.now_ms + 50)
    assert not host.works.is_up("web")
    assert core_of(world).services.jobs["web"].phase is Phase.IDLE
    world.run_until_ms(world.now_ms + 1_000)
    assert world.owners("web") == ("genesis",)


def test_another_timeout_restarts_nothing_and_is_told_to_the_guard(world: World) -> None:
    new = changed(TWO, "web", ["timeout=5s"])
    effects = effects_of(world, "lukretia", new)
    assert [type(effect) for effect in effects if isinstance(effect, Equip | Guard | Run)] == [Equip, Guard]
    assert core_of(world).services.jobs["web"].policy == new.services["web"]


def test_a_reclaim_goes_to_its_end_before_other_actions_come(world: World) -> None:
    """All neighbours hear the winner again; then the old actions go down."""
    job = core_of(world).services.jobs["web"]
    for phase in (Phase.RECALLED, Phase.RECLAIMING):
        job._phase = phase
        job.configure(changed(TWO, "web", ["address=10.77.0.101/24"]).services["web"])
        core_of(world).services.unsettle({"web"})
        core_of(world).reconfigure.follow()
        assert (job.phase, bool(job.next_policy)) == (phase, True)


def test_checks_begin_anew_and_an_old_result_counts_for_nothing(world: World) -> None:
    core, old = core_of(world), TWO.services["web"].checks[0]
    new = changed(TWO, "web", ["fall=1"])
    effects = effects_of(world, "lukretia", new)
    assert [effect.on for effect in effects if isinstance(effect, Watch)] == [False, True]
    stale = [CheckFinished("web", 0, False, "late", old), CheckFinished("web", 7, False, "there is no such check")]
    faild = world.hosts["lukretia"].faild
    assert faild is not None
    for found in stale:
        faild.post(found)
    assert core.services.jobs["web"].phase is Phase.UP
    assert isinstance(new.services["web"].checks[0], CheckPolicy)
    faild.post(CheckFinished("web", 0, False, "new", new.services["web"].checks[0]))
    world.run_until_ms(world.now_ms + 100)
    assert world.state("web", "lukretia") == "FAIL"


def test_what_an_old_check_said_for_good_no_longer_counts(world: World) -> None:
    world.order("hold", "web")
    world.hosts["lukretia"].failing_checks.add("web")
    world.run_until_ms(10_000)
    assert core_of(world).column.service("web").failed_check
    world.hosts["lukretia"].failing_checks.discard("web")
    world.hosts["lukretia"].apply(changed(TWO, "web", ["every=2s"]))
    world.order("unhold", "web")
    world.run_until_ms(12_000)
    assert world.owners("web") == ("lukretia",)


def test_an_interface_that_lost_its_carrier_before_it_was_needed(world: World) -> None:
    world.hosts["genesis"].carrier("eth9", up=False)
    world.hosts["genesis"].apply(changed(TWO, "web", ["interface=eth9"]))
    world.run_until_ms(5_000)
    assert list(core_of(world, "genesis").column.service("web").carrier_lost) == ["eth9"]


def test_a_service_that_is_new_is_claimed_and_the_executor_knows_it_first(world: World) -> None:
    gone = changed(TWO, "web", ["removed"])
    for node in ("genesis", "lukretia"):
        world.hosts[node].apply(gone)
    world.run_until_ms(6_000)
    assert core_of(world).services.jobs == {}
    effects = effects_of(world, "lukretia", TWO, until_ms=2_000)
    told = [type(effect) for effect in effects if isinstance(effect, Adopt | Equip | Run)]
    assert told[:3] == [Adopt, Equip, Run]
    assert world.owners("web") == ("lukretia",)


def test_a_service_that_comes_back_while_it_goes_down_is_claimed_again(world: World) -> None:
    """Removed, and back before the old actions were down."""
    world.hosts["lukretia"].works.took_us = lambda order: 400_000 if order.word == "down" else 0
    world.hosts["lukretia"].apply(changed(TWO, "web", ["removed"]))
    world.run_until_ms(world.now_ms + 100)
    assert core_of(world).services.jobs["web"].phase is Phase.LOWERING
    world.hosts["lukretia"].apply(changed(TWO, "web", ["address=10.77.0.101/24"]))
    world.run_until_ms(world.now_ms + 5_000)
    assert core_of(world).services.jobs["web"].policy.actions[0].settings["address"] == "10.77.0.101/24"
    assert core_of(world).services.unsettled == set()


def test_the_new_hash_is_in_the_next_heartbeat_at_once(world: World) -> None:
    new = changed(TWO, "web", ["retry=20s"])
    world.hosts["lukretia"].apply(new)
    world.run_until_ms(world.now_ms + 5)
    newest = core_of(world, "genesis").liveness.peers["lukretia"].newest
    assert newest is not None
    assert newest.message.config == new.digest[:8]


def test_everybody_beats_as_often_as_anybody_expects_it(world: World) -> None:
    slow = changed(TWO, "timing", ["heartbeat=1s", "indoubt=3s", "dead=5s"])
    world.hosts["lukretia"].apply(slow)
    world.run_until_ms(6_000)
    assert [core_of(world, node).heartbeats.every_ms for node in ("lukretia", "genesis")] == [100, 100]
    assert core_of(world, "genesis").liveness.patience["lukretia"].dead_ms == 5_000
    world.hosts["genesis"].apply(slow)
    world.run_until_ms(9_000)
    assert [core_of(world, node).heartbeats.every_ms for node in ("lukretia", "genesis")] == [1_000, 1_000]


def test_other_voters_are_refused_while_their_votes_decide() -> None:
    """A file in which the witness does not vote: by the old one two of three decide, by the new one two of two."""
    policy = armed(read(SCENARIOS / "majority.toml", files=False))
    made = running(policy)
    other = policy.text.replace("witness = true", "witness = true\nvoter = false")
    fewer = parsed(other.replace('partition = "majority"', 'partition = "serve"'))
    ordered = effects_of(made, "lukretia", fewer)
    assert [effect.admitted for effect in ordered if isinstance(effect, Answer)] == [False]
    (text,) = [effect.text for effect in ordered if isinstance(effect, Answer)]
    assert text.startswith("the voters change (umpire), and services under majority are owned by their votes: stop faild on")
    assert core_of(made).policy == policy
    same = effects_of(made, "lukretia", changed(policy, "web", ["retry=20s"]))
    assert [effect.admitted for effect in same if isinstance(effect, Answer)] == [True]


def test_what_tells_the_voters_when_it_is_down_is_not_changed_while_it_runs() -> None:
    """A voter that has the old file would wait for less than the holder's guard, which has the new one."""
    policy = armed(read(SCENARIOS / "majority-script.toml", files=False))
    made = running(policy)
    for old, new in (
        ('timeout = "2s"', 'timeout = "20s"'),
        ('lease = "500ms"', 'lease = "900ms"'),
        ('timeout = "1s"', 'timeout = "3s"'),
        ('partition = "majority"', 'partition = "serve"'),
    ):
        assert policy.text.count(old) == 1
        ordered = effects_of(made, "lukretia", parsed(policy.text.replace(old, new)))
        ((admitted, text),) = [(effect.admitted, effect.text) for effect in ordered if isinstance(effect, Answer)]
        assert not admitted
        assert text.startswith("partition, lease, timeouts or [watchdog] of web change, by which its peers know when it is")
    same = effects_of(made, "lukretia", changed(policy, "web", ["retry=20s"]))
    assert [effect.admitted for effect in same if isinstance(effect, Answer)] == [True]


# --- what is known of files ------------------------------------------------------------------------------------------


def applied_event(policy: Policy, digest: bytes, incarnation: int = 1) -> Event:
    body = {"number": 1, "digest": digest, "text": policy.text}
    return Event(TWO.cluster_id, "genesis", incarnation, 1, bytes(32), 0, 0, Kind.CONFIG_APPLIED, "", body, (), ())


def test_nobody_can_put_his_own_file_under_the_hash_of_another() -> None:
    """By that file every node would judge the commands of those that run the other one."""
    state = reduce(State.begin(TWO, me="genesis"), applied_event(TWO, TWO.digest))
    state = reduce(state, applied_event(changed(TWO, "web", ["retry=20s"]), TWO.digest, incarnation=2))
    assert state.policies == {TWO.digest: TWO}


def test_files_are_known_in_whatever_order_the_incarnations_come() -> None:
    other = changed(TWO, "web", ["retry=20s"])
    one, two = applied_event(TWO, TWO.digest), applied_event(other, other.digest, incarnation=2)
    begin = State.begin(TWO, me="genesis")
    assert reduce(reduce(begin, one), two).policies == reduce(reduce(begin, two), one).policies
    assert len(reduce(reduce(begin, two), one).policies) == 2


def test_a_file_that_another_node_lives_by_is_a_label_until_it_counts_here() -> None:
    """trials, authority.md 3: one `config-applied` of a thief's own file with a higher number ruled the whole cluster."""
    own = changed(TWO, "web", ["retry=20s"])
    state = reduce(State.begin(TWO, me="lukretia"), applied_event(own, own.digest))
    assert state.policies == {TWO.digest: TWO}
    assert ruling(state, TWO) == TWO
    assert state.column("genesis").config == own.digest
