"""What the successor's claim says about its predecessor: moved, killed or declared down, as far as it could know."""

from pathlib import Path

import pytest

from coordinator.decision.decide import BY_LAST_WORD
from tests.audit.worlds import played

BEGIN = "at 0s start lukretia genesis\n"


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ("at 5s move web genesis", "lukretia has given it up: moved to genesis"),
        ("at 5s fail web lukretia", BY_LAST_WORD),
        ("at 5s stop lukretia", BY_LAST_WORD),
        ("at 5s kill lukretia", BY_LAST_WORD),
        ("at 5s crash lukretia", "lukretia held it and is dead"),
        ("at 4s down-fails web lukretia\nat 5s fail web lukretia\nat 6s fail web lukretia", "an operator said that it is down"),
    ],
    ids=["moved", "failed", "stopped", "killed", "dead", "declared down"],
)
def test_the_claim_says_how_the_last_holding_ended(tmp_path: Path, story: str, says: str):
    world = played(f"{BEGIN}{story}\nat 9s expect web owner=genesis", tmp_path / "logs")
    answer = world.audit("who", "web", "--at", world.at(9_000))
    assert answer.json["owner"] == "genesis"
    assert says in answer.json["reason"]
