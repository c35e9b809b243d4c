"""Frames: any cutting of the stream gives the same frames, and a bad header is refused before its body is read."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.bodies import Hello, Ping, Reply, Want, batch_body, heads_body, read_batch, read_command, read_heads, read_signed
from protocol.canonical import pack, unpack
from protocol.event import Head
from protocol.frames import BODY_BYTES_MAX, FrameReader, Kind, frame
from protocol.refusals import Reason, Refused

SMALL = st.lists(st.tuples(st.sampled_from(list(Kind)), st.binary(max_size=9)), max_size=8)


@given(SMALL, st.lists(st.integers(0, 120), max_size=6))
def test_any_cutting_gives_the_same_frames(frames, cuts):
    stream = b"".join(frame(kind, body) for kind, body in frames)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader, found = FrameReader(), []
    for begin, end in pairwise(edges):
        found += reader.feed(stream[begin:end])
    assert found == frames
    reader.end()


@given(SMALL, st.binary(min_size=1, max_size=3))
def test_a_stream_that_ends_inside_a_frame_is_truncated(frames, rest):
    reader = FrameReader()
    reader.feed(b"".join(frame(kind, body) for kind, body in frames) + rest)
    with pytest.raises(Refused) as refused:
        reader.end()
    assert refused.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_a_limit_that_its_header_alone_breaks(kind):
    limit = BODY_BYTES_MAX[kind]
    assert FrameReader().feed(frame(kind, bytes(limit))) == [(kind, bytes(limit))]
    with pytest.raises(ValueError, match="at most"):
        frame(kind, bytes(limit + 1))
    with pytest.raises(Refused) as refused:
        FrameReader().feed((kind << 24 | limit + 1).to_bytes(4, "big"))
    assert refused.value.reason is Reason.OVERSIZED


@pytest.mark.parametrize("kind", [0, 13, 255])
def test_an_unknown_kind_ends_the_stream(kind):
    with pytest.raises(Refused) as refused:
        FrameReader().feed(bytes([kind, 0, 0, 0]))
    assert refused.value.reason is Reason.GARBAGE


HELLO = Hello(bytes(32), "ann", "lan", bytes(8), (Head("ann", 1, 2, bytes(32)),), bytes(8), bytes(32))


def reason(call):
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


def test_a_hello_comes_back():
    assert Hello.decode(HELLO.encode()) == HELLO


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        (0, 3, Reason.GARBAGE),
        (0, "1", Reason.NOT_CANONICAL),
        (1, bytes(31), Reason.NOT_CANONICAL),
        (4, bytes(7), Reason.NOT_CANONICAL),
        (6, bytes(9), Reason.NOT_CANONICAL),
        (7, bytes(16), Reason.NOT_CANONICAL),
        (5, [["ann", 0, 1, bytes(32)]], Reason.NOT_CANONICAL),
        (5, [["ann", 1, 0, bytes(32)]], Reason.NOT_CANONICAL),
        (5, [["ann", 1, 1, bytes(31)]], Reason.NOT_CANONICAL),
        (5, [1], Reason.NOT_CANONICAL),
        (5, {}, Reason.NOT_CANONICAL),
    ],
)
def test_an_impossible_hello_is_refused(at, value, expected):
    fields = unpack(HELLO.encode())
    fields[at] = value
    assert reason(lambda: Hello.decode(pack(fields))) is expected


def test_a_hello_of_a_later_version_is_refused_with_what_to_do_even_if_its_fields_differ():
    with pytest.raises(Refused, match="run the same release"):
        Hello.decode(pack([3, "other fields"]))


@given(st.binary(max_size=120))
def test_arbitrary_bodies_are_refused_or_read_and_never_a_crash(body):
    for read in (Hello.decode, Want.decode, Reply.decode, Ping.decode, read_batch, read_command, read_heads, read_signed):
        try:
            read(body)
        except Refused:
            continue


def test_small_bodies_come_back_and_their_limits_hold():
    assert Want.decode(Want("ann", 1, 5).encode()) == Want("ann", 1, 5)
    assert Reply.decode(Reply(bytes(16), True, False, "x" * 2000).encode()) == Reply(bytes(16), True, False, "x" * 900)
    assert Ping.decode(Ping(2**64 - 1, True).encode()) == Ping(2**64 - 1, True)
    assert read_heads(heads_body(HELLO.heads)) == HELLO.heads
    assert reason(lambda: read_heads(pack({}))) is Reason.NOT_CANONICAL
    assert reason(lambda: read_heads(pack([["ann", 1, 1, bytes(31)]]))) is Reason.NOT_CANONICAL
    pairs = [(b"a", bytes(64)), (b"b", None)]
    assert read_batch(batch_body(pairs)) == pairs
    assert reason(lambda: read_batch(batch_body([(b"a", bytes(63))]))) is Reason.BAD_SIGNATURE
    assert reason(lambda: read_batch(pack([["a", None]]))) is Reason.NOT_CANONICAL
    assert reason(lambda: read_signed(bytes(70))) is Reason.UNSIGNED
    assert reason(lambda: read_signed(b"x" * 64)) is Reason.TRUNCATED
