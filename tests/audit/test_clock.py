"""Times: what any of our tools prints can be given to `--at`, and what a person types at night is understood."""

import time

import click
import pytest

from coordinator.control.outs import rfc3339
from tools.audit.clock import looks_like_time, parse, show
from tools.failc.status import spoken
from tools.failc.watch import line

NOON_MS = 1_795_867_200_000
"""2026-11-28T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-28T12:00:00Z", 0),
        ("2026-11-28 12:00:00.250", 250),
        ("2026-11-28T13:00:00+01:00", 0),
        ("2026-11-28 13:00:00 +0100", 0),
        ("2026-11-28 11:59 UTC", -60_000),
        ("2026-11-28", -12 * 3_600_000),
        ("11:45:52", -848_000),
        ("11:45:52.250", -847_750),
        ("11:45", -900_000),
        ("9:05:00.5", -3 * 3_600_000 + 300_500),
        ("9:05", -3 * 3_600_000 + 300_000),
        ("11:45:52 UTC", -848_000),
        ("11:45:52Z", -848_000),
        ("12:45:52+01:00", -848_000),
        ("12:30", 1_800_000),
        ("23:00:00", -13 * 3_600_000),
        ("now", 0),
        ("90s ago", -90_000),
        ("412 ms ago", -412),
        ("-90s", -90_000),
        ("1h30m ago", -5_400_000),
        ("1h 30m ago", -5_400_000),
        ("2d4h", -52 * 3_600_000),
        ("@1795867200", 0),
        ("@1795867200.25", 250),
    ],
)
def test_what_a_person_types_is_understood(text: str, at: int):
    assert parse(text, NOON_MS) - NOON_MS == at
    assert looks_like_time(text)


@pytest.mark.parametrize("text", ["", "web", "25:00", "12:60", "2026-13-01", "12:00 XYZ", "@", "1h30 ago", "ago", "lukretia"])
def test_what_is_no_time_is_told_what_to_write(text: str):
    with pytest.raises(click.BadParameter, match=r"is no time; write .*1h30m ago"):
        parse(text, NOON_MS)


def test_local_time_with_this_machines_own_zone(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        assert parse("2026-11-28 13:00:00 CET", NOON_MS) == NOON_MS
        assert parse("13:00 cet", NOON_MS) == NOON_MS
        assert parse("2026-07-01 14:00 CEST", NOON_MS) == parse("2026-07-01T12:00Z", NOON_MS)
        assert parse("12:00", NOON_MS) == NOON_MS, "without a zone it is UTC wherever one sits"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("at_ms", [NOON_MS - 848_123, NOON_MS - 3, NOON_MS - 20 * 3_600_000])
def test_every_time_that_a_tool_prints_is_understood_again(at_ms: int):
    """As `failaudit`, `failc status`, `failc watch`, the alarms and the daemon's log print it."""
    whole = at_ms - at_ms % 1000
    assert parse(show(at_ms), NOON_MS) == at_ms
    assert parse(rfc3339(at_ms), NOON_MS) == at_ms
    assert parse(spoken(rfc3339(at_ms)), NOON_MS) == whole
    printed = line({"at": rfc3339(at_ms), "text": "all is well"}).split()[0]
    assert printed.endswith("Z")
    assert parse(printed, NOON_MS) == at_ms
