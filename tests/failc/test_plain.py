"""The usual form of an order is understood without the library for command lines; whatever else there is, is left to it."""

import subprocess
import sys

import pytest

from tests.failc.running import ROOT, environment, failc
from tools.failc.plain import understood


@pytest.mark.parametrize(
    "words",
    ["move web genesis", "recover web", "recover web genesis", "hold web --reason x", "--state /s unhold web", "reclaim web"],
)
def test_an_order_in_its_usual_form_is_understood(words):
    assert understood(words.split()) is not None


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--help",
        "move",
        "move web",
        "move web genesis more",
        "move web genesis --for 2h",
        "move web genesis --reason",
        "move web genesis --reason --json",
        "hold web --reason=x",
        "hold web -h",
        "hold web lukretia",
        "fail web --reason x",
        "status",
        "moev web genesis",
    ],
)
def test_anything_else_is_not(words):
    assert understood(words.split()) is None


def test_a_reason_that_would_draw_on_a_terminal_is_not():
    assert understood(["hold", "web", "--reason", "a\x1b[2J"]) is None


@pytest.mark.parametrize("more", [(), ("--epoch", "0")], ids=["plain", "by the library"])
async def test_both_ways_end_in_the_same_words(tmp_path, more):
    done = await failc("move", "web", "genesis", "--state", tmp_path, *more)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"failc: {tmp_path}/control.sock: no faild listens there")


def test_a_plain_order_loads_nothing_that_it_does_not_need():
    code = (
        "import sys; from tools.failc.plain import understood; understood(['hold', 'web', '--state', '/nowhere'])(); "
        "import protocol.commands, protocol.agent, tools.failc.identity; "
        "print(sorted({'click', 'http.client', 'ssl', 'email', 'inspect', 'asyncio', 'aiohttp'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
