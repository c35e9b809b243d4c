"""Every accident in this folder, played through the production core in virtual time.

Each file begins with a sentence that tells the accident, and a line that names its configuration.
"""

import re
from pathlib import Path

import pytest

from coordinator.config import read
from tools.simulator.command import sentence
from tools.simulator.runner import play
from tools.simulator.script import read_script

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.scenario"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_accident_ends_as_told(path: Path, seed: int) -> None:
    text = path.read_text()
    first, second = text.splitlines()[:2]
    assert re.match(r"# .{20,}\.$", first), "a scenario begins with a sentence that tells the accident"
    policy = read(HERE / second.removeprefix("# configuration: "), files=False)
    report = play(policy, read_script(path.name, text, policy), seed)
    assert not report.failed, "\n" + "\n".join(sentence(outcome) for outcome in report.outcomes)
