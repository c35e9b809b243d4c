"""What the feeds of one log amount to, gathered entry by entry: how far each goes, and how far others knew it.

    survey = Survey()
    survey.add(entry) ...               # in the order of their numbers inside each feed
    survey.heads, survey.known          # nothing is kept of an entry but what is newer than before
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from protocol.event import Entry, Head, Ref
from store.findings import Finding, Flaw
from store.references import said_of_others

Feed = tuple[str, int]


class Known(NamedTuple):
    number: int
    by: Ref
    """The first event that says so."""


class Survey:
    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.heads: dict[Feed, Head] = {}
        self.known: dict[Feed, dict[Feed, Known]] = defaultdict(dict)
        """For each feed, how far the events of each other feed knew it."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        head = entry.head
        self.heads[head.feed] = head
        for ref, _ in said_of_others(entry.event):
            by = self.known[ref[:2]]
            known = by.get(head.feed)
            if known is None or ref.number > known.number:
                by[head.feed] = Known(ref.number, entry.ref)

    def shorter(self) -> list[Finding]:
        """Feeds of which another node knew more than is here; the first number that is missing is named."""
        findings = []
        for feed, by in sorted(self.known.items()):
            newest = max(by.values(), key=lambda known: known.number)
            held = self.heads[feed].number if feed in self.heads else 0
            if newest.number > held:
                sayer = f"{newest.by.node} {newest.by.incarnation}/{newest.by.number}"
                text = f"the feed ends at {held} here, and {sayer} knew it up to {newest.number}: the tail is missing"
                findings.append(Finding(Flaw.TRUNCATED, *feed, held + 1, text))
        return findings
