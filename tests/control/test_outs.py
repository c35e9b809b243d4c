"""What `failc status` says about nodes that do not take a service: real cores, a real socket."""

from typing import Any

import pytest

from coordinator.control import outs
from coordinator.core.inputs import CheckFinished
from coordinator.state import ownership
from protocol.moment import rfc3339
from tests.control.asking import body
from tests.control.cluster import Cluster
from tests.failc.running import failc


@pytest.fixture
async def cluster(tmp_path):
    async with Cluster(tmp_path) as running:
        yield await running.settled()


async def web(http: Any) -> dict[str, Any]:
    async with http.get("/status") as answer:
        service: dict[str, Any] = (await answer.json())["services"]["web"]
        return service


async def ordered(cluster: Cluster, http: Any, **changes: Any) -> None:
    async with http.post("/command", json=body(cluster, **changes)) as answer:
        assert answer.status == 202


async def test_a_fail_by_an_operator_names_the_operator_the_reason_and_since_when(cluster, http):
    await ordered(cluster, http, reason="disk swap")
    await cluster.until(lambda cluster: cluster.at("genesis", "genesis") == "UP" and cluster.at("lukretia", "genesis") == "UP")
    out = (await web(http))["out"]["lukretia"]
    assert (out["kind"], out["by"], out["reason"], out["again_at"]) == ("operator", "afm", "disk swap", None)
    since = outs.to_the_second(out["since_ms"])
    assert out["text"] == f'in FAIL since {since} by an operator (afm), "disk swap"; until `failc recover web`'
    people = await failc("status", "--state", cluster.folder / "genesis")
    assert f"web: lukretia is {out['text']}" in people.out.splitlines()
    assert "web: genesis is UP: lukretia has given it up: an operator said fail" in people.out.splitlines()


async def test_a_hold_names_who_placed_it_why_and_since_when(cluster, http):
    await ordered(cluster, http, word="hold", reason="rack work")
    await cluster.until(lambda cluster: all(ownership.held_back(node.state, "web") for node in cluster.nodes.values()))
    said = (await web(http))["reason"]
    assert "; on hold since 20" in said
    assert said.endswith('by an operator (afm), "rack work" until `failc unhold web`')


async def test_a_stuck_node_says_since_when_and_what_to_say(cluster, http):
    cluster.nodes["lukretia"].stuck = True
    await ordered(cluster, http)
    await cluster.until(lambda cluster: cluster.nodes["lukretia"].core.column.service("web").stuck)
    known = await web(http)
    assert known["out"]["lukretia"]["kind"] == "stuck"
    assert known["reason"].startswith("lukretia is stuck in STOPPING since 20")
    assert known["reason"].endswith("say `failc fail web lukretia` when it is down there")


async def test_a_check_that_failed_is_named_with_its_words(cluster, http):
    for _ in range(3):
        cluster.nodes["lukretia"].post(CheckFinished("web", 0, False, "connection refused"))
    await cluster.until(lambda cluster: cluster.at("lukretia", "genesis") == "UP")
    out = (await web(http))["out"]["lukretia"]
    assert (out["kind"], out["reason"]) == ("check", "check 0 (tcp) failed: connection refused")
    since = outs.to_the_second(out["since_ms"])
    assert out["text"].startswith(f"in FAIL since {since} by a check: check 0 (tcp) failed: connection refused; tried again at")
    people = await failc("status", "--state", cluster.folder / "genesis")
    assert f"web: lukretia is {out['text']}" in people.out.splitlines()


async def test_a_check_that_only_tells_is_shown_and_moves_nothing(cluster, http):
    for _ in range(3):
        cluster.nodes["lukretia"].post(CheckFinished("web", 1, False, "the queue is long"))
    await cluster.until(lambda cluster: 1 in cluster.nodes["genesis"].state.column("lukretia").service("web").told)
    known = await web(http)
    assert (known["owner"], known["states"]["lukretia"]) == ("lukretia", "UP")
    (check,) = known["checks"]
    assert check["since"] == rfc3339(check["since_ms"])
    named = {key: check[key] for key in ("node", "check", "kind", "on_fail", "text")}
    assert named == {"node": "lukretia", "check": 1, "kind": "exec", "on_fail": "tell", "text": "the queue is long"}
    people = await failc("status", "--state", cluster.folder / "genesis")
    since = outs.to_the_second(check["since_ms"])
    assert f"web: check 1 (exec) fails on lukretia since {since}, and only tells: the queue is long" in people.out.splitlines()
    for _ in range(2):
        cluster.nodes["lukretia"].post(CheckFinished("web", 1, True, ""))
    await cluster.until(lambda cluster: not cluster.nodes["genesis"].state.column("lukretia").service("web").told)
    assert (await web(http))["checks"] == []
