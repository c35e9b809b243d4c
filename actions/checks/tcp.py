"""A connection to a host and port: passed when it is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.checks.kind import Check, CheckKind
from actions.kinds.kind import Odd, Setting
from protocol import endpoints
from protocol.stored.table import Table, text
from protocol.stored.values import endpoint

if TYPE_CHECKING:
    from actions.process import Programs


class Tcp(CheckKind):
    name, spoken = "tcp", "a connection"
    settings = (
        Setting("tcp", str, "A connection to host:port.", "127.0.0.1:80", lambda value: endpoints.endpoint(value, None)),
    )

    def read(self, it: Table) -> Mapping[str, Any]:
        host, port = it.take("tcp", lambda value: endpoint(text(value), None))
        return MappingProxyType({"host": host, "port": port})

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        if odd := endpoints.odd_host(written["tcp"]):
            yield Odd("tcp", odd.what, odd.instead)

    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check:
        from actions.tcp_check import TcpCheck

        return TcpCheck(settings["host"], settings["port"])
