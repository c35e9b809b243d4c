"""A question to a name server: passed when the answer is the one that is written, or any where none is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Odd, Setting
from protocol import endpoints
from protocol.stored.table import Table, every, need, text, words
from protocol.stored.values import endpoint, host_address

if TYPE_CHECKING:
    from actions.process import Programs

PORT = 53
NAME = re.compile(r"(?=.{1,254}\Z)([A-Za-z0-9_*-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|\.", re.ASCII)
TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")


class Dns(CheckKind):
    name, spoken = "dns", "a question to a name server"
    settings = (
        Setting("dns", str, "A name that a name server is asked for.", "www.example"),
        Setting("server", str, "The address of the server; port 53 unless written.", "10.77.0.100", lambda it: _server(it)),
        Setting("type", str, "What is asked for: A unless written.", "AAAA"),
        Setting("answer", list[str], "The whole answer, in any order; any is good where nothing is written.", ["10.77.0.80"]),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        name = it.take("dns", text)
        host, port = it.take("server", lambda value: endpoint(text(value), PORT))
        host_address(host)
        need(NAME.fullmatch(name) is not None, "no name of DNS")
        kind, answer = it.take("type", words(*TYPES), "A"), it.take("answer", every(text), ())
        return MappingProxyType({"dns": name, "host": host, "port": port, "type": kind, "answer": answer})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        kind = written.get("type", "A")
        if not NAME.fullmatch(written["dns"]):
            yield Odd("dns", f'"{written["dns"][:60]}" is not a name of DNS', 'Write one such as "www.example"')
        if "server" not in written:
            yield Odd("dns", "has no server that is asked", 'Write server = "10.77.0.100" beside it')
        if kind not in TYPES:
            yield Odd("type", f'"{kind[:20]}" is not one of the choices', f"Write one of {', '.join(TYPES)}")
            return
        from actions.dns_check import wrong_data

        for data in written.get("answer", []):
            if wrong := wrong_data(kind, data):
                yield Odd("answer", f'"{data[:60]}" is no {kind} record: {wrong}', "Write it as dig +short prints it")
        if "answer" in written and not written["answer"]:
            yield Odd("answer", "names no answer", 'Write answer = ["10.77.0.80"], or leave it out')

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.dns_check import DnsCheck

        return DnsCheck(settings)


def _server(value: str) -> None:
    host, _ = endpoints.endpoint(value, PORT)
    try:
        endpoints.address(host)
    except endpoints.BadEndpoint as error:
        raise endpoints.BadEndpoint(error.what, 'Write the address of a server, such as "10.77.0.100"') from None
