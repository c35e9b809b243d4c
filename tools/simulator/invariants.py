"""What must hold in the simulated world, looked at after every input of every core.

At every step: a core's state is the fold of its disk and of what it has written but not got back; every own event is
lawful at the moment it is written; epochs grow; an `up` runs only after its claim is durable and guarded; the actions of a
service come one after the other, in order; nothing is admitted behind its author's last signature; an event's name
means the same bytes everywhere; and in a calm world at most one node owns a service.
Every `DEEP_EVERY`th step and at the end, since they cost more: chains and signatures of every disk, and the merging of
all feeds in random orders to one state.
"""

import random
from collections.abc import Sequence

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.removal import evidence
from coordinator.decision.lawfulness import check
from coordinator.policy import Policy
from coordinator.state.configurations import ran
from coordinator.state.model import Judgement, State
from coordinator.state.ownership import epoch
from coordinator.state.reducer import reduce
from coordinator.trust import beginning
from protocol.event import Entry, Event, Ref
from protocol.events import Claim, ConfigApplied, Reclaim, body_of
from protocol.kinds import Kind
from protocol.messages import Keyring
from store.findings import Flaw
from store.verify_log import Row, look
from tools.simulator.actions import Order
from tools.simulator.audit import audited
from tools.simulator.host import Host
from tools.simulator.world import World

DEEP_EVERY = 2_000

RACE_US, RACE_OVER_US = 10_000, 1_000_000
"""Two claims within one message's time cannot know of each other, and `serve` asks no other node: but it must be over at
once."""


REMOVED_US = 6_000_000
"""A handshake every two seconds, on a link that may be bad; a start; a down action that takes its time."""


class Broken(AssertionError):
    """Something that must always hold does not. The text says what, where and how."""


class Invariants:
    def __init__(self, world: World, calm: bool) -> None:
        self._world = world
        self._calm = calm
        self._steps = 0
        self._names: dict[Ref, bytes] = {}
        self._twice: set[tuple[str, int]] = set()
        """Feeds in which a number was given twice, since every disk that had the first was lost or rolled back."""
        self._claimed_us: dict[tuple[str, str], int] = {}
        """When each node last claimed each service."""
        self._removed_us: dict[str, int] = {}
        """Since when a node could be shown that it was removed."""
        self._views = {name: View(name) for name in world.hosts}
        self._ledgers = {name: Ledger(name) for name in world.hosts}
        for name, host in world.hosts.items():
            host.works.seen = self._ledgers[name].seen
            host.works.ended_by_force = self._ledgers[name].ended_by_force
        world.witnesses.append(self._after_input)
        world.after_step.append(self._after_step)

    def _after_input(self, node: str, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        host = self._world.hosts[node]
        for entry in self._views[node].follow(host, isinstance(seen, saw.NotDurable)):
            if entry.event.node != node:
                self._same_name(entry)
            elif self._names.get(entry.ref, entry.id) != entry.id and not self._on_a_disk(entry.ref, self._names[entry.ref]):
                self._twice.add(entry.head.feed)
            elif entry.event.kind == Kind.CLAIM and not isinstance(seen, saw.NotDurable):
                _overtakes_nobody(host, entry.event)
        for effect in ordered:
            if isinstance(effect, do.Run):
                self._may_run(host, effect)
            elif isinstance(effect, do.Push):
                self._pushed(host, effect)
            elif isinstance(effect, do.Append):
                self._signed(node, effect.entries)
                self._claims(node, effect.entries)

    def _after_step(self) -> None:
        self._steps += 1
        if self._calm:
            for service in self._world.policy.services:
                self._at_most_one(service)
        if self._steps % 20 == 0:
            self._removed_hold_nothing()
        if self._steps % DEEP_EVERY == 0:
            self.deep()

    def _removed_hold_nothing(self) -> None:
        """A node that its peers could show that it was removed, and have had the time to."""
        for name, host in self._world.hosts.items():
            if not any(_shows(self._world, other, name) for other in self._world.hosts):
                self._removed_us.pop(name, None)
                continue
            since_us = self._removed_us.setdefault(name, self._world.agenda.now_us)
            held = [service for service in self._world.policy.services if host.works.owns(service)]
            held = [service for service in held if not host.works.trouble[service].down]
            if held and self._world.agenda.now_us - since_us > REMOVED_US:
                raise Broken(f"{name} was removed, could have been shown it for long, and holds {', '.join(held)}")

    def _at_most_one(self, service: str) -> None:
        held, now_us = self._world.owners(service), self._world.agenda.now_us
        if len(held) < 2:
            return
        owners = [node for node in held if not self._owns_by_hand(node, service)]
        if len(owners) < 2:
            return
        claims = [self._claimed_us.get((node, service), 0) for node in owners]
        if max(claims) - min(claims) > RACE_US or now_us - max(claims) > RACE_OVER_US:
            raise Broken(f"{service} is owned by {', '.join(owners)} in a calm world")

    def _owns_by_hand(self, node: str, service: str) -> bool:
        """What a node took by a file that an order contradicts is nothing to its peers, and the auditor says so. It ends with
        the next claim, also where the node has since applied the file of the order."""
        host = self._world.hosts[node]
        claim = host.faild.core.column.service(service).claim if host.faild and host.by_hand else None
        return claim is not None and claim in self._by_hand()

    def deep(self) -> None:
        """The costly checks."""
        for host in self._world.hosts.values():
            rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in host.disk.entries()]
            for finding in look(rows, self._world.keys.keyring, self._world.policy.cluster_id).findings:
                raise Broken(f"the disk of {host.name}: {finding.kind} at {finding.name}: {finding.text}")
        merges_to_one(self._world.entries(), self._world.policy, self._world.keys.keyring, self._world.seed)

    def history(self, forgetful: bool) -> None:
        """At the end: `failaudit verify` over all disks. `forgetful`: disks were lost, and the ends of feeds with them.

        A drawn operator says of a dead node that a service is down there, without a look: where that was not so, it is found.
        And a node that is off gets a changed file without an order: what it claims by that file alone, is found. And a machine
        may get two old disks, one after the other, while the disk of its peer takes nothing: that is a fork.
        """
        fences = {entry.ref for entry in self._world.entries() if entry.event.kind == Kind.FENCED}
        unsigned = self._by_hand()
        for finding in audited(self._world):
            lost = forgetful and finding.kind is Flaw.TRUNCATED
            lost |= finding.kind is Flaw.FORK and (finding.node, finding.incarnation) in self._twice
            ref = Ref(finding.node, finding.incarnation, finding.number)
            if not lost and ref not in fences and not (ref in unsigned and finding.kind is Flaw.AUTHORITY):
                raise Broken(f"the auditor finds {finding.kind} at {finding.name}: {finding.text}")

    def _by_hand(self) -> set[Ref]:
        """Claims of nodes that lived by a file that was put on their disks while they were off: nobody was asked to sign it."""
        found: set[Ref] = set()
        lived: dict[str, bytes] = {}
        for entry in sorted(self._world.entries(), key=lambda entry: entry.ref):
            body, node = body_of(entry.event), entry.event.node
            if isinstance(body, ConfigApplied):
                lived[node] = body.digest
            elif isinstance(body, Claim | Reclaim) and lived.get(node) in self._world.hosts[node].by_hand:
                found.add(entry.ref)
        return found

    def _same_name(self, entry: Entry) -> None:
        """What a peer has admitted is never written again with other bytes, while any node has the first."""
        first = self._names.setdefault(entry.ref, entry.id)
        if first == entry.id:
            return
        if name := self._on_a_disk(entry.ref, first):
            raise Broken(f"two events are named {entry.ref}: {name} has the first")
        self._names[entry.ref] = entry.id  # every disk that had it was lost or rolled back at once
        self._twice.add(entry.head.feed)

    def _on_a_disk(self, ref: Ref, known: bytes) -> str:
        """The first machine on whose disk the event of this name is this one; empty where none has it."""
        feeds = ((host.name, host.disk.feed(ref.node, ref.incarnation)) for host in self._world.hosts.values())
        return next((name for name, feed in feeds if len(feed) >= ref.number and feed[ref.number - 1].id == known), "")

    def _claims(self, node: str, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.event.node == node and entry.event.kind == Kind.CLAIM:
                self._claimed_us[(node, entry.event.service)] = self._world.agenda.now_us

    def _signed(self, node: str, entries: Sequence[Entry]) -> None:
        last = {entry.head.feed: entry for entry in entries if entry.event.node != node}
        for entry in last.values():
            if not entry.signature:
                raise Broken(f"{node} stores {entry.ref}, which stands behind the last signature of its author")

    def _pushed(self, host: Host, push: do.Push) -> None:
        feed = host.disk.feed(host.name, push.incarnation)
        if len(feed) < push.last or not feed[push.last - 1].signature:
            raise Broken(f"{host.name} pushes {push.first}..{push.last}, whose end is not signed on its disk")

    def _may_run(self, host: Host, order: do.Run) -> None:
        if order.word == "down":
            return
        if not _claimed(host, order):
            raise Broken(f"{host.name} runs {order.word} {order.service} epoch {order.epoch} before its claim is durable")
        if not host.guard.holds(order.service, order.epoch):
            raise Broken(f"{host.name} runs {order.word} {order.service} epoch {order.epoch} before the guard has confirmed")


def _shows(world: World, peer: str, node: str) -> bool:
    """Whether this peer can show that node the order that removed it."""
    host, other = world.hosts[node], world.hosts[peer]
    if host.faild is None or other.faild is None or host.frozen or other.frozen or other.knows(node):
        return False
    links = world.network.links_between(peer, node)
    open_ = [link for link in links if not {(peer, node, link), (node, peer, link)} & world.network.sky.cuts]
    mine = host.faild.core
    found = evidence(other.faild.core.state, other.faild.core.policy, node) if open_ and peer in mine.policy.nodes else None
    if found is None:
        return False
    number = max(other.faild.core.state.orders.signed.values())
    return mine.state.orders.signed.get(mine.policy.digest, 0) < number


def _overtakes_nobody(host: Host, claim: Event) -> None:
    """A better candidate that lives and says that its claim is on the way is waited for: else the service goes to and fro."""
    assert host.faild is not None, "a claim is written by a running faild"
    core = host.faild.core
    mine = core.column.service(claim.service)
    if (mine.claim, mine.run) != (claim.ref, core.context.run):
        return  # of an earlier run: read back, and not written now
    asked = core.reconcile.rounds.now(claim.service)
    for node in asked.better:
        newest = core.liveness.peers[node].newest
        alive = core.liveness.judgement(node, core.context.now_ms) is Judgement.ALIVE
        if not core.state.column(node).running:
            continue  # its end is known here: what its last heartbeat said is older, and the claim has come and gone
        if alive and newest and claim.service in newest.message.claiming and not asked.why_out(node):
            raise Broken(f"{host.name} claims {claim.service} while {node}, which lives, says that its claim is on the way")


class View:
    """One node's state, folded again beside the core's own."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._core: object = None
        self._begin_with = State()
        self._state = State()
        self._known: set[bytes] = set()
        self._last: object = None
        self._run = b""

    def follow(self, host: Host, refused: bool) -> list[Entry]:
        """Fold what is new, judge each own event, and compare. Returns what is new."""
        assert host.faild is not None, "an input is handled by a running faild"
        core = host.faild.core
        if core is not self._core:
            before = ran(self._node, (entry.event for entry in host.disk.entries()))
            self._begin_with = State.begin(*before, core.policy, me=self._node, keyring=core.state.trust.keyring)
        if core is not self._core or refused:
            self._begin(host)
            self._core = core
        self._run = core.context.run
        writer = core.context.writer
        unread = [entry for entry in (*writer.in_flight, *writer.waiting) if entry.id not in self._known]
        for entry in unread:
            self._take(entry)
        if core.state is not self._last and core.state != self._state:
            raise Broken(f"the state of {self._node} is not the fold of its feeds: {differing(core.state, self._state)}")
        self._last = core.state
        return unread

    def _begin(self, host: Host) -> None:
        self._state, self._known = self._begin_with, set()
        for entry in host.disk.entries():
            self._known.add(entry.id)
            self._state = reduce(self._state, entry.event)

    def _take(self, entry: Entry) -> None:
        event = entry.event
        column = self._state.column(self._node)
        fetched = column.head is not None and event.incarnation < column.head.incarnation  # what an old incarnation had lost
        if event.node == self._node and column.run == self._run and not fetched:
            _lawful(self._state, event)
        self._known.add(entry.id)
        self._state = reduce(self._state, event)


class Ledger:
    """The actions of one machine in the order in which they really began: no overlap, no overtaking."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._running: dict[str, Order] = {}
        self._last: dict[str, Order] = {}

    def ended_by_force(self, power: bool) -> None:
        """Where the power went, the disk may be gone as well, and with it every epoch that this machine knew."""
        self._running.clear()
        if power:
            self._last.clear()

    def seen(self, order: Order, what: str) -> None:
        if what != "begins":
            self._running.pop(order.service, None)
            return
        if other := self._running.get(order.service):
            raise Broken(f"{self._node}: {order} begins while {other} runs")
        last = self._last.get(order.service)
        if order.epoch and last and order.epoch < last.epoch and order.word != "down":
            raise Broken(f"{self._node}: {order} comes after {last}")
        if order.word != "down" and order.action and (last is None or last[1:3] != (order.action - 1, order.word)):
            raise Broken(f"{self._node}: {order} comes right after {last}")
        self._running[order.service] = self._last[order.service] = order


def _lawful(before: State, event: Event) -> None:
    wrong = check(before, event)
    if wrong:
        raise Broken(f"{event.node} writes an unlawful event {event.number}: {wrong}")
    if event.kind in (Kind.CLAIM, Kind.RECLAIM) and event.body["epoch"] <= epoch(before, event.service):
        raise Broken(f"{event.node} claims {event.service} with epoch {event.body['epoch']}, which is not a new one")


def _claimed(host: Host, order: do.Run) -> bool:
    own = [entry.event for entry in host.disk.entries() if entry.event.node == host.name]
    return any(
        event.kind in (Kind.CLAIM, Kind.RECLAIM) and event.service == order.service and event.body["epoch"] == order.epoch
        for event in reversed(own)
    )


def merges_to_one(entries: Sequence[Entry], policy: Policy, keyring: Keyring, seed: int) -> None:
    """Whatever order the feeds come in, each in its own order, the state is the same."""
    feeds: dict[tuple[str, int], list[Event]] = {}
    for entry in entries:
        feeds.setdefault(entry.head.feed, []).append(entry.event)
    begin = beginning(policy, entries, keyring)
    states = [_merged(begin, feeds, random.Random(seed + nth)) for nth in range(3)]
    for state in states[1:]:
        if state != states[0]:
            raise Broken(f"two orders of the same feeds give two states: {differing(state, states[0])}")


def _merged(begin: State, feeds: dict[tuple[str, int], list[Event]], rng: random.Random) -> State:
    left = [feed for feed in sorted(feeds) for _ in feeds[feed]]
    rng.shuffle(left)
    at = dict.fromkeys(feeds, 0)
    state = begin
    for feed in left:
        state = reduce(state, feeds[feed][at[feed]])
        at[feed] += 1
    return state


def differing(one: State, other: State) -> str:
    """Where two states differ, for people."""
    found = []
    for node in sorted({*one.columns, *other.columns}):
        a, b = one.column(node), other.column(node)
        found += [
            f"{node}.{name}: {getattr(a, name)!r} is not {getattr(b, name)!r}"[:300]
            for name in vars(a)
            if name != "services" and getattr(a, name) != getattr(b, name)
        ]
        found += [
            f"{node}.{service}.{name}: {getattr(a.service(service), name)!r} is not {getattr(b.service(service), name)!r}"
            for service in sorted({*a.services, *b.services})
            for name in vars(a.service(service))
            if getattr(a.service(service), name) != getattr(b.service(service), name)
        ]
    if one.policies.keys() != other.policies.keys():
        found.append("the configurations known")
    found += [
        f"{name}: {getattr(one, name)!r} is not {getattr(other, name)!r}"[:2_000]
        for name in vars(one)
        if name not in ("columns", "policies") and getattr(one, name) != getattr(other, name)
    ]
    return "; ".join(found)
