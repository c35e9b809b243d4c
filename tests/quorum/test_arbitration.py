"""What a node asks an arbiter, and what it concludes: by told histories, and in drawn worlds in which all goes wrong."""

import random

import pytest

from coordinator.core.quorum.arbiter import Holding, Refusal, Refused, Seen, Sight, Taken
from coordinator.core.quorum.arbitration import Arbitration, Drop, Keep, Look, Question, Take
from coordinator.core.quorum.promise import Term
from tests.quorum.arbiter_world import ArbiterWorld
from tools.simulator.etcd import Etcd

TERM = Term(2_000, 30, 1)
RUN = bytes(8)
HOLD_MS = 1_950
BARRED_MS = TERM.promise_ms
NOTHING = Seen(Sight(1, 5), None, 0, 0)


def node(name: str = "ann", run: bytes = RUN) -> Arbitration:
    asked = Arbitration(name, run, heartbeat_ms=100)
    asked.follow({"db": TERM})
    return asked


def one(asked: Arbitration, now_ms: int) -> Question:
    (found,) = asked.questions(now_ms)
    return found


def held(etcd: Etcd, asked: Arbitration, now_ms: int, known: int = 0) -> int:
    """Until the node may claim; by clocks that run alike. The time at which it did."""
    asked.want("db", known)
    while not asked.elected("db", known, now_ms):
        for question in asked.questions(now_ms):
            asked.said(question, etcd.answer(asked.me, asked.run, question, now_ms * 1000), now_ms)
        now_ms += 10
        asked.look(now_ms)
    asked.claimed("db")
    return now_ms


def met(asked: Arbitration, until_ms: int = 3_000) -> None:
    """It has looked all the while, and nobody holds the service; now it is wanted."""
    for now_ms in range(0, until_ms, 50):
        for question in asked.questions(now_ms):
            asked.said(question, NOTHING, now_ms)
    asked.want("db", 0)


def kept(etcd: Etcd, asked: Arbitration, from_ms: int, to_ms: int) -> None:
    for now_ms in range(from_ms, to_ms, 10):
        asked.look(now_ms)
        for question in asked.questions(now_ms):
            asked.said(question, etcd.answer(asked.me, asked.run, question, now_ms * 1000), now_ms)


def test_a_node_that_has_just_met_its_arbiter_takes_nothing_for_a_term():
    """It may have been restored a moment ago, and what it forgot may be up until then."""
    asked = node()
    asked.want("db", 0)
    asked.said(one(asked, 0), NOTHING, 10)
    seen_at = 10
    for now_ms in range(20, seen_at + BARRED_MS, 10):
        for question in asked.questions(now_ms):
            assert isinstance(question.what, Look), now_ms
            asked.said(question, NOTHING, now_ms)
    assert isinstance(one(asked, seen_at + BARRED_MS + 300).what, Take)


def test_a_lease_counts_from_when_it_was_asked_for():
    asked = node()
    met(asked)
    take = one(asked, 3_000)
    asked.said(take, Taken(Sight(1, 6), 77, 6), 3_400)
    grant = asked.elected("db", 0, 3_400)
    assert grant is not None
    assert grant.until_ms == 3_000 + HOLD_MS
    asked.claimed("db")
    keep = one(asked, 4_000)
    assert isinstance(keep.what, Keep)
    asked.said(keep, Refused(Refusal.NO_QUORUM, ""), 4_100)
    assert asked.until_ms("db", 4_949) == 4_950, "who does not answer ends nothing"
    assert asked.until_ms("db", 4_950) == 0


def test_a_renewal_counts_from_when_it_was_asked_for():
    etcd, asked = Etcd(), node()
    now_ms = held(etcd, asked, 0)
    question = one(asked, now_ms + 300)
    answer = etcd.answer("ann", RUN, question, (now_ms + 300) * 1000)
    asked.said(question, answer, now_ms + 700)
    assert asked.until_ms("db", now_ms + 700) == now_ms + 300 + HOLD_MS


def test_a_lease_that_has_ended_is_never_live_again():
    etcd, asked = Etcd(), node()
    now_ms = held(etcd, asked, 0)
    question = one(asked, now_ms + 500)
    late = etcd.answer("ann", RUN, question, (now_ms + 500) * 1000)
    over_ms = now_ms + 2_000
    assert asked.look(over_ms) == {"db"}
    asked.said(question, late, over_ms)
    assert asked.until_ms("db", over_ms) == 0


def test_a_lease_that_etcd_knows_no_more_ends_at_once():
    etcd, asked = Etcd(), node()
    now_ms = held(etcd, asked, 0)
    asked.said(one(asked, now_ms + 300), Refused(Refusal.LEASE_LOST, ""), now_ms + 310)
    assert asked.look(now_ms + 310) == {"db"}


def test_what_is_given_back_is_the_next_nodes_at_once():
    etcd, ann, bob = Etcd(), node(), node("bob", b"bob-run0")
    now_ms = held(etcd, ann, 0)
    bob.want("db", 0)
    kept(etcd, bob, 0, 4_000)
    kept(etcd, ann, now_ms, 4_000)
    ann.down("db")
    drop = one(ann, 4_000)
    assert isinstance(drop.what, Drop)
    etcd.answer("ann", RUN, drop, 4_000_000)
    assert held(etcd, bob, 4_000) < 4_500


def test_after_an_old_snapshot_nobody_takes_for_a_term_what_may_be_held():
    """ann's lease was given after the snapshot: the restored etcd says that nobody holds the service."""
    etcd, ann, bob = Etcd(), node(), node("bob", b"bob-run0")
    kept(etcd, bob, 0, 5_000)
    held(etcd, ann, 3_000)
    kept(etcd, bob, 5_000, 5_500)
    etcd.restore(0, 5_500_000)
    assert held(etcd, bob, 5_500) >= 5_500 + BARRED_MS


def test_after_a_silence_nobody_takes_for_a_term():
    """What ann has seen last is older than bob's lease, and so is the snapshot: no revision shows what is forgotten."""
    etcd, ann, bob = Etcd(), node(), node("bob", b"bob-run0")
    kept(etcd, ann, 0, 4_000)
    began_ms = held(etcd, bob, 0)
    kept(etcd, bob, began_ms, 5_000)
    etcd.down()
    kept(etcd, ann, 4_000, 6_200)
    etcd.restore(0, 6_200_000)
    assert bob.until_ms("db", 6_200) > 6_200
    assert held(etcd, ann, 6_200) >= 6_200 + BARRED_MS


def test_a_lease_by_which_nothing_is_up_is_given_back():
    """The answer to the put was lost: what stands there is ours, and nobody keeps it."""
    asked = node()
    ours = Seen(Sight(1, 9), Holding("ann", RUN, 8, 77), 8, 9)
    asked.said(one(asked, 0), ours, 10)
    assert one(asked, 20).what == Drop(77, Sight(1, 9))


def test_what_was_seen_to_be_ours_and_is_on_its_way_back_is_no_lease():
    """The answer to the put comes when its node has given it up for lost, and has asked etcd to end that lease."""
    asked = node()
    met(asked)
    take = one(asked, 3_000)
    look = one(asked, 3_500)
    asked.said(look, Seen(Sight(1, 6), Holding("ann", RUN, 6, 77), 6, 6), 3_510)
    assert one(asked, 3_510).what == Drop(77, Sight(1, 6))
    asked.said(take, Taken(Sight(1, 6), 77, 6), 3_520)
    assert asked.elected("db", 0, 3_520) is None


def test_what_was_granted_too_late_to_be_wanted_is_given_back():
    asked = node()
    met(asked)
    take = one(asked, 3_000)
    asked.unwant("db")
    asked.said(take, Taken(Sight(1, 6), 77, 6), 3_100)
    assert asked.elected("db", 0, 3_100) is None
    assert isinstance(one(asked, 3_100).what, Drop)


def test_an_epoch_that_was_given_meanwhile_is_not_claimed():
    etcd, asked = Etcd(), node()
    asked.want("db", 0)
    kept(etcd, asked, 0, 4_000)
    grant = asked.elected("db", 0, 4_000)
    assert grant is not None
    assert asked.elected("db", grant.epoch, 4_000) is None


@pytest.mark.parametrize("seed", range(60))
def test_no_two_nodes_ever_own_it_whatever_goes_wrong(seed: int):
    world = ArbiterWorld(random.Random(seed), nodes=2 + seed % 3)
    world.run(steps=5_000)


def test_the_drawn_worlds_are_worlds_in_which_something_happens():
    """Else the test above would show nothing: services are owned, change hands, and etcd goes back in time."""
    worlds = [ArbiterWorld(random.Random(seed), nodes=2 + seed % 3) for seed in range(16)]
    for world in worlds:
        world.run(steps=5_000)
    assert sum(node.claims for world in worlds for node in world.nodes) > 30
    assert sum(world.restores for world in worlds) > 5
    quiet = ArbiterWorld(random.Random(1), nodes=3)
    quiet.loss = 0.0
    quiet.run(steps=1_000, accidents=0.0)
    assert len(quiet.owners()) == 1
