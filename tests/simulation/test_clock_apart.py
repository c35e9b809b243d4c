"""A peer whose clock is wrong is an alarm at its next event, by how much, and over when it is right again."""

import pytest

from coordinator.alarms.names import AlarmName
from coordinator.config import parse
from coordinator.core.effects import Alarm, AlarmOver, Effect
from coordinator.core.inputs import Input, Now
from tests.audit.worlds import SCENARIOS
from tools.simulator.orders import armed
from tools.simulator.runner import Player
from tools.simulator.script import read_script
from tools.simulator.world import World


def alarms(story: str) -> list[tuple[str, str, str]]:
    """(who, begins or over, text) of each order about clocks."""
    found: list[tuple[str, str, str]] = []

    def ordered(node: str, seen: Input, effects: list[Effect], now: Now) -> None:
        for order in effects:
            if isinstance(order, Alarm) and order.name is AlarmName.CLOCK_APART:
                found.append((order.node, "begins", order.text))
            elif isinstance(order, AlarmOver) and order.name is AlarmName.CLOCK_APART:
                found.append((order.node, "over", ""))

    policy = armed(parse((SCENARIOS / "two-nodes.toml").read_text(), "two-nodes.toml"))
    world = World(policy, 0)
    world.witnesses.append(ordered)
    Player(world, lambda outcome: None).play(read_script("story", story, policy))
    return found


BEGIN = "at 0s start lukretia genesis\nat 5s move web genesis\n"


def test_clocks_that_agree_are_no_alarm():
    assert {how for _, how, _ in alarms(f"{BEGIN}at 9s expect web owner=genesis")} == {"over"}


@pytest.mark.parametrize(("by", "says"), [("1h", "is 1h ahead of that of"), ("-30s", "is 30s behind that of")])
def test_a_clock_that_jumped_is_an_alarm_elsewhere_until_it_is_right(by: str, says: str):
    back = f"-{by}".replace("--", "")
    story = f"{BEGIN}at 10s clock-jumps {by} genesis\nat 11s move web lukretia\nat 20s clock-jumps {back} genesis\n"
    found = alarms(f"{story}at 21s move web genesis\nat 25s expect web owner=genesis")
    of_genesis = [(how, text) for node, how, text in found if node == "genesis"]
    assert any(how == "begins" and "the clock of genesis is" in text and says in text for how, text in of_genesis)
    assert of_genesis[-1][0] == "over"


def test_old_events_that_are_fetched_tell_no_time():
    """lukretia was away for an hour, and reads an hour of genesis's log at once: the clocks agree."""
    story = "at 0s start lukretia genesis\nat 5s crash lukretia\nat 1h start lukretia\nat 3605s expect web owner=lukretia"
    assert {how for _, how, _ in alarms(story)} == {"over"}
