"""How often a node writes although nothing happens, and how soon it attests what others have written."""

import pytest

from coordinator.config import parse
from protocol.event import Event
from protocol.kinds import Kind
from tests.audit.worlds import SCENARIOS
from tools.simulator.orders import armed
from tools.simulator.runner import Player
from tools.simulator.script import read_script
from tools.simulator.world import World

SLOW = {'heartbeat = "100ms"': 'heartbeat = "10s"', 'indoubt = "300ms"': 'indoubt = "30s"', 'dead = "500ms"': 'dead = "60s"'}
"""A day of heartbeats every 100 ms would be a long test, and the heartbeats are not what is looked at."""

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS

FeedIndex = dict[str, list[Event]]


@pytest.fixture(scope="module")
def feeds() -> FeedIndex:
    """Each node's own events of 28 hours, in which an operator said something once."""
    text = (SCENARIOS / "two-nodes.toml").read_text().partition("[[services.web.checks]]")[0]
    for fast, slow in SLOW.items():
        text = text.replace(fast, slow)
    policy = armed(parse(text, "two-nodes.toml"))
    world = World(policy, 0)
    script = "at 0s start lukretia genesis\nat 3h hold web\nat 28h expect web owner=lukretia"
    Player(world, lambda outcome: None).play(read_script("scenario", script, policy))
    return {
        name: [entry.event for entry in host.disk.entries() if entry.event.node == name] for name, host in world.hosts.items()
    }


def test_an_idle_pair_writes_fifty_events_a_day_at_most_in_each_feed(feeds: FeedIndex):
    for events in feeds.values():
        last_day = [event for event in events if event.boot_ms > events[-1].boot_ms - DAY_MS]
        assert {event.kind for event in last_day} == {Kind.PULSE}
        assert 40 <= len(last_day) <= 50


def test_news_is_attested_within_a_minute_and_the_tail_of_an_idle_feed_within_half_an_hour(feeds: FeedIndex):
    for author, reader in (("lukretia", "genesis"), ("genesis", "lukretia")):
        heads = [(event.boot_ms, head.number) for event in feeds[reader] for head in event.heads if head.node == author]
        for event in feeds[author]:
            if event.boot_ms > feeds[author][-1].boot_ms - 31 * MINUTE_MS:
                continue
            attested_ms = min(boot_ms for boot_ms, number in heads if number >= event.number) - event.boot_ms
            assert attested_ms <= (31 if event.kind == Kind.PULSE else 1.2) * MINUTE_MS, event


def test_after_news_the_pulses_thin_out_again(feeds: FeedIndex):
    events = next(events for events in feeds.values() if any(event.kind == Kind.HOLD for event in events))
    news_ms = next(event.boot_ms for event in events if event.kind == Kind.HOLD)
    minutes = [round((event.boot_ms - news_ms) / MINUTE_MS) for event in events if event.kind == Kind.PULSE]
    assert [minute for minute in minutes if minute > 0][:7] == [1, 3, 7, 15, 31, 61, 91]
