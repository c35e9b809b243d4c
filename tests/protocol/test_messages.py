"""Heartbeats and last words: what was not said by its node, in this cluster, in these bytes, is refused for that reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import NotCanonical, pack, unpack
from protocol.event import NUMBER_MAX
from protocol.frames import FrameReader, Kind, frame
from protocol.keys import NodeKeyring
from protocol.lease_words import LeaseWords
from protocol.messages import Domain, Heard, Heartbeat, LastWord, ShortHead, open_signed
from protocol.refusals import Reason, Refused
from protocol.signing import Identity

CLUSTER = bytes(range(32))
ANN = Identity.fresh("ann")
RING = NodeKeyring({"ann": ANN.public, "bob": Identity.fresh("bob").public})
NAMES = st.text(min_size=1, max_size=8)
EIGHT = st.binary(min_size=8, max_size=8)
COUNTS = st.integers(0, NUMBER_MAX)
HEARTBEATS = st.builds(
    Heartbeat,
    cluster=st.just(CLUSTER),
    node=NAMES,
    run=EIGHT,
    counter=st.integers(1, NUMBER_MAX),
    fit=st.booleans(),
    config=EIGHT,
    vote=COUNTS,
    heads=st.dictionaries(NAMES, st.builds(ShortHead, COUNTS, COUNTS, EIGHT), max_size=3),
    heard=st.dictionaries(NAMES, st.builds(Heard, EIGHT, COUNTS, COUNTS), max_size=3),
    refused=st.lists(NAMES, max_size=2).map(tuple),
    claiming=st.lists(NAMES, max_size=2).map(tuple),
    leases=st.builds(
        LeaseWords,
        asks=st.dictionaries(NAMES, st.integers(1, NUMBER_MAX), max_size=2),
        wants=st.dictionaries(NAMES, st.integers(1, NUMBER_MAX), max_size=2),
        bound=st.dictionaries(NAMES, st.tuples(NAMES | st.just(""), st.integers(0, 2**40)), max_size=2),
    ),
    unstored=st.lists(NAMES, max_size=2).map(tuple),
    unable=st.lists(NAMES, max_size=2).map(tuple),
    evidence=st.dictionaries(NAMES, st.tuples(COUNTS, COUNTS), max_size=2),
)
HEADS = {"ann": ShortHead(1, 1, bytes(8))}
ONE = Heartbeat(CLUSTER, "ann", bytes(8), 1, True, bytes(8), 0, HEADS, {"bob": Heard(bytes(8), 1, 2)}, ())
WORD = LastWord(CLUSTER, "ann", bytes(8), "web", 1)


@given(HEARTBEATS)
def test_a_heartbeat_comes_back_and_is_canonical_by_the_general_rule_too(heartbeat):
    """It is packed by a shorter way than other messages: the bytes must be the same."""
    raw = heartbeat.encode()
    assert Heartbeat.decode(raw) == heartbeat
    assert pack(unpack(raw)) == raw


@pytest.mark.parametrize("claiming", [[], [1], [""], {}, "web", ["s" * 65]])
def test_an_impossible_list_of_claims_is_refused(claiming):
    """There is none where nothing is claimed, as before there was such a list: else one heartbeat would have two encodings."""
    with pytest.raises(NotCanonical):
        Heartbeat.decode(pack([*unpack(ONE.encode()), claiming]))


@pytest.mark.parametrize(
    "leases",
    [
        [], [{}, {}, {}], [{"web": 1}, {}], [{"web": 1}, {}, {}, {}], {"web": 1}, [{"web": 0}, {}, {}], [{"": 1}, {}, {}],
        [{}, {"web": True}, {}], [{}, {"web": 2**53 + 1}, {}], [{}, {}, {"web": 5}], [{}, {}, {"web": ["ann", -1]}],
        [{}, {}, {"web": ["ann", 1, 1]}], [{}, {}, {"web": [1, 1]}], [{}, [], {"web": ["ann", 1]}],
    ],
)  # fmt: skip
@pytest.mark.parametrize("claiming", [[], ["web"]])
def test_impossible_words_about_leases_are_refused(leases, claiming):
    """There are none where nothing is said, as before there were such words."""
    with pytest.raises(NotCanonical):
        Heartbeat.decode(pack([*unpack(ONE.encode()), claiming, leases]))


def test_a_heartbeat_without_leases_is_as_it_was():
    assert len(unpack(ONE.encode())) == 10
    assert len(unpack(replace(ONE, leases=LeaseWords(asks={"web": 1})).encode())) == 12


@given(HEARTBEATS, st.data())
def test_no_two_encodings_of_a_heartbeat_are_read(heartbeat, data):
    raw = bytearray(heartbeat.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = Heartbeat.decode(bytes(raw))
    except NotCanonical:
        return
    assert unpack(bytes(raw)) is not None
    assert other.encode() == bytes(raw)
    assert other != heartbeat


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_message_and_no_crash(raw):
    for kind in (Heartbeat, LastWord):
        with pytest.raises(NotCanonical):
            kind.decode(raw)


FIELDS = {
    "node": 0,
    "run": 1,
    "counter": 2,
    "fit": 3,
    "config": 4,
    "vote": 5,
    "heads": 6,
    "heard": 7,
    "refused": 8,
    "cluster": 9,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("node", ""),
        ("node", "n" * 65),
        ("node", b"ann"),
        ("run", bytes(7)),
        ("run", bytes(9)),
        ("counter", 0),
        ("counter", -1),
        ("counter", True),
        ("fit", 1),
        ("config", b""),
        ("vote", -1),
        ("vote", 2**53 + 1),
        ("counter", 2**53 + 1),
        ("heads", {"ann": [2**53 + 1, 1, bytes(8)]}),
        ("heads", {"ann": [1, 2**53 + 1, bytes(8)]}),
        ("heard", {"bob": [bytes(8), 2**53 + 1, 1]}),
        ("heads", {"ann": [1, 1, bytes(7)]}),
        ("heads", {"ann": [1, -1, bytes(8)]}),
        ("heads", {"ann": [1, 1]}),
        ("heads", {"ann": [1, 1, bytes(8), 0]}),
        ("heads", {"": [1, 1, bytes(8)]}),
        ("heads", []),
        ("heard", {"bob": [bytes(7), 1, 1]}),
        ("heard", {"bob": [bytes(8), 1, -1]}),
        ("heard", {"bob": [bytes(8), 1, True]}),
        ("heard", {"bob": None}),
        ("refused", [1]),
        ("refused", [""]),
        ("refused", {}),
        ("cluster", bytes(31)),
        ("cluster", "c" * 32),
    ],
)
def test_an_impossible_field_is_refused(field, value):
    fields = unpack(ONE.encode())
    Heartbeat.decode(pack(fields))
    fields[FIELDS[field]] = value
    with pytest.raises(NotCanonical):
        Heartbeat.decode(pack(fields))


@pytest.mark.parametrize(
    ("at", "value"), [(0, bytes(31)), (1, ""), (1, 5), (2, bytes(9)), (3, ""), (3, "s" * 65), (4, 0), (4, -1), (4, True)]
)
def test_an_impossible_field_of_a_last_word_is_refused(at, value):
    fields = unpack(WORD.encode())
    fields[at] = value
    with pytest.raises(NotCanonical):
        LastWord.decode(pack(fields))


@pytest.mark.parametrize(("message", "domain"), [(ONE, Domain.HEARTBEAT), (WORD, Domain.LAST_WORD)])
def test_each_lie_has_its_reason(message, domain):
    raw = message.encode()
    signature = ANN.sign(domain, raw)
    kind = type(message)

    def reason(raw, signature, cluster=CLUSTER, ring=RING, kind=kind):
        with pytest.raises(Refused) as refused:
            open_signed(kind, raw, signature, ring, cluster)
        return refused.value.reason

    assert open_signed(kind, raw, signature, RING, CLUSTER).message == message
    assert reason(raw + b"\xc0", signature) is Reason.NOT_CANONICAL
    assert reason(raw, signature, kind=LastWord if kind is Heartbeat else Heartbeat) is Reason.NOT_CANONICAL
    assert reason(raw, signature, cluster=bytes(32)) is Reason.WRONG_CLUSTER
    assert reason(raw, b"") is Reason.UNSIGNED
    assert reason(raw, signature[:-1]) is Reason.BAD_SIGNATURE
    assert reason(raw, bytes(64)) is Reason.BAD_SIGNATURE
    assert reason(raw, signature, ring=NodeKeyring({})) is Reason.UNKNOWN_KEY
    for other in Domain:
        if other is not domain:
            assert reason(raw, ANN.sign(other, raw)) is Reason.BAD_SIGNATURE


@given(st.booleans(), st.data())
def test_every_changed_bit_of_a_signed_heartbeat_is_refused(in_signature, data):
    raw = bytearray(ONE.encode())
    signature = bytearray(ANN.sign(Domain.HEARTBEAT, bytes(raw)))
    target = signature if in_signature else raw
    target[data.draw(st.integers(0, len(target) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Refused) as refused:
        open_signed(Heartbeat, bytes(raw), bytes(signature), RING, CLUSTER)
    if in_signature:
        assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_heartbeat_of_a_thousand_services_under_a_lease_fits_into_a_frame():
    """It did not where their names have twenty letters: the node that was to send it ended."""
    names = [f"service-{number:04}-{'x' * 51}" for number in range(1000)]
    asked = LeaseWords(asks=dict.fromkeys(names, 2**40), wants={}, bound={})
    said = replace(ONE, leases=asked, unable=tuple(names), evidence=dict.fromkeys(names, (2 ** 53, 60000)))
    assert Heartbeat.decode(said.encode()) == said
    assert FrameReader().feed(frame(Kind.HEARTBEAT, bytes(64) + said.encode()))
