"""What `failc` says of wrong usage, unknown names and its own help."""

import pytest

from tests.failc.running import failc


@pytest.mark.parametrize(
    "words",
    [
        ["stauts"],
        ["status", "--connect", "gopher://x"],
        ["fail"],
        ["fail", "web"],
        ["move", "web"],
        ["move", "web", "genesis", "--for", "10"],
        ["fail", "web", "--reason", ""],
        ["fail", "web", "--reason", "  "],
        ["hold", "web", "--reason", "x\n2026-11-26T09:00:00.000Z  genesis 99  afm orders"],
        ["hold", "web", "--reason", "\x1b[2J"],
        ["config", "apply", "--reason", "x\ty"],
    ],
    ids=str,
)
async def test_wrong_usage_is_2_in_one_line(tmp_path, words):
    done = await failc("--state", tmp_path, *words)
    assert done.code == 2
    assert done.err.startswith("failc: ")
    assert done.err.count("\n") == 1


async def test_a_misspelt_command_is_answered_with_the_right_one():
    assert 'did you mean "status"?' in (await failc("stauts")).err


async def test_an_unknown_service_or_node_is_2_and_lists_what_there_is(lukretia):
    for words, said in [
        (["hold", "wbe"], "no service wbe in demo: web, db"),
        (["move", "web", "nobody"], "no node nobody in demo: lukretia, genesis"),
    ]:
        done = await failc(*words, "--state", lukretia)
        assert (done.code, said in done.err) == (2, True)


@pytest.mark.parametrize(
    "word",
    ["init", "status", "links", "watch", "timings", "fail", "recover", "reclaim", "move", "hold", "unhold", "config"],
)
async def test_every_help_has_an_example(word):
    done = await failc(word, "--help")
    assert done.code == 0
    assert f"  failc {word}" in done.out


async def test_everywhere_and_a_node_are_a_contradiction(lukretia):
    done = await failc("fail", "web", "genesis", "--everywhere", "--reason", "x", "--state", lukretia)
    assert (done.code, "leave the node out" in done.err) == (2, True)
