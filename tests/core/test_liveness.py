"""Who is alive: silence, hearsay, our own start, and time in which we did not run."""

from dataclasses import replace

import pytest

from coordinator.core.failure_detector import START_GRACE_MS, FailureDetector
from coordinator.policy import Timing
from coordinator.state.model import Judgement
from protocol.messages import Heard, Heartbeat, Verified
from tests.core.story import CLUSTER, policy

ME, PEER, THIRD = "lukretia", "genesis", "carthage"
RUN = b"run of me"[:8]


@pytest.fixture
def liveness() -> FailureDetector:
    return FailureDetector(ME, RUN, policy(ME, PEER, THIRD), began_ms=10_000)


def beat(
    counter: int, run: bytes = b"theirs 1", heard: dict[str, Heard] | None = None, node: str = PEER
) -> Verified[Heartbeat]:
    heartbeat = Heartbeat(CLUSTER, node, run, counter, True, bytes(8), 0, {}, heard or {}, ())
    return Verified(heartbeat, b"raw", b"signature")


def test_a_silent_peer_is_alive_then_in_doubt_then_dead(liveness: FailureDetector) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    judged = [liveness.judgement(PEER, 20_000 + ms) for ms in (299, 300, 499, 500)]
    assert judged == [Judgement.ALIVE, Judgement.INDOUBT, Judgement.INDOUBT, Judgement.DEAD]


def test_any_way_will_do(liveness: FailureDetector) -> None:
    """A stream that stalls while datagrams arrive is no silence."""
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.heard(beat(9), "lan", True, 20_800)
    assert liveness.judgement(PEER, 21_000) is Judgement.ALIVE


def test_whom_we_never_heard_is_in_doubt_for_a_while_after_our_start(liveness: FailureDetector) -> None:
    end_ms = 10_000 + 500 + START_GRACE_MS
    assert liveness.judgement(PEER, end_ms - 1) is Judgement.INDOUBT
    assert liveness.judgement(PEER, end_ms) is Judgement.DEAD


def test_what_a_third_node_passes_on_counts_from_when_we_sent_what_it_echoes(liveness: FailureDetector) -> None:
    liveness.sent(41, 20_000)
    liveness.heard(beat(5, heard={ME: Heard(RUN, 41, 10)}), "", False, 20_250)
    assert liveness.silent_ms(PEER, 20_250) == 250
    assert not liveness.reachable(PEER, 20_250)


def test_an_old_heartbeat_that_is_passed_on_keeps_nobody_alive(liveness: FailureDetector) -> None:
    """It echoes nothing of ours, or what an earlier run of ours had sent."""
    liveness.sent(41, 20_000)
    liveness.heard(beat(5), "", False, 20_100)
    liveness.heard(beat(6, heard={ME: Heard(b"earlier!", 41, 10)}), "", False, 20_200)
    assert liveness.peers[PEER].heard_ms is None


def test_a_heartbeat_is_news_once(liveness: FailureDetector) -> None:
    assert liveness.heard(beat(5), "lan", False, 20_000)
    assert not liveness.heard(beat(5), "lan", True, 20_001)
    assert not liveness.heard(beat(4), "lan", True, 20_002)
    assert liveness.heard(beat(6), "lan", True, 20_100)
    assert liveness.heard(beat(1, run=b"theirs 2"), "lan", True, 20_200)


def test_silence_that_we_could_not_hear_is_forgiven(liveness: FailureDetector) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.forgive(5_000)
    assert liveness.silent_ms(PEER, 25_100) == 100
    assert liveness.judgement(THIRD, 15_000 + 500 + START_GRACE_MS - 1) is Judgement.INDOUBT


def test_a_living_node_is_passed_on_to_who_lacks_it(liveness: FailureDetector) -> None:
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_000)
    lacking = beat(1, heard={THIRD: Heard(b"theirs 1", 3, 200)}).message
    knowing = beat(1, heard={THIRD: Heard(b"theirs 1", 6, 90)}).message
    assert liveness.misses(lacking, 20_010) == [THIRD]
    assert liveness.misses(beat(1).message, 20_010) == [THIRD]
    assert liveness.misses(knowing, 20_010) == []
    assert liveness.misses(lacking, 20_400) == [], "a peer that is silent here is not passed on"


def test_what_others_miss_is_passed_on_as_it_comes(liveness: FailureDetector) -> None:
    """Not only at their next word: the way through a third is twice as long, and would end in doubt now and then."""
    liveness.heard(beat(1, heard={THIRD: Heard(b"theirs 1", 3, 200)}), "lan", False, 20_000)
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_010)
    assert liveness.missed_by(THIRD, 20_010) == [PEER]
    assert liveness.missed_by(THIRD, 20_400) == []  # in doubt itself


def test_what_others_hear_themselves_is_not_passed_on(liveness: FailureDetector) -> None:
    liveness.heard(beat(1, heard={THIRD: Heard(b"theirs 1", 6, 90)}), "lan", False, 20_000)
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_010)
    assert liveness.missed_by(THIRD, 20_010) == []


def test_a_peer_that_a_configuration_brings_is_in_doubt_as_after_a_start(liveness: FailureDetector) -> None:
    """It may hold something, and connecting takes its time; whom we heard before stays as it was."""
    liveness.heard(beat(1), "lan", False, 90_000)
    liveness.reconfigure(policy(ME, PEER, THIRD, "umpire"), 90_100)
    assert liveness.judgement(PEER, 90_100) is Judgement.ALIVE
    assert liveness.judgement("umpire", 90_100 + 500 + START_GRACE_MS - 1) is Judgement.INDOUBT
    assert liveness.judgement("umpire", 90_100 + 500 + START_GRACE_MS) is Judgement.DEAD
    assert liveness.transition_times_ms("umpire") == [90_100 + 500 + START_GRACE_MS]


def test_who_beats_by_a_slower_timing_is_judged_by_it(liveness: FailureDetector) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.set_timings({PEER: Timing(1_000, 3_000, 5_000), THIRD: Timing(10, 30, 50)})
    judged = [liveness.judgement(PEER, 20_000 + ms) for ms in (2_999, 3_000, 4_999, 5_000)]
    assert judged == [Judgement.ALIVE, Judgement.INDOUBT, Judgement.INDOUBT, Judgement.DEAD]
    assert liveness.transition_times_ms(PEER) == [23_000, 25_000]
    assert liveness.patience[THIRD] == Timing(), "a faster one is judged by ours"


def test_a_link_is_as_silent_as_the_livelier_of_its_transports(liveness: FailureDetector) -> None:
    assert liveness.link_silent_ms(PEER, "lan", 10_070) == 70, "never heard: since our start"
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.heard(beat(1, node=THIRD), "lan", True, 20_000)
    assert [liveness.link_silent_ms(node, "lan", 20_030) for node in (PEER, THIRD)] == [30, 30]
    liveness.heard(beat(2), "lan", True, 20_050)
    assert liveness.link_silent_ms(PEER, "lan", 20_060) == 10
    liveness.heard(beat(3), "lan", False, 20_090)
    assert liveness.link_silent_ms(PEER, "lan", 20_090) == 0
    assert liveness.link_silent_ms(PEER, "lan", 20_000) == 0, "never less than nothing"


def test_the_longest_gap_of_a_link_is_kept_over_both_transports(liveness: FailureDetector) -> None:
    way = liveness.peers[PEER].paths["lan"]
    for at_ms, datagram, longest_ms in [(20_000, False, 0), (20_100, True, 100), (20_350, False, 250), (20_400, True, 250)]:
        way.heard(datagram, at_ms)
        assert way.gap_ms_max == longest_ms
    assert (way.stream_ms, way.datagram_ms) == (20_350, 20_400)


def test_a_stall_is_forgiven_to_every_link_and_to_who_was_never_heard(liveness: FailureDetector) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.heard(beat(1, node=THIRD), "lan", True, 20_000)
    liveness.forgive(5_000)
    assert [liveness.link_silent_ms(node, "lan", 25_100) for node in (PEER, THIRD)] == [100, 100]
    assert [liveness.reachable(PEER, 25_000 + ms) for ms in (299, 300)] == [True, False]
    unheard = FailureDetector(ME, RUN, policy(ME, PEER), began_ms=10_000)
    unheard.forgive(5_000)
    assert (unheard.silent_ms(PEER, 15_100), unheard.link_silent_ms(PEER, "lan", 15_100)) == (100, 100)
    assert (unheard.peers[PEER].heard_ms, unheard.peers[PEER].direct_ms) == (None, None)


def test_a_peer_hears_us_while_it_echoes_this_run_within_dead(liveness: FailureDetector) -> None:
    assert not liveness.is_heard_by(PEER), "it was never heard"
    echoes = [
        {},
        {THIRD: Heard(RUN, 4, 10)},
        {ME: Heard(RUN, 4, 499)},
        {ME: Heard(RUN, 4, 500)},
        {ME: Heard(b"earlier!", 4, 10)},
    ]
    said = []
    for counter, heard in enumerate(echoes, 1):
        liveness.heard(beat(counter, heard=heard), "lan", False, 20_000)
        said.append(liveness.is_heard_by(PEER))
    assert said == [False, False, True, False, False]


def test_our_heartbeat_echoes_whom_we_heard_and_how_long_ago(liveness: FailureDetector) -> None:
    liveness.heard(beat(5), "lan", False, 20_000)
    liveness.heard(beat(9, node=THIRD), "", False, 20_010)  # passed on, and by no echo of ours: when it was sent is not known
    assert liveness.echoes(20_030) == {PEER: Heard(b"theirs 1", 5, 30)}
    assert liveness.echoes(19_990) == {PEER: Heard(b"theirs 1", 5, 0)}


def test_what_is_passed_on_never_makes_a_silence_longer(liveness: FailureDetector) -> None:
    liveness.sent(41, 20_000)
    liveness.heard(beat(5), "lan", False, 20_100)
    liveness.heard(beat(6, heard={ME: Heard(RUN, 41, 10)}), "", False, 20_150)
    assert liveness.silent_ms(PEER, 20_150) == 50
    assert liveness.silent_ms(PEER, 20_000) == 0


def test_a_peer_is_reachable_by_what_a_link_brings(liveness: FailureDetector) -> None:
    assert not liveness.reachable(PEER, 10_000)
    liveness.heard(beat(5), "lan", False, 20_100)
    assert [liveness.reachable(PEER, 20_100 + ms) for ms in (0, 299, 300)] == [True, True, False]


def test_of_a_node_that_is_not_ours_nothing_is_heard(liveness: FailureDetector) -> None:
    assert not liveness.heard(beat(1, node="stranger"), "lan", False, 20_000)
    assert liveness.heard(beat(1), "a link that is not configured", False, 20_000)
    assert set(liveness.peers) == {PEER, THIRD}


def test_the_first_word_of_a_run_is_remembered(liveness: FailureDetector) -> None:
    first = []
    for at_ms, counter, run in [(20_000, 1, b"theirs 1"), (20_100, 2, b"theirs 1"), (20_200, 1, b"theirs 2")]:
        liveness.heard(beat(counter, run=run), "lan", False, at_ms)
        first.append(liveness.peers[PEER].first_ms)
    assert first == [20_000, 20_000, 20_200]


def test_the_last_sixty_four_counters_are_remembered(liveness: FailureDetector) -> None:
    for counter in range(1, 67):
        liveness.sent(counter, 20_000 + counter)
    assert (min(liveness.sent_ms), max(liveness.sent_ms), len(liveness.sent_ms)) == (3, 66, 64)
    assert liveness.sent_ms[3] == 20_003


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        (Heard(b"theirs 1", 3, 151), True),
        (Heard(b"theirs 1", 3, 150), False),  # lately: it gets the next one itself
        (Heard(b"theirs 1", 7, 900), False),  # long ago, and still the newest that we have
        (Heard(b"theirs 1", 8, 900), False),
        (Heard(b"an older", 9, 900), True),
        (Heard(b"an older", 9, 150), False),
    ],
)
def test_who_lacks_a_heartbeat(liveness: FailureDetector, said: Heard, lacks: bool) -> None:
    listener = beat(1, heard={THIRD: said})
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_000)
    liveness.heard(listener, "lan", False, 20_000)
    assert liveness.misses(listener.message, 20_010) == ([THIRD] if lacks else [])
    assert liveness.missed_by(THIRD, 20_010) == ([PEER] if lacks else [])


def test_no_node_is_told_of_itself(liveness: FailureDetector) -> None:
    liveness.heard(beat(7), "lan", False, 20_000)
    liveness.heard(beat(1, node=THIRD, heard={PEER: Heard(b"theirs 1", 7, 10)}), "lan", False, 20_000)
    assert liveness.misses(beat(7).message, 20_010) == [THIRD]
    assert liveness.missed_by(PEER, 20_010) == []


def test_who_was_never_heard_is_told_nothing(liveness: FailureDetector) -> None:
    liveness.heard(beat(7), "lan", False, 20_000)
    assert liveness.missed_by(PEER, 20_010) == []


def test_a_configuration_keeps_what_was_heard_of_the_links_that_stay(liveness: FailureDetector) -> None:
    liveness.heard(beat(1), "lan", False, 90_000)
    before = policy(ME, PEER, THIRD)
    wider = {name: replace(node, links={**node.links, "direct": ("10.1.0.9", 1291)}) for name, node in before.nodes.items()}
    alone = replace(before.nodes[THIRD], links={"lan": ("10.0.0.4", 1291), "elsewhere": ("10.2.0.4", 1291)})
    liveness.reconfigure(replace(before, nodes={**wider, THIRD: alone}), 90_100)
    assert liveness.link_silent_ms(PEER, "lan", 90_150) == 150
    assert set(liveness.peers[PEER].paths) == {"lan", "direct"}
    assert set(liveness.peers[THIRD].paths) == {"lan"}, "a link that we have not ourselves is none"
    liveness.reconfigure(policy(ME, PEER), 90_200)
    assert set(liveness.peers) == set(liveness.patience) == {PEER}
    assert set(liveness.peers[PEER].paths) == {"lan"}


def test_the_instants_at_which_a_judgement_turns(liveness: FailureDetector) -> None:
    assert liveness.transition_times_ms(PEER) == [10_000 + 500 + START_GRACE_MS]
    liveness.heard(beat(1), "lan", False, 20_000)
    assert liveness.transition_times_ms(PEER) == [20_300, 20_500]
