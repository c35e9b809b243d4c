"""A node whose key was stolen says what it likes, in a world of the production core: it moves nothing and stops nothing."""

from dataclasses import replace
from typing import Any

from coordinator.alarms.names import AlarmName
from coordinator.config import parse
from coordinator.core.effects import Alarm, Want
from coordinator.core.feed_index import FeedIndex
from coordinator.core.feed_writer import FeedWriter
from coordinator.core.inputs import BatchArrived, HeadsArrived, HeartbeatHeard, LastWordHeard, Now
from coordinator.core.replication import HEADS_ASKED_MAX, WANTED_MAX
from coordinator.state import ownership
from protocol.event import Entry, Head
from protocol.kinds import Kind
from protocol.messages import Batch, Domain, LastWord, ShortHead, Verified
from tests.core.raw import Raw
from tests.core.story import fork_of
from tests.core.test_reconfigure import THREE, TWO, core_of, events, running
from tools.simulator.faild import Faild
from tools.simulator.orders import armed
from tools.simulator.world import World

THIEF = "carthage"


GAP = {"incarnation": 1, "number": 1, "id": bytes(32)}


def faild_of(world: World, node: str) -> Faild:
    faild = world.hosts[node].faild
    assert faild is not None
    return faild


def alarms_of(world: World) -> list[Alarm]:
    """From now on."""
    named: list[Alarm] = []
    world.witnesses.append(lambda who, given, ordered, now: named.extend(e for e in ordered if isinstance(e, Alarm)))
    return named


def says(world: World, listener: str, **lies: Any) -> None:
    """A heartbeat of the thief, far ahead of its own: what it says stands until the end."""
    newest = core_of(world, listener).liveness.peers[THIEF].newest
    assert newest is not None
    message = replace(newest.message, **({"counter": newest.message.counter + 10**6} | lies))
    raw = message.encode()
    signature = world.keys.signer(THIEF).sign(Domain.HEARTBEAT, raw)
    faild_of(world, listener).post(HeartbeatHeard(Verified(message, raw, signature), "lan"))


def test_a_heartbeat_that_refuses_its_peers_stops_no_service():
    """It was enough once: the holder gave up, no node claimed, and all services were away for as long as one key wished."""
    world = running(THREE)
    for node in ("lukretia", "genesis"):
        says(world, node, refused=("genesis", "lukretia"))
    world.run_until_ms(6_000)
    assert world.owners("web") == ("lukretia",)
    world.hosts["lukretia"].crash()
    says(world, "genesis", refused=("genesis", "lukretia"))
    world.run_until_ms(9_000)
    assert world.owners("web") == ("genesis",)
    assert events(world, "lukretia", Kind.RELEASE) == []


def word(world: World, listener: str, node: str, run: bytes, epoch: int) -> None:
    """A last word that its node has signed, as a datagram brings it."""
    message = LastWord(world.policy.cluster_id, node, run, "web", epoch)
    raw = message.encode()
    signature = world.keys.signer(node).sign(Domain.LAST_WORD, raw)
    faild_of(world, listener).post(LastWordHeard(Verified(message, raw, signature)))


def test_last_words_of_what_was_never_claimed_are_no_events_of_ours():
    """Each of a higher number than the one before: 6,100 of them stood in the victim's own feed after eight seconds."""
    world = running(THREE)
    run = core_of(world, THIEF).context.run
    named = alarms_of(world)
    for epoch in range(1, 2_000):
        word(world, "genesis", THIEF, run, epoch)
    assert len(core_of(world, "genesis").replication.early_words.waiting) == 1
    world.run_until_ms(5_000)
    assert events(world, "genesis", Kind.LAST_WORD) == []
    assert {(alarm.name, alarm.node, alarm.service) for alarm in named} == {(AlarmName.NO_AUTHORITY, THIEF, "web")}
    assert core_of(world, "genesis").replication.early_words.waiting == {}, "and what was said is not kept for ever"


def test_however_slowly_they_come():
    """One at a time, each of a higher number: nothing but this names them, since none is past a quota."""
    world = running(THREE)
    named = alarms_of(world)
    run = core_of(world, THIEF).context.run
    for turn in range(1, 20):
        word(world, "genesis", THIEF, run, turn)
        world.run_until_ms(3_000 + 100 * turn)
    assert {(alarm.name, alarm.node, alarm.service) for alarm in named} == {(AlarmName.NO_AUTHORITY, THIEF, "web")}


def test_the_word_of_a_run_that_is_over_is_no_lie():
    """A guard says it when its node has started again already."""
    world = running(TWO)
    named = alarms_of(world)
    word(world, "genesis", "lukretia", b"a run before"[:8], 7)
    world.run_until_ms(9_000)
    assert named == []


def test_a_word_whose_claim_is_slow_to_come_is_no_lie():
    """Its node names events that are not here yet: the claim may be one of them."""
    world = running(TWO)
    world.hosts["lukretia"].stop()
    world.run_until_ms(6_000)
    world.start("lukretia")
    world.run_until_ms(6_500)
    genesis, lukretia = core_of(world, "genesis"), core_of(world, "lukretia")
    named = alarms_of(world)
    newest = genesis.liveness.peers["lukretia"].newest
    assert newest is not None
    ours = newest.message.heads["lukretia"]
    word(world, "genesis", "lukretia", lukretia.context.run, 99)
    heads = {**newest.message.heads, "lukretia": ShortHead(ours.incarnation, ours.number + 1_000, bytes(8))}
    message = replace(newest.message, counter=newest.message.counter + 10**6, heads=heads)
    raw = message.encode()
    heard = Verified(message, raw, world.keys.signer("lukretia").sign(Domain.HEARTBEAT, raw))
    faild_of(world, "genesis").post(HeartbeatHeard(heard, "lan"))
    world.run_until_ms(9_000)
    assert [alarm for alarm in named if alarm.name is AlarmName.NO_AUTHORITY] == []
    assert list(genesis.replication.early_words.waiting) == [("lukretia", "web")]


def test_a_last_word_that_overtook_its_claim_counts_when_the_claim_comes():
    world = running(TWO)
    world.hosts["lukretia"].stop()
    world.run_until_ms(6_000)
    assert world.owners("web") == ("genesis",)
    world.start("lukretia")
    world.run_until_ms(6_100)
    word(world, "genesis", "lukretia", core_of(world, "lukretia").context.run, 3)
    assert [event.body["epoch"] for event in events(world, "genesis", Kind.LAST_WORD)] == [1]
    world.run_until_ms(10_000)
    assert [event.body["epoch"] for event in events(world, "genesis", Kind.LAST_WORD)] == [1, 3]


def test_heads_of_feeds_that_nobody_has_fill_no_memory():
    world = running(THREE)
    wanted: list[Want] = []
    world.witnesses.append(lambda who, given, ordered, now: wanted.extend(e for e in ordered if isinstance(e, Want)))
    core = core_of(world, "genesis")
    for turn in range(20):
        heads = tuple(Head(THIEF, turn * 10_000 + n + 1, 9, bytes(32)) for n in range(4000))
        before = len(wanted)
        faild_of(world, "genesis").post(HeadsArrived(THIEF, heads))
        assert len(wanted) - before <= HEADS_ASKED_MAX
        says(world, "genesis", counter=10**6 + turn, heads={THIEF: ShortHead(turn + 10**9, 9, bytes(8))})
    assert len(core.replication.wanted_ms) <= WANTED_MAX
    assert len(core.replication.behind) <= len(THREE.nodes)


def test_who_names_more_of_our_feed_than_we_wrote_is_named_and_moves_nothing():
    """Such a head cannot be asked for: its author is the one that is told of it."""
    world = running(THREE)
    named = alarms_of(world)
    before = len(events(world, "lukretia", Kind.CLAIM))
    for turn in range(20):
        ours = core_of(world, "lukretia").context.feeds.newest["lukretia"]
        longer = ShortHead(ours.incarnation, ours.number + 5, bytes(8))
        says(world, "lukretia", counter=10**6 + turn, heads={"lukretia": longer})
        world.run_until_ms(world.now_ms + 100)
    assert (AlarmName.NO_AUTHORITY, THIEF) in {(alarm.name, alarm.node) for alarm in named}
    assert (world.owners("web"), len(events(world, "lukretia", Kind.CLAIM))) == (("lukretia",), before)


def flood(world: World, count: int, size: int) -> list[Entry]:
    """A feed of the thief: an incarnation of its own, each event signed."""
    writer, signer = FeedWriter(THREE.cluster_id, THIEF, FeedIndex()), world.keys.signer(THIEF)
    writer.open(10**9, {})
    entries = [writer.write("", Raw(Kind.PULSE, {"text": bytes(size)}), (), Now(1, 1, 1)) for _ in range(count)]
    return [entry.signed(signer.sign(Domain.EVENT, entry.id)) for entry in entries]


def under_one_signature(entries: list[Entry]) -> tuple[Entry, ...]:
    return (*(replace(entry, signature=None) for entry in entries[:-1]), entries[-1])


def test_a_flood_of_events_is_taken_in_as_a_prefix_and_named_and_a_failover_works_meanwhile():
    world = running(THREE)
    named = alarms_of(world)
    for entry in flood(world, 200, 60_000):
        for node in ("lukretia", "genesis"):
            faild_of(world, node).post(BatchArrived(Batch((entry,)), THIEF))
    assert {(alarm.name, alarm.node) for alarm in named} == {(AlarmName.QUOTA, THIEF)}
    stored = list(core_of(world, "genesis").context.feeds.ids[(THIEF, 10**9)])
    assert stored == list(range(1, len(stored) + 1))
    assert 0 < len(stored) < 100
    world.hosts["lukretia"].crash()
    world.run_until_ms(8_000)
    assert "genesis" in world.owners("web") or THIEF in world.owners("web")


NO_CANDIDATE = armed(parse(THREE.text.replace(', "carthage"]', "]"), "three-nodes.toml"))
"""carthage is a node and may own nothing."""


def test_one_that_is_no_candidate_and_never_delivers_what_it_names_stops_no_take_over():
    """With another digest it may have another configuration for us: it has `dead` to show it, and is named afterwards."""
    world = running(NO_CANDIDATE)
    named = alarms_of(world)
    newest = core_of(world, "genesis").context.feeds.newest[THIEF]
    says(world, "genesis", config=b"anothers", heads={THIEF: ShortHead(newest.incarnation, newest.number + 9, bytes(8))})
    world.hosts["lukretia"].crash()
    for at_ms in range(4_100, 7_000, 100):
        world.run_until_ms(at_ms)
        says(world, "genesis", counter=10**7 + at_ms)
    assert world.owners("web") == ("genesis",)
    assert (AlarmName.PEER_UNFIT, THIEF) in {(alarm.name, alarm.node) for alarm in named}


def test_a_fork_of_two_long_events_ends_nobody_and_is_named():
    """Their evidence does not fit into one event of ours: that was a broken invariant, and the end of the node that saw it."""
    for count, size, written in ((1, 60_000, 1), (5, 60_000, 0), (1, 10, 1)):
        world = running(NO_CANDIDATE)
        named = alarms_of(world)
        for run in (under_one_signature(flood(world, count, length)) for length in (size, size - 1)):
            faild_of(world, "genesis").post(BatchArrived(Batch(run), THIEF))
            world.run_until_ms(world.now_ms + 200)
        assert len(events(world, "genesis", Kind.FORK_SEEN)) == written
        assert ownership.forked(core_of(world, "lukretia").state, THIEF) is bool(written), "it was shown neither side"
        assert (AlarmName.FORK, THIEF) in {(alarm.name, alarm.node) for alarm in named}


def test_a_fork_that_nobody_has_signed_stops_no_service():
    """As an event, and among what a new incarnation carries over."""
    world = running(NO_CANDIDATE)
    writer, signer = FeedWriter(THREE.cluster_id, THIEF, FeedIndex()), world.keys.signer(THIEF)
    writer.open(10**15, {})
    entries = [writer.write("", Raw(Kind.GAP_DECLARED, {**GAP, "forked": {"lukretia": [THIEF, 5, 5]}}), (), Now(1, 1, 1))]
    entries.append(writer.write("", Raw(Kind.FORK_SEEN, {"node": "lukretia", **fork_of("lukretia")}), (), Now(1, 1, 1)))
    for entry in entries:
        for node in ("lukretia", "genesis"):
            signed = entry.signed(signer.sign(Domain.EVENT, entry.id))
            faild_of(world, node).post(BatchArrived(Batch((signed,)), THIEF))
    world.run_until_ms(6_000)
    assert world.owners("web") == ("lukretia",)
    assert not ownership.forked(core_of(world, "genesis").state, "lukretia")
