"""`failc`: the command line of operators. A plain order is given at once (`plain`), everything else goes by `commands`."""

import gc
import sys

from tools.failc.plain import understood


def main() -> None:
    """The entry point of `failc`."""
    gc.disable()  # a plain order is over before anything is worth collecting
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command. Returns the exit code."""
    if plain := understood(arguments):
        return plain()
    gc.enable()
    from tools.cli import group
    from tools.failc.commands import failc
    from tools.failc.settings import begin

    begin()
    return group.run(failc, "failc", arguments, instead="name another file")
