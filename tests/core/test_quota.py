"""A quota delays and never selects: a strict prefix of each feed, by its author, and history is free."""

from dataclasses import replace
from types import MappingProxyType

from coordinator.core.feed_index import FeedIndex
from coordinator.core.feed_writer import OLDER_HEADS_MAX, FeedWriter
from coordinator.core.inputs import Now
from coordinator.core.quota import BURST_BYTES, ENTRY_BYTES, INCARNATION_MS, INCARNATIONS, RATE_BYTES, Quota
from coordinator.policy import ServicePolicy
from protocol.event import Entry, Event, Head
from tests.core.raw import Raw
from tests.core.story import CLUSTER, policy

NOW = Now(1_000, 1_000, 1_000)
POLICY = policy("lukretia", "genesis", "carthage")
POLICY = replace(POLICY, services=MappingProxyType({"web": ServicePolicy("web", ("lukretia", "genesis"))}))
SIZE = 60_000
COST = SIZE + 250 + ENTRY_BYTES


def feed(count: int, size: int = SIZE, author: str = "carthage", incarnation: int = 1, every: int = 1) -> list[Entry]:
    """`every`: which of them carry a signature."""
    writer = FeedWriter(CLUSTER, author, FeedIndex())
    writer.open(incarnation, {})
    body = {"text": b"x" * size}
    entries = [writer.write("", Raw("pulse", body), (), NOW) for _ in range(count)]
    return [entry.signed(b"s") if number % every == 0 else entry for number, entry in enumerate(entries, 1)]


def quota(feeds: FeedIndex | None = None) -> Quota:
    return Quota(POLICY, (feeds or FeedIndex()).is_vouched)


def test_what_is_past_the_quota_is_left_and_the_rest_is_a_prefix():
    entries = feed(100)
    taken = quota().take(entries, 0)
    assert 0 < len(taken) < 100
    assert list(taken) == entries[: len(taken)]
    assert sum(len(entry.raw) for entry in taken) <= BURST_BYTES


def test_a_small_run_behind_one_that_does_not_fit_is_left_as_well():
    writer = FeedWriter(CLUSTER, "carthage", FeedIndex())
    writer.open(1, {})
    sizes = [SIZE] * 100 + [1] * 5
    entries = [writer.write("", Raw("pulse", {"text": b"x" * size}), (), NOW).signed(b"s") for size in sizes]
    assert 0 < len(quota().take(entries, 0)) < 100


def test_nothing_behind_a_signature_is_taken_alone():
    """Forty under one signature: two such runs fit, and of the third nothing."""
    assert len(quota().take(feed(120, every=30), 0)) in (30, 60)


def test_it_fills_up_again_with_the_time_and_is_asked_for_then():
    asked = quota()
    entries = feed(120)
    first = asked.take(entries, 0)
    assert not asked.ready("carthage", 0)
    assert not asked.take(entries[len(first) :], 0)
    later_ms = COST * 1000 // RATE_BYTES + 1
    assert asked.ready("carthage", later_ms)
    assert len(asked.take(entries[len(first) :], later_ms)) == 1
    assert asked.ready("genesis", 0), "another author has a quota of its own"


def test_the_largest_run_under_one_signature_fits_in_the_end():
    """A batch has a MiB and 4096 entries at most."""
    assert len(quota().take(feed(16, every=16), 0)) == 16
    assert len(quota().take(feed(4000, size=1, every=4000), 0)) == 4000


def test_a_candidate_of_many_services_may_write_for_all_of_them():
    many = {f"s{n}": ServicePolicy(f"s{n}", ("carthage",)) for n in range(1000)}
    rich = Quota(replace(POLICY, services=MappingProxyType(many)), FeedIndex().is_vouched)
    assert len(rich.take(feed(300), 0)) == 300


def test_new_incarnations_come_from_a_bucket_and_one_is_back_a_minute():
    asked = quota()
    taken = [bool(asked.take(feed(1, size=1, incarnation=number), 0)) for number in range(1, 1400)]
    assert taken == [True] * INCARNATIONS + [False] * (1399 - INCARNATIONS)
    assert not asked.opens("carthage", INCARNATION_MS - 1)
    assert asked.opens("carthage", INCARNATION_MS)
    assert asked.take(feed(2, size=1, incarnation=1)[1:], 0), "it may go on in those that it has begun"


def test_history_that_another_node_has_named_is_free():
    """A lost disk is filled as fast as its peers can serve; only the author itself cannot vouch for itself."""
    feeds, entries = FeedIndex(), feed(200)
    head = entries[-1].head
    feeds.add(Entry.of(Event(CLUSTER, "carthage", 9, 1, bytes(32), 1, 1, "pulse", "", {}, (), (head,))))
    assert len(quota(feeds).take(entries, 0)) < 200
    feeds.add(Entry.of(Event(CLUSTER, "genesis", 9, 1, bytes(32), 1, 1, "pulse", "", {}, (), (head,))))
    asked = quota(feeds)
    assert len(asked.take(entries, 0)) == 200
    assert len(asked.take(entries, 0)) == 200, "and costs nothing"


def test_on_a_disk_that_is_nearly_full_almost_nothing_is_taken():
    asked = quota()
    asked.tighten(True, 0)
    assert not asked.take(feed(5), 0)[1:]
    asked.tighten(False, 0)
    assert len(asked.take(feed(5), BURST_BYTES * 1000 // RATE_BYTES)) == 5


def test_an_event_names_new_heads_at_once_and_replaced_ones_a_few_at_a_time():
    """1,250 incarnations of a node ended its peer for good once: its first event would have named them all."""
    feeds = FeedIndex()
    for incarnation in range(1, 1402):
        feeds.add(feed(1, size=1, incarnation=incarnation)[0])
    writer = FeedWriter(CLUSTER, "lukretia", feeds)
    writer.open(1, {})
    told: list[Head] = []
    for number in range(30):
        news = writer.write("", Raw("pulse", {}), (), NOW).event.heads
        assert len(news) <= OLDER_HEADS_MAX + 1
        assert number or news[-1].incarnation == 1401, "the newest is in the first"
        told.extend(news)
    assert sorted(head.incarnation for head in told) == list(range(1, 1402)), "and each is told once"
