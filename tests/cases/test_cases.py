"""The case studies, short: each trial with real daemons goes as told, and fails in the expected words without its switch."""

import subprocess
from pathlib import Path

import pytest

from tools.cases.case import Case, Trial
from tools.cases.cases import CASES
from tools.cases.findings import CaseFailed
from tools.cases.play import control, play, reason_not_to
from tools.lab.programs import program
from tools.lab.pytest_plugin import left_out

TRIALS = [pytest.param(case, trial, id=f"{case.name}: {trial.name}") for case in CASES for trial in case.trials]
CONTROLLED = "web"
"""The case whose controls are played here as well; those of the others take a minute, and are played by `make cases` alone."""
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("case", "trial"), TRIALS)
def test_a_trial_goes_as_told(namespaces: None, tmp_path: Path, case: Case, trial: Trial) -> None:
    left_out(reason_not_to(case))
    found = play(case, trial, moves=1, crashes=1, folder=tmp_path)
    assert found.kept or found.planned_ms, "it measured nothing and says nothing"


@pytest.mark.parametrize(("case", "trial"), [it for it in TRIALS if it.id.startswith(f"{CONTROLLED}: ")])
def test_a_trial_fails_without_its_switch(namespaces: None, tmp_path: Path, case: Case, trial: Trial) -> None:
    left_out(reason_not_to(case))
    control(case, trial, folder=tmp_path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.toml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_config_check_accepts_the_file_of_an_example(path: Path) -> None:
    done = subprocess.run([*program("failc"), "config", "check", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_control_that_passes_is_a_failure(namespaces: None, tmp_path: Path) -> None:
    case = Case("web", (idle := Trial("idle", lambda stage: None, "nothing", "anything"),), (), "")
    with pytest.raises(CaseFailed, match="it passes as well"):
        control(case, idle, folder=tmp_path)


def test_each_example_is_a_case_with_a_page() -> None:
    assert {case.name for case in CASES} == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert any(it.id.startswith(CONTROLLED) for it in TRIALS)
    for case in CASES:
        first = (EXAMPLES / case.name / "README.md").read_text().split("\n\n")[1]
        assert first.startswith("**Lost on a failover:**")
        assert "**Not lost:**" in first
