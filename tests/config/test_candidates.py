"""`gate`, `evidence` and `prefer` of a service in a file: scripts with absolute paths, and what fits together."""

import pytest

from coordinator.config import BadConfig, parse
from coordinator.policy import EvidencePolicy, GatePolicy
from tests.config.sound import TEXT, bent

FIRST = "restarts     = 1"


def said(text: str) -> list[str]:
    with pytest.raises(BadConfig) as error:
        parse(bent(FIRST, text), "f")
    return [str(complaint).split(": ", 1)[1] for complaint in error.value.complaints]


def test_what_is_sound_is_read() -> None:
    read = parse(bent(FIRST, 'gate = { script = "/etc/failover/gate", timeout = "1s", every = "3s" }'), "f")
    assert read.services["web"].gate == GatePolicy("/etc/failover/gate", 1000, 3000)
    assert parse(bent(FIRST, 'gate = { script = "/g" }'), "f").services["web"].gate == GatePolicy("/g", 2000, 5000)
    assert parse(TEXT, "f").services["web"].gate is None


@pytest.mark.parametrize(
    ("gate", "what"),
    [
        ("{}", 'services.web.gate.script: is missing. Write script = "/etc/failover/gate"'),
        ('{ script = "gate" }', 'services.web.gate.script: is no absolute path. Write one such as "/etc/failover/gate"'),
        ('{ script = "/g", timeout = "1ms" }', 'services.web.gate.timeout: is shorter than 10ms. Write one such as "2s"'),
        ('{ script = "/g", every = "0s" }', 'services.web.gate.every: is shorter than 10ms. Write one such as "2s"'),
        ('{ script = "/g", evry = "1s" }', 'services.web.gate.evry: unknown key "evry". Did you mean "every"?'),
        ('"/g"', "services.web.gate: is the string \"/g\", not a table. Write a table [services.web.gate...]"),
    ],
)
def test_each_complaint_says_where_and_what_to_write(gate: str, what: str) -> None:
    assert said(f"gate = {gate}")[0] == what


NUMBERS = 'evidence = { script = "/lag" }'
BY_NUMBER = f'{NUMBERS}\nprefer = "evidence"'


def test_numbers_are_read() -> None:
    text = bent(FIRST, 'evidence = { script = "/lag", every = "2s", timeout = "300ms", max_age = "9s" }\nprefer = "evidence"')
    web = parse(text.replace('failback     = "10m"', 'failback     = "manual"'), "f").services["web"]
    assert web.evidence == EvidencePolicy("/lag", timeout_ms=300, every_ms=2000, max_age_ms=9000)
    assert (web.prefer, web.evidence_window_ms) == ("evidence", 2000)
    shown = parse(bent(FIRST, NUMBERS), "f").services["web"]
    assert (shown.evidence, shown.prefer) == (EvidencePolicy("/lag"), "order")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('prefer = "evidence"', "services.web.prefer: compares numbers, and no script gives one. Write evidence = { script"),
        ('prefer = "luck"', 'services.web.prefer: "luck" is not one of the choices. Write "order" or "evidence"'),
        (BY_NUMBER, "services.web.failback: is not manual: the numbers say who takes it, and nobody who has it gives one"),
        ('evidence = { script = "lag" }', 'services.web.evidence.script: is no absolute path. Write one such as "/etc'),
        ('evidence = { script = "/lag", timeout = "0s" }', "services.web.evidence.timeout: is shorter than 10ms. Write"),
        (f'{BY_NUMBER}\nevidence_window = "5ms"', "services.web.evidence_window: is shorter than 10ms. Write one such as"),
        (
            'evidence = { script = "/lag", max_age = "500ms" }\nprefer = "evidence"',
            "services.web.evidence.max_age: 500ms is shorter than every (1s). Write one such as",
        ),
        (f'{BY_NUMBER}\nwith = ["db"]', "services.web.with: needs the candidates in one order, and prefer"),
    ],
)
def test_what_does_not_fit_together_is_said(text: str, what: str) -> None:
    assert any(line.startswith(what) for line in said(text)), said(text)
