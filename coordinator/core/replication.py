"""What comes from the peers: heartbeats, their feeds, last words, and the proof of a fork.

Everything here was verified before it came; what is judged here is whether it is news, whether it fits, and what it asks for.
"""

from collections.abc import Sequence

from coordinator.alarms.names import AlarmName
from coordinator.core import long_events, peer_clocks
from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.early_words import EarlyWords
from coordinator.core.effects import Alarm, Relay, ShowFork, Want
from coordinator.core.failure_detector import FailureDetector
from coordinator.core.feed_index import Admitted, Missing
from coordinator.core.heartbeats import Heartbeats
from coordinator.core.inputs import (
    BatchArrived,
    ForkShown,
    HeadsArrived,
    HeartbeatHeard,
    LastWordHeard,
    LinkChanged,
    RoomChanged,
)
from coordinator.core.majority import Majority
from coordinator.core.quota import Quota
from coordinator.core.removal import Removal
from coordinator.core.startup import Startup
from coordinator.state import ownership
from coordinator.state.model import Flaw, Judgement, Skipped
from protocol.event import Entry, Event
from protocol.events import HeardLastWord, MoveBegun, body_of
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind
from protocol.messages import Heartbeat, LastWord, ShortHead, Verified

WANTED_MAX = 1024
"""Feeds of which we remember when we asked for them: a peer that names feeds that no node has fills no memory."""

HEADS_ASKED_MAX = 256
"""So many are asked for at once, the newest first: a peer serves no more. The rest is asked for when heads are told again."""


class Replication:
    def __init__(
        self,
        context: Context,
        liveness: FailureDetector,
        startup: Startup,
        heartbeats: Heartbeats,
        removal: Removal,
        quota: Quota,
        majority: Majority,
    ) -> None:
        self.context, self.liveness = context, liveness
        self.startup, self.heartbeats, self.removal, self.quota = startup, heartbeats, removal, quota
        self.majority = majority
        self.wanted_ms: dict[tuple[str, int], int] = {}
        """A feed, and when it was asked for last."""
        self.behind: dict[str, int] = {}
        """A node to the incarnation of which a heartbeat named more than is here: its push is likely on the way."""
        self.early_words = EarlyWords(context, liveness)
        self._ahead_ms: dict[str, int] = {}
        """A node, and since when it names events of ours that we have not written."""

    def ask_anew(self) -> None:
        """Our own feed is begun anew: whatever was asked for may be asked for at once."""
        self.wanted_ms.clear()

    def heartbeat_heard(self, given: HeartbeatHeard) -> News | None:
        """None where it was heard before on another way: then it shows only that this way is alive."""
        context = self.context
        heartbeat = given.heartbeat.message
        if heartbeat.node not in self.liveness.peers:
            return None
        before = self.liveness.peers[heartbeat.node].newest
        judged = self.liveness.judgement(heartbeat.node, context.now_ms)
        if not self.liveness.heard(given.heartbeat, given.link, given.datagram, context.now_ms):
            again = judged is not Judgement.ALIVE and judged is not self.liveness.judgement(heartbeat.node, context.now_ms)
            return NOTHING_ELSE if again else None
        self.majority.heard(heartbeat)
        self._pass_on(given.heartbeat)
        self._catch_up(heartbeat, back=judged is not Judgement.ALIVE)
        self.removal.let_in(heartbeat)
        old = before.message if before else None
        if old is None or old.run != heartbeat.run or judged is not Judgement.ALIVE:
            self.heartbeats.beat()  # a peer that has just come (back) hears us at once, and need not wait for our next turn
        if old is None or judged is not Judgement.ALIVE:
            return News(peers=True)
        about = frozenset(old.claiming).symmetric_difference(heartbeat.claiming)
        return News(about.union(set(old.unable).symmetric_difference(heartbeat.unable)), _differs(old, heartbeat))

    def _pass_on(self, heard: Verified[Heartbeat]) -> None:
        """Passes on to this node what it misses of others, and to others what they miss of it."""
        context = self.context
        node = heard.message.node
        for name in self.liveness.misses(heard.message, context.now_ms):
            newest = self.liveness.peers[name].newest
            if newest is None:
                raise InvariantBroken("only nodes that were heard are missed")
            context.emit(Relay(node, newest.raw, newest.signature))
        for listener in self.liveness.missed_by(node, context.now_ms):
            context.emit(Relay(listener, heard.raw, heard.signature))

    def _catch_up(self, heartbeat: Heartbeat, *, back: bool) -> None:
        context = self.context
        self._catch_up_with_ourselves(heartbeat)
        for node, head in heartbeat.heads.items():
            if not self._is_known(node):
                continue  # of a node that no file names here: nothing of it could be proved
            first = None if node == context.me else context.feeds.behind(node, head)
            feed = (node, head.incarnation)
            if first is None:
                self.behind.pop(node, None)
            elif back or self.behind.get(node) == head.incarnation:
                self._want(heartbeat.node, feed, first)
            else:
                self.behind[node] = head.incarnation  # its push is likely on the way: asked for at the next heartbeat

    def _catch_up_with_ourselves(self, heartbeat: Heartbeat) -> None:
        """What a peer has of our own feed: an answer while we ask which one that is, later proof that there is a newer one."""
        context, joining, peer = self.context, self.startup.joining, heartbeat.node
        echo, ours = heartbeat.heard.get(context.me), heartbeat.heads.get(context.me)
        if joining and echo is not None and echo.run == context.run:  # said after our start, not relayed from before
            first = joining.answered(peer, ours)
            if ours and first is not None:
                self._want(peer, (context.me, ours.incarnation), first)
        if context.joined and ours and ours.incarnation > context.writer.incarnation:
            feed = (context.me, ours.incarnation)  # what a peer says of it proves nothing; what we signed does
            self._want(peer, feed, context.feeds.number(feed) + 1)
        self._is_ahead(peer, ours)

    def _is_ahead(self, peer: str, ours: ShortHead | None) -> None:
        """A peer that names more of our own feed than we have written: nothing rests on it, and it is told."""
        context = self.context
        feed = (context.me, context.writer.incarnation)
        if not (context.joined and ours and ours.incarnation == feed[1] and ours.number > context.feeds.number(feed)):
            self._ahead_ms.pop(peer, None)
        elif context.now_ms - self._ahead_ms.setdefault(peer, context.now_ms) >= context.policy.timing.dead_ms:
            text = f"{peer} names events of {context.me} that {context.me} has not written: nothing rests on them"
            context.emit(Alarm(AlarmName.NO_AUTHORITY, text, node=peer))

    def _is_known(self, node: str) -> bool:
        """Whether a file that counts names it: what a removed node has written is history that others rest on."""
        return node in self.context.policy.nodes or node in self.removal.departed

    def _want(self, peer: str, feed: tuple[str, int], first: int) -> None:
        context = self.context
        asked_ms = self.wanted_ms.get(feed)
        if asked_ms is not None and context.now_ms - asked_ms < context.policy.timing.heartbeat_ms:
            return
        if not self._has_room(feed):
            return
        self.wanted_ms.pop(feed, None)
        self.wanted_ms[feed] = context.now_ms
        if len(self.wanted_ms) > WANTED_MAX:
            del self.wanted_ms[next(iter(self.wanted_ms))]
        context.emit(Want(peer, feed[0], feed[1], first))

    def _has_room(self, feed: tuple[str, int]) -> bool:
        """Not for what would be left where it is: its author is past its quota."""
        context = self.context
        if feed[0] == context.me or feed in context.feeds.vouched:
            return True
        opens = context.feeds.number(feed) > 0 or self.quota.opens(feed[0], context.now_ms)
        return opens and self.quota.ready(feed[0], context.now_ms)

    def heads_arrived(self, given: HeadsArrived) -> News:
        context = self.context
        lacking = [head for head in given.heads if head.number > context.feeds.number(head.feed) and self._fetches(head.feed)]
        for head in sorted(lacking, key=lambda head: -head.incarnation)[:HEADS_ASKED_MAX]:
            self.wanted_ms.pop(head.feed, None)  # what was asked before this connection stood may be lost
            self._want(given.peer, head.feed, context.feeds.number(head.feed) + 1)
        return NOTHING_ELSE

    def _fetches(self, feed: tuple[str, int]) -> bool:
        """Our own feed is read from others only before we write; what another incarnation lost, at any time. A
        feed that no configuration names is not fetched."""
        context = self.context
        if not self._is_known(feed[0]):
            return False
        if feed[0] != context.me or self.startup.joining is not None:
            return True
        return context.joined and feed[1] != context.writer.incarnation

    def batch_arrived(self, given: BatchArrived) -> News:
        context = self.context
        feed = given.batch.head.feed
        if not self._fetches(feed):
            return NOTHING_ELSE
        judged = context.feeds.admit(given.batch)
        if isinstance(judged, Missing):
            if judged.first <= context.feeds.number(feed):
                self.wanted_ms.pop(feed, None)  # it differs from ours: the proof of a fork, which no heartbeat asks for
            self._want(given.source, feed, judged.first)
        elif isinstance(judged, Admitted) and context.joined and feed[0] == context.me and feed[1] > context.writer.incarnation:
            self._outdone()  # it is taken in when nothing is held by the older one any more
        elif isinstance(judged, Admitted):
            taken = self._within_quota(judged.entries)
            peer_clocks.compare(context, self.liveness, taken)
            self._take_in(taken)
            self.wanted_ms.pop(feed, None)
            return News(peers=bool(taken))
        else:
            context.emit(ShowFork(judged.run))
        return NOTHING_ELSE

    def _outdone(self) -> None:
        """A newer incarnation of our own feed is proved: no peer goes by what we write. What we hold is given up first."""
        me = self.context.me
        if self.context.writer.outdo():
            why = "it was started without its newest log, and with a clock that is behind"
            text = f"{me} gives up what it holds and begins its feed anew: {why}"
            self.context.emit(Alarm(AlarmName.FEED_ANEW, text, node=me))

    def _within_quota(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        context = self.context
        if not entries or entries[0].event.node == context.me:
            return entries
        taken = tuple(self.quota.take(entries, context.now_ms))
        if len(taken) < len(entries):
            author = entries[0].event.node
            slowly = f"the rest is taken in slowly, and {author} is not current until it is here"
            text = f"{author} writes more than its share: {slowly}"
            context.emit(Alarm(AlarmName.QUOTA, text, node=author))
        return taken

    def _take_in(self, entries: tuple[Entry, ...]) -> None:
        context = self.context
        for entry in entries:
            context.feeds.add(entry)
            known = context.state.column(entry.event.node).skipped
            context.fold(entry.event)
            if entry.event.kind == Kind.VOTE:
                self.majority.read(entry.event)
            self._name_what_had_no_effect(entry.event.node, known)
        moved_here = any(entry.event.kind == Kind.MOVE_BEGUN and _target(entry.event) == context.me for entry in entries)
        context.writer.keep(entries, context.now_ms, hurry=moved_here)  # when our claim comes, the disk shall be free for it
        if any(entry.event.kind == Kind.CONFIG_APPLIED for entry in entries):
            self.heartbeats.pace()
        for entry in entries:
            if entry.event.kind in (Kind.CLAIM, Kind.RECLAIM):
                early = self.early_words.take(entry.event.node, entry.event.service)
                if early is not None:
                    self.last_word_heard(early)

    def _name_what_had_no_effect(self, node: str, known: Sequence[Skipped]) -> None:
        """A signature says who wrote an event; what it may not change, it does not change, and people hear of it."""
        context = self.context
        skipped = context.state.column(node).skipped
        if skipped and skipped[-1:] != known[-1:]:
            name = AlarmName.ENCODING if skipped[-1].flaw is Flaw.ENCODING else AlarmName.NO_AUTHORITY
            context.emit(Alarm(name, f"event {skipped[-1].ref} has no effect: {skipped[-1].text}", node=node))

    def last_word_heard(self, given: LastWordHeard) -> News | None:
        """A node, or its guard, says that its actions are down: recorded here, and it counts as that claim's end.

        It ends a claim that is here. One that overtook its claim waits for it (`EarlyWords`). None where nothing was written.
        """
        context = self.context
        word = given.word.message
        column = context.state.column(word.node)
        if not context.joined or word.node == context.me or word.service not in context.policy.services:
            return None
        if word.node not in ownership.ruled(context.state, context.policy, word.service).nodes:
            return None
        if column.run != word.run or column.service(word.service).epoch < word.epoch:
            self.early_words.keep(given)
            return None
        if self._is_over(word):
            return None
        heard = HeardLastWord(word=given.word.raw, signature=given.word.signature, node=word.node, epoch=word.epoch)
        claim = column.service(word.service).claim
        context.write(word.service, heard, (claim,) if claim else ())
        return NOTHING_ELSE

    def _is_over(self, word: LastWord) -> bool:
        """Whether this claim's end is here already: by an earlier word, by its `down`, or by a newer claim."""
        context = self.context
        theirs = context.state.column(word.node).service(word.service)
        heard = context.state.words.get((word.service, word.node), ())
        if any(known.run == word.run and known.epoch >= word.epoch for known in heard):
            return True
        fenced = ownership.ended(context.state, word.service, word.node)
        if fenced and fenced.epoch >= word.epoch:
            return True
        return theirs.epoch > word.epoch or (theirs.epoch == word.epoch and not theirs.holds)

    def room_changed(self, given: RoomChanged) -> News:
        """What is left of the disk is for our own claims and ends: of what peers write almost nothing is taken in."""
        self.quota.tighten(given.tight, self.context.now_ms)
        return NOTHING_ELSE

    def fork_shown(self, given: ForkShown) -> News:
        context = self.context
        event = given.theirs[0].event
        if not context.joined or event.node in ownership.refused_by(context.state, context.me):
            return NOTHING_ELSE
        newest = context.feeds.newest.get(event.node)
        if context.state.orders.of("readmit", event.node) and newest and event.incarnation < newest.incarnation:
            return NOTHING_ELSE  # re-admitted, and what it wrote before is shown once more
        told = f"it is refused until `failc readmit {event.node}`"
        if not long_events.write_fork(context, given.ours, given.theirs):
            told = "both are too long to be shown by events of ours, and stand in the logs of those that have one of them"
        text = f"{event.node} has written two different events {event.ref}: {told}"
        context.emit(Alarm(AlarmName.FORK, text, node=event.node))
        return NOTHING_ELSE

    def link_changed(self, given: LinkChanged) -> News:
        """Connections come and go; what counts is what is heard on them. A node that has just started asks at once."""
        if given.up and self.startup.joining:
            self.heartbeats.beat()  # an answer to this run is what it waits for; its next turn may be a heartbeat away
        return NOTHING_ELSE


def _differs(old: Heartbeat, new: Heartbeat) -> bool:
    """Whether a heartbeat says anything on which a decision could rest: about which services, the review finds."""
    return any(getattr(old, name) != getattr(new, name) for name in ("run", "fit", "config", "heads", "unstored"))


def _target(begun: Event) -> str | None:
    body = body_of(begun)
    return body.target if isinstance(body, MoveBegun) else None
