"""What was cut out of a log's file: ends of feeds that this disk has held, by its own words, and holds no more.

    found = cuts(sound, "lukretia")     # once, when the log is opened: what is completed from peers afterwards shows nothing

Three things prove it, and none of them comes about by a crash or by a disk that was lost: a feed that ends without the
signature that its last commit had; an end of our own feed that others' events here name; and events of others that our own
events rest on, since they were stored before ours were.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from protocol.event import Entry, Event
from protocol.kinds import Kind
from store.findings import Finding, Flaw
from store.references import said_of_others
from store.soundness import Sound

Feed = tuple[str, int]

CUTS_MAX = 64
"""So many feeds are named in one event; whoever cuts more has cut everything."""


class Cut(NamedTuple):
    """Of one feed the first number that is missing, and the last that is known to have been there."""

    node: str
    incarnation: int
    first: int
    last: int


def cuts(sound: Sound, me: str) -> tuple[Cut, ...]:
    """What is missing at the ends of the feeds in this log, as far as the log itself shows it."""
    held, ends = _held(sound), {entry.head.feed: entry.event.number for entry in sound.entries}
    known = {feed: ends[feed] for feed in ends if ends[feed] > held[feed]}
    for feed, number in _known(sound.entries, me):
        known[feed] = max(number, known.get(feed, 0))
    missing = [Cut(*feed, held.get(feed, 0) + 1, last) for feed, last in sorted(known.items()) if last > held.get(feed, 0)]
    return tuple(missing[:CUTS_MAX])


def _held(sound: Sound) -> Mapping[Feed, int]:
    """How far each feed is somebody's word."""
    held = {entry.head.feed: entry.event.number for entry in sound.entries}
    held.update(((item.node, item.incarnation), item.number - 1) for item in sound.loose)
    return held


def _known(entries: Iterable[Entry], me: str) -> Iterable[tuple[Feed, int]]:
    """What our newest incarnation and the others say of each other. An older one of ours may have come back from peers to a
    new disk, which never held what it rests on."""
    newest = max((entry.event.incarnation for entry in entries if entry.event.node == me), default=0)
    ours = (me, newest)
    for entry in entries:
        for ref, _, _ in said_of_others(entry):
            if ours in (entry.head.feed, ref[:2]):
                yield ref[:2], ref.number


def cuts_told(event: Event) -> list[Cut]:
    """What a tail-cut event says was missing; nothing where it is none, or not of the format."""
    if event.kind != Kind.TAIL_CUT:
        return []
    listed = event.body.get("cuts")
    return [Cut(*item) for item in listed if _is_cut(item)] if isinstance(listed, list | tuple) else []


def _is_cut(item: object) -> bool:
    shape = [type(part) for part in item] if isinstance(item, list | tuple) else []
    return shape == [str, int, int, int]


def findings(entries: Iterable[Entry]) -> list[Finding]:
    """What was cut once, by the nodes that found it at their start; it may be here again, from a peer."""
    found = []
    for entry in entries:
        for cut in cuts_told(entry.event):
            by = f"{entry.event.node} {entry.event.incarnation}/{entry.event.number}"
            which = f"events {cut.first} to {cut.last}" if cut.last > cut.first else f"event {cut.first}"
            text = f"{which} had been cut out of the log of {entry.event.node} when it started, says {by}"
            found.append(Finding(Flaw.TRUNCATED, *cut[:3], text))
    return found
