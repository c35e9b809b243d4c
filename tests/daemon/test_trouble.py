"""Scripts that hang, fail, print megabytes and leave children; checks that fail; nodes that cannot take what they are given."""

import errno
import os
import socket
import time
from contextlib import ExitStack

import pytest

CHECK = '[[services.web.checks]]\nexec = ["{path}"]\nevery = "200ms"\ntimeout = "500ms"\nfall = 2\nrise = 1'


def test_a_start_that_fails_moves_on_with_the_scripts_own_words(make):
    cluster = make()
    cluster.nodes["lukretia"].plant("start", "echo 'no licence for this host' >&2; exit 7")
    cluster.start()
    cluster.until_up("genesis")
    cluster.until(lambda: "stop 1" in cluster.nodes["lukretia"].told(), "what failed is undone")
    timeline = cluster.audit("timeline").out
    assert "exit 7: no licence for this host" in timeline
    assert cluster.audit("verify").code == 0


def test_a_service_that_can_run_nowhere_says_why(make):
    """Both nodes in FAIL; an operator who looks at either finds a sentence with the script's words, and the word that ends
    it."""
    cluster = make(more="restarts = 0")
    for node in cluster.nodes.values():
        node.plant("start", "echo 'the licence server is away'; exit 1")
    cluster.start()
    cluster.until(lambda: set(cluster.web("genesis")["states"].values()) == {"FAIL"}, "FAIL everywhere")
    status = cluster.failc("status", at="genesis").out
    assert "no node" in status
    assert "the licence server is away" in status
    for node in cluster.nodes.values():
        node.uproot("start")
    assert cluster.failc("recover", "web").code == 0
    cluster.until(lambda: cluster.web("genesis")["owner"], "a node has it")


def test_a_script_that_hangs_is_ended_with_its_children_and_the_next_node_tries(make):
    cluster = make(timeout="1s")
    marker = cluster.folder / "children"
    cluster.nodes["lukretia"].plant("start", f"(echo $$ >> {marker}; exec sleep 1000) & sleep 1000 & echo $! >> {marker}; wait")
    cluster.start()
    cluster.until_up("genesis")
    left = [int(line) for line in marker.read_text().split()]
    cluster.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), "its children are ended")
    assert cluster.audit("verify").code == 0


@pytest.mark.parametrize("how", ["fail", "stop"])
def test_who_lets_go_does_not_wait_for_a_start_that_hangs(make, how):
    """A database may take minutes to start; the operator who says fail, or stops the node, means now."""
    cluster = make(timeout="600s")
    marker = cluster.folder / "begun"
    cluster.nodes["lukretia"].plant("start", f"touch {marker}; sleep 1000")
    cluster.start()
    cluster.until(marker.exists, "the start hangs")
    if how == "fail":
        assert cluster.failc("fail", "web", "--reason", "not now").code == 0
    else:
        assert cluster.nodes["lukretia"].stop() == 0
    cluster.until_up("genesis", at=["genesis"])
    assert "stop 1" in cluster.nodes["lukretia"].told()
    assert cluster.audit("verify").code == 0


def test_megabytes_of_output_harm_nothing(make):
    cluster = make(timeout="20s")
    cluster.nodes["lukretia"].plant("start", "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; echo the last line")
    cluster.start()
    cluster.until_up("lukretia")
    assert cluster.audit("verify").code == 0
    assert max(len(line) for line in cluster.audit("timeline").out.splitlines()) < 2000


def test_output_that_is_no_text_is_shown_and_is_no_escape_sequence(make):
    """A terminal is not repainted by what a script prints, neither in status nor in the log."""
    cluster = make()
    for node in cluster.nodes.values():
        node.plant("start", "printf '\\033[2J\\377evil\\a\\n'; exit 1")
    cluster.start()
    cluster.until(lambda: "FAIL" in cluster.web("genesis")["states"].values(), "it fails")
    seen = cluster.failc("status").out + cluster.audit("timeline").out + cluster.nodes["lukretia"].said()
    assert "evil" in seen
    assert "\x1b" not in seen
    assert "\a" not in seen


def test_a_stop_that_fails_is_stuck_and_an_operators_word_frees_it(cluster):
    lukretia = cluster.nodes["lukretia"]
    lukretia.plant("stop", "echo 'device busy'; exit 1")
    done = cluster.failc("move", "web", "genesis")
    assert done.code == 1
    assert "stuck on lukretia: a down action failed" in done.out, "the move says why it does not come about"
    cluster.until(lambda: cluster.web("genesis")["stuck"] == ["lukretia"], "genesis has heard of it")
    assert not cluster.nodes["genesis"].serves(), "no node takes over what may still be up"
    status = cluster.failc("status", at="genesis").out
    assert "failc fail web lukretia" in status, "the way out stands there"
    done = cluster.failc("fail", "web", "lukretia", "--reason", "looked at it myself: it is down", at="genesis")
    cluster.until(lambda: cluster.nodes["genesis"].serves(), "genesis has it")
    assert "looked at it myself" in cluster.audit("timeline").out
    assert done.code == 0, done


def test_a_move_to_a_dead_node_and_to_one_that_fails(cluster):
    cluster.nodes["genesis"].plant("start", "exit 1")
    done = cluster.failc("move", "web", "genesis")
    assert done.code == 1
    assert "FAIL on genesis" in done.err + done.out
    cluster.until_up("lukretia")
    cluster.nodes["genesis"].kill()
    cluster.until(lambda: cluster.status("lukretia")["nodes"]["genesis"]["liveness"] == "dead", "genesis is dead")
    done = cluster.failc("move", "web", "genesis")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "genesis cannot take web now: " in done.err
    assert cluster.nodes["lukretia"].serves()


def test_nothing_happens_while_it_is_held(cluster):
    """`hold`, and then the owner crashes: no node takes it, status says that it is held, and unhold lets it go on."""
    assert cluster.failc("hold", "web", "--reason", "changing the switch").code == 0
    cluster.until(lambda: cluster.web("genesis")["held"], "genesis knows of it")
    cluster.nodes["lukretia"].kill()
    cluster.until(lambda: cluster.status("genesis")["nodes"]["lukretia"]["liveness"] == "dead", "lukretia is dead")
    status = cluster.failc("status", at="genesis").out
    assert "HELD" in status
    assert "unhold" in status, "the way out stands there"
    assert not cluster.nodes["genesis"].serves()
    assert cluster.failc("unhold", "web", at="genesis").code == 0
    cluster.until_up("genesis")
    assert cluster.audit("verify").code == 0


@pytest.mark.parametrize("restarts", [0, 2])
def test_a_check_that_fails_restarts_in_place_as_often_as_configured_and_then_moves(make, restarts):
    cluster = make(more=f"restarts = {restarts}", checks=CHECK.format(path="/bin/true"))
    check = cluster.folder / "check"
    check.write_text(f"#!/bin/sh\n[ ! -e {cluster.folder}/sick ]\n")
    check.chmod(0o755)
    cluster.config.write_text(cluster.config.read_text().replace("/bin/true", str(check)))
    cluster.start()
    cluster.until_up("lukretia")
    (cluster.folder / "sick").touch()
    cluster.until(lambda: "FAIL" in cluster.web("genesis")["states"]["lukretia"], "lukretia gives up")
    (cluster.folder / "sick").unlink()
    told = [word.split()[0] for word in cluster.nodes["lukretia"].told()]
    assert told.count("start") == 1 + restarts
    cluster.until(lambda: cluster.nodes["genesis"].serves() or cluster.nodes["lukretia"].serves(), "it is up again")
    assert cluster.audit("verify").code == 0


def test_many_commands_at_once_leave_one_owner_and_a_lawful_log(cluster):
    from concurrent.futures import ThreadPoolExecutor

    words = [("move", "web", "genesis"), ("move", "web", "lukretia"), ("hold", "web"), ("unhold", "web"), ("reclaim", "web"),
             ("fail", "web", "--reason", "x"), ("recover", "web")] * 3  # fmt: skip
    with ThreadPoolExecutor(6) as pool:
        asked = [
            pool.submit(cluster.failc, *order, "--no-wait", at=cluster.names[number % 2]) for number, order in enumerate(words)
        ]
        done = [future.result() for future in asked]
    assert {one.code for one in done} <= {0, 1}
    assert all(one.err.count("\n") <= 1 for one in done), [one.err for one in done]
    for word in ("unhold", "recover"):
        cluster.failc(word, "web", "--no-wait")
    for name in cluster.names:
        cluster.failc("recover", "web", name, "--no-wait", at=name)

    def settled():
        webs = [cluster.web(name) for name in cluster.names]
        return all(len(web["owners"]) == 1 and web["owners"] == webs[0]["owners"] for web in webs) and (
            sum(node.serves() for node in cluster.nodes.values()) == 1
        )

    cluster.until(settled, "one owner")
    cluster.until(lambda: cluster.audit("verify").code == 0, "lawful")


def test_connections_that_ask_nothing_take_no_descriptors_from_the_service(make):
    """More of them than faild may have files open: checks and scripts can be started all the same."""
    cluster = make(checks=CHECK.format(path="/bin/true"))
    lukretia = cluster.nodes["lukretia"]
    lukretia.before = ("prlimit", "--nofile=100:400", "--")
    cluster.start()
    cluster.until_up("lukretia")
    with ExitStack() as stack:
        for _ in range(600):
            silent = stack.enter_context(socket.socket(socket.AF_UNIX))
            silent.settimeout(1)
            while silent.connect_ex(str(lukretia.state / "control.sock")) == errno.EAGAIN:
                time.sleep(0.01)  # the queue at the door is full
        assert cluster.failc("move", "web", "genesis").code == 0
        assert cluster.failc("move", "web", "lukretia").code == 0
        cluster.until_up("lukretia")
    assert "FAIL" not in cluster.audit("timeline").out
    assert "cannot be run" not in cluster.audit("timeline").out


def test_configurations_that_differ_are_shown_and_stop_failback(make):
    cluster = make()
    cluster.start()
    cluster.until_up("lukretia")
    cluster.nodes["lukretia"].stop()
    cluster.until_up("genesis")
    cluster.config.write_text(cluster.config.read_text().replace('retry = "2s"', 'retry = "3s"'))
    cluster.start("lukretia")
    cluster.until(lambda: not cluster.status("genesis")["nodes"]["lukretia"]["agrees"], "genesis sees it")
    for name in cluster.names:
        assert "other configuration" in cluster.failc("status", at=name).out
    cluster.until(
        lambda: "configuration" in cluster.web("lukretia")["reason"] + str(cluster.status("lukretia")["alarms"]), "it is said"
    )
    began = time.monotonic()
    while time.monotonic() < began + 1:  # ten heartbeats: a failback would have come with the first
        assert cluster.nodes["genesis"].serves()
        assert not cluster.nodes["lukretia"].serves()
        time.sleep(0.1)
    cluster.nodes["genesis"].stop()
    cluster.start("genesis")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "the history is sound under both files")
