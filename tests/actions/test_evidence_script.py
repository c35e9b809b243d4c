"""A script that gives a number: what is one, and what is said where it is none."""

from pathlib import Path

import pytest

from actions.evidence_script import EvidenceScript
from actions.process import Programs
from tests.actions.test_script import Ledger, write_script


@pytest.fixture
def programs() -> Programs:
    return Programs(Ledger())


@pytest.mark.parametrize(
    ("body", "number"),
    [("echo 15", "15"), ("echo first; echo 7", "7"), ("echo 007", "7"), (f"echo {2**53}", str(2**53)), ("echo ' 42 '", "42")],
)
async def test_the_last_line_is_the_number(programs: Programs, tmp_path: Path, body: str, number: str) -> None:
    found = await EvidenceScript([write_script(tmp_path, body)], programs).run({}, 20)
    assert (found.passed, found.text) == (True, number)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("true", "'' is no whole number"),
        ("echo -5", "'-5' is no whole number"),
        ("echo 1.5", "'1.5' is no whole number"),
        ("echo 0/16B3748", "'0/16B3748' is no whole number"),
        ("printf '\\331\\240\\n'", "is no whole number"),
        (f"echo {2**53 + 1}", f"is more than {2**53}"),
        ("head -c 100000 /dev/zero | tr '\\0' 9", ""),
        ("echo 5; exit 3", "exit 3: 5"),
        ("yes", ""),
    ],
)
async def test_anything_else_is_none(programs: Programs, tmp_path: Path, body: str, why: str) -> None:
    found = await EvidenceScript([write_script(tmp_path, body)], programs).run({}, 2 if body == "yes" else 20)
    assert not found.passed
    assert why in found.text
    assert len(found.text) < 400
