"""One walk through the rows of a log, which proves it sound without keeping it; and how a log is opened with it.

    opened = opened(rows, keyring, cluster, notice)     # raises nothing for what stands in the rows
    opened.survey, opened.findings, opened.loose, opened.noticed
    entries = sound(rows, keyring, cluster)             # raises Odd at the first thing that is not as it should be

A sound log is the rule, so it is proved by one look at each event: canonical, in its place, of this cluster, the next of its
chain, signed where it must be, and the newest signatures good. Whatever is not so ends the walk, and everything is read
once more by `store.verify_log`, which finds out what is wrong, where, and on which side.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Generic, NamedTuple, Protocol, TypeVar

from protocol.canonical import NotCanonical
from protocol.event import NO_PREVIOUS, Entry
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain, Keyring
from protocol.refusals import Refused
from store.cuts import Ending
from store.findings import Finding
from store.survey import Survey
from store.verify_log import Row, look

T = TypeVar("T")

Feed = tuple[str, int]


class Rows(Protocol):
    """The rows of a log in the order of node, incarnation and number, as often as they are asked for."""

    def __iter__(self) -> Iterator[Row]: ...

    def proving(self) -> Mapping[Feed, int]:
        """Each feed to the number from which on its signatures are verified; the chain proves what is older."""

    def nodes(self) -> Sequence[str]:
        """Whose feeds these are."""

    def naming(self, node: str, words: Sequence[str]) -> Iterator[bytes]:
        """Of the rows of one node, in order, those in whose bytes any of these words stands: nothing is proved of them."""


class Opened(NamedTuple, Generic[T]):
    survey: Survey
    findings: list[Finding]
    loose: tuple[Finding, ...]
    """Ends without a signature; they are findings as well."""
    endings: tuple[Ending, ...]
    noticed: T
    """What `notice` made of the sound entries."""


class Odd(Exception):
    """Something is not as it should be."""


def opened(
    rows: Rows,
    keyring: Keyring | None,
    cluster: bytes | None,
    signatures_max: int,
    notice: Callable[[Iterable[Entry]], T],
) -> Opened[T]:
    """`notice` is given the sound entries in order; it may be called a second time, for another look at the same ones."""
    survey = Survey()
    try:
        noticed = notice(surveyed(sound(rows, keyring, cluster, rows.proving()), survey))
        return Opened(survey, [], (), (), noticed)
    except Odd:
        pass
    found = look(rows, keyring, cluster, signatures_max)
    held = {(item.node, item.incarnation): item.number for item in found.loose}
    ends = {entry.head.feed: entry.event.number for entry in found.entries}
    entries = [entry for entry in found.entries if entry.event.number < held.get(entry.head.feed, ends[entry.head.feed] + 1)]
    endings = tuple(Ending(*feed, ends[feed]) for feed in held)
    return Opened(Survey(entries), found.findings, found.loose, endings, notice(entries))


def surveyed(entries: Iterable[Entry], survey: Survey) -> Iterator[Entry]:
    for entry in entries:
        survey.add(entry)
        yield entry


def sound(
    rows: Iterable[Row], keyring: Keyring | None, cluster: bytes | None, proving: Mapping[Feed, int] = MappingProxyType({})
) -> Iterator[Entry]:
    """Every entry of a log in which nothing is wrong. Raises Odd at the first thing that is, or may be."""
    last: Entry | None = None
    proved_from = 0
    for row in rows:
        entry = _read(row)
        event = entry.event
        if last is None or (event.node, event.incarnation) != (last.event.node, last.event.incarnation):
            _ends(last)
            number, previous = 1, NO_PREVIOUS
            proved_from = proving.get(entry.head.feed, 0)
        else:
            number, previous = last.event.number + 1, last.id
        if (event.number, event.previous) != (number, previous) or (cluster is not None and event.cluster != cluster):
            raise Odd
        if entry.signature is None and event.kind in ALWAYS_SIGNED:
            raise Odd
        if entry.signature is not None and keyring is not None and number >= proved_from:
            _verify(keyring, entry)
        last = entry
        yield entry
    _ends(last)


def _read(row: Row) -> Entry:
    if type(row.raw) is not bytes or type(row.signature) not in (bytes, type(None)):
        raise Odd
    try:
        entry = Entry.read(row.raw, row.signature or None)
    except NotCanonical:
        raise Odd from None
    event = entry.event
    if (event.node, event.incarnation, event.number) != row[:3]:
        raise Odd
    return entry


def _ends(last: Entry | None) -> None:
    """A feed ends with a signature."""
    if last is not None and last.signature is None:
        raise Odd


def _verify(keyring: Keyring, entry: Entry) -> None:
    try:
        keyring.verify(entry.event.node, Domain.EVENT, entry.id, entry.signature or b"")
    except Refused:
        raise Odd from None
