"""A check by a request to a web server: one run, and what it found.

    check = HttpCheck(settings)         # what the kind `http` read
    found = await check.run({}, timeout_s=1)
    await check.close()

Each run makes a connection of its own, since one that was kept would hide a server that takes no new ones. A redirect is an
answer like any other and is not followed: it may lead to another machine. No name server and no proxy takes part. What is read
of an answer has a limit, and nothing of it is unpacked.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp.connector import Connection
from cryptography import x509
from yarl import URL

from actions.checks.kind import Found, Unasked, raise_unasked
from protocol.invariant import must
from protocol.moment import lasting
from protocol.printable import printable
from protocol.stored.url import Asked, asked

BODY_BYTES_MAX = 65_536
"""What is read of an answer, and looked at. A longer one is cut off there and is no worse for it."""

HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "failover"}
"""Nothing packed is asked for: 64 KiB could become gigabytes."""

WORDS_MAX = 200
"""Of what a server or a library says in a sentence of ours."""


class HttpCheck:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._asked = asked(settings["http"])
        self._url = URL(settings["http"], encoded=True)
        self._session: aiohttp.ClientSession | None = None
        self._trust = Trust(settings["ca_file"], verify=settings["verify"]) if self._asked.scheme == "https" else None

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Raises Unasked."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask()
        except TimeoutError:
            return self._failed(f"no answer within {lasting(timeout_s * 1000)}")
        except aiohttp.ClientConnectorCertificateError as error:
            return self._failed(f"its certificate: {_words(error.certificate_error)}")
        except OSError as error:  # aiohttp's own for a connection are among them
            raise_unasked(error)
            return self._failed(_words(error))
        except (aiohttp.ClientError, ValueError) as error:
            return self._failed(f"not an answer of HTTP: {_words(error)}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self) -> Found:
        if self._session is None:
            self._session = _session()
        host = self._settings["host"]
        async with self._session.get(
            self._url,
            headers={"Host": _host(host, self._asked)} if host else {},
            server_hostname=host or None,
            ssl=await self._trust.context() if self._trust is not None else True,
            allow_redirects=False,
        ) as answer:
            must(isinstance(answer, Answer), "a session makes answers of the class that it was given")
            return await self._judge(cast(Answer, answer))

    async def _judge(self, answer: "Answer") -> Found:
        if answer.status not in self._settings["status"]:
            where = answer.headers.get("Location", "")
            return self._failed(f"status {answer.status}" + (f", to {where[:WORDS_MAX]}" if where else ""))
        if days := self._settings["certificate_days"]:
            left = _days_left(answer.certificate)
            if left < days:
                return self._failed(f"its certificate is good for {max(0, left)} more days, and {days} are asked for")
        if missing := missing_text(await _beginning(answer), self._settings["body"]):
            return self._failed(f'"{missing[:60]}" does not stand where it should in the first {BODY_BYTES_MAX} bytes')
        return Found(True)

    def _failed(self, text: str) -> Found:
        return Found(False, printable(f"{self._settings['http']}: {text}"))


class Trust:
    """Which certificates are good: read from files, and again when the file has changed."""

    def __init__(self, ca_file: str, *, verify: bool) -> None:
        self._ca_file, self._verify = ca_file, verify
        self._made: tuple[object, ssl.SSLContext] | None = None

    async def context(self) -> ssl.SSLContext:
        """Files are read by another thread: a disk may hang. Raises Unasked."""
        return await asyncio.to_thread(self._context)

    def _context(self) -> ssl.SSLContext:
        try:
            looks = _looks_of(self._ca_file) if self._ca_file else None
            if self._made is None or self._made[0] != looks:
                self._made = looks, self._fresh()
        except (OSError, ssl.SSLError) as error:
            raise Unasked(f"{self._ca_file} cannot be read: {_words(error)}") from None
        return self._made[1]

    def _fresh(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file or None)
        if not self._verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def missing_text(body: bytes, texts: Sequence[str]) -> str:
    """The first of these that does not stand behind the one before; empty where all do. One look at each byte."""
    at = 0
    for wanted in texts:
        data = wanted.encode()
        found = body.find(data, at)
        if found < 0:
            return wanted
        at = found + len(data)
    return ""


class Answer(aiohttp.ClientResponse):
    """It keeps the certificate: of a short answer the connection has ended before anybody looks."""

    certificate = b""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        tls = connection.transport.get_extra_info("ssl_object") if connection.transport is not None else None
        if tls is not None:
            self.certificate = tls.getpeercert(binary_form=True)
        return await super().start(connection)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=1, enable_cleanup_closed=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        headers=HEADERS,
        response_class=Answer,
        auto_decompress=False,
        trust_env=False,
    )


def _host(host: str, it: Asked) -> str:
    usual = {"http": 80, "https": 443}[it.scheme]
    return host if it.port == usual else f"{host}:{it.port}"


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """A whole answer, or so much of it as we look at."""
    body = b""
    while len(body) < BODY_BYTES_MAX and (piece := await answer.content.read(BODY_BYTES_MAX - len(body))):
        body += piece
    return body


def _days_left(certificate: bytes) -> int:
    return (x509.load_der_x509_certificate(certificate).not_valid_after_utc - datetime.now(UTC)).days


def _looks_of(file: str) -> tuple[int, int, int]:
    found = Path(file).stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientSSLError):
        return _words(error.os_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno)
    return " ".join(str(error).split())[:WORDS_MAX] or type(error).__name__
