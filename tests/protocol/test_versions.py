"""What version 2 of the link protocol consists of: whatever is added beyond it must raise the version."""

import re
from dataclasses import fields
from pathlib import Path

from protocol.bodies import VERSION
from protocol.frames import BODY_BYTES_MAX, Kind
from protocol.messages import Heartbeat

PAGE = (Path(__file__).parents[2] / "docs" / "formats" / "frames.md").read_text()
KINDS = {
    "HELLO": 1, "HEARTBEAT": 2, "RELAYED": 3, "BATCH": 4, "WANT": 5, "COMMAND": 6, "LAST_WORD": 7, "PING": 8, "PONG": 9,
    "HEADS": 10, "REPLY": 11, "REMOVED": 12,
}  # fmt: skip
HEARTBEAT = (
    "cluster", "node", "run", "counter", "fit", "config", "vote", "heads", "heard", "refused", "claiming", "leases", "unstored",
    "unable", "evidence",
)  # fmt: skip


def test_version_2_has_these_frames_and_these_places() -> None:
    """If this fails, the version must rise: an older release would end the stream, or refuse every heartbeat. Not for a place
    that is empty without a key of the file which older releases refuse: all nodes are newer where it says something."""
    assert VERSION == 2
    assert {kind.name: int(kind) for kind in Kind} == KINDS
    assert tuple(field.name for field in fields(Heartbeat)) == HEARTBEAT


def test_the_page_has_each_kind_of_frame_with_its_limit() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert {name: int(number) for number, name, _ in rows} == KINDS
    units = {"bytes": 1, "KiB": 1024, "MiB": 1024 * 1024}
    for _, name, limit in rows:
        number, unit = re.match(r"(\d+) (bytes|KiB|MiB)", limit).groups()  # type: ignore[union-attr]
        assert BODY_BYTES_MAX[Kind[name]] == int(number) * units[unit], name
