"""A `faild` with fence tables: what it reads at its start, and what it says of a device that would not do."""

from tests.actions.fence_agents import OFF, ON, agent, calls


def fenced(cluster, device, node="genesis", more=""):
    """The file says that this device switches the node off."""
    with cluster.config.open("a") as file:
        file.write(f'\n[[nodes.{node}.fence]]\nagent = "{device.program}"\noptions = {{ plug = 1{more} }}\ntimeout = "5s"\n')


def fence_of(cluster, node, at):
    return cluster.status(at)["nodes"][node]["fence"]


def test_a_broken_device_is_an_alarm_with_the_agents_last_words_and_stands_in_the_status(make):
    cluster = make()
    refuses = "echo 'Unable to connect' >&2; exit 3"
    fenced(cluster, agent(cluster.folder, "fence_one", monitor=refuses, status=refuses))
    cluster.start()
    cluster.until(lambda: any(alarm["name"] == "fence-broken" for alarm in cluster.alarms("lukretia")), "the alarm")
    (alarm,) = [alarm for alarm in cluster.alarms("lukretia") if alarm["name"] == "fence-broken"]
    words = "level 1 (fence_one): exit 3, the device refuses the login: Unable to connect"
    assert (alarm["node"], alarm["text"]) == ("genesis", f"genesis could not be fenced from lukretia: {words}")
    said = fence_of(cluster, "genesis", "lukretia")
    assert (said["ok"], said["text"], said["asked"][-1]) == (False, words, "Z")
    assert fence_of(cluster, "lukretia", "lukretia") is None
    assert fence_of(cluster, "lukretia", "genesis") is None
    assert "fence-broken" not in {alarm["name"] for alarm in cluster.alarms("genesis")}, "a node asks no device of its own"


def test_a_device_that_would_do_is_no_alarm_and_no_secret_leaves_its_file(make):
    cluster = make()
    secret = cluster.config.parent / "genesis.pw"
    secret.write_text("swordfish\n")
    secret.chmod(0o600)
    fenced(cluster, agent(cluster.folder, "fence_one"), more=', password_file = "genesis.pw"')
    cluster.start()
    cluster.until(lambda: fence_of(cluster, "genesis", "lukretia")["ok"], "it is asked")
    assert set(calls(cluster.folder)) == {"fence_one monitor"}
    assert "password=swordfish" in (cluster.folder / "given.fence_one.monitor").read_text()
    assert [alarm for alarm in cluster.alarms("lukretia") if alarm["name"] == "fence-broken"] == []
    logs = b"".join(path.read_bytes() for path in cluster.nodes["lukretia"].own_state.glob("log.db*"))
    assert b"genesis.pw" in logs, "the file stands in the log"
    assert b"swordfish" not in logs


def plug(cluster, node):
    """A device that switches a node off: an agent that kills the node's faild and its guard together."""
    processes = cluster.folder / f"{node}.processes"
    off = f"kill -9 $(cat {processes}); rm -f {processes}"
    device = agent(cluster.folder, "fence_plug", off=off, status=f"if [ -e {processes} ]; then {ON}; else {OFF}; fi")
    return device, processes


def plugged_in(cluster, node, processes):
    made = cluster.nodes[node]
    processes.write_text(f"{made.process.pid} {made.guard()}")


def test_an_operator_has_a_node_switched_off_and_what_it_held_is_taken_over(make):
    cluster = make()
    device, processes = plug(cluster, "lukretia")
    fenced(cluster, device, "lukretia")
    cluster.start()
    cluster.until_up("lukretia")
    plugged_in(cluster, "lukretia", processes)
    done = cluster.failc("fence", "lukretia", "--reason", "it hangs, and takes no login", at="genesis")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("lukretia: lukretia is off: level 1 (fence_plug)")
    assert "fence_plug off" in calls(cluster.folder)
    cluster.until_up("genesis")
    told = cluster.audit("timeline", at=["genesis"]).out
    assert 'afm orders `fence lukretia` because "it hangs, and takes no login"; genesis took the command' in told
    assert "genesis begins to switch lukretia off: an operator ordered it" in told
    assert "genesis has switched lukretia off: lukretia is off: level 1 (fence_plug)" in told
    assert told.index("begins to switch") < told.index("has switched") < told.index("genesis claims web")
    assert cluster.audit("verify", at=["genesis"]).code == 0


def test_a_device_that_says_on_is_no_success_and_nothing_is_over(make):
    cluster = make()
    fenced(cluster, agent(cluster.folder, "fence_one", status=ON), "lukretia")
    cluster.start()
    cluster.until_up("lukretia")
    done = cluster.failc("fence", "lukretia", "--reason", "it hangs", "--json", at="genesis")
    assert (done.code, done.json["ok"]) == (1, False)
    assert done.json["outcome"] == "lukretia could not be fenced: level 1: fence_one: status: its power is on"
    assert cluster.web("genesis")["owner"] == "lukretia"
    again = cluster.failc("fence", "genesis", "--reason", "it hangs", at="genesis")
    assert (again.code, "refused: the configuration has no [[nodes.genesis.fence]]" in again.err) == (1, True)
