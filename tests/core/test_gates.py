"""The kernel's lease as the core counts it: how long, from when, and when it is given anew."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core import effects as do
from coordinator.core.serve_leases import ALONE_TIMES, MARGIN_MS, serve_lease_ms
from tests.transcripts.language import Teller


@given(st.integers(1, 100_000), st.integers(0, 500_000), st.booleans())
def test_a_lease_ends_before_another_node_may_take_over(dead_ms: int, drift_ppm: int, rival: bool) -> None:
    lease_ms = serve_lease_ms(dead_ms, drift_ppm, rival)
    if rival:
        assert lease_ms + MARGIN_MS <= dead_ms * (1 - drift_ppm / 1_000_000)
    else:
        assert lease_ms == ALONE_TIMES * dead_ms


def test_the_figures_of_the_design() -> None:
    assert serve_lease_ms(500, 10_000, rival_lives=True) == 465
    assert serve_lease_ms(500, 10_000, rival_lives=False) == 10_000


class Heard(Teller):
    """A teller that keeps what the node orders."""

    def __init__(self) -> None:
        super().__init__()
        self.ordered: list[do.Effect] = []
        self.renewed: list[int] = []
        """Of each renewal, how long it goes on from then."""

    def story(self, *lines: str) -> None:
        for line in lines:
            self.tell(line)
            stage = self._on
            if stage._take.__name__ != "kept":
                take = stage._take

                def kept(effect: do.Effect, take=take) -> None:
                    self.ordered.append(effect)
                    if isinstance(effect, do.Refresh):
                        self.renewed += [ends_ms - self._on.now_ms for _, ends_ms in effect.leases]
                    take(effect)

                stage._take = kept  # type: ignore[method-assign]

    def opened(self) -> int:
        return sum(isinstance(order, do.Open) for order in self.ordered)


@pytest.fixture
def teller() -> Heard:
    return Heard()


def test_the_lease_of_an_up_counts_from_the_heartbeat_before_it(teller: Heard) -> None:
    """What the peers have heard last was sent then."""
    teller.story("as in genesis-is-out", "disk by the story", "heartbeat of lukretia", "420 ms", "durable", "80 ms")
    teller.story("30 ms", "durable after 30 ms")
    (up, *_) = [order for order in teller.ordered if isinstance(order, do.Run)]
    core = teller._on.core
    assert core is not None
    assert up.lease_ends_ms == core.heartbeats.due_ms - 100 + 10_000
    assert teller._on.now_ms > core.heartbeats.due_ms - 100, "the claim came later"


def test_a_lease_is_long_only_while_no_candidate_lives(teller: Heard) -> None:
    teller.story("as in lukretia-is-up", "heartbeat of genesis", "100 ms")
    assert teller.renewed[-1:] == [465]
    teller.story("400 ms", "100 ms")
    assert teller.renewed[-1:] == [10_000]
    teller.story("heartbeat of genesis", "100 ms")
    assert teller.renewed[-1:] == [465]


def test_a_gate_stays_shut_while_another_has_the_service(teller: Heard) -> None:
    teller.story(
        "as in lukretia-is-up", "genesis writes claim web epoch=2", "genesis writes up web epoch=2", "asleep for 900 ms",
        "0 ms", "the gate of web lapsed 400 ms ago", "100 ms", "heartbeat of genesis", "genesis sends",
        "9 heartbeats of genesis",
    )  # fmt: skip
    assert teller.opened() == 0
    assert teller.renewed == [465], "the one that found it shut; nothing is renewed that is"
    teller.story("genesis says release web epoch=2 rule=rival-wins", "genesis says down web epoch=2", "3 heartbeats of genesis")
    assert [order.word for order in teller.ordered if isinstance(order, do.Run)] == ["reclaim"] * 2
    assert teller.renewed[-1:] == [465]


def test_a_service_that_is_out_has_no_lease(teller: Heard) -> None:
    teller.story("as in genesis-is-out", "3 heartbeats of lukretia", "the gate of web lapsed 400 ms ago")
    assert (teller.renewed, teller.opened()) == ([], 0)


def test_the_stories_of_the_lease_are_told() -> None:
    told = {path.stem for path in (Path(__file__).parents[1] / "transcripts").glob("lease-*.txt")}
    assert told == {"lease-lapses", "lease-lapses-and-another-has-it", "lease-alone"}
