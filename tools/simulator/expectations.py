"""What a scenario expects, and what it finds instead.

    expect web owner=lukretia,genesis split=yes reclaimed=no state@lukretia=UP
    always web at-most-one
    expect-audit clean
"""

from collections.abc import Callable
from typing import NamedTuple

from tools.simulator.audit import KINDS, audited
from tools.simulator.words import Words
from tools.simulator.world import World

Question = Callable[[World], list[str]]
"""What is not as expected, in sentences; empty where all is."""

STATES = ("UP", "RECOVER", "FAIL", "INDOUBT", "RECLAIM", "STARTING", "STOPPING")


class Always(NamedTuple):
    """An expectation that holds from its line on, at every step."""

    service: str


def expect(words: Words) -> Question:
    service = words.service()
    questions = []
    while words.more():
        questions.append(_option(words, service, words.next("owner=, split=, reclaimed=, announced= or state@NODE=")))
    if not questions:
        raise words.wrong("expect lacks what is expected")
    return lambda world: [found for question in questions for found in question(world)]


def _option(words: Words, service: str, option: str) -> Question:
    key, equals, value = option.partition("=")
    if not equals or not value:
        raise words.wrong(f"{option!r} is no option of expect")
    if key == "owner":
        return _owner(words, service, value)
    if key in ("split", "reclaimed"):
        expected = words.choice(value, ("yes", "no"), f"answer to {key}") == "yes"
        return _split(service, expected) if key == "split" else _reclaimed(service, expected)
    if key == "announced":
        return _announced(service, words.choice(value, ("yes", "no"), "answer to announced") == "yes")
    if key.startswith("state@"):
        return _state(words, service, key.removeprefix("state@"), value)
    raise words.wrong(f"{option!r} is no option of expect")


def _owner(words: Words, service: str, value: str) -> Question:
    names = [] if value == "none" else value.split(",")
    for name in names:
        words.choice(name, tuple(words.policy.nodes), "node")
    expected = tuple(name for name in words.policy.nodes if name in names)

    def ask(world: World) -> list[str]:
        found = world.owners(service)
        return [] if set(found) == set(expected) else [f"{service} is owned by {','.join(found) or 'none'}"]

    return ask


def _split(service: str, expected: bool) -> Question:
    def ask(world: World) -> list[str]:
        found = len(world.owners(service)) > 1
        return [] if found is expected else [f"{service} is {'' if found else 'not '}split"]

    return ask


def _reclaimed(service: str, expected: bool) -> Question:
    def ask(world: World) -> list[str]:
        found = world.tenures.reclaimed(service)
        return [] if found is expected else [f"{service} is {'' if found else 'not '}reclaimed"]

    return ask


def _announced(service: str, expected: bool) -> Question:
    def ask(world: World) -> list[str]:
        found = world.tenures.announced_alone(service)
        return [] if found is expected else [f"{service} is {'' if found else 'not '}announced since its split"]

    return ask


def _state(words: Words, service: str, node: str, value: str) -> Question:
    words.choice(node, tuple(words.policy.nodes), "node")
    words.choice(value, STATES, "state")

    def ask(world: World) -> list[str]:
        found = world.state(service, node)
        return [] if found == value else [f"{node} is {found}"]

    return ask


def always(words: Words) -> Always:
    service = words.service()
    words.choice(words.next("at-most-one"), ("at-most-one",), "thing to hold always")
    words.done()
    return Always(service)


def expect_audit(words: Words) -> Question:
    kind = words.choice(words.next("clean or a kind of finding"), ("clean", *KINDS), "kind of finding")
    words.done()

    def ask(world: World) -> list[str]:
        found = audited(world)
        kinds = sorted({finding.kind for finding in found})
        if (kind == "clean" and not found) or kind in kinds:
            return []
        return [f"the audit finds {found[0].kind}: {found[0].text}" if found else "the audit is clean"]

    return ask
