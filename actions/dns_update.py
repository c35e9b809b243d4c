"""The mark beside a record, and the signed update that changes both at once, or neither.

    zone = Zone(settings)                   # what the kind `dns` read
    mark = await zone.mark()                # who has the name, by which epoch; None where there is no mark
    await zone.change(mark, Mark(7, "genesis", True), "10.77.0.12")     # raises Lost where the mark is another one by now

The mark is a TXT record at _failover.NAME. An update names the mark that was read as its prerequisite (RFC 2136), so the server
carries it out only where nothing has changed since: a compare-and-swap, by which a node that was cut off cannot undo what a
later epoch has done. Raises OSError where the server cannot be asked, Refused where it says no.
"""

import asyncio
import errno
import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

from protocol.printable import printable

KEY = re.compile(
    r'key\s+"?([^"\s{]+)"?\s*\{\s*algorithm\s+"?([A-Za-z0-9-]+)"?\s*;\s*secret\s+"?([A-Za-z0-9+/=]+)"?\s*;\s*\}\s*;'
)
KEY_BYTES_MAX = 4096

MARK = re.compile(r"failover epoch=([0-9]{1,19}) node=([A-Za-z0-9_.-]{1,63}) (up|down)")
MARK_TTL_S = 1


class Refused(Exception):
    """The server's answer is no, in words."""


class Lost(Exception):
    """The mark is not the one that was read any more."""


class Mark(NamedTuple):
    epoch: int
    node: str
    up: bool

    def __str__(self) -> str:
        return f"failover epoch={self.epoch} node={self.node} {'up' if self.up else 'down'}"


class Zone:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._zone = dns.name.from_text(settings["zone"])
        self._name = dns.name.from_text(settings["dns"])
        self._at = dns.name.from_text(f"_failover.{settings['dns']}")

    async def mark(self) -> Mark | None:
        for record in await self._records(self._at, "TXT"):
            if found := MARK.fullmatch(record.strip('"')):
                return Mark(int(found[1]), found[2], found[3] == "up")
        return None

    async def addresses(self) -> list[str]:
        return await self._records(self._name, self._type(self._settings["records"][0][1]))

    async def change(self, before: Mark | None, now: Mark, address: str = "") -> None:
        """With an address: it is what the name leads to from here on."""
        update = dns.update.UpdateMessage(self._zone)
        if before is None:
            update.absent(self._at, "TXT")
        else:
            update.present(self._at, "TXT", f'"{before}"')
        update.replace(self._at, MARK_TTL_S, "TXT", f'"{now}"')
        if address:
            update.replace(self._name, self._settings["ttl"], self._type(address), address)
        answer = await self._ask(update)
        if answer.rcode() in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
            raise Lost
        self._must_be_good(answer)

    async def _records(self, name: dns.name.Name, kind: str) -> list[str]:
        answer = await self._ask(dns.message.make_query(name, kind))
        if answer.rcode() == dns.rcode.NXDOMAIN:
            return []
        self._must_be_good(answer)
        wanted = dns.rdatatype.from_text(kind)
        return sorted(str(record) for rrset in answer.answer if rrset.rdtype == wanted for record in rrset)

    def _must_be_good(self, answer: dns.message.Message) -> None:
        if answer.rcode() != dns.rcode.NOERROR:
            raise Refused(f"{self._settings['host']} answers {dns.rcode.to_text(answer.rcode())}")

    async def _ask(self, message: dns.message.Message) -> dns.message.Message:
        """Signed, over TCP; the answer's signature is verified."""
        message.use_tsig(await asyncio.to_thread(key_of, self._settings["key_file"]))
        try:
            return await dns.asyncquery.tcp(message, self._settings["host"], port=self._settings["port"])
        except EOFError:
            raise OSError(errno.ECONNRESET, f"{self._settings['host']} closed the connection") from None
        except dns.exception.DNSException as error:
            raise Refused(printable(f"{self._settings['host']}: {error}")) from None

    def _type(self, address: str) -> str:
        return "A" if ip_address(address).version == 4 else "AAAA"


def key_of(path: str) -> dict[dns.name.Name, dns.tsig.Key]:
    """Raises OSError, and Refused where the file is not a key or others can read it."""
    with Path(path).open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Refused(f"{path} can be read by others: chmod 600 {path}")
        text = file.read(KEY_BYTES_MAX).decode(errors="replace")
    found = KEY.search(text)
    if found is None:
        raise Refused(f"{path} is not a key as tsig-keygen prints it")
    name = dns.name.from_text(found[1])
    try:
        return {name: dns.tsig.Key(name, found[3], f"{found[2].lower()}.")}
    except ValueError:
        raise Refused(f"the secret in {path} is not base64") from None
