"""A configuration in pieces: put together by every reader alike, whatever comes in between, and never without end."""

import hashlib
import random

import pytest

from coordinator.state import pieces
from coordinator.state.model import Orders, State
from coordinator.state.pieces import ALONE_BYTES_MAX, FEEDS_MAX, PART_BYTES, PARTS_MAX, TEXT_BYTES_MAX, cut, text_of, whole
from coordinator.state.reducer import reduce
from protocol.event import EVENT_BYTES_MAX, Event, Head, Ref, encode
from protocol.kinds import Kind
from tests.config.sound import TEXT

LONG = TEXT + "# grüße, lukretia\n" * 8000
DIGEST = hashlib.sha256(LONG.encode()).digest()


def event(number, kind, body, node="lukretia", incarnation=1, **more):
    rest = {"causes": (), "heads": (), **more}
    return Event(bytes(32), node, incarnation, number, bytes(32), 0, 0, str(kind), "", body, **rest)


def feed(text, node="lukretia", incarnation=1):
    """The events with which a node applies this file."""
    bodies = [part.to_body() for part in cut(text)]
    last = {"number": 1, "digest": hashlib.sha256(text.encode()).digest()}
    events = [event(number, Kind.CONFIG_PART, body, node, incarnation) for number, body in enumerate(bodies, 1)]
    applied = last if bodies else {**last, "text": text}
    return [*events, event(len(bodies) + 1, Kind.CONFIG_APPLIED, applied, node, incarnation)]


def fold(events):
    """Read by a reader that knows that an administrator has signed these files."""
    events = list(events)
    digests = [item.body.get("digest") for item in events]
    state = State(orders=Orders(signed={digest: 1 for digest in digests if isinstance(digest, bytes)}))
    for item in events:
        state = reduce(state, item)
    return state


def test_a_file_that_fits_is_one_event_as_it_always_was():
    assert cut(TEXT + "#" * (ALONE_BYTES_MAX - len(TEXT))) == []
    assert len(cut(TEXT + "#" * (ALONE_BYTES_MAX - len(TEXT) + 1))) == 2


def test_no_piece_ends_inside_a_letter_and_each_fits_into_an_event():
    text = "ü€\U0001f600" * 20_000
    bodies = [part.to_body() for part in cut(text)]
    assert "".join(body["text"] for body in bodies) == text
    assert all(len(body["text"].encode()) <= PART_BYTES for body in bodies)
    heads = tuple(Head("n" * 63, 2**53, 2**53, bytes(32)) for _ in range(64))
    causes = tuple(Ref("n" * 63, 2**53, 2**53) for _ in range(16))
    assert len(encode(event(1, Kind.CONFIG_PART, bodies[0], causes=causes, heads=heads))) <= EVENT_BYTES_MAX


def test_the_longest_file_of_the_widest_letters_has_no_more_pieces_than_are_taken():
    assert len(cut("\U0001f600" * (TEXT_BYTES_MAX // 4))) <= PARTS_MAX


def test_everybody_knows_the_file_when_its_last_piece_is_there():
    events = feed(LONG)
    assert DIGEST not in fold(events[:-2]).policies
    state = fold(events)
    assert state.policies[DIGEST].text == LONG
    assert state.column("lukretia").config == DIGEST
    assert state.unread == {}
    assert text_of(events[-1], whole(events)) == LONG
    assert whole(feed(TEXT)) == {hashlib.sha256(TEXT.encode()).digest(): TEXT}


@pytest.mark.parametrize("seed", range(20))
def test_feeds_merge_in_any_order_to_the_same_file(seed):
    """Two nodes bring one file each, in one incarnation that ends in the middle, and whole in the next."""
    other = LONG + "# another\n"
    feeds = [feed(LONG)[:-2], feed(LONG, incarnation=2), feed(other, "genesis")]
    straight = fold(item for one in feeds for item in one)
    rng, mixed = random.Random(seed), []
    while any(feeds):
        mixed.append(rng.choice([one for one in feeds if one]).pop(0))
    assert fold(mixed) == straight
    assert set(straight.policies) == {DIGEST, hashlib.sha256(other.encode()).digest()}


@pytest.mark.parametrize("how", ["missing", "twice", "swapped", "another text", "another count", "another digest"])
def test_pieces_that_make_something_else_make_nothing(how):
    events = feed(LONG)
    body = dict(events[1].body)
    bent = {
        "another text": {**body, "text": body["text"][:-1] + "x"},
        "another count": {**body, "count": body["count"] + 1},
        "another digest": {**body, "digest": bytes(32)},
    }
    if how in bent:
        events[1] = event(2, Kind.CONFIG_PART, bent[how])
    elif how == "swapped":
        events[0], events[1] = events[1], events[0]
    else:
        events[1:2] = [] if how == "missing" else [events[1], events[1]]
    assert fold(events).policies == {}


def test_one_that_begins_again_is_as_if_it_had_not_begun():
    """The disk took nothing of it, and the node applies the file once more."""
    assert DIGEST in fold([*feed(LONG)[:2], *feed(LONG)]).policies


ODD = [
    {},
    {"digest": DIGEST, "index": 0, "count": 2},
    {"digest": "x", "index": 0, "count": 2, "text": "x"},
    {"digest": DIGEST, "index": True, "count": 2, "text": "x"},
    {"digest": DIGEST, "index": 2**53, "count": 2**53, "text": "x"},
    {"digest": DIGEST, "index": 0, "count": PARTS_MAX + 1, "text": "x"},
    {"digest": DIGEST, "index": -1, "count": 2, "text": "x"},
    {"digest": DIGEST, "index": 0, "count": 0, "text": "x"},
    {"digest": DIGEST[:31], "index": 0, "count": 2, "text": "x"},
    {"digest": DIGEST, "index": 0, "count": 2, "text": "x" * (PART_BYTES + 1)},
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_what_is_no_piece_changes_nothing_but_the_head(body):
    state = fold([event(1, Kind.CONFIG_PART, body)])
    assert (state.policies, state.unread) == ({}, {})
    assert state.column("lukretia").head.number == 1


def test_pieces_without_end_fill_nobodys_memory():
    """A stolen key begins file after file, in feed after feed, and ends none."""
    state = State()
    for incarnation in range(1, 40):
        for index, part in enumerate(cut(LONG)[:-1]):
            state = reduce(state, event(index + 1, Kind.CONFIG_PART, part.to_body(), "genesis", incarnation))
    assert len(state.unread) <= FEEDS_MAX
    assert pieces.PARTS_MAX * PART_BYTES < 2 * TEXT_BYTES_MAX
