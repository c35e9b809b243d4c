"""How long an element of the gate may live. Pure: milliseconds of CLOCK_BOOTTIME in, milliseconds out.

    span_ms(ends_ms=10_500, now_ms=10_000)      # 480: the ticket's life is left out

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


def span_ms(ends_ms: int, now_ms: int) -> int:
    """The life of an element that is sent with a ticket taken before `now_ms`; 0 where the lease has too little left."""
    left_ms = ends_ms - now_ms - TICKET_MS
    return left_ms if left_ms >= LEAST_MS else 0
