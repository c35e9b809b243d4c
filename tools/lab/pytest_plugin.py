"""Fixtures for tests with real nodes. Where no namespaces can be made the tests are skipped, loudly; under CI=true they fail.

    def test_...(lab):          two nodes, configured, nothing started yet
    def test_...(make_lab):     make_lab("lukretia", "genesis", witnesses=["umpire"])
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tools.lab.lab import Lab
from tools.lab.place import reason_against

MakeLab = Callable[..., Lab]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NOT_HERE in str(report.longrepr)]
    if skipped:
        words = f"NOT TESTED: {len(skipped)} tests need namespaces. {reason_against()}"
        terminalreporter.write_line(words, red=True, bold=True)


NOT_HERE = "needs namespaces"


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Ask for this where a test makes namespaces itself."""
    if (reason := reason_against()) is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{NOT_HERE}: {reason}")
    pytest.skip(f"{NOT_HERE}: {reason}")


@pytest.fixture
def make_lab(namespaces: None, tmp_path: Path) -> Iterator[MakeLab]:
    """Builds laboratories that end with the test."""
    with ExitStack() as stack:
        yield lambda *nodes, **more: stack.enter_context(Lab(nodes, folder=tmp_path, **more))


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    """Two nodes on two links with one service of both addresses; configured, not started."""
    lab = make_lab("lukretia", "genesis")
    lab.init()
    return lab
