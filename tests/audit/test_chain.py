"""What changed what runs stands in the story, with its cause. Each history is told from one feed and from all."""

import re
from pathlib import Path

import pytest

from coordinator.config import parse
from protocol.kinds import Kind
from tests.audit.worlds import SCENARIOS, Played, played
from tools.simulator.orders import armed
from tools.simulator.runner import Player
from tools.simulator.script import read_script
from tools.simulator.world import World

FEEDS = pytest.mark.parametrize("nodes", [("genesis",), ("lukretia",), None], ids=["genesis", "lukretia", "all feeds"])
BEGIN = "at 0s start lukretia genesis\n"


def story(world: Played, nodes: tuple[str, ...] | None) -> list[tuple[str, str]]:
    """Kind and sentence of each event in the chain of web's owner."""
    return [(item["kind"], item["text"]) for item in world.audit("why", "web", nodes=nodes).json["chain"]]


@FEEDS
def test_config_apply_is_in_the_chain_of_the_restart_that_it_caused(tmp_path: Path, nodes: tuple[str, ...] | None):
    applied = "at 4s apply web address=10.77.0.101/24 lukretia\nat 9s apply web address=10.77.0.101/24 genesis\n"
    world = played(f"{BEGIN}{applied}at 12s expect web owner=lukretia", tmp_path / "logs")
    chain = world.audit("why", "web", nodes=nodes).json["chain"]
    place = {(item["node"], item["number"]): at for at, item in enumerate(chain)}
    (restart,) = [item for item in chain if item["kind"] == "restart"]
    (configured,) = [item for item in chain if item["kind"] == "config-applied"]
    (order,) = [item for item in chain if item["kind"] == "command"]
    assert "orders `config apply lukretia`" in order["text"]
    assert place[order["node"], order["number"]] < place[configured["node"], configured["number"]]
    named = {(item["node"], item["number"]): [(cause["node"], cause["number"]) for cause in item["causes"]] for item in chain}
    assert (configured["node"], configured["number"]) in named[restart["node"], restart["number"]]
    assert (order["node"], order["number"]) in named[configured["node"], configured["number"]]
    again = [item for item in chain if (restart["node"], restart["number"]) in named[item["node"], item["number"]]]
    assert {"action-started", "action-finished", "up"} <= {item["kind"] for item in again}
    assert any("`down` of action 1" in item["text"] for item in again)


@FEEDS
def test_a_check_that_failed_is_in_the_chain_of_the_restart_that_it_caused(tmp_path: Path, nodes: tuple[str, ...] | None):
    world = played("check-restarts-in-place.scenario", tmp_path / "logs", "restarts.toml")
    kinds = [kind for kind, _ in story(world, nodes)]
    assert kinds.index("check-failed") < kinds.index("restart")


@FEEDS
def test_config_apply_is_in_the_chain_of_the_failback_that_it_caused(tmp_path: Path, nodes: tuple[str, ...] | None):
    """By the configuration before, lukretia did not get it back."""
    away = "at 5s apply web failback=manual lukretia genesis\nat 8s crash lukretia\nat 12s start lukretia\n"
    back = "at 20s apply web failback=auto lukretia genesis\nat 40s expect web owner=lukretia"
    world = played(BEGIN + away + back, tmp_path / "logs")
    assert any("orders `config apply genesis`" in text for _, text in story(world, nodes))


def claim_and_causes(world: Played, nodes: tuple[str, ...] | None) -> list[str]:
    """The sentences of the events that the owner's claim names."""
    chain = world.audit("why", "web", nodes=nodes).json["chain"]
    by_name = {(item["node"], item["number"]): item["text"] for item in chain}
    claim = [item for item in chain if item["kind"] == "claim"][-1]
    return [by_name.get((cause["node"], cause["number"]), "") for cause in claim["causes"]]


DIED = "at 5s hold web\nat 6s crash lukretia\nat 12s unhold web\nat 14s expect web owner=genesis"
FAILED = "at 5s hold web\nat 6s fail web lukretia\nat 12s unhold web\nat 14s expect web owner=genesis"


@FEEDS
@pytest.mark.parametrize("end", [DIED, FAILED], ids=["its holder died", "its holder failed"])
def test_a_claim_that_waited_for_the_end_of_a_hold_names_it(tmp_path: Path, nodes: tuple[str, ...] | None, end: str):
    if end == DIED and nodes == ("lukretia",):
        nodes = ("genesis",)  # the dead one's own feed ends before
    world = played(BEGIN + end, tmp_path / "logs")
    assert "web is no longer held" in claim_and_causes(world, nodes)
    assert any("orders `unhold web`" in text for _, text in story(world, nodes)), "and its order is told"


@FEEDS
def test_a_claim_long_after_a_hold_does_not_name_its_end(tmp_path: Path, nodes: tuple[str, ...] | None):
    over = "at 4s hold web\nat 6s unhold web\nat 9s fail web lukretia\nat 14s expect web owner=genesis"
    assert "web is no longer held" not in claim_and_causes(played(BEGIN + over, tmp_path / "logs"), nodes)


@FEEDS
def test_a_claim_of_a_node_that_was_made_a_candidate_names_the_configuration(tmp_path: Path, nodes: tuple[str, ...] | None):
    without = "at 4s apply web nodes=lukretia lukretia genesis\nat 7s fail web lukretia\n"
    again = "at 12s apply web nodes=lukretia,genesis lukretia genesis\nat 18s expect web owner=genesis"
    causes = claim_and_causes(played(BEGIN + without + again, tmp_path / "logs"), nodes)
    assert any("genesis runs configuration" in text for text in causes), causes


@FEEDS
def test_a_claim_of_a_node_that_is_taken_out_of_standby_names_the_word(tmp_path: Path, nodes: tuple[str, ...] | None):
    out = "at 4s standby genesis\nat 7s fail web lukretia\nat 12s unstandby genesis\nat 14s expect web owner=genesis"
    causes = claim_and_causes(played(BEGIN + out, tmp_path / "logs"), nodes)
    assert any("orders `unstandby genesis`" in text for text in causes), causes


@FEEDS
def test_a_failback_that_waited_for_the_end_of_a_hold_names_it(tmp_path: Path, nodes: tuple[str, ...] | None):
    away = "at 5s crash lukretia\nat 8s hold web\nat 9s start lukretia\nat 40s unhold web\nat 60s expect web owner=lukretia"
    world = played(BEGIN + away, tmp_path / "logs")
    assert "web is no longer held" in [text for _, text in story(world, nodes)]


RUNS = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.UP, Kind.RELEASE, Kind.DOWN, Kind.FAIL, Kind.RECOVER, Kind.RESTART, Kind.ACTION_STARTED,
        Kind.ACTION_FINISHED, Kind.MOVE_BEGUN, Kind.MOVE_ENDED, Kind.FENCED, Kind.HOLD, Kind.UNHOLD,
    }
)  # fmt: skip
"""Kinds of events that change what runs."""


@pytest.mark.parametrize(
    "scenario",
    ["graceful-stop", "lost-disk-and-clock-alone", "passed-over-while-it-started", "other-actions-while-up", "late-disk",
     "guard-mute", "check-restarts-in-place", "move-for-a-while", "stuck-alive-and-fenced", "carrier-lost-and-back"],
)  # fmt: skip
def test_every_event_that_changed_what_runs_names_its_cause(scenario: str):
    text = (SCENARIOS / f"{scenario}.scenario").read_text()
    configuration = re.findall(r"# configuration: (\S+)", text)[0]
    policy = armed(parse((SCENARIOS / configuration).read_text(), configuration))
    world = World(policy, 0)
    Player(world, lambda outcome: None).play(read_script(scenario, text, policy))
    events = [entry.event for entry in world.entries()]
    assert [event.ref for event in events if event.kind in RUNS and not event.causes] == []
