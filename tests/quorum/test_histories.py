"""The histories that a simpler rule would lose, step by step, and many drawn ones (docs/leases.md tells them)."""

import pytest

from coordinator.core.quorum.lease import Lease
from tests.quorum.world import TERM, World, steps, walks

PASS = "a moment passes"


def play(world: World, *told: str) -> World:
    """Each step by how its name begins; nowhere on the way do two nodes own."""
    for name in told:
        found = [step for step in steps(world) if step[0].startswith(name)]
        assert found, f"{name!r} cannot happen; what can: {[step[0] for step in steps(world)]}"
        world = found[0][1]()
        assert len(world.owners()) <= 1, f"after {name!r}: {world.owners()}"
    return world


def quiet(world: World) -> World:
    """Whatever is under way is lost."""
    while world.flying:
        world = play(world, "lost")
    return world


def votes(world: World, candidate: str, *voters: str) -> World:
    """It asks, these voters answer, and every other message about it is lost."""
    world = play(world, f"{candidate} asks")
    for voter in voters:
        world = play(world, f"comes: ('ask', '{candidate}', '{voter}'")
    for voter in voters:
        world = play(world, f"comes: ('feed', '{voter}', '{candidate}'")
    return quiet(world)


def echoed(world: World, holder: str, *voters: str) -> World:
    """One heartbeat, heard and echoed by these voters."""
    world = play(world, f"{holder} sends a heartbeat")
    for voter in voters:
        world = play(world, f"comes: ('beat', '{holder}', '{voter}'", f"comes: ('echo', '{voter}', '{holder}'")
    return quiet(world)


def lease_of(world: World, holder: str) -> Lease:
    lease = world.candidate(holder).lease
    assert lease, f"{holder} has claimed"
    return lease


def test_a_rival_gets_no_vote_before_the_holder_is_down() -> None:
    world = votes(World.of(*"abw"), "a", "w")
    assert world.owners() == ["a"]
    for _ in range(TERM.promise_ms - 1):
        world = play(world, PASS)
    world = play(world, "b is sent the feed of w", "comes: ('feed', 'w', 'b'", "b asks for epoch 2", "comes: ('ask', 'b', 'w'")
    assert world.voter("w").votes == ((1, "a"),), "its promise runs for one moment more"


def test_a_heartbeat_that_is_echoed_binds_from_when_it_was_heard() -> None:
    """The vote's own promise would be over; the lease that the echo extended is not."""
    world = echoed(play(votes(World.of(*"abw"), "a", "w"), PASS, PASS, PASS), "a", "w")
    world = play(quiet(world), *[PASS] * (TERM.promise_ms - 3))
    assert world.now == TERM.promise_ms
    assert world.owners() == ["a"]
    world = play(world, "b is sent the feed of w", "comes: ('feed', 'w', 'b'", "b asks", "comes: ('ask', 'b', 'w'")
    assert [candidate for _, candidate in world.voter("w").votes] == ["a"]


def test_an_echo_alone_is_not_enough() -> None:
    """a lives on {a, v, w}; x has voted for b while it was cut off, and then hears a again. If its echo counted, the lease
    would pass from v's echo to x's without a gap, v would be free, and b would have {b, x, v}."""
    world = votes(votes(World.of(*"abvwx"), "b", "x"), "a", "v", "w")
    assert world.owners() == ["a"]
    assert not world.candidate("b").up
    world = echoed(play(world, *[PASS] * 3), "a", "w", "x")
    assert lease_of(world, "a").until_ms(TERM) == TERM.lease_ms, "x's echo does not count: its vote is not read"
    world = play(world, "a is sent the feed of x", "comes: ('feed', 'x', 'a'")
    world = echoed(world, "a", "x")
    assert lease_of(world, "a").until_ms(TERM) == TERM.lease_ms, "its vote is read, and it was for b"
    world = play(world, *[PASS] * TERM.promise_ms)
    world = votes(world, "b", "v", "x")
    assert world.owners() == ["b"], "by then a is down"


def test_a_restarted_voter_keeps_a_promise_that_it_no_longer_remembers() -> None:
    """The owner is cut off and the voter restarts in a blink. If it voted for the rival at once, both would own."""
    world = play(votes(World.of(*"abw"), "a", "w"), "w restarts", "b is sent the feed of w", "comes: ('feed', 'w', 'b'")
    world = play(world, "b asks", "comes: ('ask', 'b', 'w'")
    assert [candidate for _, candidate in world.voter("w").votes] == ["a"]


def test_a_holder_that_wakes_up_after_its_lease_does_not_go_on() -> None:
    """The echo of its last heartbeat waited in the socket while it was stopped."""
    world = play(votes(World.of(*"abw"), "a", "w"), PASS, PASS, "a sends a heartbeat", "comes: ('beat', 'a', 'w'")
    world = play(world, *[PASS] * TERM.lease_ms, "comes: ('echo', 'w', 'a'")
    assert not lease_of(world, "a").is_live(world.now, TERM)
    play(world, "a goes down")


def test_an_old_vote_is_worth_nothing() -> None:
    """Votes that were asked for long ago bind their voters no more: their claim would have ended before it began."""
    world = play(World.of(*"abw"), "a asks", "comes: ('ask', 'a', 'w'", *[PASS] * TERM.lease_ms)
    world = play(world, "comes: ('feed', 'w', 'a'")
    assert not world.candidate("a").up


def test_another_owns_when_the_first_is_down() -> None:
    world = play(votes(World.of(*"abw"), "a", "w"), *[PASS] * TERM.promise_ms)
    world = play(world, "b is sent the feed of w", "comes: ('feed', 'w', 'b'")
    assert votes(world, "b", "w").owners() == ["b"]


@pytest.mark.parametrize(("names", "seeds"), [("abw", 900), ("abvwx", 150)], ids=["three voters", "five voters"])
def test_no_drawn_history_has_two_owners(names: str, seeds: int) -> None:
    found = walks(names, range(seeds), length=80)
    assert not found.overlap, "\n".join(found.overlap)
    assert found.owned > found.steps / 50, "and there were owners"
    assert found.handed_over or names != "abw", "one after another"
