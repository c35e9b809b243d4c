"""What one value of the file means: durations, percentages, endpoints, names and keys."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from protocol.keys import UnusableKey
from protocol.stored.table import Unreadable, need, text

T = TypeVar("T")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
INTERFACE = re.compile(r"[^\s/:%]{1,15}")
UNIT = re.compile(
    r"(?=.{1,255}\Z)[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?\.(service|socket|target|mount|automount|swap|timer|path)",
    re.ASCII,
)
"""The name of a unit of systemd; of a template, that of an instance."""
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
LENGTH_MAX = 15
LONGEST_MS = 366 * 24 * UNITS_MS["h"]
DURATION = re.compile(r"([0-9]{1,13})(ms|s|m|h)", re.ASCII)
PERCENTAGE = re.compile(r"([0-9]+)(?:\.([0-9]{1,4}))?%", re.ASCII)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def name_of(value: object) -> str:
    name = text(value)
    need(NAME.fullmatch(name) is not None, f'"{name[:40]}" is not a name')
    return name


def duration_ms(value: object) -> int:
    found = DURATION.fullmatch(text(value))
    if found is None or len(found[0]) >= LENGTH_MAX:
        raise Unreadable("not a duration")
    long_ms = int(found[1]) * UNITS_MS[found[2]]
    need(long_ms <= LONGEST_MS, "longer than a year")
    return long_ms


def positive_ms(value: object) -> int:
    long_ms = duration_ms(value)
    need(long_ms > 0, "a duration of nothing")
    return long_ms


def duration_or(choices: Mapping[str, int | None]) -> Callable[[object], int | None]:
    return lambda value: choices[value] if isinstance(value, str) and value in choices else duration_ms(value)


def percentage_ppm(value: object) -> int:
    found = PERCENTAGE.fullmatch(text(value))
    if found is None or len(found[0]) >= 10:
        raise Unreadable("not a percentage")
    return int(found[1]) * 10_000 + int(((found[2] or "") + "0000")[:4])


def key_of(parse: Callable[[str], T], value: object) -> T:
    try:
        return parse(text(value))
    except UnusableKey as error:
        raise Unreadable(str(error)) from None


def endpoint(written: str, port: int | None) -> tuple[str, int]:
    """Host and port; `port` where none is written (None: one must be). Raises Unreadable."""
    host, digits = written, None
    if bracketed := re.fullmatch(r"\[([^\]]*)\](?::(.*))?", written):
        host, digits = bracketed[1], bracketed[2]
    elif written.count(":") == 1:
        host, _, digits = written.partition(":")
    if digits is None:
        if port is None:
            raise Unreadable("an endpoint without a port")
        return host, port
    need(re.fullmatch("[0-9]{1,5}", digits, re.ASCII) is not None and 1 <= int(digits) <= 65_535, "no port")
    return host, int(digits)


def host_address(host: str) -> Address:
    try:
        found = ipaddress.ip_address(host)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    need(not found.is_unspecified and not found.is_multicast, f"{found} is no host's address")
    return found


def service_address(written: str) -> Address:
    """An address with its prefix. Raises Unreadable."""
    try:
        found = ipaddress.ip_interface(written).ip
    except ValueError as error:
        raise Unreadable(str(error)) from None
    need("/" in written, "an address without a prefix")
    return host_address(str(found))


def interface(value: object) -> str:
    """The name of a network interface."""
    name = text(value)
    need(INTERFACE.fullmatch(name) is not None and name not in (".", ".."), "no interface")
    return name


def unit(value: object) -> str:
    """The name of a unit of systemd."""
    name = text(value)
    need(UNIT.fullmatch(name) is not None, "no unit")
    return name


def program(value: object) -> str:
    """The absolute path of a program."""
    path = text(value)
    need(path.startswith("/"), "a program without an absolute path")
    return path
