"""Durations and percentages: a whole number and its unit, as a string.

    milliseconds("10m")     # 600_000
    parts_per_million("1%") # 10_000
    spoken(600_000)         # "10m"

A number without a unit is refused: seconds and milliseconds are too easily mistaken for each other.
"""

import re

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}

DURATION_PATTERN = "^[0-9]+(ms|s|m|h)$"
PERCENTAGE_PATTERN = r"^[0-9]+(\.[0-9]{1,4})?%$"

LONGEST_MS = 366 * 24 * UNITS_MS["h"]
"""A year and a day: a longer duration is a mistake."""


class BadQuantity(ValueError):
    """Not a duration or percentage; `what` and `instead` are for people."""

    def __init__(self, what: str, instead: str):
        super().__init__(f"{what}. {instead}")
        self.what = what
        self.instead = instead


def milliseconds(value: object) -> int:
    """The duration in ms. Raises BadQuantity with what to write instead."""
    if isinstance(value, str) and re.fullmatch("[0-9]+(ms|s|m|h)", value, re.ASCII):
        unit = value.lstrip("0123456789")
        number = int(value.removesuffix(unit)[-15:])
        if len(value) < 15 and number * UNITS_MS[unit] <= LONGEST_MS:
            return number * UNITS_MS[unit]
        raise BadQuantity(f'"{value[:20]}" is longer than a year', 'Write a shorter one, such as "10m"')
    raise _not_a_duration(value)


def _not_a_duration(value: object) -> BadQuantity:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return BadQuantity("is not a duration", 'Write a string with a unit, such as "500ms", "10s", "5m" or "1h"')
    text = written(value).strip()
    if re.fullmatch("[0-9]+", text, re.ASCII) and len(text) < 15:
        return BadQuantity(f"{text} has no unit", f'Write "{text}ms" or "{text}s"')
    if re.fullmatch(r"[0-9]+\.[0-9]+ *(s|m|h)", text, re.ASCII) and len(text) < 15:
        number, unit = re.split(" *(?=[smh])", text)
        return BadQuantity(f'"{text}" is not a whole number', f'Write "{round(float(number) * UNITS_MS[unit])}ms"')
    return BadQuantity(f'"{text[:40]}" is not a duration', 'Write a whole number with ms, s, m or h, such as "500ms"')


def parts_per_million(value: object) -> int:
    """The percentage in parts per million. Raises BadQuantity with what to write instead."""
    if isinstance(value, str) and re.fullmatch(PERCENTAGE_PATTERN, value, re.ASCII) and len(value) < 10:
        whole, _, fraction = value.removesuffix("%").partition(".")
        return int(whole) * 10_000 + int((fraction + "0000")[:4])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise BadQuantity(f"{written(value)} has no percent sign", f'Write "{written(value)}%"')
    raise BadQuantity(f'"{written(value)[:40]}" is not a percentage', 'Write a string such as "1%"')


def written(value: object) -> str:
    """The value for a complaint; Python refuses to write numbers of thousands of digits."""
    return "a huge number" if isinstance(value, int) and abs(value) > 10**18 else str(value)


def spoken(ms: int) -> str:
    """The shortest way to write a duration: 90000 is "90s", 60000 "1m"."""
    for unit in ("h", "m", "s"):
        if ms and ms % UNITS_MS[unit] == 0:
            return f"{ms // UNITS_MS[unit]}{unit}"
    return f"{ms}ms"
