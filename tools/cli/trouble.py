"""The exit codes of design.md section 12, the error that carries one, and how a command ends by any.

    sys.exit(ended("failc", command, instead="name another file"))
"""

import sys
from collections.abc import Callable

from protocol.output import flush, give_up_output, is_about_output
from protocol.printable import printable

DONE, NO, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4


class Trouble(Exception):
    """One line for people: what, where, what to do. `code` says which kind it is."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.message = message
        self.code = code


def ended(name: str, command: Callable[[], int], instead: str) -> int:
    """Runs a command; errors become one line on stderr. Returns the exit code.

    `instead`: what can be done where a file cannot be read, besides running the command as a user who may.
    """
    try:
        code = command()
        flush()
        return code
    except Trouble as trouble:
        return say(name, trouble.message, trouble.code)
    except KeyboardInterrupt:
        return say(name, "interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return NO
    except PermissionError as error:
        return say(name, f"{error.filename}: permission denied; run it as a user who may, or {instead}", UNREACHABLE)
    except OSError as error:
        if not is_about_output(error):
            raise
        give_up_output()
        return say(name, f"cannot write its output: {error.strerror}", UNREACHABLE)


def say(name: str, text: str, code: int) -> int:
    """A bad configuration has several lines; what stands in one of them, a name or a node's answer, makes no more of them."""
    print("\n".join(printable(line) for line in f"{name}: {text}".split("\n")), file=sys.stderr)
    return code
