"""A scenario file: lines `at TIME VERB ARGUMENTS` with `#` comments, read completely before anything is played.

    steps = read_script("split.scenario", text, policy)         # raises BadScenario with file and line

TIME is a whole number with `ms`, `s`, `m` or `h` and never falls. design.md, section 13; docs/simulator.md.
"""

from dataclasses import dataclass

from coordinator.config.durations import BadQuantity, milliseconds
from coordinator.policy import Policy
from tools.simulator.expectations import Always, Question, always, expect, expect_audit
from tools.simulator.verbs import VERBS, Deed
from tools.simulator.words import BadScenario, Line, Words

EXPECTS = {
    "expect": ("expect SERVICE owner=N[,N...]|none [split=|reclaimed=|announced=yes|no] [state@N=STATE]", expect),
    "expect-audit": ("expect-audit clean|FINDING-KIND", expect_audit),
}
ALWAYS = "always SERVICE at-most-one"


@dataclass(frozen=True, slots=True)
class Step:
    """One line, understood: what it does, or what it asks."""

    line: Line
    deed: Deed | None = None
    question: Question | None = None
    always: Always | None = None


def read_script(name: str, text: str, policy: Policy) -> list[Step]:
    """Every step in order. Raises BadScenario."""
    steps: list[Step] = []
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.partition("#")[0].split()
        if words:
            steps.append(_step(_line(name, number, words, steps[-1].line.at_ms if steps else 0), policy))
    if not steps:
        raise BadScenario(f"{name}: nothing happens. Write lines such as: at 0s start {next(iter(policy.nodes))}")
    return steps


def _line(name: str, number: int, words: list[str], after_ms: int) -> Line:
    text = " ".join(words)
    line = Line(name, number, 0, "", (), text)
    if words[0] != "at" or len(words) < 3:
        raise line.wrong(f"{text!r} is no line of a scenario. Write: at TIME VERB ARGUMENTS")
    try:
        at_ms = milliseconds(words[1])
    except BadQuantity as error:
        raise line.wrong(f"the time {error}") from None
    if at_ms < after_ms:
        raise line.wrong(f"time falls: {words[1]} stands after {after_ms}ms. Put the lines in the order of their times")
    return Line(name, number, at_ms, words[2], tuple(words[3:]), " ".join(words[2:]))


def _step(line: Line, policy: Policy) -> Step:
    if line.verb in VERBS:
        words = Words(line, policy, VERBS[line.verb].usage)
        deed = VERBS[line.verb].read(words)
        words.done()
        return Step(line, deed=deed)
    if line.verb in EXPECTS:
        usage, read = EXPECTS[line.verb]
        return Step(line, question=read(Words(line, policy, usage)))
    if line.verb == "always":
        return Step(line, always=always(Words(line, policy, ALWAYS)))
    known = ", ".join(sorted([*VERBS, *EXPECTS, "always"]))
    raise line.wrong(f"unknown verb {line.verb!r}. There is {known}")
