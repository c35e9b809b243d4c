"""The client beside three real members of etcd: what they say in good times, and while members die, stop or go back in time."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from coordinator.arbiter import questions
from coordinator.arbiter.client import Arbiter
from coordinator.core.quorum.arbiter import Dropped, Kept, Refusal, Refused, Seen, Taken, next_epoch
from tests.arbiter.conftest import CLUSTER, PREFIX, client
from tests.arbiter.etcd import Etcd
from tests.arbiter.slow_proxy import SlowProxy

PATIENCE_S = 20.0
"""The machine may be busy; no test measures it."""


async def seen(arbiter: Arbiter, known=None) -> Seen:
    """What a quorum says, as soon as there is one."""
    end = time.monotonic() + 60
    while not isinstance(found := await arbiter.look("db", known, PATIENCE_S), Seen):
        assert time.monotonic() < end, found
    return found


async def taken(arbiter: Arbiter, known: int = 0) -> Taken:
    found = await seen(arbiter)
    answer = await arbiter.take("db", next_epoch(found, known), found, 2, PATIENCE_S)
    assert isinstance(answer, Taken), answer
    return answer


async def free(arbiter: Arbiter) -> Seen:
    """As soon as no node holds the service any more."""
    while (found := await seen(arbiter)).holder is not None:
        await asyncio.sleep(0.1)
    return found


async def test_one_takes_it_and_the_other_sees_by_whom(emptied: Etcd):
    async with client(emptied.endpoints) as ann, client(emptied.endpoints, "bob") as bob:
        before = await seen(bob)
        mine = await taken(ann, known=41)
        assert mine.epoch == 42
        late = await bob.take("db", 43, before, 2, PATIENCE_S)
        assert isinstance(late, Seen)
        assert late.holder is not None
        assert (late.holder.node, late.holder.epoch, late.holder.lease) == ("ann", 42, mine.lease)
        assert late.epoch == 42


async def test_of_two_that_read_the_same_one_takes_it(emptied: Etcd):
    async with client(emptied.endpoints) as ann, client(emptied.endpoints, "bob") as bob:
        both = await asyncio.gather(seen(ann), seen(bob))
        answers = await asyncio.gather(
            *(one.take("db", next_epoch(found, 0), found, 2, PATIENCE_S) for one, found in zip((ann, bob), both))
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Seen", "Taken"]


async def test_what_was_taken_and_given_back_meanwhile_is_read_anew(emptied: Etcd):
    """Nobody holds it, as before; but its epoch is another's by now, and must not be given twice."""
    async with client(emptied.endpoints) as ann, client(emptied.endpoints, "bob") as bob:
        before = await seen(bob)
        mine = await taken(ann)
        await ann.drop(mine.lease, mine.sight, PATIENCE_S)
        late = await bob.take("db", mine.epoch, before, 2, PATIENCE_S)
        assert isinstance(late, Seen)
        assert (late.holder, late.epoch) == (None, mine.epoch)


async def test_what_was_given_back_is_free_at_once_and_its_epoch_is_never_given_again(emptied: Etcd):
    async with client(emptied.endpoints) as ann, client(emptied.endpoints, "bob") as bob:
        mine = await taken(ann, known=9_000)
        assert isinstance(await ann.drop(mine.lease, mine.sight, PATIENCE_S), Dropped)
        found = await seen(bob)
        assert found.holder is None
        assert found.epoch == mine.epoch == 9_001
        assert (await taken(bob)).epoch == 9_002
        assert isinstance(await ann.drop(mine.lease, mine.sight, PATIENCE_S), Dropped)  # twice is once


async def test_a_lease_lives_while_it_is_kept_and_ends_when_nobody_does(emptied: Etcd):
    async with client(emptied.endpoints) as ann, client(emptied.endpoints, "bob") as bob:
        mine = await taken(ann)
        for _ in range(12):  # twice as long as the lease
            kept = await ann.keep("db", mine.epoch, mine.lease, 2, mine.sight, PATIENCE_S)
            assert isinstance(kept, Kept), kept
            await asyncio.sleep(0.33)
        assert (await seen(bob)).holder is not None
        found = await free(bob)
        lost = await ann.keep("db", mine.epoch, mine.lease, 2, mine.sight, PATIENCE_S)
        assert isinstance(lost, Refused)
        assert lost.name is Refusal.LEASE_LOST, "the gateway answers 200 for a lease that is gone"
        assert next_epoch(found, 0) > mine.epoch


async def test_a_lease_below_the_minimum_of_etcd_is_refused(emptied: Etcd):
    async with client(emptied.endpoints) as ann:
        found = await seen(ann)
        answer = await ann.take("db", 1, found, 1, PATIENCE_S)
        assert isinstance(answer, Refused)
        assert answer.name is Refusal.LEASE_TOO_SHORT
        assert 'Write lease = "2s"' in answer.text
        assert (await seen(ann)).holder is None


async def test_a_member_that_is_dead_is_passed_over(etcd: Etcd):
    async with client(etcd.endpoints) as ann:
        mine = await taken(ann)
        etcd.kill(0)
        await seen(ann)  # after the election, where that was the leader
        assert isinstance(await seen(ann, mine.sight), Seen)


async def test_a_member_that_stands_still_is_left_for_the_next(etcd: Etcd):
    still = next(index for index in range(3) if index != etcd.leader())
    order = (etcd.endpoints[still], *(each for each in etcd.endpoints if each != etcd.endpoints[still]))
    etcd.stop(still)
    async with client(order) as ann:
        assert isinstance(await ann.look("db", None, PATIENCE_S), Seen)
        assert ann.gateway._first != 0, "it is asked first no more"


async def test_without_a_quorum_nothing_is_seen_taken_or_kept(etcd: Etcd):
    async with client(etcd.endpoints) as ann, client(etcd.endpoints, "bob") as bob:
        mine = await taken(ann)
        found = await seen(bob)
        etcd.kill(1)
        etcd.kill(2)
        nothing = await asyncio.gather(
            bob.look("db", None, 3.0),
            bob.take("db", 99, found, 2, 3.0),
            ann.keep("db", mine.epoch, mine.lease, 2, mine.sight, 3.0),
        )
        assert all(isinstance(answer, Refused) for answer in nothing), nothing
        assert {answer.name for answer in nothing} <= {Refusal.NO_QUORUM, Refusal.SLOW, Refusal.UNREACHABLE}
        etcd.start(1)
        assert (await seen(bob, found.sight)).epoch == mine.epoch
        assert (await taken_when_free(bob)).epoch > mine.epoch


async def taken_when_free(arbiter: Arbiter) -> Taken:
    await free(arbiter)
    return await taken(arbiter)


async def test_a_leader_that_has_lost_the_others_keeps_no_lease(etcd: Etcd):
    """It says so itself for a while: the gateway answers with the whole time, and no quorum knows of it."""
    leader = etcd.leader()
    async with client((etcd.endpoints[leader],)) as ann:
        mine = await taken(ann)
        for index in {0, 1, 2} - {leader}:
            etcd.stop(index)
        path, body = questions.keep(mine.lease)
        async with aiohttp.ClientSession() as session, session.post(etcd.endpoints[leader] + path, json=body) as response:
            told = await response.text()
        assert '"TTL":"2"' in told, "this etcd no longer answers so: the rule may be older than it"
        answer = await ann.keep("db", mine.epoch, mine.lease, 2, mine.sight, 3.0)
        assert isinstance(answer, Refused)


async def test_an_answer_that_came_too_late_is_found_out_when_it_is_asked_for_again(emptied: Etcd):
    """The put went through, its answer was lost: what stands there is by our own lease, or another's turn is waited for."""
    async with SlowProxy(emptied.endpoints[0]) as slow, client((slow.endpoint, *emptied.endpoints)) as ann:
        found = await seen(ann)
        slow.answers_after("/v3/kv/txn", seconds=3600)
        answer = await ann.take("db", next_epoch(found, 0), found, 60, 8.0)  # an hour's wait is left after a quarter of that
        assert isinstance(answer, Taken), answer
        assert slow.passed_on("/v3/kv/txn") > 1, "the first put has reached etcd"
        after = await seen(ann)
        assert after.holder is not None
        assert after.holder.lease == answer.lease


async def test_an_etcd_that_answers_late_is_refused_as_slow(emptied: Etcd):
    async with SlowProxy(emptied.endpoints[0]) as slow, client((slow.endpoint,)) as ann:
        assert isinstance(await ann.look("db", None, PATIENCE_S), Seen)
        slow.answers_after("/v3/kv/txn", seconds=3600)
        answer = await ann.look("db", None, 0.2)
        assert isinstance(answer, Refused)
        assert answer.name is Refusal.SLOW


@pytest.mark.parametrize("token", [None, "two"], ids=["the same cluster", "another one"])
async def test_an_old_snapshot_is_refused_by_who_knew_better(etcd: Etcd, tmp_path: Path, token: str | None):
    async with client(etcd.endpoints) as ann:
        etcd.ctl("put", "other", "1")
        etcd.snapshot(tmp_path / "old.db")
        mine = await taken(ann)
        newest = (await seen(ann)).sight
        etcd.restore(tmp_path / "old.db", token)
        answers = [
            await ann.look("db", newest, PATIENCE_S),
            await ann.take("db", 99, Seen(newest, None, 0, 0), 2, PATIENCE_S),
            await ann.keep("db", mine.epoch, mine.lease, 2, newest, PATIENCE_S),
        ]
        expected = Refusal.OTHER_CLUSTER if token else Refusal.OLD_REVISION
        assert [isinstance(answer, Refused) and answer.name for answer in answers] == [expected] * 3
        now = answers[0].sight
        assert now is not None
        assert now.revision < newest.revision
        assert (await seen(ann, now)).holder is None, "the snapshot knows nothing of the lease"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("hello", "is no value of failover"),
        ("", "is no value of failover"),
        (questions.written(b"another cluster", 4, "bob", bytes(8)), "by another cluster of failover"),
        (questions.written(CLUSTER, 4, "bob", bytes(8)).replace(" 4 ", " 9999999999999999 "), "out of range"),
    ],
)
async def test_what_others_have_put_there_is_refused(emptied: Etcd, value: str, text: str):
    emptied.ctl("put", f"{PREFIX}/db/epoch", value)
    async with client(emptied.endpoints) as ann:
        answer = await ann.look("db", None, PATIENCE_S)
        assert isinstance(answer, Refused)
        assert answer.name is Refusal.GARBAGE
        assert text in answer.text


async def test_a_holder_without_a_lease_is_refused(emptied: Etcd):
    """It would hold for ever, and no node puts it so."""
    for key in ("holder", "epoch"):
        emptied.ctl("put", f"{PREFIX}/db/{key}", questions.written(CLUSTER, 4, "bob", bytes(8)))
    async with client(emptied.endpoints) as ann:
        answer = await ann.look("db", None, PATIENCE_S)
        assert isinstance(answer, Refused)
        assert "without a lease" in answer.text
