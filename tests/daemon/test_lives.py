"""SIGTERM, SIGKILL, SIGSTOP, a restart, two at once: what a node's process goes through, and what its script hears of it."""

import os
import signal
import socket

import pytest

from tests.daemon.cluster import DEADLINE_S, run

NO_GUARD = """\
import sys

if sys.orig_argv[1:2] and sys.orig_argv[1].endswith("faild"):
    from actions import guard

    guard.FOLDER = "/nowhere/guard"
"""
"""The guard's program is not to be found."""


def test_a_stop_hands_over_and_a_restart_takes_back(cluster):
    lukretia = cluster.nodes["lukretia"]
    assert lukretia.stop() == 0
    assert not lukretia.serves()
    cluster.until_up("genesis")
    (lukretia.web / "told").unlink()
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    told = [word.split()[0] for word in lukretia.told()]
    assert told[0] == "status", "the world is asked before anything else"
    assert "start" in told
    assert cluster.audit("verify").code == 0


def test_a_stop_is_told_to_hooks_and_scripts_to_its_end(make):
    cluster = make(checks='[[services.web.actions]]\nnotify = "/bin/hook"')
    hook = cluster.folder / "hook"
    hook.write_text(f'#!/bin/sh\nsleep 0.2\necho "$FAILOVER_NODE $1" >> {cluster.folder}/heard\n')
    hook.chmod(0o755)
    cluster.config.write_text(cluster.config.read_text().replace("/bin/hook", str(hook)))
    cluster.start("lukretia")
    cluster.until_up("lukretia", at=["lukretia"])
    assert cluster.nodes["lukretia"].stop() == 0
    heard = (cluster.folder / "heard").read_text().splitlines()
    assert heard[-2:] == ["lukretia STOPPING", "lukretia RECOVER"]
    assert cluster.nodes["lukretia"].told()[-2:] == ["down 1", "recover 1"]


def test_a_stop_does_not_wait_for_a_name_server_that_is_silent(namespaces, make):
    """A check by name asks it over and over, each time for longer than a test waits."""
    cluster = make(checks='[[services.web.checks]]\ntcp = "db.example:80"\nevery = "1s"\ntimeout = "500ms"\nfall = 1000')
    lukretia, servers = cluster.nodes["lukretia"], cluster.folder / "resolv.conf"
    servers.write_text(f"nameserver {cluster.addresses['lukretia']}\noptions timeout:30 attempts:5\n")
    mount = f'mount --bind {servers} /etc/resolv.conf && exec "$@"'
    lukretia.before = ("unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh")
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((cluster.addresses["lukretia"], 53))
        silent.settimeout(DEADLINE_S)
        cluster.start()
        cluster.until_up("lukretia")
        assert b"example" in silent.recv(1000)
        assert lukretia.stop() == 0
    cluster.until_up("genesis", at=["genesis"])


def test_a_kill_is_cleaned_up_by_the_guard_and_the_peer_takes_over(cluster):
    lukretia = cluster.nodes["lukretia"]
    lukretia.kill()
    cluster.until(lambda: not lukretia.serves(), "the guard has taken it down")
    cluster.until_up("genesis")
    assert lukretia.told()[-1] == "stop 1"
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    assert cluster.audit("verify").code == 0


def test_a_guard_that_stands_still_holds_up_neither_a_claim_nor_the_next_start(cluster):
    """An operator stopped the processes of genesis, and forgot the guard when letting them go on."""
    genesis = cluster.nodes["genesis"]
    stopped = genesis.guard()
    os.kill(stopped, signal.SIGSTOP)
    cluster.nodes["lukretia"].kill()
    cluster.until_up("genesis")
    assert genesis.guard() != stopped
    os.kill(genesis.guard(), signal.SIGSTOP)
    assert genesis.stop() == 0
    cluster.start("genesis")
    cluster.until_up("genesis")
    assert cluster.audit("verify").code == 0


def test_ten_kills_in_a_row_leave_one_owner_and_a_sound_log(cluster):
    lukretia = cluster.nodes["lukretia"]
    for _ in range(10):
        lukretia.kill()
        lukretia.start()
    cluster.until_ready("lukretia")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "the log is sound")
    assert not cluster.nodes["genesis"].serves()


def test_a_second_faild_on_one_state_folder_is_refused_and_harms_nobody(cluster):
    lukretia = cluster.nodes["lukretia"]
    done = run("faild", "--config", cluster.config, "--node", "lukretia", "--state", lukretia.state)
    assert (done.code, done.out) == (3, "")
    assert f"a faild (process {lukretia.process.pid}) works here; stop it first, or name another --state" in done.err
    assert "Traceback" not in done.err
    assert lukretia.serves()
    assert cluster.web("genesis")["owner"] == "lukretia"


def test_one_node_twice_with_two_folders_is_refused_by_its_own_address(cluster):
    """An operator starts a node a second time with another state folder: its links are taken, so it cannot become a fork."""
    lukretia = cluster.nodes["lukretia"]
    done = run("faild", "--config", cluster.config, "--node", "lukretia", "--state", cluster.folder / "another")
    assert done.code == 3
    assert "link lan: cannot listen on" in done.err
    assert lukretia.serves()
    assert cluster.web("lukretia")["owner"] == "lukretia"
    assert "stop" not in [word.split()[0] for word in lukretia.told()], "what the first one holds is not taken down"


def test_a_frozen_owner_gives_way_when_it_thaws(cluster):
    """No process can take it down there meanwhile; the split that this was is resolved, announced, and in both logs."""
    lukretia = cluster.nodes["lukretia"]
    lukretia.process.send_signal(signal.SIGSTOP)
    cluster.until(lambda: cluster.web("genesis")["states"]["genesis"] == "UP", "genesis has it")
    lukretia.process.send_signal(signal.SIGCONT)
    cluster.until_up("lukretia")
    cluster.until(lambda: not cluster.nodes["genesis"].serves(), "and genesis has let go")
    cluster.until(lambda: cluster.audit("verify").code == 0, "the log is sound")
    assert "web: genesis and lukretia from " in cluster.audit("splits").out


@pytest.mark.parametrize("how", ["exit 1", "sleep 60"], ids=["fails", "hangs"])
def test_a_stop_whose_down_does_not_end_well_says_so_before_the_end(make, how):
    """It exited in the step in which it became stuck: no peer knew, and the other started beside what was still up."""
    cluster = make(timeout="1s").start()
    cluster.until_up("lukretia")
    lukretia, genesis = cluster.nodes["lukretia"], cluster.nodes["genesis"]
    lukretia.plant("stop", how)
    assert lukretia.process is not None
    lukretia.process.terminate()
    lukretia.process.send_signal(signal.SIGTERM)
    assert lukretia.ended() == 1
    assert "web is stuck here and stays up" in lukretia.said()
    assert cluster.web("genesis")["stuck"] == ["lukretia"], "it was told before the end"
    cluster.until(lambda: cluster.status("genesis")["nodes"]["lukretia"]["liveness"] == "dead", "lukretia is dead")
    assert not genesis.serves()
    assert cluster.failc("fail", "web", "lukretia", "--reason", "it is down there", at="genesis").code == 0
    cluster.until_up("genesis", at=["genesis"])
    assert cluster.audit("verify").code == 0


def test_a_stuck_service_that_the_guard_takes_down_at_last_is_taken_over(cluster):
    """The stop's own try failed; the guard's, after the end, does not: its last word ends the holding."""
    lukretia = cluster.nodes["lukretia"]
    lukretia.plant("stop", 'rm "$here/stop"; exit 1')
    assert lukretia.stop() == 1
    cluster.until_up("genesis", at=["genesis"])
    assert not lukretia.serves()
    assert cluster.audit("verify").code == 0


@pytest.mark.parametrize("trouble", ["log", "guard"])
def test_a_start_that_fails_leaves_nothing_up_that_an_earlier_run_held(cluster, tmp_path, trouble):
    """Both faild and its guard were killed, and the next start cannot: its log is unsound, or no guard can be had."""
    lukretia = cluster.nodes["lukretia"]
    os.kill(lukretia.guard(), signal.SIGSTOP)
    guard = lukretia.guard()
    lukretia.kill()
    os.kill(guard, signal.SIGKILL)
    cluster.until_up("genesis", at=["genesis"])
    assert lukretia.serves(), "it has not been taken down"
    if trouble == "log":
        for path in lukretia.state.glob("log.db-*"):
            path.unlink()
        (lukretia.state / "log.db").write_bytes(b"no log at all " * 1000)
    else:
        (tmp_path / "sitecustomize.py").write_text(NO_GUARD)
        lukretia.before = ("env", f"PYTHONPATH={tmp_path}")
    lukretia.start()
    assert lukretia.ended() == 3
    assert not lukretia.serves(), lukretia.said()
    assert cluster.nodes["genesis"].serves()
