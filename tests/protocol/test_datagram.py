"""Sealed datagrams: opened once, by the one key, whatever the order; anything else moves nothing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.datagram import DATAGRAM_BYTES_MAX, WINDOW, Inside, Opener, Sealer, check_outside
from protocol.refusals import Reason, Refused


def pair():
    sealer = Sealer()
    return sealer, Opener(sealer.key_id, sealer.key)


def reason(call):
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


@given(st.sampled_from(list(Inside)), st.binary(max_size=300))
def test_what_was_sealed_is_opened_once(inside, body):
    sealer, opener = pair()
    data = sealer.seal(inside, body)
    assert check_outside(data)
    assert opener.open(data) == (inside, body)
    assert reason(lambda: opener.open(data)) is Reason.REPLAYED


def test_what_is_too_long_is_not_sealed():
    sealer, _ = pair()
    assert len(sealer.seal(Inside.BATCH, bytes(1363))) == DATAGRAM_BYTES_MAX
    assert sealer.seal(Inside.BATCH, bytes(1364)) is None


@given(st.data())
def test_every_changed_bit_is_refused_and_moves_no_window(data):
    sealer, opener = pair()
    good = sealer.seal(Inside.HEARTBEAT, b"hello")
    bad = bytearray(good)
    bad[data.draw(st.integers(12, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert reason(lambda: opener.open(bytes(bad))) in (Reason.BAD_SIGNATURE, Reason.REPLAYED)
    assert opener.open(good) == (Inside.HEARTBEAT, b"hello")


@given(st.integers(0, 2**32))
def test_reordering_within_the_window_is_weather_and_each_arrives_once(seed):
    sealer, opener = pair()
    sent = [sealer.seal(Inside.HEARTBEAT, bytes([number])) for number in range(100)]
    arriving = [(number, data) for number, data in enumerate(sent) for _ in range(2)]
    random.Random(seed).shuffle(arriving)
    got = set()
    for number, data in arriving:
        if number in got:
            assert reason(lambda: opener.open(data)) is Reason.REPLAYED  # noqa: B023
        else:
            assert opener.open(data) == (Inside.HEARTBEAT, bytes([number]))
            got.add(number)
    assert len(got) == 100


def test_what_is_older_than_the_window_is_refused():
    sealer, opener = pair()
    sent = [sealer.seal(Inside.HEARTBEAT, b"") for _ in range(WINDOW + 1)]
    opener.open(sent[-1])
    assert reason(lambda: opener.open(sent[0])) is Reason.REPLAYED
    opener.open(sent[1])
    later = [sealer.seal(Inside.HEARTBEAT, b"") for _ in range(3 * WINDOW)]
    opener.open(later[-1])
    assert reason(lambda: opener.open(sent[-2])) is Reason.REPLAYED


def test_no_datagram_of_one_direction_opens_in_the_other_or_on_another_link():
    ours, _ = pair()
    _, theirs = pair()
    assert reason(lambda: theirs.open(ours.seal(Inside.HEARTBEAT, b"x"))) is Reason.BAD_SIGNATURE


def test_no_nonce_returns():
    sealer, _ = pair()
    assert len({sealer.seal(Inside.HEARTBEAT, b"")[12:20] for _ in range(1000)}) == 1000


@given(st.binary(max_size=60))
def test_arbitrary_datagrams_are_refused_and_never_a_crash(data):
    opener = Opener(bytes(8), bytes(32))
    for candidate in (data, b"FO1S" + data, b"FO1S" + bytes(8) + data):
        try:
            sealed = check_outside(candidate)
        except Refused:
            continue
        if sealed:
            assert reason(lambda: opener.open(candidate)) in (Reason.BAD_SIGNATURE, Reason.REPLAYED)  # noqa: B023
