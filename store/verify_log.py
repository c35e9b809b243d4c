"""What is wrong with stored feeds, from the rows alone. Pure: no file, no clock.

    sound = look(rows, keyring, cluster)        # rows of one log
    sound.findings                              # [] where the authors can have written it so
    sound.entries                               # what could be read, ordered by node, incarnation and number

How a culprit is named: an event is *attested* when its own signature is good, or when an attested event names its
hash as the previous one. Where a link is broken, the side that no event attests is the one that was changed. So an edit
of an event that the chain covers is reported at that event, and not at the sound one behind it.
A missing signature is a finding, never "nothing to check" (systemd issue 15425 passed unsealed journals).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from protocol.canonical import NotCanonical
from protocol.event import NO_PREVIOUS, Entry
from protocol.kinds import ALWAYS_SIGNED
from protocol.messages import Domain, Keyring
from protocol.refusals import Reason, Refused
from store.findings import Finding, Flaw


class Row(NamedTuple):
    """One row of the table as found; a tampered file may hold anything in any column."""

    node: Any
    incarnation: Any
    number: Any
    raw: Any
    signature: Any


class Sound(NamedTuple):
    entries: list[Entry]
    findings: list[Finding]
    attested: frozenset[bytes]
    """The ids of the events that a good signature covers, directly or by the chain."""
    loose: tuple[Finding, ...] = ()
    """Where feeds end without a signature, each at the first event that no signature answers for; they are findings as well."""


class Seal(NamedTuple):
    """What is known of one event's own signature."""

    good: bool
    fault: Finding | None


class _Feed(NamedTuple):
    """One feed of one log, on the way through the checks: number to entry, and the numbers that rows stand at."""

    entries: dict[int, Entry]
    numbers: frozenset[int]


def look(
    rows: Iterable[Row], keyring: Keyring | None = None, cluster: bytes | None = None, signatures_max: int | None = None
) -> Sound:
    """The findings of one log, in the order of its rows.

    Without a keyring a signature that is there counts as good. `signatures_max` limits the work to the newest
    signatures of each feed; older ones then count as good where the chain attests them.
    """
    feeds, findings = _read(rows, cluster)
    names = sorted({node for node, _ in feeds})
    attested: set[bytes] = set()
    loose: list[Finding] = []
    for feed in sorted(feeds):
        entries = feeds[feed].entries
        seals = _seals(entries, keyring, names, signatures_max)
        proved = _attest(entries, seals)
        findings += [seal.fault for seal in seals.values() if seal.fault]
        findings += _unsigned(entries)
        loose += _loose(entries, proved, seals)
        findings += _links(feeds[feed], proved)
        findings += _holes(feed, feeds[feed].numbers)
        attested |= {entries[number].id for number in proved}
    ordered = [feeds[feed].entries[number] for feed in sorted(feeds) for number in sorted(feeds[feed].entries)]
    return Sound(ordered, in_order([*findings, *loose]), frozenset(attested), tuple(loose))


def _read(rows: Iterable[Row], cluster: bytes | None) -> tuple[dict[tuple[str, int], _Feed], list[Finding]]:
    """Rows to entries: encoding, the place a row claims against what its bytes say, and the cluster."""
    feeds: dict[tuple[str, int], _Feed] = {}
    findings: list[Finding] = []
    for feed, group in groupby(sorted(rows, key=_place), key=lambda row: _place(row)[:2]):
        entries: dict[int, Entry] = {}
        numbers: set[int] = set()
        for row in group:
            number = _place(row)[2]
            numbers.add(number)
            entry = _entry(row)
            fault = _misplaced(row, entry, cluster) if isinstance(entry, Entry) else entry
            if fault:
                findings.append(fault)
            if isinstance(entry, Entry) and (fault is None or fault.kind is Flaw.CLUSTER):
                entries[number] = entry
        feeds[feed] = _Feed(entries, frozenset(numbers))
    return feeds, findings


def _place(row: Row) -> tuple[str, int, int]:
    return (
        row.node if isinstance(row.node, str) else repr(row.node),
        row.incarnation if isinstance(row.incarnation, int) else 0,
        row.number if isinstance(row.number, int) else 0,
    )


def _entry(row: Row) -> Entry | Finding:
    place = _place(row)
    if not isinstance(row.raw, bytes) or not isinstance(row.signature, bytes | None):
        return Finding(Flaw.ENCODING, *place, "the row does not hold bytes")
    try:
        return Entry.read(row.raw, row.signature or None)
    except NotCanonical as error:
        return Finding(Flaw.ENCODING, *place, f"these bytes are no event: {error}")


def _misplaced(row: Row, entry: Entry, cluster: bytes | None) -> Finding | None:
    if tuple(entry.ref) != (row.node, row.incarnation, row.number):
        says = f"{entry.event.node} {entry.event.incarnation}/{entry.event.number}"
        return Finding(Flaw.CHAIN, *_place(row), f"here stands the event {says}: moved, copied or spliced in from elsewhere")
    if cluster is not None and entry.event.cluster != cluster:
        text = f"belongs to another cluster ({_apart(entry.event.cluster, cluster)}), not to this one ({cluster.hex()[:16]})"
        return Finding(Flaw.CLUSTER, *entry.ref, text)
    return None


def _apart(other: bytes, ours: bytes) -> str:
    """So much of another id that it can be told from ours: a flipped bit may stand anywhere in it."""
    same = next((at for at, (one, two) in enumerate(zip(other, ours)) if one != two), min(len(other), len(ours)))
    return other.hex()[: max(16, 2 * same + 2)]


def _seals(
    entries: dict[int, Entry], keyring: Keyring | None, names: Sequence[str], signatures_max: int | None
) -> dict[int, Seal]:
    """Number to what its signature is worth, newest first, for the entries that have one."""
    signed = [number for number in sorted(entries, reverse=True) if entries[number].signature is not None]
    looked_at = signed[:signatures_max]
    if keyring is None:
        return {number: Seal(True, None) for number in looked_at}
    return _as_one({number: _seal(entries[number], keyring, names) for number in looked_at})


def _as_one(seals: dict[int, Seal]) -> dict[int, Seal]:
    """Where not one of several signatures is good, another key wrote the feed, or the key known here is wrong: one finding."""
    faults = [seals[number].fault for number in sorted(seals)]
    first = faults[0] if faults else None
    if first is None or len(faults) < 2 or any(fault is None or fault.kind is not Flaw.SIGNATURE for fault in faults):
        return seals
    text = f"none of its {len(faults)} signatures is by the key that is known for {first.node}: another key signed this feed"
    key = first._replace(kind=Flaw.KEY, text=text)
    return {number: Seal(False, key if seal.fault == first else None) for number, seal in seals.items()}


def _seal(entry: Entry, keyring: Keyring, names: Sequence[str]) -> Seal:
    refusal = _refusal(entry, entry.event.node, keyring)
    if refusal is None:
        return Seal(True, None)
    if refusal.reason is Reason.UNKNOWN_KEY:
        text = f"no key of {entry.event.node} is known here: nothing proves that it wrote this"
        return Seal(False, Finding(Flaw.KEY, *entry.ref, text))
    for other in names:
        if other != entry.event.node and _refusal(entry, other, keyring) is None:
            return Seal(False, Finding(Flaw.KEY, *entry.ref, f"signed with the key of {other}, not of {entry.event.node}"))
    text = f"the signature is not {entry.event.node}'s over these bytes: the event or its signature was changed"
    return Seal(False, Finding(Flaw.SIGNATURE, *entry.ref, text))


def _refusal(entry: Entry, signer: str, keyring: Keyring) -> Refused | None:
    try:
        keyring.verify(signer, Domain.EVENT, entry.id, entry.signature or b"")
    except Refused as refused:
        return refused
    return None


def _attest(entries: dict[int, Entry], seals: dict[int, Seal]) -> set[int]:
    """The numbers that a good signature covers: their own, or the next one's by its `previous`."""
    attested: set[int] = set()
    for number in sorted(entries, reverse=True):
        behind = entries.get(number + 1)
        covered = number + 1 in attested and behind is not None and behind.event.previous == entries[number].id
        if covered or (number in seals and seals[number].good):
            attested.add(number)
    return attested


def _unsigned(entries: dict[int, Entry]) -> list[Finding]:
    """Signatures of their own that must be there and are not."""
    findings = []
    for _, entry in sorted(entries.items()):
        if entry.signature is None and entry.event.kind in ALWAYS_SIGNED:
            text = f"a {entry.event.kind} event is always signed by itself; this one has no signature"
            findings.append(Finding(Flaw.SIGNATURE, *entry.ref, text))
    return findings


def _loose(entries: dict[int, Entry], attested: set[int], seals: dict[int, Seal]) -> list[Finding]:
    """An end of the feed without a signature; the first event is named. A log that was cut inside a commit has one."""
    last = max(entries, default=0)
    tail = last
    while tail in entries and tail not in attested and tail not in seals:
        tail -= 1
    if tail == last:
        return []
    text = f"neither this event nor a later one is signed: no signature answers for {last - tail} event(s) at the feed's end"
    return [Finding(Flaw.SIGNATURE, *entries[tail + 1].ref, text)]


def _links(feed: _Feed, attested: set[int]) -> list[Finding]:
    """Broken `previous` hashes, each at the side that no event attests."""
    findings = []
    for number, entry in sorted(feed.entries.items()):
        before = feed.entries.get(number - 1)
        expected = before.id if before else NO_PREVIOUS
        if entry.event.previous == expected or (before is None and number > 1):
            continue
        if before is not None and number in attested and number - 1 not in attested:
            text = f"was changed: the event behind it is attested and names {entry.event.previous.hex()[:16]} here"
            findings.append(Finding(Flaw.CHAIN, *before.ref, f"{text}, not {before.id.hex()[:16]}"))
        else:
            after = f"event {number - 1}" if number > 1 else "nothing"
            text = f"does not follow {after}: it names {entry.event.previous.hex()[:16]}, not {expected.hex()[:16]}"
            findings.append(Finding(Flaw.CHAIN, *entry.ref, text))
    return findings


def _holes(feed: tuple[str, int], numbers: frozenset[int]) -> list[Finding]:
    findings = []
    expected = 1
    for number in sorted(numbers):
        if number > expected:
            missing = f"event {expected} is" if number == expected + 1 else f"events {expected} to {number - 1} are"
            findings.append(Finding(Flaw.GAP, *feed, expected, f"{missing} missing: the feed goes on with {number}"))
        expected = number + 1
    return findings


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, by the place that it names."""
    return sorted(dict.fromkeys(findings), key=lambda item: (item.node, item.incarnation, item.number))
