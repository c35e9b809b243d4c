"""How long an element of the gate may live. Pure: milliseconds of CLOCK_BOOTTIME in, milliseconds out.

    span_ms(ends_ms=10_500, now_ms=10_000)      # 480: the ticket's life is left out
    serve_lease_ms(dead_ms=500, drift_percent=1.0, rival_lives=True)    # 465

The proof that no element outlives its lease, in four lines. A ticket that was added at `t` is dead at `t + TICKET_MS`. The
clock is read at `now >= t`. The transaction is carried out at `c < t + TICKET_MS <= now + TICKET_MS`, or not at all. So the
element ends at `c + span < now + TICKET_MS + span <= ends`.
"""

TICKET_MS = 20
"""A transaction that is sent later than this after its ticket fails. Longer loses more of each lease; shorter fails on a busy
machine, where two system calls of one process may lie some milliseconds apart."""

LEAST_MS = 20
"""A shorter life is not asked for: the kernel counts in ticks (10 ms at 100 Hz), and older kernels round what is shorter than a
tick down to zero, which means for ever."""

SERVE_MARGIN_MS = 30
"""The ticket, and the kernel's ticks: what a take-over under `serve` must not wait for (design.md, section 9)."""

ALONE_TIMES = 20
"""Times `dead`, while no candidate lives that could take over: a busy survivor must not fall silent for nothing."""


def span_ms(ends_ms: int, now_ms: int) -> int:
    """The life of an element that is sent with a ticket taken before `now_ms`; 0 where the lease has too little left."""
    left_ms = ends_ms - now_ms - TICKET_MS
    return left_ms if left_ms >= LEAST_MS else 0


def serve_lease_ms(dead_ms: int, drift_percent: float, rival_lives: bool) -> int:
    """The lease under `serve`, counted from the tick that sends the heartbeat. Rounded down; 0 or less is none."""
    if not rival_lives:
        return ALONE_TIMES * dead_ms
    return int(dead_ms * (100 - drift_percent) / 100) - SERVE_MARGIN_MS
