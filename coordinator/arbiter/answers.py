"""The strict reading of what an etcd gateway answers. Whatever is not of the expected form is `Garbage`, never a guess.

    header, rows = rows_of(parse(body))         # an answer to `questions.read`
    failure = failure_of(parse(body))           # the answer of a status that is not 200

In JSON the gateway writes whole numbers of 64 bits as strings, and leaves out what is zero, empty or false: a transaction that
failed has no `succeeded`, and a lease that is gone is kept alive with no `TTL`. Unknown fields are passed over: later
versions of etcd add some.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from coordinator.arbiter.questions import VALUE_BYTES_MAX
from protocol.events.shapes import NUMBER_MAX

INT64, UINT64 = 2**63, 2**64
REVISION_END = NUMBER_MAX
"""An epoch is above the revision, and no epoch is above this."""

NUMBER = re.compile(r"0|[1-9][0-9]{0,19}")

CODE_NAMES = {5: "not-found", 7: "permission-denied", 14: "unavailable", 16: "unauthenticated"}
"""The codes of gRPC that tell something; etcd says the rest in words."""

TEXT_MAX = 200


class Garbage(ValueError):
    """An answer that is none. The text says what is wrong in it."""


class Header(NamedTuple):
    cluster: int
    revision: int
    term: int
    """Of the member that answered: that of the last change it has carried out."""


class Row(NamedTuple):
    key: str
    value: str
    lease: int
    modified: int


class Failure(NamedTuple):
    """What etcd says where it does not do what was asked."""

    name: str
    text: str


def parse(body: bytes) -> Mapping[str, Any]:
    """Raises Garbage where these bytes are not one JSON object, or name a field twice."""
    try:
        found = json.loads(body, object_pairs_hook=_object, parse_constant=_constant)
    except Garbage:
        raise
    except (ValueError, RecursionError):
        raise Garbage("is no JSON") from None
    return _mapping(found, "it")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Garbage("names a field twice")
    return found


def _constant(word: str) -> None:
    raise Garbage(f"has {word}, which is no number of JSON")


def header_of(answer: Mapping[str, Any]) -> Header:
    header = _mapping(answer.get("header"), "header")
    found = Header(*(number(header, name, UINT64) for name in ("cluster_id", "revision", "raft_term")))
    if not found.cluster or not 0 < found.revision < REVISION_END or not found.term:
        raise Garbage("has a header without cluster, revision or term")
    return found


def granted(answer: Mapping[str, Any]) -> tuple[Header, int, int]:
    """The lease and its seconds."""
    if answer.get("error"):
        raise Garbage("grants a lease with an error")
    lease, seconds = number(answer, "ID", INT64), number(answer, "TTL", INT64)
    if not lease or not seconds:
        raise Garbage("grants no lease, or one of no length")
    return header_of(answer), lease, seconds


def kept(answer: Mapping[str, Any]) -> tuple[Header, int, int]:
    """The lease and its seconds, 0 where it is gone. The gateway answers this as the first of a stream."""
    result = _mapping(answer.get("result"), "result")
    return header_of(result), number(result, "ID", INT64), number(result, "TTL", INT64)


def token_of(answer: Mapping[str, Any]) -> tuple[Header, str]:
    token = _text(answer, "token")
    if not token or len(token) > 4096 or not token.isprintable() or not token.isascii():
        raise Garbage("gives no token")
    return header_of(answer), token


def transaction(answer: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Header, bool, tuple[Row | None, ...]]:
    """Whether it succeeded, and what it has read: a row for each of these keys, in their order; none where it has put."""
    succeeded = answer.get("succeeded", False)
    if not isinstance(succeeded, bool):
        raise Garbage("says neither true nor false of a transaction")
    responses = answer.get("responses")
    if not isinstance(responses, list) or len(responses) != len(keys):
        raise Garbage(f"answers another number of requests than the {len(keys)} that were asked")
    parts = [_mapping(each, "response") for each in responses]
    if all("response_put" in part for part in parts):
        return header_of(answer), succeeded, ()
    return header_of(answer), succeeded, tuple(_row(part, key) for part, key in zip(parts, keys))


def _row(part: Mapping[str, Any], key: str) -> Row | None:
    found = _mapping(part.get("response_range"), "response_range")
    rows = found.get("kvs", [])
    if not isinstance(rows, list) or len(rows) > 1 or number(found, "count", INT64) != len(rows):
        raise Garbage("answers one key with another number of rows")
    if not rows:
        return None
    row = _mapping(rows[0], "row")
    if _bytes(row, "key").decode("utf-8", "replace") != key:
        raise Garbage("answers another key than was asked for")
    modified = number(row, "mod_revision", INT64)
    if not modified:
        raise Garbage("has a key that was never put")
    return Row(key, _bytes(row, "value").decode("utf-8", "replace"), number(row, "lease", INT64), modified)


def failure_of(answer: Mapping[str, Any]) -> Failure:
    """The answer to a request that etcd did not carry out."""
    code = answer.get("code", 0)
    if not isinstance(code, int) or isinstance(code, bool):
        raise Garbage("has an error without a code")
    text = "".join(letter if letter.isprintable() else " " for letter in _text(answer, "error"))[:TEXT_MAX]
    if not text:
        raise Garbage("says of no error which")
    return Failure(CODE_NAMES.get(code, ""), text)


def number(found: Mapping[str, Any], name: str, below: int) -> int:
    """A whole number as the gateway writes it; 0 where it is left out."""
    text = found.get(name, "0")
    if not isinstance(text, str) or not NUMBER.fullmatch(text) or int(text) >= below:
        raise Garbage(f"has no whole number as {name}")
    return int(text)


def _text(found: Mapping[str, Any], name: str) -> str:
    text = found.get(name, "")
    if not isinstance(text, str):
        raise Garbage(f"has no text as {name}")
    return text


def _bytes(found: Mapping[str, Any], name: str) -> bytes:
    text = _text(found, name)
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Garbage(f"has no base64 as {name}") from None
    if len(value) > VALUE_BYTES_MAX and name == "value":
        raise Garbage("has a value that is longer than any of ours")
    return value


def _mapping(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise Garbage(f"has no object as {what}")
    return found
