"""Times as people write and read them. Every time that a tool of ours prints, `parse` reads; what it prints is in UTC.

parse("2026-11-23T02:31:07.250Z", now_ms)       # also with a space, +01:00, UTC, or this machine's own zone (CET)
parse("12:45:52", now_ms)                       # the last such time, in UTC unless it says another zone
parse("1h30m ago", now_ms)                      # also "now", "-90s"; "@1795400000" counts seconds since 1970
show(1_795_400_000_123)                         # "2026-11-23T..:...123Z"
"""

import re
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import click

from protocol.moment import EPOCH, rfc3339

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
STEP = r"\d{1,12}(?:\.\d)?\s?(?:ms|s|m|h|d)"
RELATIVE = re.compile(rf"-?((?:{STEP})(?:\s?{STEP})*)(?: ago)?")
SECONDS = re.compile(r"@(\d{1,12})(?:\.(\d{1,9}))?")
ZONED = re.compile(r"(.*[\d.])\s*(Z|[A-Z]{1,5}|[+-]\d\d(?::?\d\d)?)", re.IGNORECASE)
OF_DAY = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?")

AHEAD_MS = 3_600_000
"""A time of day that lies further ahead is meant of yesterday; a clock of another node may well be a little ahead."""


def parse(text: str, now_ms: int) -> int:
    """Milliseconds since 1970. A time without a zone is UTC. Raises BadParameter with what to write instead."""
    words = text.strip()
    if words.lower() == "now":
        return now_ms
    if relative := RELATIVE.fullmatch(words.lower()):
        steps = re.findall(r"(\d+)(?:\.(\d))?\s?(ms|s|m|h|d)", relative[1])
        return now_ms - sum((10 * int(whole) + int(tenth or 0)) * UNITS_MS[unit] // 10 for whole, tenth, unit in steps)
    if seconds := SECONDS.fullmatch(words):
        return int(seconds[1]) * 1000 + int((seconds[2] or "0")[:3].ljust(3, "0"))
    try:
        return _moment(words, now_ms)
    except (ValueError, OverflowError):
        advice = 'write 2026-11-23T02:31:07.250Z, 02:31:07 (UTC), 02:31:07+01:00, @1795400000, "now" or "1h30m ago"'
        raise click.BadParameter(f'"{text}" is no time; {advice}') from None


def _moment(words: str, now_ms: int) -> int:
    """Raises ValueError."""
    bare, zone = words, _zone("UTC")
    date_only = re.fullmatch(r"\d{4}-?\d\d-?\d\d", words)
    if not date_only and (zoned := ZONED.fullmatch(words)):
        bare, zone = zoned[1].strip(), _zone(zoned[2])
    if not OF_DAY.fullmatch(bare):
        return _ms(datetime.fromisoformat(bare.upper()).replace(tzinfo=zone))
    today = (EPOCH + timedelta(milliseconds=now_ms)).astimezone(zone).date()
    hour = "0" if bare[1] == ":" else ""
    at_ms = _ms(datetime.fromisoformat(f"{today}T{hour}{bare}").replace(tzinfo=zone))
    return at_ms if at_ms <= now_ms + AHEAD_MS else at_ms - UNITS_MS["d"]


def _zone(word: str) -> tzinfo:
    """The zone of an offset, of UTC, or of a name that this machine's own zone has. Raises ValueError."""
    if word.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if word[0] in "+-":
        digits = word[1:].replace(":", "").ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return timezone(timedelta(minutes=minutes if word[0] == "+" else -minutes))
    standard, summer = time.tzname
    offsets_s = {summer.upper(): -time.altzone, standard.upper(): -time.timezone}
    if word.upper() not in offsets_s:
        raise ValueError(f"no zone {word}")
    return timezone(timedelta(seconds=offsets_s[word.upper()]))


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def looks_like_time(text: str) -> bool:
    try:
        parse(text, 0)
    except click.BadParameter:
        return False
    return True


show = rfc3339
