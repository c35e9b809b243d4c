"""The kinds of actions and checks: each file is in the list, none takes another's keys, and the fold may import them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.kinds.kind import Kind

ROOT = Path(__file__).parents[2]
IN_COMMON = {"actions": {"timeout"}, "checks": {"every", "timeout", "fall", "rise"}}
LISTS: list[tuple[str, str, Mapping[str, Kind]]] = [("kinds", "actions", ACTIONS), ("checks", "checks", CHECKS)]


@pytest.mark.parametrize(("folder", "table", "kinds"), LISTS)
def test_every_file_is_in_the_list_and_bears_the_name_of_its_kind(folder: str, table: str, kinds: Mapping[str, Kind]) -> None:
    files = {path.stem for path in (ROOT / "actions" / folder).glob("*.py")} - {"__init__", "kind"}
    assert files == set(kinds)
    assert [kind.settings[0].key for kind in kinds.values()] == list(kinds)


@pytest.mark.parametrize(("folder", "table", "kinds"), LISTS)
def test_a_key_means_one_thing(folder: str, table: str, kinds: Mapping[str, Kind]) -> None:
    """Two kinds may have a key in common, such as `interface`, when it is the same one; none is that of all of them."""
    settings = [setting for kind in kinds.values() for setting in kind.settings]
    assert not {setting.key for setting in settings} & IN_COMMON[table]
    told = {(setting.key, str(setting.shape), setting.description) for setting in settings}
    assert len(told) == len({setting.key for setting in settings})


def test_the_list_reaches_nothing_that_acts() -> None:
    code = "import actions.kinds, actions.checks, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "logging", "pydantic", "select", "socket", "subprocess", "threading"} & set(loaded)
    ours = {name for name in loaded if name.startswith("actions.")}
    assert not {name for name in ours if not name.startswith(("actions.kinds", "actions.checks", "actions.action"))}
