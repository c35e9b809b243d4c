"""How the links behave: delay, loss, duplication, reordering; and which directions are cut.

One `NetworkFaults` holds for all links at first; a direction of one link may have its own. Each number is drawn from the
world's one random source when a message is sent.
"""

import random
from dataclasses import dataclass

Way = tuple[str, str, str]
"""One direction of one link: sender, receiver, link name."""

RETRANSMIT_US = 200_000
"""A stream's smallest retransmission timeout (Linux TCP_RTO_MIN): what one lost segment costs."""


@dataclass(frozen=True, slots=True)
class NetworkFaults:
    delay_us: int = 200
    jitter_us: int = 400
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """The share of datagrams that take up to `REORDER_US` longer."""


REORDER_US = 30_000

FAIR = NetworkFaults()


class Sky:
    """The weather on every way, and the cuts."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.everywhere = FAIR
        self.local: dict[Way, NetworkFaults] = {}
        self.cuts: set[Way] = set()

    def on(self, way: Way) -> NetworkFaults:
        return self.local.get(way, self.everywhere)

    def datagram_delays_us(self, way: Way) -> list[int]:
        """When copies of one datagram arrive: none where it is lost."""
        weather = self.on(way)
        if way in self.cuts or self._chance(weather.loss):
            return []
        copies = 2 if self._chance(weather.duplicate) else 1
        return [self._delay_us(weather, self._chance(weather.reorder)) for _ in range(copies)]

    def stream_delay_us(self, way: Way) -> int:
        """How long a segment takes until it is there: each loss costs a retransmission, and each next one twice as much."""
        weather = self.on(way)
        delay_us, wait_us = self._delay_us(weather, False), RETRANSMIT_US
        while self._chance(weather.loss) and wait_us < 16 * RETRANSMIT_US:
            delay_us, wait_us = delay_us + wait_us, wait_us * 2
        return delay_us

    def _delay_us(self, weather: NetworkFaults, late: bool) -> int:
        jitter_us = weather.jitter_us + (REORDER_US if late else 0)
        return weather.delay_us + self._rng.randint(0, jitter_us)

    def _chance(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share
