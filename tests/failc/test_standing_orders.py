"""`failc standby`, `fail --everywhere`: orders that stand until they are taken back."""

import asyncio
import os
import pty
import subprocess
import sys

from tests.failc.running import environment, failc


async def test_standby_moves_everything_away_until_it_is_taken_back(cluster, lukretia):
    done = await failc("standby", "lukretia", "--reason", "new kernel", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("lukretia: in standby, and holds nothing")
    await cluster.until(lambda c: c.at("genesis", "genesis") == "UP")
    known = (await failc("status", "--json", "--state", lukretia)).json
    assert {name: node["standby"] for name, node in known["nodes"].items()} == {"lukretia": True, "genesis": False}
    assert "in standby, this node" in (await failc("status", "--state", lukretia)).out
    done = await failc("move", "web", "lukretia", "--state", lukretia)
    assert (done.code, "in standby" in done.err) == (1, True)
    done = await failc("unstandby", "lukretia", "--json", "--state", cluster.folder / "genesis")
    assert (done.code, done.json["outcome"], done.json["node"]) == (0, "a candidate again", "lukretia")
    await cluster.until(lambda c: c.at("lukretia", "lukretia") == "UP")
    done = await failc("unstandby", "lukretia", "--json", "--state", lukretia)
    assert (done.code, done.json["text"]) == (0, "lukretia is not in standby")


async def test_standby_is_for_nodes_that_there_are_and_for_admins(cluster, lukretia):
    assert (await failc("standby", "nobody", "--reason", "x", "--state", lukretia)).code == 2
    eve = cluster.folder / "eve"
    done = await failc("standby", "lukretia", "--reason", "x", "--identity", eve, "--state", lukretia)
    assert (done.code, "eve may operate web, not standby" in done.err) == (4, True)


async def test_fail_everywhere_is_one_order_that_stands_until_recover(cluster, lukretia):
    done = await failc("fail", "web", "--everywhere", "--reason", "wrong data", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("web: down everywhere; no node has it until `failc recover web`")
    orders = [e for log in cluster.nodes["lukretia"].log.values() for e in log if e.event.kind == "command"]
    assert len(orders) == 1
    out = (await failc("status", "--json", "--state", lukretia)).json["services"]["web"]["out"]
    assert {(node["kind"], node["by"], node["reason"]) for node in out.values()} == {("everywhere", "afm", "wrong data")}
    done = await failc("recover", "web", "lukretia", "--state", lukretia)
    assert (done.code, "without a node" in done.err) == (1, True)
    done = await failc("recover", "web", "--state", lukretia)
    assert done.code == 0
    await cluster.until(lambda c: c.at("genesis", "lukretia") == "UP")


async def test_to_readmit_what_is_not_kept_out_is_done_already(lukretia):
    done = await failc("readmit", "genesis", "--reason", "x", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("genesis: admitted again")
    assert (await failc("readmit", "genesis", "--state", lukretia)).code == 2


async def test_a_fail_that_leaves_nobody_says_so(cluster, lukretia):
    """On a held service, and on the last candidate: not a success without a word."""
    await failc("hold", "web", "--state", lukretia)
    done = await failc("fail", "web", "--reason", "x", "--state", lukretia)
    assert done.code == 0
    assert "no node has web then: it is on hold" in done.err
    assert "; no node has it: it is on hold, and no node takes it until `failc unhold web`" in done.out
    await failc("unhold", "web", "--state", lukretia)
    await cluster.until(lambda c: c.at("lukretia", "genesis") == "UP")
    done = await failc("fail", "web", "--reason", "x", "--yes", "--state", lukretia)
    assert (done.code, "; no node has it: lukretia is in FAIL" in done.out) == (0, True)


async def test_on_a_terminal_it_asks_first(cluster, lukretia):
    await failc("hold", "web", "--state", lukretia)
    for typed, code in [(b"n\n", 1), (b"y\n", 0)]:
        ours, theirs = pty.openpty()
        words = [sys.executable, "-c", "from tools.failc.main import main; main()"]
        words += ["fail", "web", "--reason", "x", "--state", str(lukretia)]
        process = await asyncio.create_subprocess_exec(
            *words, env=environment(), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        os.close(theirs)
        os.write(ours, typed)
        _, err = await asyncio.wait_for(process.communicate(), 30)
        os.close(ours)
        assert process.returncode == code, err
        assert b"no node has web then: it is on hold" in err
        assert (b"not ordered" in err) is (code == 1)
