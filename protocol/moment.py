"""Moments and durations as people read them. The only place that makes a date of milliseconds: a clock in an event is its
author's word.

    lasting(86_400_000)                 # "1d"
    rfc3339(1_795_400_000_123)          # "2026-11-23T02:13:20.123Z"
    rfc3339(2**63 - 1)                  # "9223372036854775807 ms": no year has that many digits, and no reader stops at it
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


UNITS_MS = (("d", 86_400_000, 10**9), ("h", 3_600_000, 24), ("m", 60_000, 60), ("s", 1000, 60))


def lasting(ms: float) -> str:
    """A duration as a person says it, to its two largest units: "0.4 ms", "412 ms", "1.3 s", "51s", "1h30m".

    It says no more than has passed: 1,399 ms are "1.3 s". `--at` takes it with "ago".
    """
    if ms < 1000:
        return f"{int(ms * 10 + 1e-6) / 10:g} ms" if ms >= 1 else f"{int(ms * 100 + 1e-6) / 100:g} ms"
    ms = int(ms)
    if ms < 10_000:
        return f"{ms // 100 / 10:g} s"
    parts = [(ms // size % most, unit) for unit, size, most in UNITS_MS]
    first = next(at for at, (number, _) in enumerate(parts) if number)
    return "".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number)
