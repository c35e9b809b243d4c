"""An etcd that lies, or none at all: a server of ours that answers what it likes. Each answer is a refusal by name."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from coordinator.arbiter import questions
from coordinator.core.quorum.arbiter import Kept, Refusal, Refused, Seen, Sight
from tests.arbiter.conftest import CLUSTER, PREFIX, client

KEYS = questions.Keys(PREFIX, "db")
ANN = b"ann".ljust(8, b"\0")
VALUE = questions.written(CLUSTER, 7, "ann", ANN)
KNOWN = Sight(5, 10)
LEASE = 77


def header(revision: int = 10, term: int = 2, cluster: int = 5) -> dict[str, str]:
    return {"cluster_id": str(cluster), "member_id": "1", "revision": str(revision), "raft_term": str(term)}


def row(key: str, value: str = VALUE, lease: int = 0, **more: object) -> dict[str, object]:
    held = {"lease": str(lease)} if lease else {}
    found = {"key": questions.text64(key), "value": questions.text64(value), "mod_revision": "9", **held, **more}
    return {"response_range": {"header": {"revision": "10"}, "kvs": [found], "count": "1"}}


NOTHING = {"response_range": {"header": {"revision": "10"}}}


def rows(*found: object, **of_header: int) -> dict[str, object]:
    return {"header": header(**of_header), "succeeded": True, "responses": list(found)}


HELD = (row(KEYS.holder, lease=LEASE), row(KEYS.epoch))


def kept(term: int = 2, ttl: str | None = "2", lease: int = LEASE, cluster: int = 5) -> dict[str, object]:
    left = {} if ttl is None else {"TTL": ttl}
    return {"result": {"header": header(term=term, cluster=cluster), "ID": str(lease), **left}}


class Liar:
    """Answers the requests to each path in turn, the last one for ever."""

    def __init__(self, **answers: list[object]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, bytes]] = []

    def answer(self, path: str) -> bytes:
        left = self.answers[path]
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, bytes):
            return found
        status, body = found if isinstance(found, tuple) else (200, found)
        return http(json.dumps(body).encode(), status)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                length, authorization = 0, b""
                while (field := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = field.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    authorization = value.strip() if name.lower() == b"authorization" else authorization
                await reader.readexactly(length)
                path = line.split()[1].decode().rsplit("/", 1)[-1]
                self.asked.append((path, authorization))
                writer.write(self.answer(path))
                await writer.drain()
        writer.close()


def http(body: bytes, status: int = 200, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), head, body)


@contextlib.asynccontextmanager
async def lying(liar: Liar, **members: str) -> AsyncIterator[object]:
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, client((f"http://{host}:{port}",), **members) as ann:
        yield ann


GARBAGE: dict[str, object] = {
    "no JSON": http(b"<html>"),
    "nothing": http(b""),
    "half": http(b'{"header":{"cluster_id":"5"'),
    "no text": http(b"\xff\xfe"),
    "a list": http(b"[]"),
    "deep": http(b'{"a":' * 9_000),
    "a number that is none": http(b'{"header":NaN}'),
    "a field twice": http(b'{"header":{"cluster_id":"5","cluster_id":"6"}}'),
    "no header": {"succeeded": True, "responses": [NOTHING, NOTHING]},
    "a header of another form": {"header": ["5", "10", "2"], "succeeded": True, "responses": [NOTHING, NOTHING]},
    "numbers as numbers": {"header": {"cluster_id": 5, "revision": 10, "raft_term": 2}, "responses": [NOTHING, NOTHING]},
    "no revision": {**rows(NOTHING, NOTHING), "header": {"cluster_id": "5", "raft_term": "2"}},
    "a revision beyond 64 bits": rows(NOTHING, NOTHING, revision=2**63),
    "a negative revision": rows(NOTHING, NOTHING, revision=-1),
    "succeeded as text": {**rows(NOTHING, NOTHING), "succeeded": "true"},
    "one row": rows(NOTHING),
    "three rows": rows(NOTHING, NOTHING, NOTHING),
    "a put": rows({"response_put": {}}, {"response_put": {}}),
    "a put and a row": rows({"response_put": {}}, NOTHING),
    "other keys": rows(row(KEYS.epoch, lease=LEASE), row(KEYS.holder)),
    "a key of another service": rows(NOTHING, row("/failover/demo/web/epoch")),
    "rows for one key": rows(NOTHING, {"response_range": {"kvs": [{}, {}], "count": "2"}}),
    "a count without rows": rows(NOTHING, {"response_range": {"count": "1"}}),
    "a value that is no base64": rows(NOTHING, row(KEYS.epoch, **{"value": "***"})),
    "a value that is too long": rows(NOTHING, row(KEYS.epoch, "x" * 300)),
    "a value of another program": rows(NOTHING, row(KEYS.epoch, "genesis")),
    "a value of another cluster": rows(NOTHING, row(KEYS.epoch, questions.written(bytes(32), 7, "ann", ANN))),
    "a key that was never put": rows(NOTHING, row(KEYS.epoch, mod_revision="0")),
    "a holder without a lease": rows(row(KEYS.holder), row(KEYS.epoch)),
    "a holder and no epoch": rows(row(KEYS.holder, lease=LEASE), NOTHING),
    "a holder above the epoch": rows(row(KEYS.holder, questions.written(CLUSTER, 8, "ann", ANN), LEASE), row(KEYS.epoch)),
    "another way": http(b"", 302, b"Location: http://127.0.0.1:1/\r\n"),
    "an error without words": (500, {"code": 14}),
    "an error of another form": (500, {"error": {"code": 14}}),
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
}


@pytest.mark.parametrize("what", list(GARBAGE))
async def test_garbage_is_refused_by_that_name(what: str):
    async with lying(Liar(txn=[GARBAGE[what]])) as ann:
        answer = await ann.look("db", KNOWN, 20.0)
    assert isinstance(answer, Refused), answer
    assert answer.name is Refusal.GARBAGE, answer
    assert answer.text.startswith("http://127.0.0.1:")


REFUSED: dict[str, tuple[object, Refusal]] = {
    "a longer answer than any": (http(b" " * 70_000), Refusal.OVERSIZED),
    "an answer without an end": (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 200_000, Refusal.OVERSIZED),
    "an older revision": (rows(NOTHING, NOTHING, revision=9), Refusal.OLD_REVISION),
    "another cluster": (rows(NOTHING, NOTHING, revision=99, cluster=6), Refusal.OTHER_CLUSTER),
    "no quorum": ((503, {"error": "etcdserver: request timed out", "code": 14}), Refusal.NO_QUORUM),
    "no leader": ((500, {"error": "etcdserver: no leader", "code": 2}), Refusal.NO_QUORUM),
    "no quorum in its time": ((500, {"error": "context deadline exceeded", "code": 2}), Refusal.NO_QUORUM),
    "no user": ((400, {"error": "etcdserver: user name is empty", "code": 3}), Refusal.UNAUTHENTICATED),
    "no right": ((403, {"error": "etcdserver: permission denied", "code": 7}), Refusal.FORBIDDEN),
    "what etcd does not do": ((400, {"error": "etcdserver: duplicate key given", "code": 3}), Refusal.FORBIDDEN),
    "the end of the connection": (b"", Refusal.SLOW),
}


@pytest.mark.parametrize("what", list(REFUSED))
async def test_what_is_no_answer_is_refused_by_its_name(what: str):
    told, name = REFUSED[what]
    async with lying(Liar(txn=[told])) as ann:
        answer = await ann.look("db", KNOWN, 0.5 if name is Refusal.SLOW else 20.0)
    assert isinstance(answer, Refused), answer
    assert answer.name is name, answer
    assert (answer.sight is not None) == (name in (Refusal.OLD_REVISION, Refusal.OTHER_CLUSTER))


async def test_nobody_there_is_unreachable():
    async with client(("http://127.0.0.1:1",)) as ann:
        answer = await ann.look("db", None, 20.0)
    assert isinstance(answer, Refused)
    assert answer.name is Refusal.UNREACHABLE


async def test_the_same_rows_are_an_answer_where_nothing_is_wrong_with_them():
    async with lying(Liar(txn=[rows(*HELD)])) as ann:
        answer = await ann.look("db", KNOWN, 20.0)
    assert isinstance(answer, Seen)
    assert answer.holder == ("ann", ANN, 7, LEASE)
    assert (answer.epoch, answer.modified) == (7, 9)


KEEPING: dict[str, tuple[dict[str, list[object]], Refusal | None]] = {
    "all of one term": ({"txn": [rows(*HELD)], "keepalive": [kept()]}, None),
    "an election afterwards": (
        {"txn": [rows(*HELD), rows(*HELD, term=3), rows(*HELD), rows(*HELD, term=3)], "keepalive": [kept()]},
        Refusal.LEADER_CHANGED,
    ),
    "an election before": ({"txn": [rows(*HELD)], "keepalive": [kept(term=1)]}, Refusal.LEADER_CHANGED),
    "an election, and then none": ({"txn": [rows(*HELD), rows(*HELD, term=3)], "keepalive": [kept(), kept(term=3)]}, None),
    "no time left, and the key is there": ({"txn": [rows(*HELD)], "keepalive": [kept(ttl=None)]}, Refusal.LEADER_CHANGED),
    "no time left, and the next try has": ({"txn": [rows(*HELD)], "keepalive": [kept(ttl=None), kept()]}, None),
    "another time": ({"txn": [rows(*HELD)], "keepalive": [kept(ttl="9")]}, Refusal.GARBAGE),
    "another lease": ({"txn": [rows(*HELD)], "keepalive": [kept(lease=78)]}, Refusal.GARBAGE),
    "another cluster": ({"txn": [rows(*HELD)], "keepalive": [kept(cluster=6)]}, Refusal.OTHER_CLUSTER),
    "another holder": (
        {
            "txn": [rows(row(KEYS.holder, questions.written(CLUSTER, 7, "bob", ANN), 79), row(KEYS.epoch))],
            "keepalive": [kept()],
        },
        Refusal.LEASE_LOST,
    ),
    "no holder": ({"txn": [rows(NOTHING, row(KEYS.epoch))], "keepalive": [kept()]}, Refusal.LEASE_LOST),
    "an error in the stream": ({"txn": [rows(*HELD)], "keepalive": [{"error": {"message": "no"}}]}, Refusal.GARBAGE),
}


@pytest.mark.parametrize("what", list(KEEPING))
async def test_a_lease_counts_only_where_the_leader_that_kept_it_was_followed_afterwards(what: str):
    told, name = KEEPING[what]
    async with lying(Liar(**{path: list(answers) for path, answers in told.items()})) as ann:
        answer = await ann.keep("db", 7, LEASE, 2, KNOWN, 20.0)
    if name is None:
        assert isinstance(answer, Kept), answer
    else:
        assert isinstance(answer, Refused), answer
        assert answer.name is name, answer


TAKING: dict[str, tuple[dict[str, object], Refusal]] = {
    "no lease": ({"header": header()}, Refusal.GARBAGE),
    "a lease of no length": ({"header": header(), "ID": "5"}, Refusal.GARBAGE),
    "a longer lease": ({"header": header(), "ID": "5", "TTL": "3"}, Refusal.LEASE_TOO_SHORT),
    "a shorter lease": ({"header": header(), "ID": "5", "TTL": "1"}, Refusal.LEASE_TOO_SHORT),
    "a lease and an error": ({"header": header(), "ID": "5", "TTL": "2", "error": "no"}, Refusal.GARBAGE),
    "a lease of another cluster": ({"header": header(cluster=6), "ID": "5", "TTL": "2"}, Refusal.OTHER_CLUSTER),
    "a lease of an older state": ({"header": header(revision=3), "ID": "5", "TTL": "2"}, Refusal.OLD_REVISION),
}


@pytest.mark.parametrize("what", list(TAKING))
async def test_a_lease_that_is_not_what_was_asked_for_puts_nothing(what: str):
    told, name = TAKING[what]
    liar = Liar(grant=[told], txn=[rows({"response_put": {}}, {"response_put": {}})])
    async with lying(liar) as ann:
        answer = await ann.take("db", 8, Seen(KNOWN, None, 7, 9), 2, 20.0)
    assert isinstance(answer, Refused), answer
    assert answer.name is name
    assert [path for path, _ in liar.asked] == ["grant"]


async def test_a_token_that_is_no_longer_valid_is_renewed_once():
    no_token = (401, {"error": "etcdserver: invalid auth token", "code": 16})
    tokens = [{"header": header(), "token": "one.1"}, {"header": header(), "token": "two.2"}]
    liar = Liar(authenticate=list(tokens), txn=[no_token, rows(NOTHING, NOTHING)])
    async with lying(liar, user="failover", password="secret") as ann:
        assert isinstance(await ann.look("db", None, 20.0), Seen)
    assert liar.asked == [("authenticate", b""), ("txn", b"one.1"), ("authenticate", b""), ("txn", b"two.2")]


async def test_a_token_with_the_end_of_a_line_in_it_is_garbage():
    liar = Liar(authenticate=[{"header": header(), "token": "one\r\nX-Evil: 1"}], txn=[rows(NOTHING, NOTHING)])
    async with lying(liar, user="failover", password="secret") as ann:
        answer = await ann.look("db", None, 20.0)
    assert isinstance(answer, Refused)
    assert answer.name is Refusal.GARBAGE
    assert [path for path, _ in liar.asked] == ["authenticate"]


async def test_a_member_that_answers_garbage_is_passed_over():
    liar, honest = Liar(txn=[http(b"<html>")]), Liar(txn=[rows(NOTHING, NOTHING)])
    servers = [await asyncio.start_server(each.serve, "127.0.0.1", 0) for each in (liar, honest)]
    endpoints = tuple(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    async with servers[0], servers[1], client(endpoints) as ann:
        for _ in range(2):
            assert isinstance(await ann.look("db", KNOWN, 20.0), Seen)
    assert len(liar.asked) == 1, "who answered is asked first the next time"
