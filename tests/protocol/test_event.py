"""An event is its bytes: what differs in one byte is another event or none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import INT_MAX, NotCanonical, pack, pack_ordered, unpack
from protocol.event import EVENT_BYTES_MAX, NAME_MAX, NO_PREVIOUS, NUMBER_MAX, Entry, Event, Head, Ref, decode, encode, event_id
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Domain, open_batch
from protocol.refusals import Reason, Refused
from protocol.signing import Identity

CLUSTER = bytes(range(32))
NAMES = st.text(min_size=1, max_size=8)
COUNTS = st.integers(1, NUMBER_MAX)
IDS = st.binary(min_size=32, max_size=32).filter(lambda raw: raw != NO_PREVIOUS)
PLAIN = st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | st.text(max_size=8) | st.binary(max_size=8)
BODIES = st.dictionaries(st.text(max_size=5), PLAIN | st.lists(PLAIN, max_size=3), max_size=4)
EVENTS = st.builds(
    Event,
    cluster=IDS,
    node=NAMES,
    incarnation=COUNTS,
    number=st.integers(2, NUMBER_MAX),
    previous=IDS,
    wall_ms=st.integers(0, INT_MAX),
    boot_ms=st.integers(0, INT_MAX),
    kind=NAMES,
    service=st.text(max_size=8),
    body=BODIES,
    causes=st.lists(st.builds(Ref, NAMES, COUNTS, COUNTS), max_size=2).map(tuple),
    heads=st.lists(st.builds(Head, NAMES, COUNTS, COUNTS, IDS), max_size=2).map(tuple),
)
ONE = Event(
    CLUSTER, "ann", 1, 2, b"\x01" * 32, 1, 1, "up", "web", {"epoch": 1}, (Ref("ann", 1, 1),), (Head("bob", 1, 1, bytes(32)),)
)


@given(EVENTS)
def test_an_event_comes_back_from_its_bytes(event):
    again = decode(encode(event))
    assert replace(again, body=dict(again.body)) == event
    assert encode(again) == encode(event)


@given(EVENTS, st.data())
def test_a_changed_byte_is_refused_or_another_event_with_another_id(event, data):
    raw = bytearray(encode(event))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(bytes(raw))
    except NotCanonical:
        return
    assert encode(other) == bytes(raw)
    assert event_id(bytes(raw)) != event_id(encode(event))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_event_and_no_crash(raw):
    with pytest.raises(NotCanonical):
        decode(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": True},
        {"cluster": b"short"},
        {"previous": bytes(31)},
        {"previous": NO_PREVIOUS},
        {"number": 0},
        {"number": -1},
        {"number": True},
        {"number": 1},
        {"number": 2**53 + 1},
        {"incarnation": 0},
        {"incarnation": 2**53 + 1},
        {"wall_ms": -1},
        {"boot_ms": -1},
        {"boot_ms": None},
        {"node": ""},
        {"node": "n" * (NAME_MAX + 1)},
        {"kind": ""},
        {"kind": b"up"},
        {"service": None},
        {"service": "s" * (NAME_MAX + 1)},
        {"body": []},
        {"causes": {}},
        {"causes": [["ann", 1]]},
        {"causes": [["ann", 1, 0]]},
        {"causes": [["ann", 0, 1]]},
        {"causes": [["ann", 2**53 + 1, 1]]},
        {"causes": [["ann", 1, True]]},
        {"causes": [["", 1, 1]]},
        {"causes": ["ann"]},
        {"heads": [["bob", 1, 1, bytes(31)]]},
        {"heads": [["bob", 1, -1, bytes(32)]]},
        {"heads": [["bob", 1, 2**53 + 1, bytes(32)]]},
        {"heads": [["bob", 2**53 + 1, 1, bytes(32)]]},
        {"heads": [["bob", 1, 1]]},
        {"more": 1},
    ],
)
def test_an_impossible_field_is_refused(changes):
    fields = unpack(encode(ONE))
    decode(pack(fields))
    with pytest.raises(NotCanonical):
        decode(pack({**fields, **changes}))


@pytest.mark.parametrize("name", sorted(unpack(encode(ONE))))
def test_a_missing_field_is_refused(name):
    fields = unpack(encode(ONE))
    del fields[name]
    with pytest.raises(NotCanonical):
        decode(pack(fields))


def test_an_event_that_no_proof_could_hold_is_neither_written_nor_read():
    large = replace(ONE, body={"text": "x" * EVENT_BYTES_MAX})
    with pytest.raises(ValueError, match="more than"):
        encode(large)
    with pytest.raises(NotCanonical, match="at most"):
        decode(bytes(EVENT_BYTES_MAX + 1))


def test_a_decoded_body_cannot_be_changed():
    with pytest.raises(TypeError):
        decode(encode(ONE)).body["epoch"] = 2


ANN = Identity.fresh("ann")
RING = NodeKeyring({"ann": ANN.public})


def chain(count, kind="up"):
    entries, previous = [], NO_PREVIOUS
    for number in range(1, count + 1):
        entry = Entry.of(Event(CLUSTER, "ann", 1, number, previous, 1, 1, kind, "web", {}, (), ()))
        entries.append(entry.signed(ANN.sign(Domain.EVENT, entry.id)))
        previous = entry.id
    return entries


CHAIN = chain(4)


def opened(pairs):
    return open_batch(pairs, RING, CLUSTER, frozenset({"claim"}))


@given(st.integers(0, 3), st.data())
def test_a_batch_with_one_changed_byte_is_refused(which, data):
    pairs = [(entry.raw, entry.signature) for entry in CHAIN]
    raw = bytearray(pairs[which][0])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    pairs[which] = (bytes(raw), pairs[which][1])
    with pytest.raises(Refused):
        opened(pairs)


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_a_batch_reaches_to_its_last_signature(signed):
    pairs = [(entry.raw, entry.signature if keep else None) for entry, keep in zip(CHAIN, signed, strict=True)]
    if any(signed):
        assert len(opened(pairs).entries) == 4 - signed[::-1].index(True)
        return
    with pytest.raises(Refused) as refused:
        opened(pairs)
    assert refused.value.reason is Reason.UNSIGNED


def test_a_claim_without_its_own_signature_is_refused_whatever_stands_behind_it():
    claim, after = chain(2, kind=Kind.CLAIM.value)
    with pytest.raises(Refused) as refused:
        opened([(claim.raw, None), (after.raw, after.signature)])
    assert refused.value.reason is Reason.UNSIGNED


def test_a_sentence_names_an_event_and_not_our_class():
    """An alarm for operators said `Ref(node='ann', incarnation=1, number=2)`."""
    assert f"event {Ref('ann', 1, 2)}" == "event ann/1/2"


@given(EVENTS, st.data())
def test_a_field_of_any_value_is_refused_or_comes_back_as_it_was(event, data):
    """What is proved at one look at the types is no less than what the rules say one by one."""
    fields = unpack(encode(event))
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(PLAIN | st.lists(PLAIN | st.lists(PLAIN, max_size=4), max_size=3) | BODIES)
    raw = pack(fields)
    try:
        other = decode(raw)
    except NotCanonical:
        return
    assert encode(other) == raw


@given(EVENTS, st.data())
def test_names_in_another_order_are_refused(event, data):
    fields = unpack(encode(event))
    order = data.draw(st.permutations(sorted(fields)))
    raw = pack_ordered({name: fields[name] for name in order})
    if order == sorted(fields):
        assert encode(decode(raw)) == raw
    else:
        with pytest.raises(NotCanonical):
            decode(raw)


@pytest.mark.parametrize("name", ["wall_ms", "boot_ms"])
def test_a_clock_of_64_bits_is_refused(name):
    fields = unpack(encode(ONE))
    assert decode(pack_ordered({**fields, name: INT_MAX}))
    with pytest.raises(NotCanonical):
        decode(pack_ordered({**fields, name: INT_MAX + 1}))
