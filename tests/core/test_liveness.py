"""Who is alive: silence, hearsay, our own start, and time in which we did not run."""

import pytest

from coordinator.core.judgement import START_GRACE_MS, Liveness
from coordinator.core.model import Judgement
from coordinator.policy import Timing
from protocol.messages import Heard, Heartbeat, Verified
from tests.core.story import CLUSTER, policy

ME, PEER, THIRD = "lukretia", "genesis", "carthage"
RUN = b"run of me"[:8]


@pytest.fixture
def liveness() -> Liveness:
    return Liveness(ME, RUN, policy(ME, PEER, THIRD), began_ms=10_000)


def beat(
    counter: int, run: bytes = b"theirs 1", heard: dict[str, Heard] | None = None, node: str = PEER
) -> Verified[Heartbeat]:
    heartbeat = Heartbeat(CLUSTER, node, run, counter, True, bytes(8), 0, {}, heard or {}, ())
    return Verified(heartbeat, b"raw", b"signature")


def test_a_silent_peer_is_alive_then_in_doubt_then_dead(liveness: Liveness) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    judged = [liveness.judgement(PEER, 20_000 + ms) for ms in (299, 300, 499, 500)]
    assert judged == [Judgement.ALIVE, Judgement.INDOUBT, Judgement.INDOUBT, Judgement.DEAD]


def test_any_way_will_do(liveness: Liveness) -> None:
    """A stream that stalls while datagrams arrive is no silence."""
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.heard(beat(9), "lan", True, 20_800)
    assert liveness.judgement(PEER, 21_000) is Judgement.ALIVE


def test_whom_we_never_heard_is_in_doubt_for_a_while_after_our_start(liveness: Liveness) -> None:
    end_ms = 10_000 + 500 + START_GRACE_MS
    assert liveness.judgement(PEER, end_ms - 1) is Judgement.INDOUBT
    assert liveness.judgement(PEER, end_ms) is Judgement.DEAD


def test_what_a_third_node_passes_on_counts_from_when_we_sent_what_it_echoes(liveness: Liveness) -> None:
    liveness.sent(41, 20_000)
    liveness.heard(beat(5, heard={ME: Heard(RUN, 41, 10)}), "", False, 20_250)
    assert liveness.silent_ms(PEER, 20_250) == 250
    assert not liveness.reachable(PEER, 20_250)


def test_an_old_heartbeat_that_is_passed_on_keeps_nobody_alive(liveness: Liveness) -> None:
    """It echoes nothing of ours, or what an earlier run of ours had sent."""
    liveness.sent(41, 20_000)
    liveness.heard(beat(5), "", False, 20_100)
    liveness.heard(beat(6, heard={ME: Heard(b"earlier!", 41, 10)}), "", False, 20_200)
    assert liveness.peers[PEER].heard_ms is None


def test_a_heartbeat_is_news_once(liveness: Liveness) -> None:
    assert liveness.heard(beat(5), "lan", False, 20_000)
    assert not liveness.heard(beat(5), "lan", True, 20_001)
    assert not liveness.heard(beat(4), "lan", True, 20_002)
    assert liveness.heard(beat(6), "lan", True, 20_100)
    assert liveness.heard(beat(1, run=b"theirs 2"), "lan", True, 20_200)


def test_silence_that_we_could_not_hear_is_forgiven(liveness: Liveness) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.forgive(5_000)
    assert liveness.silent_ms(PEER, 25_100) == 100
    assert liveness.judgement(THIRD, 15_000 + 500 + START_GRACE_MS - 1) is Judgement.INDOUBT


def test_a_living_node_is_passed_on_to_who_lacks_it(liveness: Liveness) -> None:
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_000)
    lacking = beat(1, heard={THIRD: Heard(b"theirs 1", 3, 200)}).message
    knowing = beat(1, heard={THIRD: Heard(b"theirs 1", 6, 90)}).message
    assert liveness.misses(lacking, 20_010) == [THIRD]
    assert liveness.misses(beat(1).message, 20_010) == [THIRD]
    assert liveness.misses(knowing, 20_010) == []
    assert liveness.misses(lacking, 20_400) == [], "who is silent here is not passed on"


def test_what_others_miss_is_passed_on_as_it_comes(liveness: Liveness) -> None:
    """Not only at their next word: the way through a third is twice as long, and would end in doubt now and then."""
    liveness.heard(beat(1, heard={THIRD: Heard(b"theirs 1", 3, 200)}), "lan", False, 20_000)
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_010)
    assert liveness.missed_by(THIRD, 20_010) == [PEER]
    assert liveness.missed_by(THIRD, 20_400) == []  # in doubt itself


def test_what_others_hear_themselves_is_not_passed_on(liveness: Liveness) -> None:
    liveness.heard(beat(1, heard={THIRD: Heard(b"theirs 1", 6, 90)}), "lan", False, 20_000)
    liveness.heard(beat(7, node=THIRD), "lan", False, 20_010)
    assert liveness.missed_by(THIRD, 20_010) == []


def test_a_peer_that_a_configuration_brings_is_in_doubt_as_after_a_start(liveness: Liveness) -> None:
    """It may hold something, and connecting takes its time; whom we heard before stays as it was."""
    liveness.heard(beat(1), "lan", False, 90_000)
    liveness.reconfigure(policy(ME, PEER, THIRD, "umpire"), 90_100)
    assert liveness.judgement(PEER, 90_100) is Judgement.ALIVE
    assert liveness.judgement("umpire", 90_100 + 500 + START_GRACE_MS - 1) is Judgement.INDOUBT
    assert liveness.judgement("umpire", 90_100 + 500 + START_GRACE_MS) is Judgement.DEAD
    assert liveness.turns_ms("umpire") == [90_100 + 500 + START_GRACE_MS]


def test_who_beats_by_a_slower_timing_is_judged_by_it(liveness: Liveness) -> None:
    liveness.heard(beat(1), "lan", False, 20_000)
    liveness.bear({PEER: Timing(1_000, 3_000, 5_000), THIRD: Timing(10, 30, 50)})
    judged = [liveness.judgement(PEER, 20_000 + ms) for ms in (2_999, 3_000, 4_999, 5_000)]
    assert judged == [Judgement.ALIVE, Judgement.INDOUBT, Judgement.INDOUBT, Judgement.DEAD]
    assert liveness.turns_ms(PEER) == [23_000, 25_000]
    assert liveness.patience[THIRD] == Timing(), "a faster one is judged by ours"
