"""Several logs as one history: what each says, what they say about one another, and one chain for each feed. Pure.

    merged = merge([Source("lukretia", rows), Source("genesis", rows)], keyring, cluster)
    merged.findings, merged.entries, merged.feeds["lukretia"].unattested

A copy proves what no single node's log can: that a node signed two events under one name (`fork`), that the end of a feed
is missing (`truncated`), and how much of its tail no other node has put its signature over (`unattested`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from protocol.event import Entry, Head, Ref
from protocol.events import ForkPart, ForkSeen, body_of
from protocol.forks import Branch, disputed, joined, run_of, runs_of
from protocol.kinds import Kind
from protocol.messages import Domain, Keyring
from protocol.refusals import Refused
from store.cuts import findings as cut_before
from store.findings import Finding, Flaw
from store.references import said_of_others
from store.survey import Survey
from store.verify_log import Row, in_order, look

Feed = tuple[str, int]
Candidates = dict[Feed, dict[int, dict[bytes, Entry]]]

REMEMBERED = 1 << 17
"""Signatures whose verdict is kept: the same event in five copies is verified once."""


class Source(NamedTuple):
    """The rows of one log, and what people call it."""

    name: str
    rows: Sequence[Row]
    findings: Sequence[Finding] = ()
    """What is wrong with the file itself."""
    remarks: Sequence[str] = ()
    """What is odd about the file's place and proves nothing."""


class FeedSummary(NamedTuple):
    """One node's feed, all incarnations together."""

    events: int
    head: Head
    unattested: int
    """Events at the tail that no other node's event covers by its heads: rewriting them would leave no trace elsewhere."""


class Merged(NamedTuple):
    entries: list[Entry]
    """One chain for each feed, ordered by node, incarnation and number; of a fork the branch that more attest."""
    findings: list[Finding]
    feeds: dict[str, FeedSummary]
    attested: frozenset[bytes]
    """The ids of the events that a good signature covers: what an answer may rest on."""


def merge(sources: Sequence[Source], keyring: Keyring | None = None, cluster: bytes | None = None) -> Merged:
    """Everything that is wrong with these logs, each by itself and against the others."""
    remembered = _Remembering(keyring) if keyring else None
    findings: list[Finding] = []
    candidates: Candidates = defaultdict(lambda: defaultdict(dict))
    attested: set[bytes] = set()
    for source in sources:
        sound = look(source.rows, remembered, cluster)
        findings += [_from(source, finding, len(sources)) for finding in source.findings]
        findings += [_from(source, finding, len(sources)) for finding in sound.findings]
        attested |= sound.attested
        for entry in sound.entries:
            at = candidates[entry.head.feed][entry.event.number]
            at[entry.id] = _signed_one(at.get(entry.id), entry)
    pins = _pins(candidates)
    findings += _forks(candidates, attested)
    findings += _rewritten(candidates, attested, pins)
    findings += _shown(candidates, attested, remembered)
    chains = {feed: _chain(numbers, attested, pins) for feed, numbers in sorted(candidates.items())}
    entries = [entry for chain in chains.values() for entry in chain]
    findings += Survey(entries).shorter()
    findings += cut_before(entry for entry in entries if entry.id in attested)
    return Merged(entries, in_order(findings), _summaries(chains), frozenset(attested))


class _Remembering:
    """A keyring that looks at each signature once."""

    def __init__(self, keyring: Keyring):
        self._refusal: Callable[[str, Domain, bytes, bytes], Refused | None] = lru_cache(REMEMBERED)(
            lambda *question: _refusal(keyring, *question)
        )

    def verify(self, signer: str, domain: Domain, raw: bytes, signature: bytes) -> None:
        refusal = self._refusal(signer, domain, raw, signature)
        if refusal:
            raise Refused(refusal.reason, refusal.text)


def _refusal(keyring: Keyring, signer: str, domain: Domain, raw: bytes, signature: bytes) -> Refused | None:
    try:
        keyring.verify(signer, domain, raw, signature)
    except Refused as refused:
        return refused
    return None


def _from(source: Source, finding: Finding, sources: int) -> Finding:
    return finding._replace(text=f"{finding.text} (in {source.name})") if sources > 1 else finding


def _signed_one(one: Entry | None, other: Entry) -> Entry:
    return one if one is not None and one.signature is not None else other


def _references(candidates: Candidates) -> Iterable[tuple[Ref, Entry, bytes]]:
    """What every event says about the feeds of others: (name, who says it, id or empty)."""
    for numbers in candidates.values():
        for at in numbers.values():
            for entry in at.values():
                yield from ((ref, entry, name) for ref, name in said_of_others(entry.event))


def _pins(candidates: Candidates) -> dict[Ref, dict[bytes, list[Entry]]]:
    """Event name to the ids that others' heads give it, with who says so."""
    pins: dict[Ref, dict[bytes, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for ref, entry, name in _references(candidates):
        if name:
            pins[ref][name].append(entry)
    return pins


def _forks(candidates: Candidates, attested: set[bytes]) -> list[Finding]:
    """Two attested events at one number: only the first of each feed, the others follow from it."""
    findings = []
    for feed, numbers in candidates.items():
        for number in sorted(numbers):
            twins = [entry for entry in numbers[number].values() if entry.id in attested]
            if len(twins) > 1:
                kinds = " and ".join(f"{entry.event.kind} {entry.id.hex()[:16]}" for entry in twins)
                text = f"{feed[0]} signed {len(twins)} events with this name: {kinds}"
                findings.append(Finding(Flaw.FORK, *feed, number, text))
                break
    return findings


def _rewritten(
    candidates: Candidates, attested: set[bytes], pins: Mapping[Ref, Mapping[bytes, list[Entry]]]
) -> list[Finding]:
    """A peer's signed event names another hash than the one that the sources hold, well signed: history was written twice."""
    findings: dict[Feed, Finding] = {}
    for ref in sorted(pins):
        held = candidates.get((ref.node, ref.incarnation), {}).get(ref.number, {})
        good = [entry for entry in held.values() if entry.id in attested]
        for name, sayers in pins[ref].items():
            trusted = [entry for entry in sayers if entry.id in attested]
            if good and trusted and name not in held and (ref.node, ref.incarnation) not in findings:
                says = f"{trusted[0].event.node} {trusted[0].event.incarnation}/{trusted[0].event.number}"
                text = f"{says} attests another event here ({name.hex()[:16]}, not {good[0].id.hex()[:16]}): written twice"
                findings[ref.node, ref.incarnation] = Finding(Flaw.FORK, *ref, text)
    return list(findings.values())


def _shown(candidates: Candidates, attested: set[bytes], keyring: Keyring | None) -> list[Finding]:
    """The evidence inside fork-seen events, or in the pieces before them: both sides with their signatures."""
    every = [entry for numbers in candidates.values() for at in numbers.values() for entry in at.values()]
    pieces = _pieces(entry for entry in every if entry.event.kind == Kind.FORK_PART)
    seen = (entry for entry in every if entry.event.kind == Kind.FORK_SEEN)
    return [fork for entry in seen if (fork := _shown_by(entry, attested, keyring, pieces))]


def _pieces(parts: Iterable[Entry]) -> dict[tuple[Feed, bytes], list[bytes]]:
    """The pieces of each feed and digest, in the order of the feed. The hash of all tells whether they are right."""
    found: dict[tuple[Feed, bytes], list[bytes]] = defaultdict(list)
    for entry in sorted(parts, key=lambda entry: entry.ref):
        body = body_of(entry.event)
        if isinstance(body, ForkPart):
            found[entry.head.feed, body.digest].append(body.data)
    return found


def _shown_by(
    seen: Entry, attested: set[bytes], keyring: Keyring | None, pieces: Mapping[tuple[Feed, bytes], list[bytes]]
) -> Finding | None:
    body = body_of(seen.event)
    if not isinstance(body, ForkSeen):
        return None
    try:
        runs: Sequence[Branch | None] = [run_of(body.ours), run_of(body.theirs)]
        if body.digest:
            runs = runs_of(joined(pieces.get((seen.head.feed, body.digest), ()), body.digest))
        if not runs[0] or not runs[1] or not disputed(runs[0], runs[1]):
            return None  # no evidence: its author says so, and that is all
        for last in (run[-1] for run in runs if run):
            if keyring and last.id not in attested:
                keyring.verify(last.event.node, Domain.EVENT, last.id, last.signature or b"")
    except Refused:
        return None
    ours = runs[0][0]
    by = f"{seen.event.node} {seen.event.incarnation}/{seen.event.number}"
    return Finding(Flaw.FORK, *ours.ref, f"{by} keeps two events that {ours.event.node} signed with this name")


def _chain(
    numbers: Mapping[int, Mapping[bytes, Entry]], attested: set[bytes], pins: Mapping[Ref, Mapping[bytes, list[Entry]]]
) -> list[Entry]:
    """One entry for each number. Where there are several, the branch that more others attest, then the longer one."""
    worth: dict[bytes, tuple[bool, int, int]] = {}
    for number in sorted(numbers, reverse=True):
        behind = numbers.get(number + 1, {})
        for entry in numbers[number].values():
            later = max((worth[item.id] for item in behind.values() if item.event.previous == entry.id), default=(False, 0, 0))
            said = len(pins.get(entry.ref, {}).get(entry.id, ()))
            worth[entry.id] = (entry.id in attested or later[0], later[1] + said, later[2] + 1)
    chain: list[Entry] = []
    for number in sorted(numbers):
        fitting = [entry for entry in numbers[number].values() if chain and entry.event.previous == chain[-1].id]
        choice = fitting or list(numbers[number].values())
        chain.append(max(choice, key=lambda entry: (worth[entry.id], entry.id)))
    return chain


def _summaries(chains: Mapping[Feed, Sequence[Entry]]) -> dict[str, FeedSummary]:
    tally = RefusalCounts()
    for chain in chains.values():
        for entry in chain:
            tally.add(entry)
    return tally.summaries()


class RefusalCounts:
    """How long the feeds are, and how far others have put their signature over them."""

    def __init__(self) -> None:
        self._feeds: dict[Feed, tuple[int, Head]] = {}
        self._covered: dict[Feed, int] = defaultdict(int)

    def add(self, entry: Entry) -> None:
        own = entry.head
        events, _ = self._feeds.get(own.feed, (0, own))
        self._feeds[own.feed] = events + 1, own
        for head in entry.event.heads:
            if head.node != own.node:
                self._covered[head.feed] = max(self._covered[head.feed], head.number)

    def summaries(self) -> dict[str, FeedSummary]:
        found: dict[str, FeedSummary] = {}
        for feed, (events, head) in sorted(self._feeds.items()):
            before = found.get(feed[0])
            bare = max(0, head.number - self._covered[feed]) + (before.unattested if before else 0)
            found[feed[0]] = FeedSummary(events + (before.events if before else 0), head, bare)
        return found
