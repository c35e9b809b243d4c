"""A `faild` with fence tables: what it reads at its start, and what it says of a device that would not do."""

from tests.actions.fence_agents import agent, calls


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
