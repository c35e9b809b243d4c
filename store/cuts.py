"""What was cut out of a log's file: ends of feeds that this disk has held, by its own words, and holds no more.

    found = cuts(survey, loose, "lukretia")     # when the log is opened: what is completed from peers shows nothing any more

Three things prove it, and none of them comes about by a crash or by a disk that was lost: a feed that ends without the
signature that its last commit had; an end of our own feed that others' events here name; and events of others that our own
events rest on, since they were stored before ours were.
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.event import Entry, Event
from protocol.events import TailCut, body_of
from protocol.kinds import Kind
from store.findings import Finding, Flaw
from store.survey import Survey

CUTS_MAX = 64
"""So many feeds are named in one event; where more are cut, everything is."""


class Ending(NamedTuple):
    """An end of a feed that no signature covers: its last event, whatever that is worth."""

    node: str
    incarnation: int
    last: int


class Cut(NamedTuple):
    """The first number that is missing in one feed, and the last that is known to have been there."""

    node: str
    incarnation: int
    first: int
    last: int


def cuts(survey: Survey, loose: Iterable[Ending], me: str) -> tuple[Cut, ...]:
    """What is missing at the ends of the feeds in this log, as far as the log itself shows it. `survey`: of what is sound.

    An older incarnation of ours may have come back from peers to a new disk, which never held what it rests on.
    """
    ours = (me, max((incarnation for node, incarnation in survey.heads if node == me), default=0))
    last = {(end.node, end.incarnation): end.last for end in loose}
    for feed, by in survey.known.items():
        said = [known.number for author, known in by.items() if ours in (author, feed)]
        last[feed] = max([*said, last.get(feed, 0)])
    held = {feed: head.number for feed, head in survey.heads.items()}
    missing = [Cut(*feed, held.get(feed, 0) + 1, number) for feed, number in sorted(last.items())]
    return tuple(cut for cut in missing if cut.last >= cut.first)[:CUTS_MAX]


def cuts_told(event: Event) -> list[Cut]:
    """What a tail-cut event says was missing; nothing where it is another kind, or not of the format."""
    if event.kind != Kind.TAIL_CUT:
        return []
    body = body_of(event)
    return [Cut(*item) for item in body.cuts] if isinstance(body, TailCut) else []


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
