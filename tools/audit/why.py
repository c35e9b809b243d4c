"""`failaudit why SERVICE`: from the silent link to the announced address, in sentences, from any node's copy."""

import time
from dataclasses import dataclass
from typing import Any

import click

from coordinator.sentences import meaning, sentence
from coordinator.state.model import State
from protocol.event import Event
from protocol.events import Claim, body_of
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind
from tools.audit.chain import chain
from tools.audit.clock import parse, show
from tools.audit.evidence import Evidence, gather
from tools.audit.fences import against
from tools.audit.knowledge import open_ends
from tools.audit.lease_story import lease_known
from tools.audit.options import asked_for, auditing, settings
from tools.audit.owners_at import Held
from tools.audit.phases import Phases, in_words, phases_ms
from tools.audit.showing import bracket, line, name, print_json, print_lines, ref_json
from tools.audit.who import absent, claimed, ended_before, grounds, known
from tools.audit.who import rule as rule_of


@dataclass(frozen=True, slots=True)
class Story:
    """Why a service is, or was, where it is."""

    evidence: Evidence
    held: Held
    at_ms: int
    state: State
    root: Event | None
    """The owner's claim or reclaim; where no node owns it, the event that ended the last ownership."""
    up: Event | None
    events: list[Event]
    reason: str = ""
    """The claim's reason; where no node owns it, how that came and why no candidate takes it."""

    @property
    def phases(self) -> Phases:
        if self.root is None:
            return dict.fromkeys(("silence", "judge", "claim", "act", "announce"))
        return phases_ms(self.evidence.history, self.root, self.up)

    @property
    def passed_over(self) -> list[dict[str, str]]:
        body = body_of(self.root) if self.root else None
        return [{"node": node, "why": why} for node, why in body.passed_over] if isinstance(body, Claim) else []

    @property
    def rule(self) -> str | None:
        return rule_of(self.root)


@click.command()
@click.option(
    "--at", "at", default="now", metavar="TIME", help='As the tools print it, 12:45:52, "5m ago" or @1795400000.  [now]'
)
@auditing("SERVICE [SOURCE]...")
def why(words: tuple[str, ...], at: str) -> int:
    """Why SERVICE was where it was: what fell silent, what was judged, which rule fired, which nodes were passed over, what
    was run."""
    asked = asked_for(words, service=True)
    at_ms = parse(at, time.time_ns() // 1_000_000)
    evidence = gather(asked.sources)
    told = story(evidence, evidence.service(asked.service), at_ms)
    if settings().json:
        print_json(as_json(told))
    else:
        print_lines(_lines(told))
    return 0 if told.held.owner else 1


def story(evidence: Evidence, service: str, at_ms: int) -> Story:
    history = evidence.history
    known = history.until(at_ms)
    state = history.state_at(at_ms)
    held = evidence.tenure.at(state, service)
    root = grounds(evidence, state, held)
    if root is None:
        return Story(evidence, held, at_ms, state, None, None, [])
    events = chain(history, frozenset(event.ref for event in known), root)
    ups = [event for event in events if event.kind == Kind.UP and event.node == root.node and root.ref in event.causes]
    reason = claimed(root).reason if held.claim else absent(evidence, state, service, root)
    return Story(evidence, held, at_ms, state, root, ups[0] if ups else None, events, reason)


def as_json(told: Story) -> dict[str, Any]:
    """The fields of design.md section 12."""
    history = told.evidence.history
    return {
        "service": told.held.service,
        "at": show(told.at_ms),
        "at_ms": told.at_ms,
        "owner": told.held.owner,
        "epoch": told.held.epoch,
        "split": told.held.split,
        "rule": told.rule,
        "reason": told.reason,
        "lease": lease_known(told.evidence, told.state, told.held),
        "open_ends": [end.as_json() for end in open_ends(told.evidence, told.state, told.held.service, told.at_ms)],
        "phases_ms": told.phases,
        "passed_over": told.passed_over,
        "chain": [
            {
                **ref_json(event.ref),
                "kind": event.kind,
                "at": show(history.at_ms[event.ref]),
                "at_ms": history.at_ms[event.ref],
                "text": sentence(event),
                "causes": [ref_json(cause) for cause in history.causes(event)],
            }
            for event in told.events
        ],
    }


def _lines(told: Story) -> list[str]:
    held, history = told.held, told.evidence.history
    if told.root is None:
        return [f"no node had claimed {held.service} by then, as far as these logs tell"]
    lines = [_headline(told)]
    if told.rule:
        lines.append(f"  rule         {told.rule}: {meaning(told.rule)}")
    lines.append(f"  reason       {told.reason}")
    if held.claim:
        lines += [f"  before       {said}" for said in ended_before(told.evidence, told.state, told.root)]
        lines += [f"  lease        {lease}"] if (lease := lease_known(told.evidence, told.state, held)) else []
    lines += [f"  passed over  {item['node']}: {item['why']}" for item in told.passed_over]
    if held.owner:
        lines.append(f"  phases       {in_words(told.phases)}")
    lines.append(f"  time         {bracket(history, told.root.ref)}")
    lines += [f"  word         {word}" for word in against(history, told.state, held.service)]
    lines += [f"  known        {said}" for said in known(told.evidence, told.state, held, told.at_ms)]
    lines += ["", "what led to it, causes first:"]
    lines += [f"  {line(history, event, sentence(event))}{_because(told, event)}" for event in told.events]
    return lines


def _headline(told: Story) -> str:
    if told.root is None:
        raise InvariantBroken("a headline is about an event")
    held, history = told.held, told.evidence.history
    since = show(history.at_ms[told.root.ref])
    if held.owner is None:
        return f"no node owned {held.service} at {show(told.at_ms)}, since {since} ({name(history, told.root.ref)})"
    also = f"; a SPLIT: {' and '.join(held.owners)} held it" if held.split else ""
    epoch = claimed(told.root).epoch
    return f"{held.owner} owned {held.service} at {show(told.at_ms)} with epoch {epoch}, since {since}{also}"


def _because(told: Story, event: Event) -> str:
    shown = {item.ref for item in told.events}
    causes = [name(told.evidence.history, cause) for cause in told.evidence.history.causes(event) if cause in shown]
    return f"  <- {', '.join(causes)}" if causes else ""
