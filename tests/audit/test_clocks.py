"""A clock in an event is what its author wrote, and may be no date: every answer is given all the same."""

import pytest

from coordinator.control.event_stream import as_json, in_order
from protocol.event import Entry
from protocol.kinds import Kind
from store.reading import read as read_log
from tests.audit.test_verify import forge
from tests.audit.worlds import Played, played

CLOCKS = [0, 253_402_300_800_000, 2**63 - 1]
COMMANDS = ["verify", "who web", "why web", "splits", "timeline", "replay", "diff 2000-01-01 now"]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], Played]:
    """One world for each pair of clocks: an event of genesis with them, in its own feed."""
    made = {}
    for wall_ms, boot_ms in [(clock, 1) for clock in CLOCKS] + [(1, clock) for clock in CLOCKS] + [(CLOCKS[-1], CLOCKS[-1])]:
        folder = tmp_path_factory.mktemp("logs") / "played"
        world = played("at 0s start lukretia genesis\nat 5s expect web owner=lukretia", folder)
        forge(world, "genesis", Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, service="", wall_ms=wall_ms, boot_ms=boot_ms)
        made[wall_ms, boot_ms] = world
    return made


@pytest.mark.parametrize("as_words", [True, False], ids=["text", "json"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_question_is_answered(worlds: dict[tuple[int, int], Played], command: str, as_words: bool):
    for world in worlds.values():
        answer = world.audit(*command.split(), as_json=not as_words)
        assert answer.code in (0, 1)
        assert "Traceback" not in answer.err


def test_the_event_stream_goes_on(worlds: dict[tuple[int, int], Played]):
    for (wall_ms, _), world in worlds.items():
        entries = [Entry.read(row.raw, row.signature) for row in read_log(world.state("genesis")).rows]
        told = [as_json(entry, "") for entry in in_order(entries)]
        assert wall_ms in {event["at_ms"] for event in told}
        assert all(event["at"] for event in told)
