"""What the control socket answers over a real Unix socket: status, owner, links, metrics."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

from coordinator.control.parts import status_in_parts
from coordinator.control.status import status as status_of
from coordinator.state.model import State

VIEW = (
    "me", "ready", "unfit_because", "alarms", "bell", "peers", "links", "fence", "gate", "sentence", "refused_because",
    "number", "no_number_because", "event",
)  # fmt: skip
"""What a node's status is made of, besides policy and state."""


async def test_status_has_the_fields_of_the_contract(http):
    async with http.get("/status") as answer:
        status = await answer.json()
    assert (status["cluster"], status["node"]) == ("demo", "lukretia")
    assert set(status["nodes"]) == {"lukretia", "genesis"}
    assert status["nodes"]["genesis"]["liveness"] == "alive"
    assert status["nodes"]["genesis"]["links"] == {
        "lan": {"up": True, "rtt_ms": 0.412},
        "direct": {"up": True, "rtt_ms": 0.412},
    }
    web = status["services"]["web"]
    assert (web["owner"], web["owners"], web["split"]) == ("lukretia", ["lukretia"], False)
    assert web["states"] == {"lukretia": "UP", "genesis": "RECOVER"}
    assert web["epoch"] >= 1
    assert web["reason"].startswith("lukretia is UP")


async def test_a_dead_peer_is_in_doubt_then_fail_and_owns_nothing(cluster, http):
    """lukretia loses genesis, which held db: the dead holder is not the owner, and no split is claimed."""
    seen = []
    cluster.cut = True
    while not seen or seen[-1] != ("FAIL", "lukretia"):
        async with http.get("/status") as answer:
            db = (await answer.json())["services"]["db"]
        now = (db["states"]["genesis"], db["owner"])
        if not seen or seen[-1] != now:
            seen.append(now)
        assert not db["split"]
        assert len(seen) < 20
    states = [state for state, _ in seen]
    assert states.index("INDOUBT") < states.index("FAIL")
    assert ("INDOUBT", "genesis") in seen, "while it is in doubt it may well still serve"


async def test_in_a_split_the_owner_is_the_winner(cluster, http):
    """Both hold both while cut off; on heal each service has two known holders for a moment, and the master is the owner."""
    cluster.cut = True
    await cluster.until(lambda c: c.at("genesis", "genesis", "web") == "UP" and c.at("lukretia", "lukretia", "db") == "UP")
    before = cluster.nodes["genesis"].core.state.column("genesis").service("web").epoch
    cluster.cut = False
    seen = []
    async with asyncio.timeout(60):
        while not (seen and seen[-1]["epoch"] > before and seen[-1]["states"]["lukretia"] == "UP"):
            async with http.get("/status") as answer:
                seen.append((await answer.json())["services"]["web"])
    assert {web["owner"] for web in seen} == {"lukretia"}
    assert all(web["split"] == (web["owners"] == ["genesis", "lukretia"]) for web in seen)
    assert all("wins by split_winner = preference" in web["reason"] for web in seen if web["split"])
    assert seen[-1]["owners"] == ["lukretia"]


async def test_status_waits_for_news_and_no_longer(cluster, http):
    async with http.get("/status") as answer:
        version = (await answer.json())["version"]
    async with http.get(f"/status?version={version + 10**6}&wait_ms=5000") as answer:
        assert (await answer.json())["version"] >= version
    waiting = asyncio.create_task(_version(http, cluster.nodes["lukretia"].bell.count))
    cluster.nodes["lukretia"].bell.ring()
    assert await asyncio.wait_for(waiting, 5) > version


async def _version(http, seen: int) -> int:
    async with http.get(f"/status?version={seen}&wait_ms=30000") as answer:
        return (await answer.json())["version"]


async def test_a_status_in_parts_is_the_status(cluster, http):
    """The status of all services, and of one that is named: an order for one of a thousand asks for that one."""
    async with http.get("/status") as answer:
        whole = await answer.json()
    async with http.get("/status?service=db") as answer:
        one = await answer.json()
    async with http.get("/status?service=mail") as answer:
        none = await answer.json()
    known = status_of(cluster.nodes["lukretia"], 0)
    assert whole.keys() == one.keys() == none.keys() == known.keys()
    assert whole["services"] == known["services"]
    assert one["services"] == {"db": known["services"]["db"]}
    assert none["services"] == {}


async def test_a_status_of_many_services_takes_many_turns_of_the_loop_and_is_of_one_moment(cluster):
    """The loop goes on with everything else meanwhile; what changes then, the next status says."""
    node = cluster.nodes["lukretia"]
    web = node.policy.services["web"]
    many = {f"s{n}": replace(web, name=f"s{n}") for n in range(1000)}
    began, ended = replace(node.policy, services=many), replace(node.policy, services={"web": web})
    view = SimpleNamespace(**{name: getattr(node, name) for name in VIEW}, policy=began, state=node.core.state)
    asked, turns = asyncio.create_task(status_in_parts(view, 0)), 0
    await asyncio.sleep(0)
    view.policy, view.state = ended, State()
    while not asked.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 1
    assert (await asked)["services"].keys() == many.keys()
    assert (await asked)["services"]["s999"]["states"] == {"lukretia": "RECOVER", "genesis": "RECOVER"}


async def test_owner_answers_200_only_at_the_owner(cluster, http):
    async with http.get("/owner/web") as answer:
        assert answer.status == 200
    async with http.get("/owner/db") as answer:
        assert answer.status == 503
        assert (await answer.json())["owner"] == "genesis"
    async with http.get("/owner/nothing") as answer:
        assert answer.status == 404
    for route in ("/healthz", "/readyz"):
        async with http.get(route) as answer:
            assert answer.status == 200


async def test_links_timings_and_metrics(cluster, http):
    cluster.nodes["lukretia"].links_[0].refused["bad-signature"] = 3
    async with http.get("/links") as answer:
        (lan, direct) = (await answer.json())["links"]
    assert lan == {
        "peer": "genesis",
        "link": "lan",
        "up": True,
        "datagram": True,
        "rtt_ms": 0.412,
        "refused": {"bad-signature": 3},
    }
    assert direct["refused"] == {}
    async with http.get("/timings") as answer:
        timings = await answer.json()
    assert (timings["heartbeat_ms"], timings["indoubt_ms"], timings["dead_ms"]) == (20, 100, 200)
    assert timings["derived"]["lost_heartbeats_to_death"] == 10
    async with http.get("/metrics") as answer:
        page = await answer.text()
    for line in (
        'failover_owner{node="lukretia",service="web"} 1.0',
        'failover_state{node="genesis",service="web",state="RECOVER"} 1.0',
        'failover_refused_total{link="lan",peer="genesis",reason="bad-signature"} 3.0',
        'failover_peer{liveness="alive",peer="genesis"} 1.0',
    ):
        assert line in page
