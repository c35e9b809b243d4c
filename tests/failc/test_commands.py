"""`failc` against a real control server around two real cores: what it prints, what it waits for, how it exits."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from protocol.sshkey import write_private
from tests.control.cluster import Cluster
from tests.failc.running import ROOT, environment, failc, started


@pytest.fixture
async def cluster(tmp_path):
    async with Cluster(tmp_path) as running:
        yield await running.settled()


@pytest.fixture
def lukretia(cluster):
    return cluster.folder / "lukretia"


async def test_status_as_json_and_for_people(lukretia):
    done = await failc("status", "--json", "--state", lukretia)
    assert (done.code, done.err) == (0, "")
    assert done.json["services"]["web"]["owner"] == "lukretia"
    people = await failc("status", "--state", lukretia)
    assert "\x1b" not in people.out, "no colours without a terminal"
    lines = people.out.splitlines()
    assert lines[2].split() == ["SERVICE", "OWNER", "EPOCH", "lukretia", "genesis"]
    assert lines[3].split() == ["web", "lukretia", "1", "UP", "RECOVER"]
    assert any(line.startswith("web: lukretia is UP") for line in lines)
    assert any(line.split() == ["genesis", "alive", "lan", "0.41", "ms,", "direct", "0.41", "ms"] for line in lines)


async def test_the_node_is_named_before_or_after_the_command_or_by_the_environment(cluster, lukretia):
    genesis = cluster.folder / "genesis"
    for words, env, node in [
        (["--state", lukretia, "status"], {}, "lukretia"),
        (["status", "--state", lukretia], {}, "lukretia"),
        (["status"], {"FAILC_STATE": str(genesis)}, "genesis"),
        (["status", "--state", lukretia], {"FAILC_STATE": str(genesis)}, "lukretia"),
        (["status", "--state", lukretia], {"FAILC_CONNECT": "http://nowhere.invalid"}, "lukretia"),
        (["status", "--connect", f"unix://{genesis}/control.sock"], {}, "genesis"),
        (["status"], {"FAILC_CONNECT": f"unix://{genesis}"}, "genesis"),
    ]:
        done = await failc(*words, "--json", **env)
        assert (done.code, done.json["node"] if not done.code else done.err) == (0, node)


async def test_a_node_that_is_not_there_is_3_with_words(tmp_path):
    for words, said in [
        (["--state", tmp_path], "no faild listens there; start faild, or name its state folder with --state"),
        (["--connect", "http://127.0.0.1:1"], "no faild listens there"),
    ]:
        done = await failc("status", *words)
        assert done.code == 3
        assert said in done.err
        assert done.err.count("\n") == 1


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


async def test_a_move_to_the_node_that_is_asked_is_refused_as_well_while_it_is_in_fail(lukretia):
    assert (await failc("fail", "web", "--reason", "rack work", "--state", lukretia)).code == 0
    done = await failc("move", "web", "lukretia", "--state", lukretia)
    assert done.err == "failc: move web: refused: lukretia cannot take web now: in FAIL (operator)\n"


async def test_a_move_to_a_node_in_fail_is_refused_by_whoever_is_asked(cluster, lukretia):
    """Also where no node holds the service: the target would refuse it, and the asker would not hear of it."""
    for node in ("genesis", "lukretia"):
        assert (await failc("fail", "web", node, "--reason", "rack work", "--state", lukretia)).code == 0
    done = await failc("move", "web", "genesis", "--state", lukretia)
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


async def test_an_unknown_service_or_node_is_2_and_lists_what_there_is(lukretia):
    for words, said in [
        (["hold", "wbe"], "no service wbe in demo: web, db"),
        (["move", "web", "nobody"], "no node nobody in demo: lukretia, genesis"),
    ]:
        done = await failc(*words, "--state", lukretia)
        assert (done.code, said in done.err) == (2, True)


async def test_who_may_not_is_4(cluster, lukretia, tmp_path):
    write_private(tmp_path / "stranger", "stranger")
    for key, said in [
        ("stranger", "is of no operator of demo"),
        ("olga", "olga may observe, not hold web"),
    ]:
        done = await failc("hold", "web", "--identity", tmp_path / key, "--state", lukretia)
        assert (done.code, said in done.err) == (4, True), done.err
    done = await failc("hold", "db", "--state", lukretia, FAILC_IDENTITY=str(tmp_path / "eve"))
    assert (done.code, "eve may operate web, not hold db" in done.err) == (4, True)
    done = await failc("hold", "web", "--state", lukretia, FAILC_IDENTITY=str(tmp_path / "eve"))
    assert done.code == 0


async def test_a_refused_order_is_an_object_too(cluster, lukretia, tmp_path):
    """Whatever says no, the node or failc itself; the line on stderr and the exit code stay."""
    assert (await failc("fail", "web", "genesis", "--reason", "rack work", "--state", lukretia)).code == 0
    for words, node, code, said in [
        (["move", "web", "genesis"], "genesis", 1, "cannot take web now: in FAIL"),
        (["hold", "db", "--identity", tmp_path / "eve"], None, 4, "eve may operate web, not hold db"),
        (["hold", "wbe"], None, 2, "no service wbe in demo"),
    ]:
        done = await failc(*words, "--json", "--state", lukretia)
        assert done.code == code
        about = {"word": words[0], "service": words[1], "node": node, "admitted": False, "ok": False}
        assert about.items() <= done.json.items()
        assert done.err == f"failc: {done.json['text']}\n"
        assert said in done.json["text"]


async def test_of_an_order_that_reached_nobody_no_object_says_that_it_was_refused(tmp_path):
    done = await failc("hold", "web", "--json", "--state", tmp_path)
    assert (done.code, done.out) == (3, "")


async def test_without_any_key_it_is_4_and_says_where_one_may_come_from(cluster, lukretia):
    (cluster.folder / "operator" / "id_ed25519").rename(cluster.folder / "moved")
    done = await failc("hold", "web", "--state", lukretia)
    assert done.code == 4
    assert "name one with --identity, or add it to the agent (operators: afm, eve, olga)" in done.err
    for words in (["hold", "web"], ["config", "apply"]):
        done = await failc(*words, "--json", "--state", lukretia)
        assert (done.code, done.json["ok"], done.err) == (4, False, f"failc: {done.json['text']}\n")


async def test_a_key_in_the_agent_signs(cluster, lukretia, tmp_path):
    """The agent has eve's key, and afm's lies beside the configuration: the agent comes first."""
    sock = f"/tmp/agent.{os.getpid()}"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60):
            while not os.path.exists(sock):
                await asyncio.sleep(0.01)
        env = environment(SSH_AUTH_SOCK=sock)
        subprocess.run(["ssh-add", "-q", tmp_path / "eve"], env=env, check=True, capture_output=True)
        done = await failc("hold", "web", "--state", lukretia, SSH_AUTH_SOCK=sock)
        assert done.code == 0, done.err
        done = await failc("hold", "db", "--state", lukretia, SSH_AUTH_SOCK=sock)
        assert (done.code, "eve may operate" in done.err) == (4, True)
        done = await failc("unhold", "web", "--identity", tmp_path / "eve.pub", "--state", lukretia, SSH_AUTH_SOCK=sock)
        assert done.code == 0, done.err
    finally:
        agent.terminate()
        agent.wait()


async def test_a_stale_agent_does_not_stand_in_the_way(lukretia):
    done = await failc("hold", "web", "--state", lukretia, SSH_AUTH_SOCK="/nowhere/agent")
    assert done.code == 0, done.err


async def test_a_key_with_a_passphrase_says_what_to_do(lukretia, tmp_path):
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    done = await failc("hold", "web", "--identity", locked, "--state", lukretia)
    assert done.code == 2
    assert f"ssh-add {locked}" in done.err


async def test_a_key_of_another_kind_is_named(lukretia, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other], check=True)
    done = await failc("hold", "web", "--identity", other, "--state", lukretia)
    assert done.code == 2
    assert done.err.startswith(f"failc: {other}")


async def test_links_and_timings(lukretia):
    done = await failc("links", "--state", lukretia)
    assert done.out.splitlines()[1].split() == ["genesis", "lan", "up", "up", "0.41", "ms", "-"]
    assert {link["link"] for link in (await failc("links", "--json", "--state", lukretia)).json["links"]} == {"lan", "direct"}
    done = await failc("timings", "--state", lukretia)
    assert "silence until death: 10 heartbeats" in done.out
    assert (await failc("timings", "--json", "--state", lukretia)).json["dead_ms"] == 200


async def test_watch_goes_on_after_the_node_was_away(cluster, lukretia):
    """The stream breaks and comes back; every event is shown once."""
    seen = []
    server = cluster.nodes["lukretia"].server
    async with asyncio.timeout(20), started("watch", "--json", "--last", "0", "--state", lukretia) as process:
        while not server.streams:
            await asyncio.sleep(0.01)
        await failc("hold", "web", "--state", lukretia)
        while "hold" not in seen:
            seen.append((await _event(process))["kind"])
        await server.close()
        await server.start()
        await failc("unhold", "web", "--state", lukretia)
        while "unhold" not in seen:
            seen.append((await _event(process))["kind"])
    assert (seen.count("hold"), seen.count("unhold")) == (1, 1)


async def _event(process):
    return json.loads(await process.stdout.readline())


async def test_watch_in_a_terminal_draws_the_status_and_ends_on_ctrl_c(lukretia):
    leader, follower = pty.openpty()
    drawn = b""
    env = {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    async with asyncio.timeout(20), started("watch", "--state", lukretia, out=follower, **env) as process:
        os.close(follower)
        while b"web is up on lukretia" not in drawn or b"SERVICE" not in drawn:
            drawn += await asyncio.to_thread(os.read, leader, 65536)
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(_drain, leader)
        assert await process.wait() == 0
    os.close(leader)
    assert b"\x1b[" in drawn


INTO_A_FINALIZER = """
import io, signal
from tools.failc.asking import Node

class Dropped(io.RawIOBase):
    def close(self):
        signal.raise_signal(signal.SIGINT)

def get(node, route, get=Node.get):
    known = get(node, route)
    if "wait_ms" in route:
        Dropped()
    return known

Node.get = get
"""
"""Ctrl-C where Python forgets exceptions: at the end of a file object that is no longer held."""


async def test_a_ctrl_c_that_python_forgets_ends_watch_too(lukretia, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTO_A_FINALIZER)
    leader, follower = pty.openpty()
    env = {"TERM": "xterm", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    async with asyncio.timeout(20), started("watch", "--state", lukretia, out=follower, **env) as process:
        os.close(follower)
        await asyncio.to_thread(_drain, leader)
        assert await process.wait() == 0
    os.close(leader)


def _drain(leader: int) -> None:
    try:
        while os.read(leader, 65536):
            pass
    except OSError:
        return


async def test_a_long_state_folder_is_reached(tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    async with Cluster(deep) as cluster:
        await cluster.settled()
        assert (await failc("status", "--state", deep / "lukretia")).code == 0


@pytest.mark.parametrize("words", [["status"], ["links"], ["--help"]], ids=str)
async def test_what_a_command_does_not_need_is_not_imported(lukretia, words):
    """A glance at three in the morning takes 60 ms: aiohttp, pydantic, rich or cryptography would each double it."""
    async with started(*words, before=("-X", "importtime"), FAILC_STATE=str(lukretia)) as process:
        _, report = await process.communicate()
    imported = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in report.decode().splitlines()}
    assert "click" in imported
    assert not imported & {"aiohttp", "asyncio", "pydantic", "rich", "cryptography", "msgpack", "prometheus_client"}


@pytest.mark.parametrize(
    "word",
    ["init", "status", "links", "watch", "timings", "fail", "recover", "reclaim", "move", "hold", "unhold", "config"],
)
async def test_every_help_has_an_example(word):
    done = await failc(word, "--help")
    assert done.code == 0
    assert f"  failc {word}" in done.out


# --- standby, fail everywhere, and what no node has then -----------------------------------------------------------


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


async def test_everywhere_and_a_node_are_a_contradiction(lukretia):
    done = await failc("fail", "web", "genesis", "--everywhere", "--reason", "x", "--state", lukretia)
    assert (done.code, "leave the node out" in done.err) == (2, True)


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
