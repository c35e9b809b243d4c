"""The end of a step of actions: what the core hears of it, and whether its last word goes out at once. Pure.

ended(order, endings, say, post)
"""

from collections.abc import Callable, Sequence

from coordinator.core.effects import Run
from coordinator.core.inputs import ActionEnding, Input, Outcome, StepFinished
from protocol.invariant import must
from protocol.messages import LastWord


def ended(order: Run, endings: Sequence[ActionEnding], say: Callable[[LastWord], None], post: Callable[[Input], None]) -> None:
    """The word goes first: a successor waits for nothing else. It is a lie where anything of the step may still be up."""
    must(len(endings) == len(order.actions), f"{order.service}: {len(order.actions)} actions have {len(endings)} endings")
    says = order.last_word is not None and all(ending.outcome is Outcome.DONE for ending in endings)
    if order.last_word is not None and says:
        say(order.last_word)
    post(StepFinished(order.ticket, tuple(endings), says))
