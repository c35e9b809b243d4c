"""Accidents of two troubles that meet: drawn one by one they meet too seldom.

A stop whose down fails or hangs; a move whose target has a slow disk; a link that is lost one way, and stays so.
Each is a function of the drawn accidents (`tools.simulator.accidents`), beside which it stands in their table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.simulator.accidents import Accidents


def stop_stuck(drawn: Accidents) -> None:
    """SIGTERM while a down action fails or hangs. In a calm world nothing happens until it is mended that makes others forget
    it or lie: a crash of the node that has just heard of it, an operator's word that it is down there.
    """
    service, node = drawn.candidate()
    if drawn.suspended:
        return
    how = drawn.rng.choice(("fails", "hangs"))
    host = drawn.world.hosts[node]
    drawn.say(f"down-{how} {service} {node}, and stop {node}")
    host.works.trouble[service].down = how
    host.stop()
    drawn.suspended = True

    def mended() -> None:
        host.works.mend(service)
        host.start()
        drawn.suspended = False

    drawn.then(drawn.rng.randint(1_000_000, 12_000_000), f"works {service} {node}, and start {node}", mended)
