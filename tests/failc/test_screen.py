"""How the status looks in a terminal that is narrow: what one looks for is there, whole, in every width."""

from typing import Any

import click
import pytest

from coordinator.control.status import status
from coordinator.state.model import State
from protocol.moment import lasting
from tests.control.test_status import ALIVE, Standing
from tools.audit.clock import parse
from tools.failc.screen import folded
from tools.failc.status import lines

OUT = "in FAIL since 2026-11-28T12:44:00Z by an operator (afm); until `failc recover web`"


def known() -> dict[str, Any]:
    """A real status, with words and numbers that are easy to look for."""
    whole = status(Standing(ALIVE, State()), 1_795_869_952_000)
    alarm = {"name": "peer-dead", "service": None, "node": "lukretia", "since": "2026-11-28T12:45:01.000Z", "text": "silent"}
    states = {"lukretia": "FAIL", "genesis": "UP", "mandarinenbaum": "RECOVER"}
    reason = "genesis is UP: lukretia was stopped"
    web = {"owner": "genesis", "epoch": 12, "states": states, "reason": reason, "out": {"lukretia": {"text": OUT}}}
    dead = {**whole["nodes"]["lukretia"], "liveness": "dead", "silent_ms": 51_000}
    stopped = {**dead, "stopped": True, "links": {}}
    nodes = {"lukretia": dead, "genesis": whole["nodes"]["umpire"], "mandarinenbaum": stopped}
    services = {"web": {**whole["services"]["web"], **web}}
    return {**whole, "node": "genesis", "alarms": [alarm], "services": services, "nodes": nodes}


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("room", [30, 40, 56, 80, 200])
def test_every_word_of_the_status_fits_into_every_width(room: int, colour: bool):
    said = [click.unstyle(line) for line in folded(lines(known(), colour, room), room)]
    assert all(len(line) <= room for line in said), said
    whole = " ".join(" ".join(said).split())
    words = ("FAIL", "UP", "RECOVER", "mandarinenbaum", "12", "dead 51s", "dead: stopped in order", "until `failc recover web`")
    for word in words:
        assert word in whole, word


def test_the_alarms_stand_first():
    first, second, *_ = lines(known(), False)
    assert first == "demo, as genesis knows it at 12:45:52Z"
    assert second == "alarm peer-dead lukretia since 2026-11-28T12:45:01Z: silent"


def test_a_coloured_sentence_keeps_its_colour_in_each_of_its_lines():
    red = click.style("alarm split web since now: two nodes hold it", fg="red")
    parts = folded([red], 20)
    assert len(parts) > 2
    assert all(part.startswith("\x1b[31m") and part.endswith("\x1b[0m") for part in parts)


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 ms"), (412, "412 ms"), (1_315, "1.3 s"), (5_400, "5.4 s"), (5_049, "5 s"),
     (51_000, "51s"), (65_000, "1m5s"), (5_400_000, "1h30m"), (86_400_000, "1d"),
     (400 * 86_400_000 + 3_600_000, "400d1h")],
)  # fmt: skip
def test_a_silence_in_words_can_be_given_to_at(ms: int, said: str):
    assert lasting(ms) == said
    assert 0 <= ms - (1_000_000 - parse(f"{said} ago", 1_000_000)) < 1000
