"""With which key `failc` signs, and what it says where there is none or none that may."""

import asyncio
import os
import subprocess

from protocol.sshkey import write_private
from tests.failc.running import environment, failc


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
