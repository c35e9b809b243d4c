"""`gate` of a service in a file: a script with an absolute path, and how often and how long it is asked."""

import pytest

from coordinator.config import BadConfig, parse
from coordinator.policy import GatePolicy
from tests.config.sound import TEXT, bent

FIRST = "restarts     = 1"


def said(gate: str) -> list[str]:
    with pytest.raises(BadConfig) as error:
        parse(bent(FIRST, f"gate = {gate}"), "f")
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
    assert said(gate)[0] == what
