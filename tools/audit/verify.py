"""`failaudit verify`: everything that can be proved wrong about these logs, and what the proof does not reach.

Three layers, each in its own place: what the bytes prove (`store.verify_log`, `store.merge`), whether every claim was
lawful (`coordinator.decision.lawfulness`: the table, run again), and on whose authority commands were obeyed (the reducer).
Lawfulness is judged only where everything that the author knew is here and sound: a hole would make liars of the honest.
Where nothing is wrong with the bytes, which is the rule, the history is played without being held (`tools.audit.quick`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from coordinator.decision.lawfulness import findings as unlawful
from protocol.event import NO_PREVIOUS, Entry
from protocol.events import Malformed, body_of
from store.findings import Finding, Flaw
from store.merge import FeedSummary
from store.verify_log import in_order
from tools.audit.evidence import Evidence, gather, trusted
from tools.audit.fences import refuted_words
from tools.audit.options import asked_for, auditing, settings
from tools.audit.overstayed import overstayed
from tools.audit.quick import Verdict, quick
from tools.audit.showing import print_json, print_lines
from tools.audit.splits import split_findings, splits_of
from tools.audit.unobeyed import beside, without_authority

LEVELS = """what was looked at, and against whom it helps (docs/formats/log.md):
  yes  T0 bit rot and torn writes          yes  T1 edits without a key
  yes  T2 a node that rewrites what others have attested; its new lies: no
  yes  T5 a tail that another node knew of; a tail that no other node knew of: no
  no   T3 all nodes together, T4 a key stolen later: both need an anchor outside the cluster"""


@click.command()
@auditing("[SOURCE]...")
def verify(words: tuple[str, ...]) -> int:
    """Is this history sound, complete and lawful? Exit 1 where anything is found, 3 where nothing can be said."""
    sources = asked_for(words).sources
    verdict = quick(sources, trusted()) or thorough(sources)
    if settings().json:
        print_json(as_json(verdict))
    else:
        print_lines(_lines(verdict))
    return 1 if verdict.findings else 0


def thorough(sources: Sequence[Path]) -> Verdict:
    """With all of the history in memory: what is wrong may lie anywhere, on either side of any link."""
    evidence = gather(sources, quiet=True)
    return Verdict(findings_of(evidence), evidence.merged.feeds, evidence.remarks)


def findings_of(evidence: Evidence) -> list[Finding]:
    """Every finding, by the place that it names."""
    found = list(evidence.merged.findings)
    proved = proved_part(evidence.merged.entries, evidence.merged.attested)
    found += [
        Finding(Flaw.UNLAWFUL, *wrong.ref, wrong.text) for wrong in unlawful(proved, evidence.history.begin.trust.keyring)
    ]
    found += _malformed(evidence.merged.entries)
    found += beside(found, without_authority(evidence.history.order, evidence.history.begin, evidence.merged.findings))
    found += split_findings(splits_of(evidence), evidence.policy)
    found += refuted_words(evidence.history)
    found += overstayed(evidence.history, evidence.policy)
    return in_order(found)


def proved_part(entries: Sequence[Entry], attested: frozenset[bytes]) -> list[Entry]:
    """The beginning of each feed that is attested, chained, and rests only on what is here and proved as well."""
    feeds: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        feeds[entry.head.feed].append(entry)
    proved = {feed: _sound_beginning(chain, attested) for feed, chain in feeds.items()}
    shrunk = True
    while shrunk:
        shrunk = False
        for feed, chain in proved.items():
            known = _known_beginning(chain, proved)
            shrunk = shrunk or len(known) < len(chain)
            proved[feed] = known
    return [entry for chain in proved.values() for entry in chain]


def _sound_beginning(chain: Iterable[Entry], attested: frozenset[bytes]) -> list[Entry]:
    sound: list[Entry] = []
    for entry in chain:
        previous = sound[-1].id if sound else NO_PREVIOUS
        if entry.event.number != len(sound) + 1 or entry.event.previous != previous or entry.id not in attested:
            break
        sound.append(entry)
    return sound


def _known_beginning(chain: list[Entry], proved: dict[tuple[str, int], list[Entry]]) -> list[Entry]:
    for at, entry in enumerate(chain):
        if any(head.number > len(proved.get(head.feed, ())) for head in entry.event.heads):
            return chain[:at]
    return chain


def _malformed(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Events that are signed and chained, and whose body is not of their kind's format: no node goes by them."""
    for entry in entries:
        body = body_of(entry.event)
        if isinstance(body, Malformed):
            yield Finding(Flaw.ENCODING, *entry.ref, body.text)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The fields of design.md section 12."""
    return {
        "ok": not verdict.findings,
        "events": sum(feed.events for feed in verdict.feeds.values()),
        "feeds": {node: _feed(feed) for node, feed in verdict.feeds.items()},
        "findings": [{**finding._asdict(), "kind": str(finding.kind)} for finding in verdict.findings],
        "remarks": list(verdict.remarks),
    }


def _feed(feed: FeedSummary) -> dict[str, Any]:
    return {
        "events": feed.events,
        "head": feed.head.number,
        "unattested": feed.unattested,
        "incarnation": feed.head.incarnation,
        "id": feed.head.id.hex(),
    }


def _last(events: int) -> str:
    return "the last one is" if events == 1 else f"the last {events} are"


def _lines(verdict: Verdict) -> list[str]:
    findings = verdict.findings
    lines = [finding.sentence for finding in findings]
    lines += [f"remark: {remark}" for remark in verdict.remarks]
    for node, feed in verdict.feeds.items():
        tail = f"; {_last(feed.unattested)} not attested by another node yet" if feed.unattested else ""
        head = f"{feed.head.incarnation}/{feed.head.number} {feed.head.id.hex()[:16]}"
        lines.append(f"{node}: {feed.events} events up to {head}{tail}")
    found = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    lines.append(found if findings else "sound and lawful: nothing was found")
    return [*lines, *LEVELS.split("\n")]
