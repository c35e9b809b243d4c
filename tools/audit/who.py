"""`failaudit who SERVICE --at TIME`: the owner at a moment, and the claim by which it was."""

import time
from typing import Any

import click

from coordinator.sentences import meaning, sentence
from coordinator.state.model import State
from protocol.event import Event
from protocol.events import Claim, Fail, Reclaim, Recover, Release, body_of
from protocol.invariant import InvariantBroken
from tools.audit.absence import ended_by, out_of_it
from tools.audit.before import before
from tools.audit.clock import parse, show
from tools.audit.evidence import Evidence, gather
from tools.audit.fences import against, believed
from tools.audit.knowledge import in_words, open_ends
from tools.audit.lease_ends import in_words as lease_over
from tools.audit.lease_story import lease_known
from tools.audit.options import asked_for, auditing, settings
from tools.audit.owners_at import Held, keeps
from tools.audit.showing import bracket, name, print_json, print_lines, ref_json


@click.command()
@click.option(
    "--at", "at", default="now", metavar="TIME", help='As the tools print it, 12:45:52, "5m ago" or @1795400000.  [now]'
)
@auditing("SERVICE [SOURCE]...")
def who(words: tuple[str, ...], at: str) -> int:
    """Who owned SERVICE at a moment: owner, epoch, the claim, its rule and its reason. Exit 1 where no node did."""
    asked = asked_for(words, service=True)
    at_ms = parse(at, time.time_ns() // 1_000_000)
    evidence = gather(asked.sources)
    service = evidence.service(asked.service)
    state = evidence.history.state_at(at_ms)
    held = evidence.tenure.at(state, service)
    if settings().json:
        print_json(answer(evidence, state, held, at_ms))
    else:
        print_lines(_lines(evidence, state, held, at_ms))
    return 0 if held.owner else 1


def answer(evidence: Evidence, state: State, held: Held, at_ms: int) -> dict[str, Any]:
    """The fields of design.md section 12."""
    event = grounds(evidence, state, held)
    return {
        "service": held.service,
        "at": show(at_ms),
        "at_ms": at_ms,
        "owner": held.owner,
        "owners": list(held.owners),
        "epoch": held.epoch,
        "split": held.split,
        "claim": ref_json(held.claim) if held.claim else None,
        "rule": rule(event),
        "reason": _reason(evidence, state, held, event),
        "lease": lease_known(evidence, state, held),
        "open_ends": [end.as_json() for end in open_ends(evidence, state, held.service, at_ms)],
    }


def grounds(evidence: Evidence, state: State, held: Held) -> Event | None:
    """The event that brought this: the owner's claim, or what ended the last holding where no node owns it."""
    return evidence.history.events[held.claim] if held.claim else ended_by(evidence, state, held.service)


def _reason(evidence: Evidence, state: State, held: Held, event: Event | None) -> str:
    if event is None:
        return f"no node had claimed {held.service} by then"
    return claimed(event).reason if held.claim else absent(evidence, state, held.service, event)


def rule(event: Event | None) -> str | None:
    """The row of the decide table that brought an event; None where it names none."""
    body = body_of(event) if event else None
    return (body.rule or None) if isinstance(body, Claim | Reclaim | Release | Fail | Recover) else None


def claimed(event: Event) -> Claim | Reclaim:
    """The body of an owner's claim or reclaim: only one that parses makes an owner."""
    body = body_of(event)
    if not isinstance(body, Claim | Reclaim):
        raise InvariantBroken(f"{event.ref} is the claim of an owner, and is a {event.kind}")
    return body


def absent(evidence: Evidence, state: State, service: str, end: Event) -> str:
    """How the last holding ended and since when, and what keeps every candidate from taking it."""
    history = evidence.history
    leases = [lease_over(history, over) for over in evidence.tenure.lease_ends(state, service) if end.ref in over.shown_by]
    since = "; ".join(leases) or f"{sentence(end)} ({name(history, end.ref)}, {show(history.at_ms[end.ref])})"
    out = "; ".join(f"{node} does not take it: {why}" for node, why in out_of_it(evidence, state, service))
    return f"{since}; {out}" if out else since


def _lines(evidence: Evidence, state: State, held: Held, at_ms: int) -> list[str]:
    return [*_answered(evidence, state, held, at_ms), *(f"  known   {said}" for said in known(evidence, state, held, at_ms))]


def known(evidence: Evidence, state: State, held: Held, at_ms: int) -> list[str]:
    """Up to when this is known, where a feed that matters does not reach the moment asked for."""
    ends = open_ends(evidence, state, held.service, at_ms)
    to_come = "that moment is still to come; " if at_ms > time.time_ns() // 1_000_000 else ""
    said = believed(evidence.history, state, held.service)
    return [f"{to_come}{in_words(ends, held, said)}"] if ends else []


def ended_before(evidence: Evidence, state: State, claim: Event) -> list[str]:
    """What the feed of the node that had it tells of the end, where the claim could not know it yet; and which leases the
    claim's votes show to have been over, of nodes that had not said so by then."""
    history = evidence.history
    end = before(history, claim)
    leases = [lease_over(history, over) for over in evidence.tenure.lease_ends(state, claim.service)]
    return [*([f"{name(history, end.ref)}: {sentence(end)}"] if end else []), *leases]


def _answered(evidence: Evidence, state: State, held: Held, at_ms: int) -> list[str]:
    event = grounds(evidence, state, held)
    if held.owner is None or event is None or held.claim is None:
        said = answer(evidence, state, held, at_ms)
        return [f"no node owned {held.service} at {show(at_ms)}: {said['reason']}"]
    claim = claimed(event)
    words = against(evidence.history, state, held.service)
    lines = [
        f"{held.owner} owned {held.service} at {show(at_ms)}, epoch {claim.epoch}",
        f"  claim   {name(evidence.history, held.claim)} of {show(evidence.history.at_ms[held.claim])}",
        f"  rule    {claim.rule}: {meaning(claim.rule)}",
        f"  reason  {claim.reason}",
        *(f"  before  {said}" for said in ended_before(evidence, state, event)),
        *([f"  lease   {lease}"] if (lease := lease_known(evidence, state, held)) else []),
        f"  time    {bracket(evidence.history, held.claim)}",
        *(f"  word    {word}" for word in words),
    ]
    if held.split:
        lines.insert(1, f"  SPLIT   {' and '.join(held.owners)} held it; {held.owner} {keeps(held.rule)}")
    return lines
