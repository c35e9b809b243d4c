"""Some voters, two of which may own a service, and a network that delays, loses and reorders: histories told or drawn.

The nodes use `coordinator.core.quorum` as faild will: votes are written before they are given, a heartbeat carries the number
of the newest vote and an echo, a feed is read in order. All clocks are one here: what drift does is in the lengths of both
terms.

    found = walks("abw", range(900), length=80)
    found.steps, found.overlap
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from coordinator.core.quorum.arithmetic import Voters
from coordinator.core.quorum.lease import Lease, VoterView, counts
from coordinator.core.quorum.promise import Ask, Ballot, Term

TERM = Term(lease_ms=4, stop_ms=2, drift_percent=0)
CANDIDATES = ("a", "b")
EPOCH_MAX = 8
FLYING_MAX = 8


@dataclass(frozen=True)
class Voter:
    ballot: Ballot = field(default_factory=Ballot)
    votes: tuple[tuple[int, str], ...] = ()
    """Its feed: epoch and candidate of each vote, in order."""
    claims: tuple[tuple[str, int], ...] = ()
    """The newest claim of each candidate that it has read."""
    heard: tuple[tuple[str, int], ...] = ()
    """Of each candidate, when it sent the newest heartbeat that came."""


@dataclass(frozen=True)
class Candidate:
    lease: Lease | None = None
    up: bool = False
    asked: tuple[int, int] | None = None
    """The epoch that it asks votes for, and when it asked first."""
    read: tuple[tuple[str, tuple[tuple[int, str], ...]], ...] = ()
    """What it has read of each voter's feed."""
    known: int = 0


Message = tuple[str, str, str, tuple[object, ...]]
"""Kind, sender, receiver, and what it says."""


@dataclass(frozen=True)
class World:
    names: tuple[str, ...]
    voters: tuple[tuple[str, Voter], ...]
    now: int = 0
    candidates: tuple[tuple[str, Candidate], ...] = tuple((name, Candidate()) for name in CANDIDATES)
    flying: frozenset[Message] = frozenset()

    @classmethod
    def of(cls, *names: str) -> "World":
        return cls(names, tuple((name, Voter()) for name in names))

    @property
    def all(self) -> Voters:
        return Voters(1, frozenset(self.names))

    def voter(self, name: str) -> Voter:
        return dict(self.voters)[name]

    def candidate(self, name: str) -> Candidate:
        return dict(self.candidates)[name]

    def with_voter(self, name: str, voter: Voter) -> "World":
        return replace(self, voters=tuple((key, voter if key == name else old) for key, old in self.voters))

    def with_candidate(self, name: str, candidate: Candidate) -> "World":
        return replace(self, candidates=tuple((key, candidate if key == name else old) for key, old in self.candidates))

    def sending(self, *messages: Message) -> "World":
        return replace(self, flying=self.flying | set(messages))

    def owners(self) -> list[str]:
        """From up until the lease's end and the time that it takes to stop, whether or not anything of the node runs."""
        ends = {name: at.lease.until_ms(TERM) + TERM.stop_ms for name, at in self.candidates if at.up and at.lease}
        return [name for name, end in ends.items() if self.now < end]


@dataclass(frozen=True)
class At:
    """An instant inside a message."""

    ms: int


def put(pairs: tuple[tuple[str, object], ...], name: str, value: object) -> tuple[tuple[str, object], ...]:
    return tuple(sorted({**dict(pairs), name: value}.items()))


Step = tuple[str, Callable[[], World]]


def steps(world: World) -> Iterator[Step]:
    """Everything that can happen next, with its name."""
    yield "a moment passes", lambda: replace(world, now=world.now + 1)
    for message in sorted(world.flying, key=str):
        without = replace(world, flying=world.flying - {message})
        yield f"lost: {message}", lambda without=without: without  # type: ignore[misc]
        yield f"comes: {message}", lambda without=without, message=message: RECEIVE[message[0]](without, message)  # type: ignore[misc]
    for name in world.names:
        voter = world.voter(name)
        if name not in CANDIDATES and voter.ballot.silent_until_ms is None and voter.votes:
            yield f"{name} restarts", lambda name=name, voter=voter: _restarted(world, name, voter)  # type: ignore[misc]
        if len(world.flying) < FLYING_MAX:
            for other in CANDIDATES:
                if other != name and len(dict(world.candidate(other).read).get(name, ())) < len(voter.votes):
                    feed: Message = ("feed", name, other, (voter.votes,))
                    yield f"{other} is sent the feed of {name}", lambda feed=feed: world.sending(feed)  # type: ignore[misc]
    for name in CANDIDATES:
        yield from _own_steps(world, name)


def _restarted(world: World, name: str, voter: Voter) -> World:
    epoch, voted_for = voter.votes[-1]
    ballot = Ballot.restarted(epoch, voted_for, world.now, TERM)
    return world.with_voter(name, replace(voter, ballot=ballot, heard=()))


def _own_steps(world: World, name: str) -> Iterator[Step]:
    mine = world.candidate(name)
    lease = mine.lease.seen_at(world.now, TERM) if mine.lease else None
    live = lease is not None and not lease.over
    epoch = max(mine.known, max((number for number, _ in world.voter(name).votes), default=0)) + 1
    if len(world.flying) + 2 <= FLYING_MAX:
        asking = mine.asked is not None and world.now - mine.asked[1] < TERM.lease_ms
        if not asking and epoch <= EPOCH_MAX and (live or not mine.up):
            yield f"{name} asks for epoch {epoch}", lambda: _asks(world, name, epoch)
        if mine.up and live:
            yield f"{name} sends a heartbeat", lambda: _beats(world, name)
    if mine.up and not live:
        yield f"{name} goes down", lambda: world.with_candidate(name, replace(mine, up=False, lease=lease))


def _beats(world: World, name: str) -> World:
    mine = world.candidate(name)
    assert mine.lease
    beats: list[Message] = [("beat", name, other, (mine.lease.epoch, At(world.now))) for other in world.names if other != name]
    lease = mine.lease.with_echo(name, world.now, world.now, TERM)
    return world.with_candidate(name, replace(mine, lease=lease)).sending(*beats)


def _asks(world: World, name: str, epoch: int) -> World:
    """It votes for itself first, as it would for any."""
    me, mine = world.voter(name), world.candidate(name)
    ask = Ask(name, epoch, 1)
    if me.ballot.refusal(ask, mine.known, 1, world.now):
        return world
    me = replace(me, ballot=me.ballot.with_vote(ask, world.now, TERM), votes=(*me.votes, (epoch, name)))
    asking = replace(mine, asked=(epoch, world.now), read=put(mine.read, name, me.votes))
    messages: list[Message] = [("ask", name, other, (epoch,)) for other in world.names if other != name]
    return world.with_voter(name, me).with_candidate(name, asking).sending(*messages)


def _asked(world: World, message: Message) -> World:
    _, candidate, name, (epoch,) = message
    assert isinstance(epoch, int)
    voter = world.voter(name)
    known = max((number for _, number in voter.claims), default=0)
    own = world.candidate(name) if name in CANDIDATES else None
    if own and own.up and own.lease and not own.lease.seen_at(world.now, TERM).over:
        return world  # it holds the service itself
    ask = Ask(candidate, epoch, 1)
    if voter.ballot.refusal(ask, known, 1, world.now):
        return world
    voter = replace(voter, ballot=voter.ballot.with_vote(ask, world.now, TERM), votes=(*voter.votes, (epoch, candidate)))
    return world.with_voter(name, voter).sending(("feed", name, candidate, (voter.votes,)))


def _fed(world: World, message: Message) -> World:
    """A candidate reads a voter's feed, counts the votes that it has asked for, and claims where they are a majority."""
    _, voter, name, (votes,) = message
    assert isinstance(votes, tuple)
    mine = world.candidate(name)
    read = dict(mine.read)
    if len(votes) > len(read.get(voter, ())):
        mine = replace(mine, read=put(mine.read, voter, votes), known=max(mine.known, *(number for number, _ in votes)))  # type: ignore[arg-type]
    if mine.asked is None:
        return world.with_candidate(name, mine)
    epoch, asked = mine.asked
    given = {other: asked for other, theirs in mine.read if (epoch, name) in theirs}
    if not world.all.has_majority(given):
        return world.with_candidate(name, mine)
    lease = Lease.asked(name, epoch, world.all, given).seen_at(world.now, TERM)
    mine = replace(mine, asked=None, lease=lease, up=not lease.over)
    claimed = replace(world.voter(name), claims=put(world.voter(name).claims, name, epoch))  # type: ignore[arg-type]
    return world.with_voter(name, claimed).with_candidate(name, mine)


def _beaten(world: World, message: Message) -> World:
    """A voter hears a holder, and has read its claim. Its own heartbeat follows, with its vote's number and the echo."""
    _, holder, name, (epoch, sent) = message
    assert isinstance(epoch, int)
    assert isinstance(sent, At)
    voter = world.voter(name)
    voter = replace(
        voter,
        claims=put(voter.claims, holder, max(epoch, dict(voter.claims).get(holder, 0))),  # type: ignore[arg-type]
        ballot=voter.ballot.with_heartbeat(holder, epoch, world.now, TERM),
        heard=put(voter.heard, holder, max(sent.ms, dict(voter.heard).get(holder, sent.ms))),  # type: ignore[arg-type]
    )
    echo = dict(voter.heard)[holder]
    said: Message = ("echo", name, holder, (len(voter.votes), epoch, At(echo)))
    return world.with_voter(name, voter).sending(said)


def _echoed(world: World, message: Message) -> World:
    _, voter, name, (number, epoch, sent) = message
    assert isinstance(number, int)
    assert isinstance(sent, At)
    mine = world.candidate(name)
    if mine.lease is None or mine.lease.epoch != epoch:
        return world
    theirs = dict(mine.read).get(voter, ())
    against = max((of for of, candidate in theirs if candidate != name), default=0)
    view = VoterView(number, len(theirs), against, 1, knows_claim=True)
    if not counts(view, mine.lease.epoch, 1):
        return world
    lease = mine.lease.with_echo(voter, sent.ms, world.now, TERM)
    return world.with_candidate(name, replace(mine, lease=lease))


RECEIVE = {"ask": _asked, "feed": _fed, "beat": _beaten, "echo": _echoed}


@dataclass
class Found:
    steps: int = 0
    overlap: tuple[str, ...] = ()
    """The history that led to two owners."""
    owned: int = 0
    """Moments with an owner: a walk in which no node ever owns would prove nothing."""
    handed_over: int = 0
    """Walks in which one node owned after another."""


def walk(names: str, seed: int, length: int, found: Found) -> None:
    """One history, drawn; what is told is in `found`."""
    draw, world = random.Random(seed), World.of(*names)
    told, owned = list[str](), set[str]()
    for _ in range(length):
        choices = list(steps(world))
        name, after = draw.choice(choices if draw.random() < 0.9 else choices[:1])
        told.append(name)
        world = after()
        owners = world.owners()
        owned.update(owners)
        found.steps += 1
        found.owned += bool(owners)
        if len(owners) > 1:
            found.overlap = tuple(told)
            return
    found.handed_over += len(owned) > 1


def walks(names: str, seeds: range, length: int) -> Found:
    found = Found()
    for seed in seeds:
        walk(names, seed, length, found)
        if found.overlap:
            break
    return found
