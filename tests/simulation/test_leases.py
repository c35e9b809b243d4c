"""Services under `majority` in virtual time: no two nodes own one, whatever happens, and what a voter promised is kept.

Each world checks at every step what `tools/simulator/leases.py` says must hold, whatever any node believes.
"""

from dataclasses import replace

import pytest

from coordinator.core.ballots import term
from coordinator.policy import ActionPolicy
from coordinator.state.model import Judgement
from protocol.events import Claim, Vote, body_of
from protocol.kinds import Kind
from tests.core.test_reconfigure import SCENARIOS
from tools.simulator.leases import LeaseInvariants
from tools.simulator.orders import armed, parsed
from tools.simulator.random_run import RandomRun
from tools.simulator.world import World

STEPS = 3_000
LEASE_MS = 500
TERM_MS = 536
"""The lease, the kernel's 30 ms, and a hundredth for the drift of the clocks."""

SCRIPT = '[[services.web.actions]]\nscript = "/etc/failover/web"\ntimeout = "2s"\n'


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_happens_no_two_nodes_own_it(seed: int) -> None:
    run = RandomRun(seed, STEPS, leases=True)
    run.play()
    assert run.leases is not None
    assert run.leases.claims, "nothing was claimed: this world shows nothing"
    assert run.leases.votes >= 2 * run.leases.claims, "a claim has the votes of two nodes or more"


def world(lease_ms: int = LEASE_MS) -> World:
    """lukretia owns web by the votes of three; genesis and carthage are the other voters, and candidates in this order."""
    leased = f'[services.web]\npartition = "majority"\nlease = "{lease_ms}ms"'
    text = (SCENARIOS / "three-nodes.toml").read_text().replace("[services.web]", leased)
    assert text.count(SCRIPT) == 1
    text = text.replace(SCRIPT, "")
    made = World(armed(parsed(text)), 1)
    LeaseInvariants(made)
    made.start(*made.hosts)
    made.run_until_ms(4_000)
    assert made.owners("web") == ("lukretia",)
    return made


def cut_off(made: World, node: str) -> None:
    for other in made.hosts:
        if other != node:
            made.network.cut([*made.network.ways(node, other, None), *made.network.ways(other, node, None)])


def claims(made: World) -> list[tuple[str, int, int]]:
    """Who claimed under which epoch, and by how many votes among its causes."""
    events = {entry.ref: entry.event for entry in made.entries()}
    found = []
    for event in events.values():
        body = body_of(event)
        if isinstance(body, Claim):
            votes = [events[cause] for cause in event.causes if cause in events and events[cause].kind == Kind.VOTE]
            given = [vote for vote in map(body_of, votes) if isinstance(vote, Vote)]
            assert {(vote.candidate, vote.epoch) for vote in given} == {(event.node, body.epoch)}
            found.append((event.node, body.epoch, len({vote.node for vote in votes})))
    return sorted(found, key=lambda claim: claim[1])


def test_a_claim_names_the_votes_of_a_majority() -> None:
    ((node, epoch, votes),) = claims(world())
    assert (node, epoch) == ("lukretia", 1)
    assert votes >= 2


def test_an_owner_that_loses_its_power_is_followed_when_its_lease_is_over() -> None:
    made = world()
    made.hosts["lukretia"].crash()
    made.run_until_ms(4_000 + TERM_MS - 200)
    assert made.owners("web") == ()
    made.run_until_ms(8_000)
    assert made.owners("web") == ("genesis",)
    assert [claim[0] for claim in claims(made)] == ["lukretia", "genesis"]


def test_an_owner_that_is_cut_off_lets_go_by_itself_and_the_others_go_on() -> None:
    made = world()
    cut_off(made, "lukretia")
    seen = [made.owners("web")]
    for at_ms in range(4_001, 8_001):
        made.run_until_ms(at_ms)
        if (now := made.owners("web")) != seen[-1]:
            seen.append(now)
    assert seen == [("lukretia",), (), ("genesis",)], "it answers no more, before another may"
    assert made.state("web", "lukretia") != "UP"


def test_a_promise_outlives_the_judgement_that_the_holder_is_dead() -> None:
    """It is silent for `dead` long before its lease is over: until then it answers, and nobody may vote for another."""
    made = world(1_500)
    cut_off(made, "lukretia")
    made.run_until_ms(4_800)
    host = made.hosts["genesis"]
    assert host.faild is not None
    assert host.faild.core.liveness.judgement("lukretia", host.now().mono_ms) is Judgement.DEAD
    assert made.owners("web") == ("lukretia",)
    made.run_until_ms(7_000)
    assert made.owners("web") == ("genesis",)


def test_one_of_three_owns_nothing_however_long_it_is_alone() -> None:
    made = world()
    made.hosts["lukretia"].crash()
    made.hosts["carthage"].crash()
    made.run_until_ms(30_000)
    assert made.owners("web") == ()
    made.start("carthage")
    made.run_until_ms(36_000)
    assert made.owners("web") == ("genesis",)


def test_an_owner_goes_on_while_one_of_its_voters_is_away() -> None:
    made = world()
    made.hosts["carthage"].crash()
    made.run_until_ms(20_000)
    assert made.owners("web") == ("lukretia",)
    assert len(claims(made)) == 1


def test_an_owner_that_stood_still_does_not_answer_beside_the_next_one() -> None:
    """Every process of it stands still for longer than its lease: the kernel ends it, and what it says afterwards is late."""
    made = world()
    made.hosts["lukretia"].freeze()
    made.run_until_ms(8_000)
    assert made.owners("web") == ("genesis",)
    made.hosts["lukretia"].thaw()
    made.run_until_ms(12_000)
    assert len(made.owners("web")) == 1


def test_voters_that_have_all_started_anew_wait_for_one_term() -> None:
    """They may have promised what they forgot."""
    made = world()
    for host in made.hosts.values():
        host.crash()
    made.run_until_ms(4_100)
    for node in made.hosts:
        made.start(node)
    made.run_until_ms(4_100 + TERM_MS)
    assert made.owners("web") == ()
    made.run_until_ms(9_000)
    assert made.owners("web") == ("lukretia",)


def test_candidates_that_are_free_in_one_moment_do_not_each_vote_for_itself_for_ever() -> None:
    """All three have just started, and may vote from the same millisecond on: sixteen epochs went by in eight seconds."""
    made = world()
    votes = [entry for entry in made.entries() if isinstance(body_of(entry.event), Vote)]
    assert {entry.event.body["epoch"] for entry in votes} == {1}


def test_the_kernel_is_told_the_end_of_the_lease_and_nothing_longer() -> None:
    """Also where there is no lease any more: that is an end long ago, and not that nothing ends it."""
    made = world()
    faild = made.hosts["lukretia"].faild
    assert faild is not None
    leases, policy = faild.core.gates.leases, faild.core.policy.services["web"]
    assert leases.ends_ms(policy) == faild.core.majority.leases.until_ms("web") > faild.core.context.now_ms
    assert leases.is_proof(policy)
    cut_off(made, "lukretia")
    made.run_until_ms(4_000 + 2 * LEASE_MS)
    assert 0 < leases.ends_ms(policy) < faild.core.context.now_ms
    assert not leases.is_proof(policy)


def test_what_the_kernel_ended_early_is_opened_again_while_the_voters_promise_it() -> None:
    """The owner stood still from the end of one heartbeat to beyond what the kernel knew; its lease was longer by an echo."""
    made, kernel_ends_ms = world(), 0
    host = made.hosts["lukretia"]
    assert host.faild is not None
    core = host.faild.core
    while core.majority.leases.until_ms("web") == kernel_ends_ms or not kernel_ends_ms:
        made.run_until_ms(made.agenda.now_us // 1000 + 1)
        kernel_ends_ms = host.gates.ends_ms("web")
    host.freeze()
    made.run_until_ms(host.clocks.world_us(kernel_ends_ms) // 1000 + 2)
    assert made.owners("web") == (), "the kernel lets nothing answer"
    host.thaw()
    made.run_until_ms(made.agenda.now_us // 1000 + 2)
    assert made.owners("web") == ("lukretia",)
    assert len(claims(made)) == 1, "under the same claim"


def test_nobody_waits_for_a_better_candidate_that_takes_nothing() -> None:
    """lukretia stops in order: genesis asks for votes when it has its last word, and not two heartbeats later."""
    made = world()
    made.hosts["lukretia"].stop()
    made.run_until_ms(4_050)
    assert made.owners("web") == ("genesis",)


def test_a_hook_that_is_told_makes_no_promise_longer() -> None:
    """It holds nothing: what waits for a lease does not wait for its timeout as well."""
    text = (SCENARIOS / "majority.toml").read_text()
    told = text + '[[services.web.actions]]\nnotify = "/etc/failover/told"\ntimeout = "20s"\n'
    plain, hooked = parsed(text), parsed(told)
    assert term(hooked, hooked.services["web"]) == term(plain, plain.services["web"])


def test_a_lease_counts_on_the_limit_of_each_down() -> None:
    """A voter that frees a promise waits for the down of a script, and not for the longest of its ups."""
    policy = world().policy
    service = policy.services["web"]
    slow = ActionPolicy("script", {"path": "/etc/failover/web"}, 60_000)
    quick = replace(slow, down_timeout_ms=300)
    stops_ms = [term(policy, replace(service, actions=(action,))).stop_ms for action in (slow, quick)]
    assert stops_ms[0] - stops_ms[1] == 59_700
