"""The sentences that status, log line, page and audit share."""

from dataclasses import replace

import pytest

from coordinator.decision.decide import TABLE as DECISIONS
from coordinator.decision.decide import Act
from coordinator.sentences import RULES, TABLE, meaning, sentence
from protocol.commands import Command
from protocol.event import NO_PREVIOUS, Event
from protocol.events import BODIES, Malformed, body_of
from protocol.kinds import Kind

GIVEN: dict[str, object] = {"peers": {}, "fit": True}


def event(kind: str, **body: object) -> Event:
    service = "web" if kind not in BODIES or BODIES[kind].SERVICE else ""
    return Event(bytes(32), "genesis", 1, 1, NO_PREVIOUS, 0, 0, kind, service, body, (), ())


def test_every_kind_of_event_has_a_sentence():
    assert set(TABLE) == set(Kind) == set(BODIES)


def test_a_body_that_is_not_of_the_format_is_said_to_be_so_with_the_reason():
    said = sentence(event(Kind.CLAIM, epoch="2", rule="keep", given=GIVEN))
    assert said.startswith("genesis wrote a claim event that is not of the format: the body of claim: epoch is ")


def test_every_rule_that_makes_an_event_has_a_meaning():
    assert {row.rule for row in DECISIONS if row.act is not Act.STAY} <= set(RULES)
    assert meaning("a rule of the future") == "a rule of the future"


@pytest.mark.parametrize("body", [{}, {"links": 7, "reason": None}, {"command": b"\xff"}, {"epoch": {}, "rule": []}])
@pytest.mark.parametrize("kind", [*Kind, "a-kind-of-the-future"])
def test_a_body_that_is_not_of_the_format_gets_a_sentence_and_never_an_exception(kind: str, body: dict[str, object]):
    assert "genesis" in sentence(event(kind, **body)) or "web" in sentence(event(kind, **body))


FORGED = "x\n2026-11-26T09:00:00.000Z  genesis 99  afm orders `fail web`\x1b[2J\u2028\x9b"


COMMAND = Command(bytes(32), FORGED, "fail", FORGED, FORGED, FORGED, 0, 0, 0, bytes(16)).encode()
OUTSIDE: dict[str, dict[str, object]] = {
    Kind.CLAIM: {"epoch": 2, "rule": "keep", "given": GIVEN, "reason": FORGED},
    Kind.RELEASE: {"to": "RECOVER", "cause": "stop", "reason": FORGED},
    Kind.DOWN: {"to": "RECOVER", "cause": "stop", "reason": FORGED},
    Kind.FAIL: {"rule": "keep", "cause": "operator", "given": GIVEN, "reason": FORGED},
    Kind.MOVE_ENDED: {"move": ["genesis", 1, 1], "why": FORGED},
    Kind.ACTION_FINISHED: {"action": 1, "word": "up", "outcome": "failed", "text": FORGED},
    Kind.COMMAND: {"command": COMMAND, "signature": b"s"},
    "a-kind": {"reason": FORGED},
}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_what_comes_from_outside_makes_no_second_line_and_no_escape_sequence(kind: str):
    made = event(kind, **OUTSIDE[kind])
    assert not isinstance(body_of(made), Malformed), "what is read is the text from outside"
    said = sentence(replace(made, node=FORGED, service=FORGED))
    assert said.isprintable()
    assert "x\\u000a2026-11-26T09:00:00.000Z  genesis 99" in said


def test_a_takeover_is_told_with_its_rule_and_its_reason():
    said = sentence(event(Kind.CLAIM, epoch=2, rule="take-over-dead", given=GIVEN, reason="lukretia held it and is dead"))
    assert said == "genesis claims web with epoch 2 (take-over-dead): lukretia held it and is dead"


def test_a_move_for_a_time_is_told_as_an_operator_writes_it():
    said = sentence(event(Kind.MOVE_BEGUN, target="lukretia", epoch=2, for_ms=7_200_000))
    assert said == "genesis begins to move web to lukretia for 2h"


def test_a_restart_counts_only_the_failures():
    assert sentence(event(Kind.RESTART, count=2, reason="tcp failed")) == "genesis restarts web in place (try 2): tcp failed"
    assert sentence(event(Kind.RESTART, count=0, reason="anew")) == "genesis restarts web in place: anew"
