"""What the guard says to people, on the standard error that `faild` had."""

import contextlib
import os
import select

COMPLAINT_BYTES_MAX = 4096
"""PIPE_BUF: so much goes into a pipe that says it takes something."""


def complain(text: str) -> None:
    """To the standard error that `faild` had, where it takes it at once: a log that hangs must not hold us up."""
    with contextlib.suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"guard: {text}\n".encode()[:COMPLAINT_BYTES_MAX])
