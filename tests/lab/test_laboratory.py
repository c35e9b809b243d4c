"""The laboratory itself, without any daemon: its accidents are what they say, and its instruments see what is so."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.lab import outage
from tools.lab.lab import Lab
from tools.lab.place import LabError

SLEEPER = ["sh", "-c", "sleep 300 & sleep 300 & wait"]


@pytest.fixture
def bare(make_lab) -> Lab:
    return make_lab("lukretia", "genesis", "delphi")


def hold(lab: Lab, name: str) -> None:
    """Give the node the service addresses by hand: here the instruments are tested, and no daemon runs."""
    lab.nodes[name].running.ip("addr add 10.77.0.100/24 dev eth0", "addr add fd77::100/64 dev eth0 nodad")


def hears(lab: Lab, one: str, other: str, link: str = "lan") -> bool:
    source, target = lab.nodes[one].running, lab.nodes[other].port(link)
    return source.order(do="run", argv=[sys.executable, "-ISc", ECHO, target.v4, target.v6])["code"] == 0


ECHO = """
import socket, sys, struct
for family, address in ((2, sys.argv[1]), (10, sys.argv[2])):
    kind, request, reply = (1, 8, 0) if family == 2 else (58, 128, 129)
    s = socket.socket(family, socket.SOCK_RAW, kind)
    s.settimeout(0.4)
    s.connect((address, 0))
    s.send(struct.pack("!BBHHH", request, 0, 0xFFFF - (request << 8) if family == 2 else 0, 0, 0))
    while True:
        data = s.recv(100)
        if (data[20] if family == 2 else data[0]) == reply:
            break
"""


def test_nodes_hear_each_other_on_both_links_and_both_families(bare):
    assert hears(bare, "lukretia", "genesis", "lan")
    assert hears(bare, "genesis", "delphi", "direct")


def test_a_cut_keeps_the_carrier_and_stops_one_link_only(bare):
    bare.cut("lukretia", "lan")
    assert not hears(bare, "lukretia", "genesis", "lan")
    assert hears(bare, "lukretia", "genesis", "direct")
    assert bare.nodes["lukretia"].running.read("/sys/class/net/eth0/carrier").strip() == "1"
    bare.heal("lukretia", "lan")
    bare.wait_until(lambda: hears(bare, "lukretia", "genesis", "lan"), "it hears again")


def test_an_unplugged_cable_takes_the_carrier_away(bare):
    place = bare.nodes["lukretia"].running
    bare.unplug("lukretia", "lan")
    assert place.read("/sys/class/net/eth0/carrier").strip() == "0"
    assert place.read("/sys/class/net/eth1/carrier").strip() == "1"
    bare.plug("lukretia", "lan")
    bare.wait_until(lambda: hears(bare, "lukretia", "genesis", "lan"), "the cable works again")


def test_a_one_way_cut_leaves_third_nodes_alone(packet_filter, bare):
    bare.cut_one_way("lukretia", "genesis", "lan")
    assert not hears(bare, "lukretia", "genesis", "lan")
    assert hears(bare, "lukretia", "delphi", "lan")
    bare.heal_one_way("lukretia", "genesis", "lan")
    bare.wait_until(lambda: hears(bare, "lukretia", "genesis", "lan"), "it hears again")


def test_power_loss_silences_the_node_first_and_then_kills_all_of_it(bare, tmp_path):
    node = bare.nodes["genesis"]
    node.running.start(SLEEPER, tmp_path / "sleeper.log")
    inside = node.running.pid
    loss = bare.power_off("genesis")
    assert loss.began_ns < loss.ports_down_ns < loss.dead_ns <= loss.gone_ns
    assert not Path(f"/proc/{inside}").exists()
    with pytest.raises(LabError, match="no power"):
        _ = node.running
    bare.power_on("genesis")
    bare.wait_until(lambda: hears(bare, "lukretia", "genesis"), "it is back")


def test_prober_and_bystander_see_who_answers(bare):
    bare.prober.start()
    bare.asker.start()
    hold(bare, "lukretia")
    lukretia, delphi = bare.nodes["lukretia"].mac, bare.nodes["delphi"].mac
    for family in (4, 6):
        bare.wait_until(lambda f=family: outage.first_answer(bare.prober.answers(), f, lukretia, 0), f"IPv{family} answers")
    began = time.monotonic_ns()
    hold(bare, "delphi")
    for family in (4, 6):
        bare.wait_until(lambda f=family: outage.first_answer(bare.asker.answers(), f, delphi, 0), "a second owner")
        seen = bare.asker.answers()
        assert outage.two_owners_ms(seen, family, 0, began, bare.asker.every_ms) == 0
        assert outage.two_owners_ms(seen, family, began, time.monotonic_ns(), bare.asker.every_ms) > 0


def test_loss_drops_some_questions_and_not_all(packet_filter, bare):
    bare.prober.start()
    hold(bare, "lukretia")
    bare.lose(20)
    mac, began = bare.nodes["lukretia"].mac, time.monotonic_ns()

    def some_but_not_all() -> bool:
        found = [answer for answer in bare.prober.answers() if answer.family == 4 and answer.asked_ns > began]
        asked = (time.monotonic_ns() - began) / 1e6 / bare.prober.every_ms
        return len(found) > 20 and {answer.mac for answer in found} == {mac} and len(found) < asked * 0.8

    bare.wait_until(some_but_not_all, "a part of the questions is answered")


def test_a_dead_prober_is_no_silence(bare):
    bare.prober.start()
    bare.client.signal(-1, 9)
    with pytest.raises(LabError, match="does not run"):
        bare.wait_until(lambda: bare.prober.answers() and False, "never", 2)


def test_sixteen_nodes(make_lab):
    lab = make_lab(*(f"n{n}" for n in range(1, 15)), witnesses=["w1", "w2"])
    assert hears(lab, "n1", "w2", "lan")
    assert hears(lab, "n14", "n2", "direct")


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 2)"])
def test_nothing_stays_behind_however_the_program_ends(namespaces, tmp_path, end):
    """Also when it had no time to clean up: agents end when their socket closes, and everything ends with them."""
    program = f"""
import os, sys
from pathlib import Path
from tools.lab.lab import Lab
with Lab(("lukretia",), folder=Path({str(tmp_path)!r})) as lab:
    place = lab.nodes["lukretia"].running
    place.start({SLEEPER!r}, Path({str(tmp_path / "log")!r}))
    print(place.pid, lab.client.pid, lab.switches["lan"].place.pid, flush=True)
    {end}
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, timeout=60
    )
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 3, done.stderr
    until = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < until, "a process of the laboratory is still there"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_an_ordinary_user_can_build_one(namespaces, tmp_path_factory):
    """Through a user namespace, as `nobody`: with a Python that he may read."""
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user ourselves: all the other tests show it")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that an ordinary user may run")
    program = "from tools.lab.lab import Lab\nwith Lab(('lukretia', 'genesis')) as lab: print(lab.switches['direct'].states())"
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([*nobody, f"PYTHONPATH={root}", python, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "'p-lukretia': 'up'" in done.stdout
