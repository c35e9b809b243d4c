"""Ctrl-C that is not forgotten.

Python drops an exception that falls into a finalizer (of an HTTP answer, of a file object), without a word where that is
written in C: one Ctrl-C in some two hundred was lost in `failc watch`. A command that goes round in a loop asks here too.
"""

import signal
import threading
from types import FrameType


def remembered(*numbers: int) -> threading.Event:
    """From now on each of these signals raises KeyboardInterrupt, and sets the event. Call it in the main thread."""
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
    return interrupted
