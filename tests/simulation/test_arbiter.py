"""Services under `arbiter` in virtual time: no two nodes own one, whatever happens to them, to etcd, or to the way between.

Each world checks at every step what `tools/simulator/arbitrated.py` says must hold, whatever any node believes.
"""

from dataclasses import replace

import pytest

from coordinator.core.effects import Answer
from coordinator.core.quorum.arbitration import Keep
from coordinator.decision.lawfulness import check
from coordinator.policy import Policy
from coordinator.state import ownership, stored_file
from coordinator.state.epochs import AHEAD_MAX
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.events import Claim, Release, body_of
from protocol.kinds import Kind
from tests.core.test_reconfigure import SCENARIOS, core_of, effects_of
from tools.simulator.arbitrated import ArbiterInvariants
from tools.simulator.orders import armed
from tools.simulator.random_run import RandomRun
from tools.simulator.world import World

STEPS = 3_000
LEASE_MS, HOLD_MS, TERM_MS = 2_000, 1_950, 2_051
"""What etcd keeps; what the holder counts on; after what any lease is over that was forgotten."""

POLICY = armed(stored_file.read((SCENARIOS / "arbiter.toml").read_text()))


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_happens_no_two_nodes_own_it(seed: int) -> None:
    run = RandomRun(seed, STEPS, arbiter=True)
    run.play()
    assert run.arbiter is not None
    assert run.arbiter.claims, "nothing was claimed: this world shows nothing"


def begun(policy: Policy = POLICY, revision: int = 0) -> World:
    """`revision`: what others have written to this etcd before."""
    made = World(policy, 1)
    ArbiterInvariants(made)
    if revision:
        made.arbiter.etcd.written_by_others(revision)
    return made


def world(policy: Policy = POLICY, revision: int = 0) -> World:
    """lukretia owns web by leave of etcd; genesis is the other candidate."""
    made = begun(policy, revision)
    made.start(*made.hosts)
    made.run_until_ms(5_000)
    assert made.owners("web") == ("lukretia",)
    return made


def claims(made: World) -> list[tuple[str, Claim]]:
    found = [(entry.event.node, body) for entry in made.entries() if isinstance(body := body_of(entry.event), Claim)]
    return sorted(found, key=lambda claim: claim[1].epoch)


def reason(made: World, node: str) -> str:
    return core_of(made, node).services.sentences["web"]


def test_nobody_takes_it_before_a_term_has_passed_since_etcd_was_seen_first() -> None:
    """What it may have forgotten before that is over then."""
    made = begun()
    made.start(*made.hosts)
    made.run_until_ms(1_500)
    assert made.owners("web") == ()
    assert "has seen the arbiter without a gap for less than" in reason(made, "lukretia")
    made.run_until_ms(4_000)
    assert made.owners("web") == ("lukretia",)


def test_a_claim_says_by_which_lease_and_its_epoch_is_above_the_revision() -> None:
    made = world(revision=5_000_000)
    ((node, claim),) = claims(made)
    assert node == "lukretia"
    assert claim.arbiter is not None
    store = made.arbiter.etcd.store
    assert int.from_bytes(claim.arbiter.lease, "big") == store.holders["web"].lease
    assert int.from_bytes(claim.arbiter.cluster, "big") == made.arbiter.etcd.cluster
    assert claim.arbiter.revision == store.epochs["web"][1]
    assert claim.epoch == store.holders["web"].epoch > 5_000_000 > AHEAD_MAX


def test_a_claim_that_names_no_lease_is_unlawful() -> None:
    made, state = world(), State.begin(POLICY, me="lukretia")
    events = [entry.event for entry in made.hosts["lukretia"].disk.entries()]
    claim = next(event for event in events if event.kind == Kind.CLAIM)
    for event in events:
        if event.node != claim.node or event.number < claim.number:
            state = reduce(state, event)
    assert check(state, claim) is None
    bare = replace(claim, body={name: value for name, value in claim.body.items() if name != "arbiter"})
    assert check(state, bare) == f"claim web with epoch {claim.body['epoch']} without a lease of the arbiter"


@pytest.mark.parametrize("node", ["lukretia", "genesis"])
def test_every_node_knows_the_epoch_however_far_the_revision_is_ahead(node: str) -> None:
    """Else a command that names it would be refused as old."""
    made = world(revision=5_000_000)
    assert ownership.epoch(core_of(made, node).state, "web") == claims(made)[-1][1].epoch
    made.order("move", "web", "genesis")
    made.run_until_ms(6_500)
    assert made.owners("web") == ("genesis",)


def test_a_holder_goes_on_to_the_end_of_its_lease_and_not_beyond() -> None:
    """It counts from when it asked for what kept the lease alive, and is down 50 ms before etcd lets the key go."""
    made = world()
    made.arbiter.cut.add("lukretia")
    began_ms = made.now_ms
    lease_ms = core_of(made, "lukretia").arbitrated.until_ms("web") - made.hosts["lukretia"].now().mono_ms
    assert HOLD_MS - 400 < lease_ms <= HOLD_MS
    made.run_until_ms(began_ms + lease_ms - 5)
    assert made.owners("web") == ("lukretia",)
    made.run_until_ms(began_ms + lease_ms + 20)
    assert made.owners("web") == ()
    made.run_until_ms(began_ms + LEASE_MS + 600)
    assert made.owners("web") == ("genesis",)
    (said,) = [body for entry in made.entries() if isinstance(body := body_of(entry.event), Release)]
    assert (said.rule, said.reason) == ("lease-over", "its lease is over: the arbiter has not answered in time")


def test_who_is_down_gives_its_lease_back_at_once() -> None:
    made = world()
    lease = made.arbiter.etcd.store.holders["web"].lease
    made.hosts["lukretia"].stop()
    made.run_until_ms(5_050)
    assert lease not in made.arbiter.etcd.store.leases


def test_it_is_given_back_also_while_a_question_about_it_is_on_its_way() -> None:
    """A node that stops asks nothing more afterwards."""
    made = world()
    made.arbiter.slow_us = 100_000
    while (asked := core_of(made, "lukretia").arbitrated.asked.cases["web"].asked) is None or not isinstance(asked.what, Keep):
        made.step()
    lease = made.arbiter.etcd.store.holders["web"].lease
    made.hosts["lukretia"].stop()
    made.run_until_ms(made.now_ms + 200)
    assert lease not in made.arbiter.etcd.store.leases


def test_a_claim_that_the_disk_refuses_gives_its_lease_back() -> None:
    """Nothing of it has run: the other candidate need not wait for its end."""
    made = begun()
    made.start(*made.hosts)
    made.run_until_ms(2_000)
    made.hosts["lukretia"].disk.fill()
    made.run_until_ms(3_500)
    assert made.owners("web") == ("genesis",)


def test_a_lease_of_what_does_not_come_down_is_not_kept_alive() -> None:
    """Else an operator's word that the node is off would be of no use as long as it lives."""
    made = world()
    made.hosts["lukretia"].works.trouble["web"].down = "fails"
    made.order("move", "web", "genesis")
    made.run_until_ms(5_000 + LEASE_MS + 600)
    assert made.state("web", "lukretia") == "STOPPING"
    assert made.arbiter.etcd.look("web", made.agenda.now_us).holder is None


def test_who_waits_says_for_whom() -> None:
    made = world()
    made.network.cut([*made.network.ways("lukretia", "genesis"), *made.network.ways("genesis", "lukretia")])
    made.run_until_ms(9_000)
    (held,) = claims(made)
    expected = f"it waits for the arbiter, which keeps it for lukretia (epoch {held[1].epoch}) until its lease is over"
    assert reason(made, "genesis") == expected


def test_who_does_not_see_the_arbiter_says_so_and_is_not_waited_for() -> None:
    """genesis, which is preferred less, has it as soon as it may, and keeps it: a fail-back would be an outage for nothing."""
    made = begun()
    made.arbiter.cut.add("lukretia")
    made.start(*made.hosts)
    made.run_until_ms(3_200)
    assert made.owners("web") == ("genesis",)
    assert reason(made, "lukretia") == "this node is not fit: it does not see the arbiter"
    made.run_until_ms(30_000)
    assert len(claims(made)) == 1
    made.arbiter.cut.clear()
    made.run_until_ms(30_000 + TERM_MS + 1_500)
    assert made.owners("web") == ("lukretia",)


def test_who_does_not_see_the_arbiter_owns_what_needs_none() -> None:
    text = POLICY.text + '\n[services.dns]\nnodes = ["lukretia", "genesis"]\n'
    text += '[[services.dns.actions]]\naddress = "10.77.0.101/24"\ninterface = "eth0"\n'
    made = begun(armed(stored_file.read(text)))
    made.arbiter.cut.add("lukretia")
    made.start(*made.hosts)
    made.run_until_ms(5_000)
    assert (made.owners("web"), made.owners("dns")) == (("genesis",), ("lukretia",))


def test_without_a_quorum_it_is_said_why_nobody_takes_it() -> None:
    made = world()
    made.arbiter.etcd.down()
    made.run_until_ms(9_000)
    assert made.owners("web") == ()
    for node in made.hosts:
        expected = "this node is not fit: it does not see the arbiter: the simulated etcd has no quorum"
        assert reason(made, node) == expected


def test_an_etcd_under_another_id_ends_what_the_one_before_gave() -> None:
    made = world()
    made.arbiter.restore(4_000_000, cluster=7)
    made.run_until_ms(6_600)
    assert made.owners("web") == ()
    made.run_until_ms(12_000)
    assert made.owners("web") == ("lukretia",)
    assert [claim.arbiter.cluster[-1] for _, claim in claims(made) if claim.arbiter] == [0xCD, 7]


OTHERS = {
    "another prefix": ("[arbiter]\n", '[arbiter]\nprefix = "/elsewhere"\n', "[arbiter] has other endpoints or another prefix"),
    "other endpoints": ("10.77.0.5:2379", "10.77.0.9:2379", "[arbiter] has other endpoints or another prefix"),
    "another rule": ('partition = "arbiter"', 'partition = "serve"', "web goes by another rule"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_arbiter_is_refused_while_it_decides(what: str) -> None:
    """While one node asks the one and another the other, each may be told that the service is free."""
    old, new, said = OTHERS[what]
    made = world()
    other = stored_file.read(made.policy.text.replace(old, new))
    answers = [effect for effect in effects_of(made, "lukretia", other) if isinstance(effect, Answer)]
    assert [answer.admitted for answer in answers] == [False]
    assert answers[0].text.startswith(f"{said}, and while the nodes run different files each may be told that web is free:")
    same = stored_file.read(made.policy.text.replace('retry = "10s"', 'retry = "20s"'))
    assert [effect.admitted for effect in effects_of(made, "lukretia", same) if isinstance(effect, Answer)] == [True]
