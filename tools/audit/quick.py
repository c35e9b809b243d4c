"""`verify` of logs in which nothing is wrong with the bytes: each event is proved, then played, and none is kept.

    verdict = quick(paths, policy)      # None where anything is odd: then all of it is read and judged as a whole

Two walks. The first proves the bytes and notes the times. The second plays the history in its order: the feeds are read again
side by side, and every question rides along on the one fold: on whose authority, were the claims lawful, who held what. Only
the newest events of each node stay in memory as objects; what reaches further back is read again by its name.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from coordinator.decision.lawfulness import Views
from coordinator.policy import Policy
from coordinator.state.reducer import Told, fold
from coordinator.trust import NAMING, beginning, keys_named
from protocol.event import Entry, Event
from protocol.events import Malformed
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Keyring
from store.findings import Finding, Flaw
from store.merge import FeedSummary
from store.proved import Log, Proved
from store.reading import stored
from store.refusals import JournalRefused
from store.verify_log import in_order
from store.walk import Feed, Odd
from tools.audit.fences import refuted
from tools.audit.lives import Lives
from tools.audit.overstayed import Overstayed
from tools.audit.reread import Reread
from tools.audit.splits import Watch, split_findings
from tools.audit.unobeyed import Unobeyed, beside

RECENT = 512
"""So many events of each node stay in memory as they were read: the views of other nodes follow soon behind."""

CONFIGURING = frozenset({Kind.CONFIG_APPLIED, Kind.CONFIG_PART})


class Verdict(NamedTuple):
    findings: Sequence[Finding]
    feeds: Mapping[str, FeedSummary]
    remarks: Sequence[str]


def quick(paths: Sequence[Path], policy: Policy) -> Verdict | None:
    """The same findings as those of the logs as a whole."""
    try:
        with ExitStack() as stack:
            logs = [stack.enter_context(stored(path)) for path in paths]
            verdict = verdict_of(logs, policy)
            return verdict._replace(remarks=[remark for log in logs for remark in log.remarks])
    except (Odd, sqlite3.Error, JournalRefused):
        return None


def verdict_of(logs: Sequence[Log], policy: Policy, keyring: Keyring | None = None) -> Verdict:
    """Raises Odd. `keyring`: who proves signatures, where that is not the keys of the configurations."""
    feeds = Proved(logs)
    history = _walk(feeds, policy, keyring)
    recent = Recent(feeds)
    return Verdict(in_order(_play(feeds, history, recent, Views(recent, keyring), policy)), feeds.summaries, ())


def _walk(feeds: Proved, policy: Policy, keyring: Keyring | None) -> Reread:
    """Proves everything. The keys of nodes that the file names no more stand in what its own nodes have applied."""
    lives = Lives()
    configuring: list[Entry] = []
    naming: list[Entry] = []
    ours = [node for node, _ in feeds.feeds if node in policy.nodes]
    others = [node for node, _ in feeds.feeds if node not in policy.nodes]
    if not ours:
        raise Odd
    for names in (ours, others):
        known = keyring or NodeKeyring(keys_named(policy, naming))
        for entry in feeds.entries(names, known, policy.cluster_id):
            lives.add(entry.event)
            if entry.event.kind in CONFIGURING:
                configuring.append(entry)
            if others and entry.event.kind in NAMING:
                naming.append(entry)
    feeds.check()
    lives.close()
    return Reread(feeds, lives, beginning(policy, configuring, keyring))


def _play(feeds: Proved, history: Reread, recent: "Recent", views: Views, policy: Policy) -> list[Finding]:
    unobeyed, splits, overstayed = Unobeyed(), Watch(history, policy), Overstayed(history, policy)
    found: list[Finding] = []
    state = history.begin
    for told in history.played({node: recent.of(node) for node in history.nodes}, _event):
        event = told.event
        feeds.attests(event)
        if wrong := views.judged(told):
            found.append(Finding(Flaw.UNLAWFUL, *event.ref, wrong))
        if isinstance(told.typed, Malformed):
            found.append(Finding(Flaw.ENCODING, *event.ref, told.typed.text))
        before, state = state, fold(state, told)
        unobeyed.see(before, event, state)
        splits.see(state, event)
        found += [*refuted(history, state, event), *overstayed.seen(state, event)]
    return [*found, *beside(found, unobeyed.findings([])), *split_findings(splits.splits, policy)]


def _event(told: Told) -> Event:
    return told.event


class Recent:
    """The feeds as they are played, with the newest events of each node in memory."""

    def __init__(self, feeds: Proved):
        self._feeds = feeds
        self._kept: dict[str, OrderedDict[tuple[int, int], Told]] = {}

    def of(self, node: str) -> Iterator[Told]:
        """All of one node, from the beginning."""
        kept = self._kept[node] = OrderedDict()
        for feed in self._feeds.feeds:
            if feed[0] != node:
                continue
            for event in self._feeds.events(feed):
                told = kept[event.incarnation, event.number] = Told.of(event)
                if len(kept) > RECENT:
                    kept.popitem(last=False)
                yield told

    def told(self, feed: Feed, first: int, last: int) -> Iterator[Told]:
        kept = self._kept.get(feed[0]) or OrderedDict()
        for number in range(first, last + 1):
            told = kept.get((feed[1], number))
            if told is None:  # it is further back
                yield from (Told.of(event) for event in self._feeds.events(feed, number, last))
                return
            yield told
