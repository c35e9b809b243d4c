"""Every attack, one coroutine each: it does its worst and returns, or goes on until it is cancelled.

    for attack in ATTACKS: await attack.play(thief)
"""

from tools.attack.attacks.attack import Attack
from tools.attack.attacks.authority import FORGED
from tools.attack.attacks.bodies import MALFORMED
from tools.attack.attacks.floods import FLOODS
from tools.attack.attacks.wire import SPOKEN

ATTACKS: tuple[Attack, ...] = (*MALFORMED, *FORGED, *SPOKEN, *FLOODS)

__all__ = ["ATTACKS", "Attack"]
