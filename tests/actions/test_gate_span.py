"""The pure part of the gate: how long an element may live, and that no late transaction leaves one beyond its lease."""

from hypothesis import given
from hypothesis import strategies as st

from actions.gate.lifetime import seconds
from actions.gate.span import LEAST_MS, TICKET_MS, span_ms

NS = 1_000_000
moments = st.integers(0, 10_000 * NS)
delays = st.integers(0, 60 * NS)


class Kernel:
    """What nf_tables does with one ticket set and one element, in nanoseconds: the model of the proof."""

    def __init__(self) -> None:
        self.tickets: dict[int, int] = {}
        self.ends_ns = 0

    def issue(self, number: int, now_ns: int) -> None:
        self.tickets[number] = now_ns + TICKET_MS * NS

    def hand_in(self, number: int, now_ns: int, span: int, *, anew: bool) -> bool:
        """The ticket lives, and the element does or may be made anew: else nothing changes."""
        alive = self.tickets.get(number, 0) > now_ns and (anew or self.ends_ns > now_ns)
        if alive:
            del self.tickets[number]
            self.ends_ns = now_ns + span * NS
        return alive


def ceiling_ms(now_ns: int) -> int:
    return -(-now_ns // NS)


@given(st.lists(st.tuples(delays, delays, delays, st.integers(0, 600), st.booleans()), max_size=12))
def test_no_sequence_of_late_sends_leaves_an_element_beyond_the_leases_end(
    steps: list[tuple[int, int, int, int, bool]],
) -> None:
    """Each step is one refresh or opening, stopped for so long after its ticket, after its look at the clock, and after all."""
    kernel, now_ns, latest_ns = Kernel(), 0, 0
    for number, (before_clock, before_send, after, lease_ms, anew) in enumerate(steps):
        ends_ms = ceiling_ms(now_ns) + lease_ms
        kernel.issue(number, now_ns)
        now_ns += before_clock
        span = span_ms(ends_ms, ceiling_ms(now_ns))
        now_ns += before_send
        was_alive = kernel.ends_ns > now_ns
        if span and kernel.hand_in(number, now_ns, span, anew=anew):
            latest_ns = max(latest_ns, ends_ms * NS)
            assert was_alive or anew, "a refresh revived an element"
        assert kernel.ends_ns <= latest_ns, "an element lives longer than any lease that it was given"
        now_ns += after


@given(st.integers(-10_000, 10_000), st.integers(-10_000, 10_000))
def test_an_element_ends_with_its_lease_at_the_latest_moment_that_its_ticket_allows(ends_ms: int, now_ms: int) -> None:
    span = span_ms(ends_ms, now_ms)
    assert span == 0 or (span >= LEAST_MS and now_ms + TICKET_MS + span <= ends_ms)


def test_every_millisecond_of_a_lease_but_the_tickets_is_used() -> None:
    """All of them, one after the other: the life ends where the kernel could round it down to none."""
    spans = [span_ms(600, now) for now in range(700)]
    assert spans[0] == 600 - TICKET_MS
    assert spans == [max(0, 580 - now) if 580 - now >= LEAST_MS else 0 for now in range(700)]
    assert min(span for span in spans if span) == LEAST_MS >= 1000 // 100, "a tick of the slowest kernel"


@given(st.integers(-5_000, 1_000_000))
def test_the_second_best_counts_whole_seconds_and_at_least_one(left_ms: int) -> None:
    assert seconds(left_ms) == max(1, left_ms // 1000)
