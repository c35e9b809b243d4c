"""`failc` against a real control server around two real cores: what an order prints, what it waits for, how it exits."""

import asyncio
import signal

import pytest

from tests.failc.running import failc, started


async def test_fail_waits_until_it_is_down_and_recover_until_recover(cluster, lukretia):
    done = await failc("fail", "web", "--reason", "new kernel", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("web: down on lukretia, in FAIL")
    assert cluster.at("lukretia", "lukretia") == "FAIL"
    await cluster.until(lambda c: c.at("lukretia", "genesis") == "UP")
    done = await failc("recover", "web", "--json", "--state", lukretia)
    assert (done.code, done.json["ok"], done.json["admitted"]) == (0, True, True)
    await cluster.until(lambda c: c.at("genesis", "lukretia") == "UP")
    assert (await failc("status", "--json", "--state", lukretia)).json["services"]["web"]["owner"] == "lukretia"


async def test_to_recover_what_is_in_fail_nowhere_is_done_already_and_stands_in_no_log(cluster, lukretia):
    """As with the other words: what is so already is what was asked for."""
    for words, said in [
        (["recover", "web", "genesis"], "web: RECOVER on genesis already"),
        (["recover", "web", "lukretia"], "web: UP on lukretia already"),
        (["recover", "web"], "web: in FAIL on no living node; lukretia is UP"),
    ]:
        done = await failc(*words, "--state", lukretia)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(said)
        done = await failc(*words, "--json", "--no-wait", "--state", lukretia)
        assert (done.code, done.json["admitted"]) == (0, True)
        assert "nothing to recover" in done.json["text"]
    kinds = [entry.event.kind for log in cluster.nodes["lukretia"].log.values() for entry in log]
    assert "command" not in kinds


async def test_recover_for_who_cannot_have_it_or_does_not_answer_is_refused(cluster, lukretia):
    cluster.nodes["lukretia"].stuck = True
    assert (await failc("fail", "web", "--reason", "x", "--state", lukretia)).code == 1
    done = await failc("recover", "web", "lukretia", "--state", lukretia)
    assert (done.code, "web is STOPPING on lukretia: give the command again when that is over" in done.err) == (1, True), done
    cluster.cut = True
    await until_dead("genesis", lukretia)
    done = await failc("recover", "web", "genesis", "--state", lukretia)
    assert (done.code, "genesis is dead: give the command again when it is back" in done.err) == (1, True), done


async def test_the_command_stands_in_the_log_with_the_operator_and_the_reason(cluster, lukretia):
    await failc("fail", "web", "--reason", "new kernel", "--state", lukretia)
    done = await failc("fail", "web", "lukretia", "--reason", "again", "--state", lukretia)
    assert done.code == 0, "a node that is down already is what was asked for"
    text = ""
    async with asyncio.timeout(20), started("watch", "--last", "100", "--state", lukretia) as process:
        while "new kernel" not in text:
            text = (await process.stdout.readuntil()).decode()  # which says so where the stream ends
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert 'afm orders `fail web` because "new kernel"' in text


async def test_move_waits_for_up_at_the_target(cluster, lukretia):
    done = await failc("move", "web", "genesis", "--for", "1h", "--reason", "rack work", "--state", lukretia, "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert done.json["outcome"].startswith("up on genesis, epoch")
    assert cluster.at("genesis", "genesis") == "UP"


async def test_a_move_to_the_owner_is_an_order_to_stay(lukretia):
    done = await failc("move", "web", "lukretia", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("web: up on lukretia, epoch 1")
    assert "lukretia (moved)" in (await failc("status", "--state", lukretia)).out


async def asked_while_fit(*words):
    """The answer of a node that has run: one that a busy machine has kept from running says so first."""
    async with asyncio.timeout(60):
        while "looks first" in (done := await failc(*words)).err:
            await asyncio.sleep(0.1)
    return done


async def test_a_move_to_the_node_that_is_asked_is_refused_as_well_while_it_is_in_fail(lukretia):
    assert (await failc("fail", "web", "--reason", "rack work", "--state", lukretia)).code == 0
    done = await asked_while_fit("move", "web", "lukretia", "--state", lukretia)
    assert done.err == "failc: move web: refused: lukretia cannot take web now: in FAIL (operator)\n"


async def test_a_move_to_a_node_in_fail_is_refused_by_whoever_is_asked(cluster, lukretia):
    """Also where no node holds the service: the target would refuse it, and the asker would not hear of it."""
    for node in ("genesis", "lukretia"):
        assert (await failc("fail", "web", node, "--reason", "rack work", "--state", lukretia)).code == 0
    done = await asked_while_fit("move", "web", "genesis", "--state", lukretia)
    assert done.err == "failc: move web: refused: genesis cannot take web now: in FAIL (operator)\n"


async def test_hold_and_unhold_and_reclaim(lukretia):
    status = ["status", "--json", "--state", lukretia]
    assert (await failc("hold", "web", "--state", lukretia)).code == 0
    assert (await failc(*status)).json["services"]["web"]["held"] is True
    assert "lukretia HELD" in (await failc("status", "--state", lukretia)).out
    assert (await failc("unhold", "web", "--state", lukretia)).code == 0
    assert (await failc(*status)).json["services"]["web"]["held"] is False
    done = await failc("reclaim", "web", "--state", lukretia)
    assert done.code == 0
    assert "announced again by lukretia, epoch 2" in done.out


async def test_no_wait_returns_when_it_is_admitted(lukretia):
    done = await failc("fail", "db", "--reason", "x", "--no-wait", "--state", lukretia, "--json")
    assert (done.code, done.json["admitted"], done.json["outcome"]) == (0, True, None)
    assert done.json["text"].startswith("genesis: stands in the log as genesis/")


async def test_a_down_action_that_fails_is_1(cluster, lukretia):
    cluster.nodes["lukretia"].stuck = True
    done = await failc("fail", "web", "--reason", "x", "--state", lukretia)
    assert done.code == 1
    assert "stuck on lukretia: a down action failed" in done.out
    assert "stuck in STOPPING" in (await failc("status", "--state", lukretia)).out


@pytest.mark.parametrize("words", [["move", "web", "genesis"], ["reclaim", "web"]], ids=lambda words: words[0])
async def test_what_waits_for_a_stuck_holder_ends_when_it_is_stuck(cluster, lukretia, words):
    """No node takes over what may still be up: the whole timeout would be waited for nothing."""
    cluster.nodes["lukretia"].stuck = True
    assert (await failc("fail", "web", "--reason", "x", "--state", lukretia)).code == 1
    done = await failc(*words, "--timeout", "1h", "--state", lukretia)
    assert (done.code, done.err) == (1, "")
    assert "stuck on lukretia: a down action failed" in done.out


async def test_a_move_from_a_holder_that_gets_stuck_is_1(cluster, lukretia):
    cluster.nodes["lukretia"].stuck = True
    done = await failc("move", "web", "genesis", "--timeout", "1h", "--state", lukretia)
    assert (done.code, done.err) == (1, "")
    assert "stuck on lukretia: a down action failed" in done.out


async def test_a_move_to_a_dead_node_is_1(cluster, lukretia):
    cluster.cut = True
    await cluster.until(lambda c: c.at("lukretia", "lukretia", "db") == "UP")
    done = await failc("move", "web", "genesis", "--timeout", "50ms", "--state", lukretia)
    assert done.code == 1
    assert "genesis cannot take web now: dead" in done.err


async def until_dead(node, asked):
    """As that node judges: a command says at once what it would have to wait for."""
    async with asyncio.timeout(20):
        while (await failc("status", "--json", "--state", asked)).json["nodes"][node]["liveness"] != "dead":
            await asyncio.sleep(0.05)


async def test_a_fail_for_a_node_that_dies_meanwhile_is_1_and_for_a_dead_one_it_counts(cluster, lukretia):
    """An order on its way to a node in doubt is lost when that dies: the FAIL of the dead is not what was asked for."""
    words = ["fail", "db", "genesis", "--reason", "its host is off", "--state", lukretia]
    cluster.cut_by_orders = True
    done = await failc(*words)
    assert (done.code, done.out) == (1, "")
    assert "genesis died before it answered: give the command again for a living node" in done.err
    done = await failc(*words)
    assert (done.code, "in FAIL" in done.out) == (0, False)
    assert "counts as down on genesis, by your word" in done.out
    assert "it begins in RECOVER when it is back: say `failc fail db genesis` again then" in done.out
    await cluster.until(lambda c: c.at("lukretia", "lukretia", "db") == "UP")


async def test_a_move_to_a_dead_node_is_1_also_where_nobody_holds_the_service(cluster, lukretia):
    """The order would be passed on to a node that is not there."""
    for node in ("genesis", "lukretia"):
        assert (await failc("fail", "web", node, "--reason", "rack work", "--state", lukretia)).code == 0
    cluster.cut = True
    await until_dead("genesis", lukretia)
    done = await failc("move", "web", "genesis", "--state", lukretia)
    assert done.code == 1
    assert "genesis cannot take web now: dead" in done.err
