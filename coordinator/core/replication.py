"""What comes from the peers: heartbeats, their feeds, last words, and the proof of a fork.

Everything here was verified before it came; what is judged here is whether it is news, whether it fits, and what it asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.alarms.names import AlarmName
from coordinator.core import long_events, peer_clocks, reconfigure, removal, startup
from coordinator.core.effects import Alarm, Relay, ShowFork, Want
from coordinator.core.feed_index import Admitted, Missing
from coordinator.core.inputs import (
    BatchArrived,
    ForkShown,
    HeadsArrived,
    HeartbeatHeard,
    LastWordHeard,
    LinkChanged,
    RoomChanged,
)
from coordinator.state import ownership
from coordinator.state.model import Flaw, Judgement, Skipped
from coordinator.state.reducer import reduce
from protocol.event import Entry
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind
from protocol.messages import Heartbeat, LastWord, ShortHead, Verified

WANTED_MAX = 1024
"""Feeds of which we remember when we asked for them: a peer that names feeds that no node has fills no memory."""

HEADS_ASKED_MAX = 256
"""So many are asked for at once, the newest first: a peer serves no more. The rest is asked for when heads are told again."""

if TYPE_CHECKING:
    from coordinator.core.core import Core


def heartbeat_heard(core: Core, given: HeartbeatHeard) -> bool:
    """False where it was heard before on another way: then it shows only that this way is alive."""
    heartbeat = given.heartbeat.message
    if heartbeat.node not in core.liveness.peers:
        return False
    before = core.liveness.peers[heartbeat.node].newest
    judged = core.liveness.judgement(heartbeat.node, core.now_ms)
    if not core.liveness.heard(given.heartbeat, given.link, given.datagram, core.now_ms):
        return judged is not Judgement.ALIVE and judged is not core.liveness.judgement(heartbeat.node, core.now_ms)
    _pass_on(core, given.heartbeat)
    _catch_up(core, heartbeat, back=judged is not Judgement.ALIVE)
    removal.let_in(core, heartbeat)
    old = before.message if before else None
    if old is None or old.run != heartbeat.run or judged is not Judgement.ALIVE:
        core.beat()  # a peer that has just come (back) hears us at once, and need not wait for our next turn
    core.dirty = core.dirty or judged is not Judgement.ALIVE or old is None
    if old is not None:
        core.news = core.news or _differs(old, heartbeat)
        core.changed.update(set(old.claiming).symmetric_difference(heartbeat.claiming))
    return True


def _pass_on(core: Core, heard: Verified[Heartbeat]) -> None:
    """Passes on to this node what it misses of others, and to others what they miss of it."""
    node = heard.message.node
    for name in core.liveness.misses(heard.message, core.now_ms):
        newest = core.liveness.peers[name].newest
        if newest is None:
            raise InvariantBroken("only nodes that were heard are missed")
        core.emit(Relay(node, newest.raw, newest.signature))
    for listener in core.liveness.missed_by(node, core.now_ms):
        core.emit(Relay(listener, heard.raw, heard.signature))


def _catch_up(core: Core, heartbeat: Heartbeat, *, back: bool) -> None:
    echo = heartbeat.heard.get(core.me)
    if core.joining and echo is not None and echo.run == core.run:  # said after our start, not relayed from before
        first = core.joining.answered(heartbeat.node, heartbeat.heads.get(core.me))
        if first is not None:
            _want(core, heartbeat.node, (core.me, heartbeat.heads[core.me].incarnation), first)
    ours = heartbeat.heads.get(core.me)
    if core.joined and ours and ours.incarnation > core.writer.incarnation:
        feed = (core.me, ours.incarnation)  # what a peer says of it proves nothing; what we signed does
        _want(core, heartbeat.node, feed, core.feeds.number(feed) + 1)
    _is_ahead(core, heartbeat.node, ours)
    for node, head in heartbeat.heads.items():
        if not _is_known(core, node):
            continue  # of a node that no file names here: nothing of it could be proved
        first = None if node == core.me else core.feeds.behind(node, head)
        feed = (node, head.incarnation)
        if first is None:
            core.behind.pop(node, None)
        elif back or core.behind.get(node) == head.incarnation:
            _want(core, heartbeat.node, feed, first)
        else:
            core.behind[node] = head.incarnation  # its push is likely on the way: asked for at the next heartbeat


def _is_ahead(core: Core, peer: str, ours: ShortHead | None) -> None:
    """A peer that names more of our own feed than we have written: nothing rests on it, and it is told."""
    feed = (core.me, core.writer.incarnation)
    if not (core.joined and ours and ours.incarnation == feed[1] and ours.number > core.feeds.number(feed)):
        core.ahead_ms.pop(peer, None)
    elif core.now_ms - core.ahead_ms.setdefault(peer, core.now_ms) >= core.policy.timing.dead_ms:
        text = f"{peer} names events of {core.me} that {core.me} has not written: nothing rests on them"
        core.emit(Alarm(AlarmName.NO_AUTHORITY, text, node=peer))


def _is_known(core: Core, node: str) -> bool:
    """Whether a file that counts names it: what a removed node has written is history that others rest on."""
    return node in core.policy.nodes or node in core.departed


def _want(core: Core, peer: str, feed: tuple[str, int], first: int) -> None:
    asked_ms = core.wanted_ms.get(feed)
    if asked_ms is not None and core.now_ms - asked_ms < core.policy.timing.heartbeat_ms:
        return
    if not _has_room(core, feed):
        return
    core.wanted_ms.pop(feed, None)
    core.wanted_ms[feed] = core.now_ms
    if len(core.wanted_ms) > WANTED_MAX:
        del core.wanted_ms[next(iter(core.wanted_ms))]
    core.emit(Want(peer, feed[0], feed[1], first))


def _has_room(core: Core, feed: tuple[str, int]) -> bool:
    """Not for what would be left where it is: its author is past its quota."""
    if feed[0] == core.me or feed in core.feeds.vouched:
        return True
    opens = core.feeds.number(feed) > 0 or core.quota.opens(feed[0], core.now_ms)
    return opens and core.quota.ready(feed[0], core.now_ms)


def heads_arrived(core: Core, given: HeadsArrived) -> None:
    lacking = [head for head in given.heads if head.number > core.feeds.number(head.feed) and _fetches(core, head.feed)]
    for head in sorted(lacking, key=lambda head: -head.incarnation)[:HEADS_ASKED_MAX]:
        core.wanted_ms.pop(head.feed, None)  # what was asked before this connection stood may be lost
        _want(core, given.peer, head.feed, core.feeds.number(head.feed) + 1)


def _fetches(core: Core, feed: tuple[str, int]) -> bool:
    """Our own feed is read from others only before we write; what another incarnation lost, at any time. A
    feed that no configuration names is not fetched."""
    if not _is_known(core, feed[0]):
        return False
    return feed[0] != core.me or core.joining is not None or (core.joined and feed[1] != core.writer.incarnation)


def batch_arrived(core: Core, given: BatchArrived) -> None:
    feed = given.batch.head.feed
    if not _fetches(core, feed):
        return
    judged = core.feeds.admit(given.batch)
    if isinstance(judged, Missing):
        _want(core, given.source, feed, judged.first)
    elif isinstance(judged, Admitted) and core.joined and feed[0] == core.me and feed[1] > core.writer.incarnation:
        startup.outdo(core)  # it is taken in when nothing is held by the older one any more
    elif isinstance(judged, Admitted):
        taken = _within_quota(core, judged.entries)
        peer_clocks.compare(core, taken)
        _take_in(core, taken)
        core.wanted_ms.pop(feed, None)
    else:
        core.emit(ShowFork(judged.run))


def _within_quota(core: Core, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries or entries[0].event.node == core.me:
        return entries
    taken = tuple(core.quota.take(entries, core.now_ms))
    if len(taken) < len(entries):
        author = entries[0].event.node
        text = f"{author} writes more than its share: the rest is taken in slowly, and {author} is not current until it is here"
        core.emit(Alarm(AlarmName.QUOTA, text, node=author))
    return taken


def _take_in(core: Core, entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        core.feeds.add(entry)
        known = core.state.column(entry.event.node).skipped
        core.state = reduce(core.state, entry.event)
        core.witnessing.saw(entry.event.kind)
        core.took(entry.event)
        _name_what_had_no_effect(core, entry.event.node, known)
    core.news = core.news or bool(entries)
    moved_here = any(entry.event.kind == Kind.MOVE_BEGUN and entry.event.body.get("target") == core.me for entry in entries)
    core.writer.keep(entries, core.now_ms, hurry=moved_here)  # when our claim comes, the disk shall be free for it
    if any(entry.event.kind == Kind.CONFIG_APPLIED for entry in entries):
        reconfigure.pace(core)
    for entry in entries:
        if entry.event.kind in (Kind.CLAIM, Kind.RECLAIM):
            early = core.early_words.pop((entry.event.node, entry.event.service), None)
            if early is not None:
                last_word_heard(core, early)


def _name_what_had_no_effect(core: Core, node: str, known: Sequence[Skipped]) -> None:
    """A signature says who wrote an event; what it may not change, it does not change, and people hear of it."""
    skipped = core.state.column(node).skipped
    if skipped and skipped[-1:] != known[-1:]:
        name = AlarmName.ENCODING if skipped[-1].flaw is Flaw.ENCODING else AlarmName.NO_AUTHORITY
        core.emit(Alarm(name, f"event {skipped[-1].ref} has no effect: {skipped[-1].text}", node=node))


def last_word_heard(core: Core, given: LastWordHeard) -> bool:
    """A node, or its guard, says that its actions are down: recorded here, and it counts as that claim's end.

    It ends a claim that is here. One that overtook its claim waits for it, the newest of each node and service: else each
    number that a thief signs would be an event of ours.
    """
    word = given.word.message
    column = core.state.column(word.node)
    if not core.joined or word.node == core.me or word.service not in core.policy.services:
        return False
    if word.node not in ownership.ruled(core.state, core.policy, word.service).nodes:
        return False
    if column.run != word.run or column.service(word.service).epoch < word.epoch:
        core.early_words[(word.node, word.service)] = given
        return False
    if _is_over(core, word):
        return False
    body = {"word": given.word.raw, "signature": given.word.signature, "node": word.node, "epoch": word.epoch}
    claim = column.service(word.service).claim
    core.write(Kind.LAST_WORD, word.service, body, (claim,) if claim else ())
    return True


def _is_over(core: Core, word: LastWord) -> bool:
    """Whether this claim's end is here already: by an earlier word, by its `down`, or by a newer claim."""
    theirs = core.state.column(word.node).service(word.service)
    heard = core.state.words.get((word.service, word.node), ())
    if any(known.run == word.run and known.epoch >= word.epoch for known in heard):
        return True
    fenced = ownership.ended(core.state, word.service, word.node)
    if fenced and fenced.epoch >= word.epoch:
        return True
    return theirs.epoch > word.epoch or (theirs.epoch == word.epoch and not theirs.holds)


def room_changed(core: Core, given: RoomChanged) -> None:
    """What is left of the disk is for our own claims and ends: of what peers write almost nothing is taken in."""
    core.quota.tighten(given.tight, core.now_ms)


def fork_shown(core: Core, given: ForkShown) -> None:
    event = given.theirs[0].event
    if not core.joined or event.node in ownership.refused_by(core.state, core.me):
        return
    newest = core.feeds.newest.get(event.node)
    if core.state.orders.of("readmit", event.node) and newest and event.incarnation < newest.incarnation:
        return  # re-admitted, and what it wrote before is shown once more
    told = f"it is refused until `failc readmit {event.node}`"
    if not long_events.write_fork(core, given.ours, given.theirs):
        told = "both are too long to be shown by events of ours, and stand in the logs of those that have one of them"
    text = f"{event.node} has written two different events {event.ref}: {told}"
    core.emit(Alarm(AlarmName.FORK, text, node=event.node))


def link_changed(core: Core, given: LinkChanged) -> None:
    """Connections come and go; what counts is what is heard on them. A node that has just started asks at once."""
    if given.up and core.joining:
        core.beat()  # an answer to this run is what it waits for; its next turn may be a heartbeat away


def _differs(old: Heartbeat, new: Heartbeat) -> bool:
    """Whether a heartbeat says anything on which a decision could rest: about which services, the review finds."""
    return any(getattr(old, name) != getattr(new, name) for name in ("run", "fit", "config", "heads"))
