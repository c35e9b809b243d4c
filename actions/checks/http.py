"""A request to a web server at an address: passed when the status, the text and the certificate are as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Machine, Odd, Setting, not_absolute
from protocol.stored.table import Table, Unreadable, every, flag, need, number, text
from protocol.stored.url import asked
from protocol.stored.values import program

if TYPE_CHECKING:
    from actions.process import Programs

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", re.ASCII)

STATUS, DAYS = range(100, 600), range(1, 3651)
EXAMPLE = 'http = "http://10.77.0.100/health"'
OF_TLS = ("ca_file", "verify", "certificate_days")


class Http(CheckKind):
    name, spoken = "http", "a request"
    settings = (
        Setting("http", str, "A request to http://ADDRESS/ or https://ADDRESS/.", "http://10.77.0.100/health"),
        Setting("status", list[int], "Answers that are good.", [200]),
        Setting("host", str, "The server's name: in the request, and in its certificate.", "www.example"),
        Setting("body", list[str], "Texts that must stand in the answer, one behind the other.", ["ready"]),
        Setting("ca_file", str, "Who may have signed the certificate, in PEM.", "/etc/failover/ca.pem"),
        Setting("verify", bool, "false: any certificate is good.", False),
        Setting("certificate_days", int, "For so many days the certificate must still be good.", 14),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        url = it.take("http", text)
        status = it.take("status", every(number(STATUS)), (200,))
        body = it.take("body", every(text), ())
        need(bool(status) and all(body), "no status, or an empty text")
        settings = {
            "http": url,
            "status": status,
            "host": it.take("host", _host, ""),
            "body": body,
            "ca_file": it.take("ca_file", program, ""),
            "verify": it.take("verify", flag, True),
            "certificate_days": it.take("certificate_days", number(DAYS), 0),
        }
        asked(url)
        return MappingProxyType(settings)

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from _odd_url(written["http"])
        yield from _odd_answer(written)
        if "host" in written and not NAME.fullmatch(written["host"]):
            yield Odd("host", f'"{written["host"][:60]}" is not a host\'s name', 'Write one such as "www.example"')
        if "ca_file" in written:
            yield from not_absolute("ca_file", written["ca_file"], "/etc/failover/ca.pem")
        if not written["http"].startswith("https:"):
            for key in OF_TLS:
                if key in written:
                    yield Odd(key, "is about a certificate, and http:// has none", "Take it out, or write https:// above")
        elif "ca_file" in written and written.get("verify") is False:
            yield Odd("verify", "is false, so nobody looks at ca_file", "Take one of them out")
        days = written.get("certificate_days", 1)
        if days not in DAYS:
            yield Odd("certificate_days", f"{days} is out of range", "Write a whole number from 1 to 3650")

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        if "ca_file" in written and (wrong := machine.unreadable(written["ca_file"])):
            yield Odd("ca_file", *wrong)

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.http_check import HttpCheck

        return HttpCheck(settings)


def _host(value: object) -> str:
    found = text(value)
    need(NAME.fullmatch(found) is not None, "no host's name")
    return found


def _odd_answer(written: Mapping[str, Any]) -> Iterator[Odd]:
    status = written.get("status", [200])
    if not status:
        yield Odd("status", "names no status", "Write status = [200], or leave it out")
    for code in status:
        if code not in STATUS:
            yield Odd("status", f"{code} is no status of HTTP", "Write numbers from 100 to 599, such as [200, 204]")
    if not all(written.get("body", [])):
        yield Odd("body", "has an empty text, which stands in every answer", 'Write body = ["ready"], or leave it out')


def _odd_url(url: str) -> Iterator[Odd]:
    try:
        asked(url)
    except Unreadable:
        yield Odd("http", *_wrong_url(url[:100]))


def _wrong_url(url: str) -> tuple[str, str]:
    """What is wrong with it, and what to write."""
    scheme, separator, rest = url.partition("://")
    host = re.split(r"[/:?]", rest, maxsplit=1)[0]
    if not separator or scheme not in ("http", "https"):
        return f'"{url}" does not begin with http:// or https://', f"Write {EXAMPLE}"
    if "@" in rest.partition("/")[0]:
        return "has a user's name or a password in it", "Take them out: this file goes into the log of every node"
    if "#" in url:
        return f'"{url}" has a part behind #, which is never sent to a server', "Take it out"
    if rest.count(":") < 2 and NAME.fullmatch(host) and not re.fullmatch("[0-9.]+", host):
        what = f'"{host}" is a name, and a check that asks a name server checks two services'
        return what, f'Write the address: http = "{scheme}://10.77.0.100/", and host = "{host}" beside it'
    return f'"{url}" has no address, port or path that can be asked', f"Write {EXAMPLE}, an IPv6 address in brackets"
