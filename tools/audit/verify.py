"""`failaudit verify`: everything that can be proved wrong about these logs, and what the proof does not reach.

Three layers, each in its own place: what the bytes prove (`store.soundness`, `store.merged`), whether every claim was
lawful (`coordinator.core.lawful`: the decide table, run again), and on whose authority commands were obeyed (the reducer).
Lawfulness is judged only where everything that the author knew is here and sound: a hole would make liars of the honest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import click

from coordinator.core.configurations import is_candidate
from coordinator.core.lawful import findings as unlawful
from coordinator.core.model import State
from coordinator.core.reducer import reduce
from protocol.event import NO_PREVIOUS, Entry, Event, Ref
from protocol.events import Malformed, body_of
from protocol.kinds import Kind
from store.findings import Finding, Flaw
from store.merged import FeedSummary
from store.soundness import in_order
from tools.audit.clock import show
from tools.audit.evidence import Evidence, gather
from tools.audit.fences import refuted_words
from tools.audit.options import asked_for, auditing, settings
from tools.audit.showing import print_json, print_lines
from tools.audit.splits import splits_of

LEVELS = """what was looked at, and against whom it helps (docs/formats/log.md):
  yes  T0 bit rot and torn writes          yes  T1 edits by somebody without a key
  yes  T2 a node that rewrites what others have attested; its new lies: no
  yes  T5 a tail that somebody knew of; a tail that nobody knew of: no
  no   T3 all nodes together, T4 a key stolen later: both need an anchor outside the cluster"""


@click.command()
@auditing("[SOURCE]...")
def verify(words: tuple[str, ...]) -> int:
    """Is this history sound, complete and lawful? Exit 1 where anything is found, 3 where nothing can be said."""
    evidence = gather(asked_for(words).sources, quiet=True)
    findings = findings_of(evidence)
    if settings().json:
        print_json(as_json(evidence, findings))
    else:
        print_lines(_lines(evidence, findings))
    return 1 if findings else 0


def findings_of(evidence: Evidence) -> list[Finding]:
    """Every finding, by the place that it names."""
    found = list(evidence.merged.findings)
    proved = proved_part(evidence.merged.entries, evidence.merged.attested)
    found += [
        Finding(Flaw.UNLAWFUL, *wrong.ref, wrong.text) for wrong in unlawful(proved, evidence.history.begin.trust.keyring)
    ]
    found += _malformed(evidence.merged.entries)
    named = {item[1:4] for item in found if item.kind is Flaw.UNLAWFUL}
    denied = _authority(evidence.history.order, evidence.history.begin, evidence.merged.findings)
    found += [item for item in denied if item[1:4] not in named]
    found += _splits(evidence)
    found += refuted_words(evidence)
    return in_order(found)


def proved_part(entries: Sequence[Entry], attested: frozenset[bytes]) -> list[Entry]:
    """Of each feed the beginning that is attested, chained, and rests only on what is here and proved as well."""
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
    """Events that are signed and chained, and whose body is not of their kind's format: nobody goes by them."""
    for entry in entries:
        body = body_of(entry.event)
        if isinstance(body, Malformed):
            yield Finding(Flaw.ENCODING, *entry.ref, body.text)


def _authority(order: Iterable[Event], begin: State, wrong: Sequence[Finding]) -> Iterator[Finding]:
    """What its author had no right to. Where it is not known which roles were in force, that is said once for all commands."""
    unjudged: dict[tuple[str, int, Ref | None], list[Ref]] = defaultdict(list)
    for refused in without_authority(order, begin):
        if refused.judged:
            yield Finding(Flaw.AUTHORITY, *refused.ref, refused.text)
        else:
            unjudged[refused.ref.node, refused.ref.incarnation, refused.configured].append(refused.ref)
    for (_, _, configured), refs in unjudged.items():
        yield Finding(Flaw.AUTHORITY, *refs[0], _roles_unknown(refs, configured, wrong))


def _roles_unknown(refs: Sequence[Ref], configured: Ref | None, wrong: Sequence[Finding]) -> str:
    first = refs[0]
    damaged = next((item for item in wrong if item[1:3] == first[:2] and item.number < first.number), None)
    if configured:
        why = f"the configuration of event {configured.number} cannot be read by this program"
    elif damaged:
        why = f"{damaged.name} is not here as it was written ({damaged.kind}), and no other event brings a configuration"
    else:
        why = "no configuration is in force in this feed"
    more = f" and {len(refs) - 1} later {'one' if len(refs) == 2 else 'ones'}" if len(refs) > 1 else ""
    return f"{why}: nobody's role is known for this command{more}"


class Unobeyed(NamedTuple):
    """An event that had no effect, a command or something else that takes a right."""

    ref: Ref
    text: str
    judged: bool
    """Whether the configuration in force in its feed is known: else nothing is said against whoever ordered it."""
    configured: Ref | None
    """The event that put that configuration in force, as far as it is here."""


def without_authority(order: Iterable[Event], begin: State) -> Iterator[Unobeyed]:
    """Events that their authors had no right to, with the reason; also those that a later incarnation has replaced."""
    state = begin
    for event in order:
        known = state.column(event.node).skipped[-1:]
        state = reduce(state, event)
        column = state.column(event.node)
        if column.skipped[-1:] == known:
            if _is_anothers(state, event):
                text = f"{event.kind} {event.service}: {event.node} is no candidate of it by any configuration that counts"
                yield Unobeyed(event.ref, text, True, column.configured)
            continue
        for ref, flaw, text in column.skipped[-1:]:
            if flaw is not Flaw.AUTHORITY:
                continue  # what is not of the format or out of order is found elsewhere
            judged = state.policy_of(column.configs) is not None or ref not in dict(column.refused)
            if judged or event.kind == Kind.COMMAND:  # else it says no more than its command's finding
                yield Unobeyed(ref, text, judged, column.configured)


def _is_anothers(state: State, event: Event) -> bool:
    """Whether only a candidate may do this, and its author is one by a file of its own at most. A living node cannot say so:
    the order that makes a file count may be on its way. Here everything that the event knew stands before it."""
    lived = state.orders.feed(event.node, event.incarnation).configs
    owns = event.kind in (Kind.CLAIM, Kind.RECLAIM, Kind.MOVE_ENDED) and not isinstance(body_of(event), Malformed)
    known = any(event.service in policy.services for policy in state.policies.values())
    return owns and known and not is_candidate(state, event.node, event.service, lived)


def _splits(evidence: Evidence) -> Iterator[Finding]:
    """Two owners are an accident under `serve` and a broken promise under any other policy."""
    for split in splits_of(evidence):
        policy = evidence.policy.services.get(split.service)
        if policy is not None and policy.partition != "serve":
            until = show(split.to_ms) if split.to_ms is not None else "the end of these logs"
            held = f"{' and '.join(sorted(split.owners))} held {split.service} from {show(split.from_ms)} until {until}"
            yield Finding(Flaw.SPLIT, *split.began, f"{held}, under partition = {policy.partition}")


def as_json(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """The fields of design.md section 12."""
    feeds = evidence.merged.feeds
    return {
        "ok": not findings,
        "events": sum(feed.events for feed in feeds.values()),
        "feeds": {node: _feed(feed) for node, feed in feeds.items()},
        "findings": [{**finding._asdict(), "kind": str(finding.kind)} for finding in findings],
        "remarks": list(evidence.remarks),
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


def _lines(evidence: Evidence, findings: Sequence[Finding]) -> list[str]:
    lines = [finding.sentence for finding in findings]
    lines += [f"remark: {remark}" for remark in evidence.remarks]
    for node, feed in evidence.merged.feeds.items():
        tail = f"; {_last(feed.unattested)} not attested by another node yet" if feed.unattested else ""
        head = f"{feed.head.incarnation}/{feed.head.number} {feed.head.id.hex()[:16]}"
        lines.append(f"{node}: {feed.events} events up to {head}{tail}")
    found = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    lines.append(found if findings else "sound and lawful: nothing was found")
    return [*lines, *LEVELS.split("\n")]
