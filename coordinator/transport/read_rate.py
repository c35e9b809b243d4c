"""How much of what a peer says over TLS is read, and how fast: one that says more is read more slowly; its datagrams go on.

    wait_ms = appetite.eat("genesis", len(body))        # 0, or for how long not to read from it
    connection.rest(wait_ms)

To read a frame costs decoding and often a signature, whatever becomes of it: without a limit one peer keeps the loop busy. What
is not read stays in the peer's own buffers, since TCP tells it so.
"""

from collections.abc import Callable

from coordinator.core.quota import Bucket

BURST_BYTES = 8 << 20
RATE_BYTES = 2 << 20
"""A second. A node that lost its disk reads a log of 40 MB within 20 s; to verify its signatures takes as long."""

SERVICE_BURST_BYTES = 64 << 10
"""For each service of which the peer is a candidate: a thousand of them move at once, on each of two links."""

FRAME_BYTES = 4096
"""What a frame costs besides its bytes: 500 of the smallest a second take a tenth of the loop."""


class Appetite:
    def __init__(self, services_of: Callable[[str], int], clock_ms: Callable[[], int]) -> None:
        """`services_of`: how many services a peer is a candidate of."""
        self._services_of = services_of
        self._clock_ms = clock_ms
        self._buckets: dict[str, Bucket] = {}

    def eat(self, peer: str, size: int) -> int:
        """One frame of a peer. Returns for how many ms nothing is to be read from it."""
        now_ms = self._clock_ms()
        bucket = self._buckets.get(peer)
        if bucket is None:
            burst = BURST_BYTES + self._services_of(peer) * SERVICE_BURST_BYTES
            bucket = self._buckets[peer] = Bucket.full(burst, RATE_BYTES / 1000, now_ms)
        bucket.level = bucket.at(now_ms) - size - FRAME_BYTES
        return 0 if bucket.level >= 0 else round(-bucket.level / bucket.rate_per_ms) + 1

    def forget(self) -> None:
        """Another configuration: other numbers of services."""
        self._buckets.clear()
