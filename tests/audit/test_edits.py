"""Each edit that was tried on a stopped node's log has the verdict of the table in docs/audit.md."""

import shutil
from pathlib import Path

import pytest

from tests.audit.edits import EDITS, ME, Bench
from tests.audit.worlds import SCENARIOS, Played, played

HISTORY = """at 0s start lukretia genesis
at 5s move web genesis
at 8s move web lukretia
at 11s fail web lukretia
at 14s recover web lukretia
at 17s expect web owner=lukretia"""

ID = "00112233445566778899aabbccddeeff"
DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """One history in two clusters."""
    folder = tmp_path_factory.mktemp("histories")
    configuration = folder / "other.toml"
    configuration.write_text((SCENARIOS / "two-nodes.toml").read_text().replace(ID, ID[::-1]))
    return played(HISTORY, folder / "one"), played(HISTORY, folder / "two", str(configuration))


@pytest.fixture
def bench(histories: tuple[Played, Played], tmp_path: Path) -> Bench:
    copies = []
    for at, history in enumerate(histories):
        shutil.copytree(history.folder, tmp_path / str(at))
        copies.append(Played(history.world, tmp_path / str(at), history.began_ms))
    return Bench(*copies)


def verdict(bench: Bench) -> set[str]:
    """What `failaudit verify` says of the edited copy alone."""
    answer = bench.world.audit("verify", nodes=(ME,))
    if answer.code == 3:
        assert answer.err
        return {"unreadable"}
    found = {item["kind"] for item in answer.json["findings"]}
    assert answer.code == (1 if found else 0)
    return found or {"remark" if answer.json["remarks"] else "sound"}


@pytest.mark.parametrize("name", EDITS)
def test_the_edit_has_its_verdict(bench: Bench, name: str):
    EDITS[name].make(bench)
    assert verdict(bench) & set(EDITS[name].verdict.split(" or "))


def test_the_table_for_people_says_the_same():
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in DOCUMENT.open() if line.startswith("| ")]
    told = {row[0]: row[1] for row in rows if len(row) == 3}
    assert {name: told.get(name) for name in EDITS} == {name: f"`{edit.verdict}`" for name, edit in EDITS.items()}
