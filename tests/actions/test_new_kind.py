"""A kind of action is one file and its name in the list: what it says is read, checked, run, and taken down by the guard.

The kind is `marker.py`; `with_marker.py` puts it into the list of a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actions.kinds import ACTIONS
from coordinator.config import parse
from coordinator.state.stored_file import read_policy
from tests.actions.guard.conftest import peer, stand_in  # noqa: F401  the same fixtures
from tests.actions.guard.killed import ROOT, Peer
from tests.actions.lab import Lan
from tests.config.sound import TEXT

WITH_MARKER = "tests.actions.with_marker"
SCRIPT = 'script  = "/etc/failover/web"'
CHOICE = f"Write exactly one of {', '.join(ACTIONS)}, marker"
MARKED = TEXT.replace(SCRIPT, 'marker = "/run/web"')


def asked(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """What a program with that kind makes of a text."""
    file = folder / "failover.toml"
    file.write_text(text)
    words = [sys.executable, "-m", WITH_MARKER, "tests.actions.asked", str(file)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_its_settings_are_read_and_what_was_readable_means_the_same(tmp_path: Path) -> None:
    assert SCRIPT in TEXT
    told = asked(MARKED, tmp_path)
    assert "ActionPolicy(kind='marker', settings=mappingproxy({'marker': '/run/web'}), timeout_ms=" in told.stdout, told.stderr
    assert asked(TEXT, tmp_path).stdout.strip() == repr(dict(parse(TEXT, "f").services))


def test_a_release_without_the_kind_does_not_guess_what_its_text_means() -> None:
    assert read_policy(MARKED) is None
    assert read_policy(TEXT) is not None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('marker = "web"', '"web" is not an absolute path. Write it in full, such as "/run/web"'),
        ("marker = 3", 'is the number 3, not a string. Write marker = "/run/web"'),
        ('mark = "/run/web"', 'unknown key "mark". Did you mean "marker"?'),
        ('marker = "/run/web"\ninterface = "eth0"', "belongs to an address. Take it out here"),
        (f'marker = "/run/web"\n{SCRIPT}', f"has script and marker in one action. {CHOICE}"),
    ],
)
def test_a_complaint_about_it_says_what_and_what_to_write(written: str, said: str, tmp_path: Path) -> None:
    told = asked(TEXT.replace(SCRIPT, written), tmp_path)
    assert said in told.stdout
    assert told.returncode == 2


def test_it_is_swept_and_brought_up_and_the_guard_takes_it_down(
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    """What an earlier run left is probed and taken down, an up brings it back, and after kill -9 it is gone."""
    marker = tmp_path / "marker"
    marker.write_text("left by an earlier run")
    web = ["marker", {"marker": str(marker)}, 20_000]
    it = stand_in({"web": [web]}, module=(WITH_MARKER, "tests.actions.stand_in"), sweep=True)
    assert it.hear("swept")["lines"] == [f"web: the marker {marker} was up at the start, taken down"]
    it.hear("up")
    assert marker.read_text() == ""
    it.kill()
    assert peer.word(peer.four).service == "web"
    assert not os.path.exists(marker)
    it.guard_ended()
