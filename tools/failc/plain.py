"""The usual form of an order, understood without the library for command lines: it takes as long as the order itself.

    plain = understood(["move", "web", "genesis", "--reason", "rack work"])     # None for anything else
    plain()                                                                     # returns the exit code

Only what is complete, and right at first sight, is understood here: a word of WORDS, its arguments, and options of OPTIONS with
their values. Everything else, `--help` and every mistake included, is left to `tools.failc.main`, which says the same of these.
"""

from collections.abc import Callable, Sequence
from functools import partial

from tools.cli.trouble import ended
from tools.failc.settings import begin, settings

WORDS = {"recover": (1, 2), "reclaim": (1, 1), "move": (2, 2), "hold": (1, 1), "unhold": (1, 1)}
"""How many arguments each takes, at least and at most. (`fail` may have something to ask.)"""

OPTIONS = ("--reason", "--state", "--connect", "--identity")


def understood(arguments: Sequence[str]) -> Callable[[], int] | None:
    words, given = [], []
    rest = iter(arguments)
    for argument in rest:
        if argument in OPTIONS:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            given.append((argument.removeprefix("--"), value))
        elif argument.startswith("-") or not argument:
            return None
        else:
            words.append(argument)
    least, most = WORDS.get(words[0], (1, 0)) if words else (1, 0)
    reasons = [value for name, value in given if name == "reason"]
    if not least <= len(words) - 1 <= most or not all(reason.isprintable() for reason in reasons):
        return None
    return partial(_run, words, given)


def _run(words: list[str], given: list[tuple[str, str]]) -> int:
    begin()
    reason = ""
    for name, value in given:
        if name == "reason":
            reason = value
        else:
            settings().give(name, value)
    return ended("failc", partial(_give, words, reason), "name another file")


def _give(words: list[str], reason: str) -> int:
    from tools.failc.giving import HOW, order_of
    from tools.failc.signing import Order

    word, service, *node = words
    return order_of(Order(word, service, node[0] if node else "", reason), HOW)
