"""A command that was passed on is answered by the node that acts: an operator never waits for what no node will do."""

import pytest

from coordinator.core.commands import Resolved, Wanted
from coordinator.core.effects import Answer, Effect, Forward, SendReply
from coordinator.core.forwarding import AGAIN_MS, PATIENCE_MS, Passing
from coordinator.core.inputs import CommandArrived
from protocol.bodies import Reply
from protocol.commands import Act, SignedCommand
from tests.core.test_reconfigure import THREE, TWO, core_of, running
from tools.simulator.orders import order
from tools.simulator.world import World

HOLD = order(THREE, "one", Wanted("hold", "web"), Resolved((Act("genesis", 1), Act("carthage", 1))))
NONCE = HOLD.command.nonce


@pytest.fixture
def passing() -> tuple[Passing, list[Effect]]:
    said: list[Effect] = []
    passing = Passing("lukretia", said.append)
    passing.begin(HOLD, 7, ("genesis", "carthage"), 0)
    return passing, said


def every_node(node: str) -> bool:
    return True


def test_it_goes_to_each_node_that_acts_and_to_those_that_are_silent_again(passing) -> None:
    passing, said = passing
    assert said == [Forward("genesis", HOLD), Forward("carthage", HOLD)]
    passing.replied("genesis", Reply(NONCE, True, True, "done"))
    passing.look(AGAIN_MS - 1, every_node)
    assert len(said) == 2
    passing.look(AGAIN_MS, every_node)
    assert said[2:] == [Forward("carthage", HOLD, again=True)]


def test_the_asker_hears_once_when_all_have_answered(passing) -> None:
    passing, said = passing
    passing.replied("genesis", Reply(NONCE, False, True, "not now"))
    passing.replied("lukretia", Reply(NONCE, True, True, "a node that was not asked"))
    assert said[2:] == []
    passing.replied("carthage", Reply(NONCE, True, True, "done"))
    passing.replied("carthage", Reply(NONCE, True, True, "done"))
    assert said[2:] == [Answer(7, True, "genesis: not now; carthage: done")]


def test_a_refusal_for_lack_of_authority_stays_one() -> None:
    said: list[Effect] = []
    passing = Passing("lukretia", said.append)
    passing.begin(HOLD, 7, ("genesis",), 0)
    passing.replied("genesis", Reply(NONCE, False, False, "olga may observe"))
    assert said[1:] == [Answer(7, False, "olga may observe", authority=False)]


def test_who_died_or_says_nothing_at_all_is_named(passing) -> None:
    passing, said = passing
    passing.look(100, lambda node: node != "genesis")
    passing.look(PATIENCE_MS, every_node)
    (answer,) = [effect for effect in said if isinstance(effect, Answer)]
    assert (answer.admitted, answer.ticket) == (False, 7)
    assert "genesis died before it answered" in answer.text
    assert "carthage has not answered" in answer.text


# --- in the world --------------------------------------------------------------------------------------------------


def asked(world: World, at: str, wanted: Wanted, ticket: int) -> None:
    """What `failc` does at this node: it asks what to sign, and gives the command there."""
    faild = world.hosts[at].faild
    assert faild is not None
    faild.ordered(wanted, 0, ticket)


def answer(world: World, ticket: int, within_ms: int) -> Answer:
    until_ms = world.now_ms + within_ms
    while world.now_ms < until_ms:
        found = [said for _, said in world.answers if said.ticket == ticket]
        if found:
            return found[0]
        world.run_until_ms(world.now_ms + 10)
    raise AssertionError(f"no answer to {ticket} within {within_ms} ms")


@pytest.mark.parametrize("after_ms", range(0, 1_500, 100))
def test_a_move_back_is_answered_while_a_slow_disk_takes_the_first_one_in(after_ms: int) -> None:
    """Asked where it was, with fsyncs of 300 ms there: admitted, it comes; refused, it says why. It never vanishes."""
    world = running(TWO)
    world.hosts["lukretia"].disk.slow_us = 300_000
    asked(world, "lukretia", Wanted("move", "web", "genesis"), 1)
    assert answer(world, 1, 1_000).admitted
    world.run_until_ms(world.now_ms + after_ms)
    asked(world, "lukretia", Wanted("move", "web", "lukretia"), 2)
    second = answer(world, 2, 2_000)
    if second.admitted:
        world.run_until_ms(world.now_ms + 8_000)
        assert world.owners("web") == ("lukretia",)
    else:
        assert any(word in second.text for word in ("cannot take web", "old-epoch", "no node holds"))


def signed(world: World, at: str, wanted: Wanted, nth: str = "one") -> SignedCommand:
    found = core_of(world, at).commands.resolve(wanted)
    assert isinstance(found, Resolved), found
    return order(TWO, nth, wanted, found)


def given(world: World, at: str, command: SignedCommand, ticket: int, source: str = "") -> None:
    faild = world.hosts[at].faild
    assert faild is not None
    faild.command(command.raw, command.signature, ticket, source)


def test_a_named_node_that_is_dead_is_refused_at_once() -> None:
    world = running(TWO)
    command = signed(world, "genesis", Wanted("fail", "web"))
    world.hosts["lukretia"].crash()
    world.run_until_ms(6_000)
    given(world, "genesis", command, 9)
    refused = answer(world, 9, 1)
    assert (refused.admitted, "lukretia is dead" in refused.text) == (False, True)


def test_the_holder_changed_meanwhile_and_says_so() -> None:
    world = running(TWO)
    command = signed(world, "genesis", Wanted("fail", "web"))
    world.order("move", "web", "genesis")
    world.run_until_ms(6_000)
    assert world.owners("web") == ("genesis",)
    given(world, "genesis", command, 9)
    refused = answer(world, 9, 1_000)
    assert (refused.admitted, refused.text.startswith("old-epoch")) == (False, True)


def replies(world: World, node: str) -> list[Reply]:
    said: list[Reply] = []

    def heard(who: str, seen: object, ordered: list[Effect], now: object) -> None:
        said.extend(effect.reply for effect in ordered if who == node and isinstance(effect, SendReply))

    world.witnesses.append(heard)
    return said


def test_what_was_obeyed_and_is_asked_again_is_answered_again_and_done_once() -> None:
    world = running(TWO)
    said = replies(world, "lukretia")
    command = signed(world, "genesis", Wanted("fail", "web"))
    for _ in range(3):
        given(world, "lukretia", command, 0, source="genesis")
        world.run_until_ms(world.now_ms + 300)
    assert [reply.admitted for reply in said] == [True, True, True]
    commanded = [entry for entry in world.entries() if entry.event.kind == "command"]
    assert len(commanded) == 1


def test_while_it_is_on_its_way_to_the_disk_it_is_answered_when_it_is_there() -> None:
    world = running(TWO)
    said = replies(world, "lukretia")
    command = signed(world, "genesis", Wanted("fail", "web"))
    world.hosts["lukretia"].disk.hang()
    for _ in range(2):
        given(world, "lukretia", command, 0, source="genesis")
    world.run_until_ms(world.now_ms + 200)
    assert said == []
    world.hosts["lukretia"].disk.release()
    world.run_until_ms(world.now_ms + 200)
    assert [reply.admitted for reply in said] == [True]


def test_a_command_is_not_passed_on_twice() -> None:
    """What comes from a node goes to no other: it would go round for ever."""
    world = running(THREE)
    seen: list[Forward] = []
    world.witnesses.append(
        lambda who, heard, ordered, now: seen.extend(effect for effect in ordered if isinstance(effect, Forward))
    )
    command = signed(world, "carthage", Wanted("fail", "web"))
    faild = world.hosts["genesis"].faild
    assert faild is not None
    faild.post(CommandArrived(command, 0, "carthage"))
    world.run_until_ms(world.now_ms + 1_000)
    assert seen == []


