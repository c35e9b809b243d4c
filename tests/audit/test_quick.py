"""A sound history is played without being held; whatever is found so, is what is found where all of it is in memory."""

import asyncio
import shutil
from pathlib import Path

import pytest

from coordinator.config import read
from store.reading import read as read_log
from store.refusals import JournalRefused
from tests.audit.edits import EDITS, ME, Bench
from tests.audit.test_edits import HISTORY, ID
from tests.audit.worlds import SCENARIOS, Played, played
from tools.audit import quick as module
from tools.audit.evidence import weighed
from tools.audit.quick import Verdict, quick
from tools.audit.verify import findings_of
from tools.bench.history import ME as WRITER
from tools.bench.history import write_history
from tools.simulator.audit import unplayed
from tools.simulator.random_run import RandomRun

SOUND = ("03-power-failure", "05-split-brain", "lost-disk-keeps-the-move", "hold-and-unhold", "clock-jump", "one-way-cut")


def whole(world: Played, nodes: tuple[str, ...]) -> Verdict:
    policy = read(world.config, files=False)
    evidence = weighed(policy, [read_log(world.state(node)) for node in nodes])
    return Verdict(findings_of(evidence), evidence.merged.feeds, list(evidence.remarks))


def at_once(world: Played, nodes: tuple[str, ...]) -> Verdict | None:
    return quick([world.state(node) for node in nodes], read(world.config, files=False))


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """One history in two clusters."""
    folder = tmp_path_factory.mktemp("histories")
    configuration = folder / "other.toml"
    configuration.write_text((SCENARIOS / "two-nodes.toml").read_text().replace(ID, ID[::-1]))
    return played(HISTORY, folder / "one"), played(HISTORY, folder / "two", str(configuration))


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_has_the_same_findings_where_the_history_is_played(histories: tuple[Played, Played], tmp_path: Path, name: str):
    copies = []
    for at, history in enumerate(histories):
        shutil.copytree(history.folder, tmp_path / str(at))
        copies.append(Played(history.world, tmp_path / str(at), history.began_ms))
    bench = Bench(*copies)
    EDITS[name].make(bench)
    for nodes in ((ME,), tuple(bench.world.world.hosts)):
        found = at_once(bench.world, nodes)
        if found is not None:
            try:
                assert found == whole(bench.world, nodes)
            except JournalRefused:
                pytest.fail("it was played, and cannot be read")


@pytest.mark.parametrize("recent", [2, module.RECENT])
@pytest.mark.parametrize("scenario", SOUND)
def test_a_sound_history_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: str, recent: int):
    """Also where the views of others are so far behind that they must read again."""
    monkeypatch.setattr(module, "RECENT", recent)
    world = played(f"{scenario}.scenario", tmp_path)
    for nodes in (*((node,) for node in world.world.hosts), tuple(world.world.hosts)):
        found = at_once(world, nodes)
        expected = whole(world, nodes)
        kinds = {finding.kind for finding in expected.findings} - {"authority", "unlawful", "split", "encoding"}
        assert found == (None if kinds else expected)


def test_the_history_that_is_measured_is_played(tmp_path: Path):
    asyncio.run(write_history(tmp_path / "long", 500))
    verdict = quick([tmp_path / "long" / WRITER], read(tmp_path / "long" / "failover.toml", files=False))
    assert verdict is not None
    assert verdict.findings == []


@pytest.mark.parametrize("seed", range(300, 312))
def test_what_is_sound_after_any_accidents_is_played(seed: int):
    """The logs of each node alone, and of all: a sound one is never read as a whole, which takes six times the memory."""
    run = RandomRun(seed, 1_200)
    run.play()
    assert unplayed(run.world) == []
