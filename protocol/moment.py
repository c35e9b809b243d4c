"""A moment as people read it. The only place that makes a date of milliseconds: a clock in an event is its author's word.

    rfc3339(1_795_400_000_123)          # "2026-11-23T02:13:20.123Z"
    rfc3339(2**63 - 1)                  # "9223372036854775807 ms": no year has that many digits, and nobody is stopped by it
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds since 1970; the number itself where it is no date of ours."""
    try:
        moment = EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
