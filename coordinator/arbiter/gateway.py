"""Requests to the members of an etcd cluster, one after the other, over HTTPS, with bounds in bytes and time.

    async with Gateway(Members(endpoints, ca, user, password)) as gateway:
        async with gateway.member(patience_s=1.0) as ask ...

A member that does not answer in its share of the time is left, and the next one is asked. What was asked may have been done all
the same: so a change is asked for only where it may be repeated. The member that answered last is asked first.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import aiohttp

from coordinator.arbiter import answers, questions
from coordinator.arbiter.answers import Failure, Garbage
from coordinator.core.quorum.arbiter import Refusal, Sight

ANSWER_BYTES_MAX = 65_536
"""Two rows of 256 bytes, or an error: a hundred times what is needed."""

T = TypeVar("T")


class NotAnswered(Exception):
    """No answer that counts. `name` says which of the refusals it is, the text by whom and why."""

    def __init__(self, name: Refusal, text: str, sight: Sight | None = None) -> None:
        super().__init__(text)
        self.name, self.text, self.sight = name, text, sight


class NotDone(Exception):
    """etcd answered that it does not do this, and that is an answer: no other member would do it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Members(NamedTuple):
    endpoints: tuple[str, ...]
    ca: str | None = None
    """The file of the authority that has signed the members' certificates; None: the machine's own."""
    user: str = ""
    password: str = ""


NEXT = frozenset({Refusal.UNREACHABLE, Refusal.SLOW, Refusal.NO_QUORUM, Refusal.TLS, Refusal.GARBAGE, Refusal.OVERSIZED})
"""Where another member may do better."""


class Member:
    """One endpoint, for one question."""

    def __init__(self, gateway: "Gateway", endpoint: str) -> None:
        self.gateway, self.endpoint = gateway, endpoint

    async def ask(self, question: questions.Question) -> Mapping[str, Any]:
        """The answer, with its token where there is a user. Raises NotAnswered or NotDone."""
        if not self.gateway.members.user:
            return await self._post(question)
        if not self.gateway.token:
            await self._authenticate()
        try:
            return await self._post(question)
        except NotAnswered as refused:
            if refused.name is not Refusal.UNAUTHENTICATED:
                raise
        await self._authenticate()  # a token lasts some minutes, and none outlives its member
        return await self._post(question)

    async def _authenticate(self) -> None:
        members, self.gateway.token = self.gateway.members, ""
        try:
            answer = await self._post(questions.authenticate(members.user, members.password))
        except NotDone as no:
            raise self._refused(Refusal.FORBIDDEN, f"does not let {members.user} in: {no}") from None
        self.gateway.token = self.read(answers.token_of, answer)[1]

    async def _post(self, question: questions.Question) -> Mapping[str, Any]:
        path, body = question
        headers = {"Authorization": self.gateway.token} if self.gateway.token else {}
        try:
            async with self.gateway.session.post(
                f"{self.endpoint}{path}", data=json.dumps(body), headers=headers, allow_redirects=False
            ) as response:
                text = await self._bounded(response)
                status = response.status
        except aiohttp.ClientSSLError as error:
            raise self._refused(Refusal.TLS, f"is not trusted: {error.__cause__ or error}") from None
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise self._refused(Refusal.UNREACHABLE, f"cannot be reached: {error}") from None
        except aiohttp.ClientError as error:
            raise self._refused(Refusal.GARBAGE, f"does not speak HTTP: {type(error).__name__}") from None
        answer = self.read(answers.parse, text)
        if status == 200:
            return answer
        raise self._failed(self.read(answers.failure_of, answer))

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        text = b""
        async for part in response.content.iter_any():
            text += part
            if len(text) > ANSWER_BYTES_MAX:
                raise self._refused(Refusal.OVERSIZED, f"answers more than {ANSWER_BYTES_MAX} bytes")
        return text

    def read(self, reader: Callable[..., T], *given: Any) -> T:
        """What a reader of `answers` makes of it. Raises NotAnswered where that finds garbage."""
        try:
            return reader(*given)
        except Garbage as error:
            raise self._refused(Refusal.GARBAGE, f"answers what {error}") from None

    def _failed(self, failure: Failure) -> Exception:
        if failure.name == "unavailable" or "no leader" in failure.text:
            return self._refused(Refusal.NO_QUORUM, f"has no quorum: {failure.text}")
        if "timed out" in failure.text or "deadline exceeded" in failure.text:
            return self._refused(Refusal.NO_QUORUM, f"heard no quorum in time: {failure.text}")
        if failure.name == "unauthenticated" or "user name is empty" in failure.text:
            return self._refused(Refusal.UNAUTHENTICATED, f"wants a user and a password: {failure.text}")
        if failure.name == "permission-denied":
            return self._refused(Refusal.FORBIDDEN, f"does not allow it: {failure.text}")
        return NotDone(failure)

    def _refused(self, name: Refusal, text: str) -> NotAnswered:
        return NotAnswered(name, f"{self.endpoint} {text}")


class Gateway:
    def __init__(self, members: Members) -> None:
        self.members, self.token = members, ""
        self._first = 0
        """Which endpoint is asked first."""

    async def __aenter__(self) -> Self:
        trust = ssl.create_default_context(cafile=self.members.ca)
        trust.minimum_version = ssl.TLSVersion.TLSv1_2
        connector = aiohttp.TCPConnector(ssl=trust, limit_per_host=4)
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def at_one(self, patience_s: float, asked: Callable[[Member], Awaitable[T]]) -> T:
        """`asked` with one member after the other until one answers; each has an equal share of the time. Raises NotAnswered,
        with the words of all, and NotDone."""
        endpoints, refusals = self.members.endpoints, list[NotAnswered]()
        for step in range(len(endpoints)):
            index = (self._first + step) % len(endpoints)
            member = Member(self, endpoints[index])
            try:
                async with asyncio.timeout(patience_s / len(endpoints)):
                    answer = await asked(member)
            except TimeoutError:
                words = f"{member.endpoint} has not answered within {patience_s * 1000 / len(endpoints):.0f} ms"
                refusals.append(NotAnswered(Refusal.SLOW, words))
            except NotAnswered as refused:
                if refused.name not in NEXT:
                    raise
                refusals.append(refused)
            else:
                self._first = index
                return answer
        raise NotAnswered(refusals[0].name, "; ".join(refused.text for refused in refusals))
