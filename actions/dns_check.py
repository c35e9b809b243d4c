"""A check by a question to a name server: one run, and what it found.

    check = DnsCheck(settings)          # what the kind `dns` read
    found = await check.run({}, timeout_s=1)
    wrong_data("A", "10.0.0.300")       # why this is no such record, or empty

The server is asked over UDP, and over TCP where the answer is cut off. A packet that is no answer to our question is passed
over, as it may come from anywhere: the real one may still come.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from actions.checks.kind import Found, raise_unasked
from protocol.moment import lasting
from protocol.printable import printable

SHOWN_MAX = 200
"""Of what a server answers, in a sentence of ours."""


class DnsCheck:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._name, self._type = settings["dns"], settings["type"]
        self._host, self._port = settings["host"], settings["port"]
        self._wanted = {_data(self._type, text) for text in settings["answer"]}

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Raises Unasked."""
        query = dns.message.make_query(self._name, self._type)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._ask(query)
        except (TimeoutError, dns.exception.Timeout):
            return self._failed(f"no answer within {lasting(timeout_s * 1000)}")
        except EOFError:
            return self._failed("it closed the connection in the middle of its answer")
        except dns.exception.DNSException as error:
            return self._failed(f"not an answer of DNS: {error}")
        except OSError as error:
            raise_unasked(error)
            return self._failed(error.strerror or str(error))
        return self._judge(answer)

    async def close(self) -> None:
        """A socket ends with its run."""

    async def _ask(self, query: dns.message.Message) -> dns.message.Message:
        try:
            return await dns.asyncquery.udp(
                query, self._host, port=self._port, ignore_unexpected=True, ignore_errors=True, raise_on_truncation=True
            )
        except dns.message.Truncated:
            return await dns.asyncquery.tcp(query, self._host, port=self._port)

    def _judge(self, answer: dns.message.Message) -> Found:
        if answer.rcode() != dns.rcode.NOERROR or not isinstance(answer, dns.message.QueryMessage):
            return self._failed(dns.rcode.to_text(answer.rcode()))
        try:
            records = answer.resolve_chaining().answer
        except dns.exception.DNSException as error:  # names that lead to each other
            return self._failed(f"its answer leads nowhere: {error}")
        found = set(records) if records is not None else set()
        if not found:
            return self._failed(f"there is no {self._type} record")
        if self._wanted and found != self._wanted:
            return self._failed(f"the answer is {', '.join(sorted(map(str, found)))}"[:SHOWN_MAX])
        return Found(True)

    def _failed(self, text: str) -> Found:
        return Found(False, printable(f"{self._name} at {self._host}: {text}"))


def wrong_data(kind: str, text: str) -> str:
    try:
        _data(kind, text)
    except (dns.exception.DNSException, ValueError) as error:
        return printable(str(error))[:SHOWN_MAX]
    return ""


def _data(kind: str, text: str) -> dns.rdata.Rdata:
    """Names in it end at the root, with or without the dot. Raises DNSException or ValueError."""
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, origin=dns.name.root, relativize=False)
