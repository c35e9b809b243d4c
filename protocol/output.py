"""Standard output that takes nothing: a full disk, a broken device. Every program of ours says so in one line and exits with 3.

try:
    ...
    flush()
except OSError as error:
    if is_about_output(error):
        give_up_output()
"""

import errno
import os
import sys

OUTPUT_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def is_about_output(error: OSError) -> bool:
    """An error of write(2) on a stream: one about a file of ours names it."""
    return error.errno in OUTPUT_ERRORS and error.filename is None


def flush() -> None:
    """What was printed leaves now. Raises OSError. A program may have been started without a standard output."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_output() -> None:
    """What waits to be written is lost: else Python tries once more at its end, and complains with lines of its own."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
