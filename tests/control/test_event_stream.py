"""The stream of events on the control socket goes on exactly where a reader was."""

import asyncio
import json
from typing import Any

import pytest

from tests.control.asking import body


def numbers(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["node"], event["number"]) for event in events]


async def some(http, route: str, count: int, **headers: str) -> list[dict[str, Any]]:
    """The first events of a stream."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(60), http.get(route, headers=headers) as answer:
        assert answer.status == 200
        while len(events) < count:
            text = await answer.content.readline()
            text = text.removeprefix(b"data: ") if b"jsonl" not in answer.headers["Content-Type"].encode() else text
            if text.startswith(b"{"):
                events.append(json.loads(text))
    return events


async def test_the_event_stream_goes_on_exactly_where_a_reader_was(cluster, http):
    """Nothing twice and nothing left out, in any feed, also where something new is written meanwhile."""
    total = sum(len(feed) for feed in cluster.nodes["lukretia"].log.values())
    everything = await some(http, "/events?format=jsonl&after=", total)
    assert len(set(numbers(everything))) == total
    middle = total // 2
    rest = await some(http, "/events", total - middle, **{"Last-Event-ID": everything[middle - 1]["cursor"]})
    read = numbers(everything[:middle]) + numbers(rest)
    for node in {name for name, _ in read}:
        own = [number for name, number in read if name == node]
        assert own == list(range(1, len(own) + 1))


async def test_the_event_stream_brings_what_happens_now(cluster, http):
    async with asyncio.timeout(60), http.get("/events?format=jsonl&last=3") as answer:
        earlier = [json.loads(await answer.content.readline()) for _ in range(3)]
        async with http.post("/command", json=body(cluster)) as given:
            assert given.status == 202
        kinds = []
        while "down" not in kinds:
            event = json.loads(await answer.content.readline())
            kinds.append(event["kind"])
    assert [event["at_ms"] for event in earlier] == sorted(event["at_ms"] for event in earlier)
    assert kinds.index("command") < kinds.index("release") < kinds.index("down")
    assert event["at"].endswith("Z")
    assert event["service"] == "web"


async def test_a_number_alone_is_a_number_of_the_nodes_own_feed(cluster, http):
    own = max((feed for feed in cluster.nodes["lukretia"].log if feed[0] == "lukretia"), key=lambda feed: feed[1])
    last = len(cluster.nodes["lukretia"].log[own])
    (event,) = await some(http, f"/events?format=jsonl&after={last - 1}", 1)
    assert numbers([event]) == [("lukretia", last)]


@pytest.mark.parametrize("cursor", ["9" * 5000, "lukretia:1:" + "9" * 5000, "lukretia:" + "9" * 20 + ":1", "9" * 19])
async def test_a_cursor_larger_than_any_number_is_refused(http, cursor):
    async with http.get(f"/events?after={cursor}") as answer:
        assert answer.status == 400
        assert "larger than any number" in (await answer.json())["error"]


async def test_a_cursor_that_is_none_is_refused(http):
    async with http.get("/events?after=lukretia:x") as answer:
        assert answer.status == 400
        assert "NODE:INCARNATION:NUMBER" in (await answer.json())["error"]
