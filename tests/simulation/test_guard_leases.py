"""Scripts under `majority` in virtual time: the guard ends what has lost its lease, and a watchdog what the guard cannot.

tests/scenarios/majority-script-*.scenario tell the accidents one by one; here they meet, and the numbers are looked at.
"""

import pytest

from coordinator.core.ballots import Wanting, term
from coordinator.core.effects import Beat, Effect
from coordinator.core.inputs import Input, Now
from tests.core.test_reconfigure import SCENARIOS, core_of
from tools.simulator.leases import LeaseInvariants
from tools.simulator.orders import armed, parsed
from tools.simulator.random_run import RandomRun
from tools.simulator.world import World

STEPS = 3_000
TEXT = (SCENARIOS / "majority-script.toml").read_text()


BOUND_BY_VOTES = 8340
"""Each of two candidates asked voters that had voted for the other, and were bound for a term: nobody owned for ever."""


@pytest.mark.parametrize("seed", [*range(1, 7), BOUND_BY_VOTES])
def test_whatever_happens_no_two_nodes_own_it(seed: int) -> None:
    run = RandomRun(seed, STEPS, guarded=True)
    run.play()
    assert run.leases is not None
    assert run.leases.claims, "nothing was claimed: this world shows nothing"


def world(text: str = TEXT) -> World:
    """lukretia owns web, of which a script has 2 s to stop."""
    made = World(armed(parsed(text)), 1)
    LeaseInvariants(made)
    made.start(*made.hosts)
    made.run_until_ms(5_000)
    assert made.owners("web") == ("lukretia",)
    return made


def test_a_voter_is_bound_until_the_machine_is_reset_for_certain() -> None:
    """The lease, the stops, the watchdog, the kernel's 30 ms, and a hundredth for the drift of the clocks."""
    policy = parsed(TEXT)
    assert term(policy, policy.services["web"]).promise_ms == 3566
    short = parsed(TEXT.replace('timeout = "2s"', 'timeout = "200ms"'))
    assert term(short, short.services["web"]).promise_ms == 2556, "at least as long as the watchdog has to act"
    none = parsed(TEXT.replace('device = "/dev/watchdog"', 'device = "none"'))
    assert term(none, none.services["web"]).promise_ms == 2556, "a claim waits for a fence besides"


def test_the_guard_knows_the_end_of_the_lease_before_anything_comes_up() -> None:
    """faild stands still in the moment in which its claim is about to run: nothing comes up when it goes on, long after."""
    made = World(armed(parsed(TEXT)), 1)
    LeaseInvariants(made)
    made.start(*made.hosts)
    host = made.hosts["lukretia"]
    while host.guard.leases.watchdog.device == "":
        assert made.agenda.step(10_000_000)
    host.hang()
    made.run_until_ms(made.now_ms + 1_000)
    assert host.faild is None, "its guard has ended it"
    assert made.owners("web") == ()


def test_a_machine_is_not_reset_while_all_is_well() -> None:
    made = world()
    made.run_until_ms(60_000)
    made.hosts["lukretia"].stop()
    made.run_until_ms(70_000)
    assert [host.watchdog.resets for host in made.hosts.values()] == [0, 0, 0]
    assert made.hosts["lukretia"].watchdog.device == "", "what is down needs no watchdog"


def test_a_pause_shorter_than_the_lease_ends_nothing() -> None:
    made = world()
    made.hosts["lukretia"].hang()
    made.run_until_ms(5_200)
    made.hosts["lukretia"].thaw()
    made.run_until_ms(10_000)
    assert made.owners("web") == ("lukretia",)
    assert made.hosts["lukretia"].watchdog.resets == 0


def test_a_guard_that_was_replaced_knows_the_lease() -> None:
    made = world()
    host = made.hosts["lukretia"]
    host.kill_guard()
    made.run_until_ms(5_100)
    host.restore_guard()
    made.run_until_ms(5_200)
    host.hang()
    made.run_until_ms(8_000)
    assert made.owners("web") == ("genesis",)
    assert host.watchdog.resets == 0, "it took the script down"


def test_a_machine_whose_guard_does_not_come_back_is_reset() -> None:
    made = world()
    made.hosts["lukretia"].kill_guard()
    made.run_until_ms(9_500)
    assert made.hosts["lukretia"].watchdog.resets == 1
    assert made.owners("web") == ("genesis",)


def test_what_a_dead_guard_has_armed_is_stopped_where_all_is_down() -> None:
    made = world()
    host = made.hosts["lukretia"]
    host.kill_guard()
    made.order("move", "web", "genesis")
    made.run_until_ms(5_300)
    assert made.owners("web") == ("genesis",)
    host.restore_guard()
    made.run_until_ms(9_000)
    assert host.watchdog.resets == 0


def test_sysrq_resets_where_the_guard_runs() -> None:
    made = world(TEXT.replace("/dev/watchdog", "sysrq"))
    made.hosts["lukretia"].works.trouble["web"].down = "hangs"
    made.hosts["lukretia"].hang()
    made.run_until_ms(10_000)
    assert made.hosts["lukretia"].watchdog.resets == 1
    assert made.owners("web") == ("genesis",)


def test_an_echo_of_what_asked_for_nothing_makes_no_lease_longer() -> None:
    """A move whose stop fails: the owner is stuck and heard, and asks no voter any more. Its lease ends, and it is reset."""
    made = world()
    made.hosts["lukretia"].works.trouble["web"].down = "fails"
    made.order("move", "web", "genesis")
    made.run_until_ms(6_000)
    faild = made.hosts["lukretia"].faild
    assert faild is not None
    assert not faild.core.majority.leases.is_live("web")
    made.run_until_ms(8_500)
    assert made.hosts["lukretia"].watchdog.resets == 1


def test_a_candidate_asks_only_where_its_own_vote_is_free_as_well() -> None:
    """Where it counted on its own, which it had promised to another, it bound the others for nothing, again and again."""
    made = world()
    made.hosts["umpire"].stop()
    made.run_until_ms(6_000)
    majority = core_of(made, "genesis").majority
    assert majority.ballots.free_ms("web") > made.now_ms, "it is promised to lukretia, which has the service"
    majority.requests.want("web", ())
    majority.look()
    assert majority.requests.words() == {}, "of three voters lukretia alone could give a vote"


def test_a_voter_that_has_voted_for_another_is_not_asked_before_its_promise_is_over() -> None:
    """lukretia is dead, and a wish of it reached the umpire late: its vote binds it for a term, which genesis has read."""
    made, asked_ms = world(), list[int]()

    def witness(who: str, _: Input, ordered: list[Effect], now: Now) -> None:
        if who == "genesis" and any(isinstance(effect, Beat) and effect.heartbeat.leases.wants for effect in ordered):
            asked_ms.append(made.now_ms)

    made.witnesses.append(witness)
    made.hosts["lukretia"].crash()
    made.run_until_ms(6_000)
    assert core_of(made, "umpire").majority.ballots.wanted("web", Wanting("lukretia", 9, b"r" * 8, 1))
    term_ms = term(parsed(TEXT), parsed(TEXT).services["web"]).promise_ms
    made.run_until_ms(6_000 + term_ms + 2_000)
    assert made.owners("web") == ("genesis",)
    assert asked_ms[0] >= 6_000 + term_ms
