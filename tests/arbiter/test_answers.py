"""The reading of answers beside bytes that nobody foresaw: an answer, or `Garbage`, and never another error."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from coordinator.arbiter import answers, questions
from coordinator.arbiter.answers import Garbage
from coordinator.arbiter.questions import Keys
from tests.arbiter.test_bad_answers import HELD, KEYS, NOTHING, header, kept, row, rows

WORDS = ("cluster_id", "revision", "raft_term", "header", "responses", "kvs", "count", "ID", "TTL", "result", "token", "error")
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.integers(-5, 2**65).map(str)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
SOUND = (
    rows(*HELD),
    rows(NOTHING, row(KEYS.epoch)),
    kept(),
    {"header": header(), "ID": "5", "TTL": "2"},
    {"header": header(), "token": "abc.1"},
)
READERS = (
    answers.header_of,
    answers.granted,
    answers.kept,
    answers.token_of,
    answers.failure_of,
    lambda answer: answers.transaction(answer, (KEYS.holder, KEYS.epoch)),
)


@given(st.binary(max_size=200) | JSON.map(lambda found: json.dumps(found).encode()))
def test_any_bytes_are_an_answer_or_garbage(body: bytes):
    for reader in READERS:
        with contextlib.suppress(Garbage):
            reader(answers.parse(body))


@given(st.sampled_from(SOUND), st.data())
def test_an_answer_with_one_part_replaced_is_an_answer_or_garbage(sound: dict[str, object], data: st.DataObject):
    copy = json.loads(json.dumps(sound))
    inside: object = copy
    for _ in range(data.draw(st.integers(0, 5))):
        if isinstance(inside, dict) and inside:
            key = data.draw(st.sampled_from(sorted(inside)))
        elif isinstance(inside, list) and inside:
            key = data.draw(st.integers(0, len(inside) - 1))
        else:
            break
        if data.draw(st.booleans()):
            inside[key] = data.draw(JSON)
            break
        inside = inside[key]
    for reader in READERS:
        with contextlib.suppress(Garbage):
            reader(answers.parse(json.dumps(copy).encode()))


@given(st.integers(1, 2**53), st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z"), st.binary(min_size=8, max_size=8))
def test_a_value_says_what_was_written(epoch: int, node: str, run: bytes):
    cluster = bytes(range(32))
    assert questions.holding(questions.written(cluster, epoch, node, run), cluster, 9) == (node, run, epoch, 9)


def test_the_keys_of_a_service_are_its_own():
    assert Keys("/failover/demo", "db").holder == "/failover/demo/db/holder"
    assert Keys("/failover/demo", "db").epoch == "/failover/demo/db/epoch"
