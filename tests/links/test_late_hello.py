"""A hello behind that of the next run: a process that was killed left it in the kernel's buffers, and a lossy way was slow."""

import asyncio

from coordinator.core.inputs import HeadsArrived, HeartbeatHeard
from protocol.frames import Kind as Frame

OLD, NEW = b"old run!", b"new run!"


async def ann_and(net, puppets, *runs):
    """bob, whom ann dials, with a connection of ann for each of these runs, in the order of their beginning; no hello yet."""
    _, bob = net.make("ann", "bob")
    await bob.links.start()
    made = []
    for run in runs:
        made.append(await puppets(bob, "ann", run=run))
        await asyncio.sleep(0.005)  # no two begin within one millisecond
    return bob, *made


def runs_heard(bob):
    return [item.heartbeat.message.run for item in bob.got(HeartbeatHeard)]


async def test_a_run_that_is_over_says_hello_late_and_ends_nothing(net, puppets):
    bob, old, new = await ann_and(net, puppets, OLD, NEW)
    new.hello()
    new.frame(Frame.HEARTBEAT, new.heartbeat(1))
    await net.until(lambda: runs_heard(bob) == [NEW])
    old.hello()
    ended = asyncio.ensure_future(old.closed())
    await net.until(lambda: ended.done() or len(bob.got(HeadsArrived)) > 1)
    assert ended.done(), "what the old run had is no news, and its connection of no use"
    new.frame(Frame.HEARTBEAT, new.heartbeat(2))
    await net.until(lambda: len(runs_heard(bob)) == 2 or bob.refused("ann"))
    assert runs_heard(bob) == [NEW, NEW]
    assert bob.refused("ann") == {}, "nobody has broken a rule"


async def test_an_earlier_connection_of_the_same_run_may_greet_later(net, puppets):
    bob, first, second = await ann_and(net, puppets, NEW, NEW)
    second.hello()
    await net.until(lambda: len(bob.got(HeadsArrived)) == 1)
    first.hello()
    await net.until(lambda: len(bob.got(HeadsArrived)) == 2)
    first.frame(Frame.HEARTBEAT, first.heartbeat(1))
    await net.until(lambda: runs_heard(bob) == [NEW])


async def test_the_next_run_ends_the_one_before(net, puppets):
    bob, old, new = await ann_and(net, puppets, OLD, NEW)
    old.hello()
    old.frame(Frame.HEARTBEAT, old.heartbeat(1))
    await net.until(lambda: runs_heard(bob) == [OLD])
    new.hello()
    new.frame(Frame.HEARTBEAT, new.heartbeat(1))
    await net.until(lambda: runs_heard(bob) == [OLD, NEW])
    old.frame(Frame.HEARTBEAT, old.heartbeat(2))
    await net.until(lambda: bob.refused("ann") == {"replayed": 1})


async def test_a_run_that_was_taken_for_over_lives_when_a_later_connection_proves_it(net, puppets):
    """Of two that were dialled, and answered in another order than they were dialled in, the wrong one may have won."""
    bob, new, old = await ann_and(net, puppets, NEW, OLD)
    new.hello()
    await net.until(lambda: len(bob.got(HeadsArrived)) == 1)
    old.hello()
    await net.until(lambda: len(bob.got(HeadsArrived)) == 2)
    again = await puppets(bob, "ann", run=NEW)
    again.hello()
    again.frame(Frame.HEARTBEAT, again.heartbeat(1))
    await net.until(lambda: runs_heard(bob) or bob.refused("ann"))
    assert runs_heard(bob) == [NEW], "a run that was over is heard again"
