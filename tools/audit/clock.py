"""Times as people write and read them: RFC 3339, UTC, milliseconds.

    parse("2026-11-23T02:31:07.250Z", now_ms)       # also "now", "5m ago", "-90s"
    show(1_795_400_000_123)                         # "2026-11-23T..:...123Z"
"""

import re
from datetime import UTC, datetime, timedelta

import click

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
RELATIVE = re.compile(r"^-?(\d+)(ms|s|m|h|d)( ago)?$")


def parse(text: str, now_ms: int) -> int:
    """Milliseconds since 1970. A time without a zone is UTC. Raises BadParameter with what to write instead."""
    words = text.strip().lower()
    if words == "now":
        return now_ms
    relative = RELATIVE.match(words)
    if relative:
        return now_ms - int(relative[1]) * UNITS_MS[relative[2]]
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        raise click.BadParameter(f'"{text}" is no time; write 2026-11-23T02:31:07.250Z, "now" or "5m ago"') from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)


def looks_like_time(text: str) -> bool:
    try:
        parse(text, 0)
    except click.BadParameter:
        return False
    return True


def show(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds; the number itself where it is no date of ours."""
    try:
        moment = EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
