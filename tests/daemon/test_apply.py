"""A changed file under a running cluster: `failc config apply` and SIGHUP swap it or change nothing, and the log says which."""

import json
import re
import signal
import socket
import sqlite3

import pytest

from protocol.event import Entry
from protocol.sshkey import write_private
from tests.daemon.cluster import run

ROLES = """
[operators.otto]
key = "{otto}"
role = "operate"
services = ["web"]
"""

OTHER = """\
#!/bin/sh
here={folder}/$FAILOVER_NODE.web
mkdir -p "$here"
echo "other $1 $FAILOVER_EPOCH" >> "$here/told"
case $1 in
start)  : > "$here/up" ;;
stop)   rm -f "$here/up" ;;
status) [ -e "$here/up" ] || exit 3 ;;
esac
"""


def own_files(cluster):
    """Each node with a file of its own, so that they can differ; the secrets stay where they are."""
    for node in cluster.nodes.values():
        node.config = cluster.folder / "demo" / f"{node.name}.toml"
        node.config.write_text(cluster.config.read_text())
    return cluster


@pytest.fixture
def pair(make):
    """lukretia serves; each node has its own file."""
    cluster = own_files(make()).start()
    cluster.until_up("lukretia")
    return cluster


def edit(cluster, *names, old, new):
    for name in names:
        path = cluster.nodes[name].config
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def apply(cluster, at, *words):
    return cluster.failc("config", "apply", *words, at=at)


def hang_up(cluster, name, said):
    """SIGHUP, until faild has said in its log what became of it."""
    node = cluster.nodes[name]
    before = len(node.said())
    node.process.send_signal(signal.SIGHUP)
    cluster.until(lambda: said in node.said()[before:], f"{name} says {said!r}")
    return node.said()[before:]


def events(cluster, name, kind):
    """Durable events of one node's own feed, in order."""
    with sqlite3.connect(f"file:{cluster.nodes[name].own_state}/log.db?mode=ro", uri=True) as log:
        asked = "select bytes, signature from events where node = ? order by incarnation, number"
        rows = log.execute(asked, (name,)).fetchall()
    return [entry.event for row in rows if (entry := Entry.read(*row)).event.kind == kind]


def all_up(cluster, name):
    return all(link["up"] for link in cluster.socket(name).get("/links")["links"])


def config_of(cluster, name):
    return cluster.status(name)["config"]


def test_applied_on_each_node_with_what_has_changed(pair):
    """Until both run the same, each says so among its alarms."""
    edit(pair, "lukretia", "genesis", old='retry = "2s"', new='retry = "3s"\nfailback = "10m"')
    done = apply(pair, "genesis", "--reason", "slower")
    assert (done.code, done.err) == (0, "")
    assert "genesis: configuration 2 (" in done.out
    assert "  services.web.retry: 2s -> 3s" in done.out
    pair.until(lambda: "runs another configuration" in str(pair.status("lukretia")["alarms"]), "an alarm")
    done = apply(pair, "lukretia", "--json")
    assert (done.code, done.json["ok"], len(done.json["changes"])) == (0, True, 2)
    pair.until(lambda: not [alarm for name in pair.names for alarm in pair.alarms(name)], "no alarm is left")
    assert config_of(pair, "lukretia") == config_of(pair, "genesis")
    command = events(pair, "genesis", "command")[-1]
    applied = events(pair, "genesis", "config-applied")[-1]
    assert applied.causes == (command.ref,)
    assert applied.body["text"] == pair.nodes["genesis"].config.read_text()
    pair.config.write_text(applied.body["text"])
    assert pair.audit("verify").code == 0
    assert 'afm orders `config apply genesis` because "slower"' in pair.audit("timeline", "--kind", "command").out


def test_unchanged_is_no_event(pair):
    before = len(events(pair, "lukretia", "config-applied"))
    done = apply(pair, "lukretia")
    assert (done.code, done.err) == (0, "")
    assert "is what this node runs already" in done.out
    assert "the configuration was read again: " in hang_up(pair, "lukretia", "is what this node runs already")
    assert len(events(pair, "lukretia", "config-applied")) == before
    assert not events(pair, "lukretia", "command")


BAD = [
    ('heartbeat = "100ms"', "heartbeat = 100", '100 has no unit. Write "100ms"'),
    ('cluster = "demo"', 'cluster = "demo', "not TOML"),
    ('cluster = "demo"', 'cluster = "other"', "makes another cluster"),
    ("[nodes.lukretia]", "[nodes.lucretia]", "no node 'lukretia' in it"),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD, ids=[new for _, new, _ in BAD])
def test_a_bad_file_changes_nothing(pair, old, new, said):
    """Exit 2, the place and what to write; the node goes on as before, and the log has no word of it."""
    config, path = config_of(pair, "lukretia"), pair.nodes["lukretia"].config
    sound = path.read_text()
    path.write_text(sound.replace(old, new).replace('"lukretia"', '"lucretia"' if "lucretia" in new else '"lukretia"'))
    done = apply(pair, "lukretia")
    assert (done.code, done.out) == (2, "")
    assert re.search(rf"{re.escape(str(path))}:\d+:\d+: ", done.err)
    assert said in done.err
    assert "Traceback" not in done.err
    text = hang_up(pair, "lukretia", "nothing has changed")
    assert said in text
    assert config_of(pair, "lukretia") == config
    assert pair.web("genesis")["owner"] == "lukretia"
    assert not events(pair, "lukretia", "command")
    path.unlink()
    done = apply(pair, "lukretia")
    assert (done.code, done.err.count("\n")) == (2, 1), "what cannot be read cannot be signed"
    assert "cannot be read" in done.err
    path.write_text(sound)
    assert apply(pair, "lukretia").code == 0


def test_what_this_node_needs_and_has_not_changes_nothing(pair):
    """A file with an interface and a script that only other machines have: each is named, and lukretia serves on."""
    path, config = pair.nodes["lukretia"].config, config_of(pair, "lukretia")
    sound = path.read_text()
    more = '[[services.web.actions]]\naddress = "10.77.0.100/24"\ninterface = "eth99"\n'
    path.write_text(sound + more + '[[services.web.actions]]\nscript = "/etc/failover/none"\n')
    last = path.read_text().count("\n")
    for said in (apply(pair, "lukretia").err, hang_up(pair, "lukretia", "nothing has changed")):
        assert f"{path}:{last - 2}:1: services.web.actions[1].interface: there is no interface eth99." in said
        assert f"{path}:{last}:1: services.web.actions[2].script: there is no /etc/failover/none." in said
    assert apply(pair, "lukretia").code == 2
    assert config_of(pair, "lukretia") == config
    assert pair.web("genesis")["owner"] == "lukretia"
    assert pair.nodes["lukretia"].told()[-1].startswith("up ")
    path.write_text(sound)
    assert apply(pair, "lukretia").code == 0


def test_another_key_is_refused(pair):
    """This node's own, and that of a peer: its history is proved by the one that it has."""
    nodes = ("--node", "a=lan:127.9.9.1", "--node", "b=lan:127.9.9.2")
    other = run("failc", "init", pair.folder / "spare", "--cluster", "x", *nodes)
    assert other.code == 0
    spare = re.search(r'ed25519:[^"]+', (pair.folder / "spare" / "failover.toml").read_text()).group()
    for name, said in [("lukretia", "is not the public key of"), ("genesis", "the history of genesis is proved by")]:
        path = pair.nodes["lukretia"].config
        text = path.read_text()
        key = re.search(rf'\[nodes.{name}\]\nkey\s*= "([^"]+)"', text).group(1)
        path.write_text(text.replace(key, spare))
        done = apply(pair, "lukretia")
        assert done.code == 2
        assert said in done.err
        path.write_text(text)


def test_only_an_admin_may_and_the_refused_is_not_in_the_log(make):
    cluster = own_files(make())
    otto = write_private(cluster.folder / "otto", "otto")
    for node in cluster.nodes.values():
        node.config.write_text(node.config.read_text() + ROLES.format(otto=otto))
    cluster.start()
    cluster.until_up("lukretia")
    edit(cluster, "lukretia", old='retry = "2s"', new='retry = "3s"')
    done = apply(cluster, "lukretia", "--identity", cluster.folder / "otto")
    assert (done.code, done.out) == (4, "")
    assert "otto may operate web, not apply the configuration" in done.err
    assert not events(cluster, "lukretia", "command")
    assert run("failc", "config", "apply", "--state", cluster.folder / "nowhere").code == 3


def test_keys_and_roles_change_with_the_file(make):
    """One operator is let in and one out; a node that has not read the newest file obeys only those whom both files let in."""
    cluster = own_files(make())
    otto = write_private(cluster.folder / "otto", "otto")
    cluster.start()
    cluster.until_up("lukretia")
    assert cluster.failc("--identity", cluster.folder / "otto", "hold", "web").code == 4
    for name in cluster.names:
        path = cluster.nodes[name].config
        path.write_text(path.read_text() + ROLES.format(otto=otto))
        assert apply(cluster, name).code == 0
    assert cluster.failc("--identity", cluster.folder / "otto", "hold", "web").code == 0
    assert cluster.failc("--identity", cluster.folder / "otto", "unhold", "web").code == 0
    edit(cluster, "lukretia", old=ROLES.format(otto=otto), new="")
    assert apply(cluster, "lukretia").code == 0
    cluster.until(lambda: cluster.alarms("genesis"), "genesis knows that lukretia runs another file")
    for name in cluster.names:
        assert cluster.failc("--identity", cluster.folder / "otto", "hold", "web", at=name).code == 4
    cluster.config.write_text(cluster.nodes["lukretia"].config.read_text())
    assert cluster.audit("verify").code == 0, "what he ordered was lawful when he ordered it"


def test_other_actions_go_up_after_the_old_ones_went_down(pair):
    """Same owner, same epoch; the guard takes the new ones down where faild is killed."""
    other = pair.folder / "other"
    other.write_text(OTHER.format(folder=pair.folder))
    other.chmod(0o755)
    edit(pair, "lukretia", "genesis", old=f'script  = "{pair.folder}/web"', new=f'script  = "{other}"')
    lukretia = pair.nodes["lukretia"]
    done = apply(pair, "lukretia")
    assert done.code == 0
    assert "services.web.actions: configured anew" in done.out
    pair.until(lambda: "other start 1" in lukretia.told(), "the new one is told")
    pair.until_up("lukretia")
    orders = [line for line in lukretia.told() if line.split()[-2] in ("start", "stop")]
    assert orders == ["start 1", "stop 1", "other start 1"]
    assert pair.web("genesis")["owners"] == ["lukretia"]
    assert apply(pair, "genesis").code == 0
    lukretia.kill()
    pair.until_up("genesis", at=["genesis"])
    assert lukretia.told()[-1] == "other stop 1"
    assert "other start 2" in pair.nodes["genesis"].told()
    assert not lukretia.serves()
    pair.config.write_text(lukretia.config.read_text())
    assert pair.audit("verify").code == 0


def test_a_removed_service_is_released_with_its_old_actions(pair):
    text = pair.config.read_text()
    edit(pair, "genesis", "lukretia", old=text[text.rindex("[services.web]") :], new="")
    assert "services.web: removed" in apply(pair, "genesis").out
    assert pair.web("lukretia")["owner"] == "lukretia", "by its own file it is still a candidate"
    assert apply(pair, "lukretia").code == 0
    pair.until(lambda: not pair.nodes["lukretia"].serves(), "it is down")
    pair.until(lambda: events(pair, "lukretia", "down"), "the log says so")
    assert events(pair, "lukretia", "release")[-1].body["rule"] == "withdrawn"
    assert pair.status("lukretia")["services"] == {}
    for name in pair.names:
        pair.nodes[name].config.write_text(pair.config.read_text())
        assert apply(pair, name).code == 0
    pair.until_up("lukretia")
    assert pair.audit("verify").code == 0


def test_two_hang_ups_in_a_row_end_with_the_newest_file(pair):
    node = pair.nodes["lukretia"]
    for retry in ("3s", "4s", "5s"):
        node.config.write_text(re.sub('retry = "[^"]+"', f'retry = "{retry}"', node.config.read_text()))
        node.process.send_signal(signal.SIGHUP)
    newest = node.config.read_text()
    pair.until(lambda: events(pair, "lukretia", "config-applied")[-1].body["text"] == newest, "the newest file is in force")
    assert all(not event.causes for event in events(pair, "lukretia", "config-applied"))
    assert pair.web("lukretia")["owner"] == "lukretia"


def test_a_hang_up_before_the_node_is_ready_waits(make):
    """lukretia alone was killed, and must ask genesis first, which does not run: until then it knows no feed to write into."""
    cluster = own_files(make()).start()
    cluster.until_up("lukretia")
    lukretia = cluster.nodes["lukretia"]
    cluster.nodes["genesis"].kill()
    lukretia.kill()
    before = len(lukretia.said())
    lukretia.start()
    cluster.until(lambda: "lukretia starts" in lukretia.said()[before:], "it has read its file")
    edit(cluster, "lukretia", old='retry = "2s"', new='retry = "3s"')
    lukretia.process.send_signal(signal.SIGHUP)
    cluster.until(lambda: events(cluster, "lukretia", "config-applied")[-1].body["number"] == 2, "it is applied when it can be")
    assert lukretia.lives()
    cluster.until_up("lukretia", at=["lukretia"])


def test_own_links_change_one_after_the_other(make):
    """Every link at once would cut the nodes off from one another until both have applied it: refused. One by one it goes."""
    cluster = own_files(make(links=("lan", "direct"))).start()
    cluster.until_up("lukretia")
    port = cluster.port + 100
    text = cluster.nodes["lukretia"].config.read_text()
    ends = re.search(r"\[nodes.lukretia\][^\[]*links = (\{.*\})", text).group(1)
    host = cluster.addresses["lukretia"]
    lan, direct = (f"{host}:{cluster.port + number}" for number in (0, 1))
    moved = ends.replace(lan, f"{host}:{port}")
    edit(cluster, "lukretia", "genesis", old=ends, new=moved.replace(direct, f"{host}:{port + 1}"))
    done = apply(cluster, "lukretia")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "changes every link to genesis at once" in done.err
    edit(cluster, "lukretia", "genesis", old=moved.replace(direct, f"{host}:{port + 1}"), new=moved)
    for name in ("genesis", "lukretia"):
        assert apply(cluster, name).code == 0
    links = [link for name in cluster.names for link in cluster.socket(name).get("/links")["links"] if link["peer"] != "?"]
    assert len(links) == 4
    cluster.until(lambda: all(all_up(cluster, name) for name in cluster.names), "all links stand")
    assert cluster.web("genesis")["owners"] == ["lukretia"]
    assert len(events(cluster, "genesis", "claim")) == 0


def test_a_port_that_somebody_has_changes_nothing(make):
    cluster = own_files(make(links=("lan", "direct"))).start()
    cluster.until_up("lukretia")
    host, config = cluster.addresses["lukretia"], config_of(cluster, "lukretia")
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        edit(cluster, "lukretia", old=f"{host}:{cluster.port + 1}", new=f"{host}:{taken.getsockname()[1]}")
        done = apply(cluster, "lukretia")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "link direct: cannot listen on" in done.err
    assert config_of(cluster, "lukretia") == config
    cluster.until(lambda: all_up(cluster, "lukretia"), "all links stand")


def test_checks_change_while_up(make):
    """A check that would fail for good is replaced by one that passes, and the other way round."""
    cluster = own_files(make(checks='[[services.web.checks]]\nexec = ["/bin/true"]\nevery = "100ms"\nfall = 2\n')).start()
    cluster.until_up("lukretia")
    edit(cluster, "lukretia", "genesis", old="/bin/true", new="/bin/false")
    assert apply(cluster, "lukretia").code == 0
    cluster.until(lambda: cluster.web("lukretia")["states"]["lukretia"] == "FAIL", "it fails by the new check")
    cluster.until_up("genesis")
    assert "start 1" in cluster.nodes["lukretia"].told()
    edit(cluster, "lukretia", "genesis", old="/bin/false", new="/bin/true")
    assert apply(cluster, "lukretia").code == 0
    cluster.config.write_text(cluster.nodes["lukretia"].config.read_text())
    assert cluster.audit("verify").code == 0


def test_while_files_differ_nobody_fails_back(pair):
    edit(pair, "genesis", old='retry = "2s"', new='retry = "3s"')
    assert apply(pair, "genesis").code == 0
    assert pair.failc("fail", "web", "--reason", "test").code == 0
    pair.until_up("genesis")
    assert pair.failc("recover", "web", "lukretia").code == 0
    assert pair.web("genesis")["owner"] == "genesis"
    edit(pair, "lukretia", old='retry = "2s"', new='retry = "3s"')
    before = len(events(pair, "genesis", "release"))
    assert before == 0
    assert apply(pair, "lukretia").code == 0
    pair.until_up("lukretia")
    assert events(pair, "genesis", "release")[-1].body["rule"] == "failback"


def test_a_node_is_added_and_removed(make):
    """The third is known to both before it starts. It is not removed while it runs; its history is proved afterwards."""
    cluster = make("lukretia", "genesis", "carthage")
    three = cluster.config.read_text()
    two = re.sub(r"\[nodes.carthage\]\nkey.*\nlinks.*\n", "", three).replace(', "carthage"]', "]")
    own_files(cluster)
    for name in ("lukretia", "genesis"):
        cluster.nodes[name].config.write_text(two)
    cluster.start("lukretia", "genesis")
    cluster.until_up("lukretia")
    for name in ("lukretia", "genesis"):
        cluster.nodes[name].config.write_text(three)
        assert "nodes.carthage: added" in apply(cluster, name).out
    cluster.start("carthage")
    assert cluster.failc("move", "web", "carthage").code == 0
    cluster.until_up("carthage")
    for name in ("lukretia", "genesis"):
        cluster.nodes[name].config.write_text(two)
    done = apply(cluster, "lukretia")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "carthage is no longer in it, and its faild runs" in done.err
    assert cluster.nodes["carthage"].stop() == 0
    cluster.until_up("lukretia")
    for name in ("lukretia", "genesis"):
        cluster.until(lambda name=name: apply(cluster, name).code == 0, f"{name} has heard that it stopped")
    assert list(cluster.status("genesis")["nodes"]) == ["lukretia", "genesis"]
    cluster.nodes["genesis"].stop()
    cluster.start("genesis")
    cluster.until_up("lukretia")
    cluster.config.write_text(two)
    done = cluster.audit("verify", "--json", at=["lukretia", "genesis"])
    assert (done.code, done.json["findings"]) == (0, [])
    assert done.json["feeds"]["carthage"]["events"] > 0
    assert json.loads(cluster.audit("who", "web", "--json", at=["lukretia"]).out)["owner"] == "lukretia"


def test_what_only_the_old_actions_brought_up_goes_down_at_a_start_with_another_file(pair):
    """Both faild and its guard were killed, and the file was edited since: nothing else knows of that script."""
    lukretia = pair.nodes["lukretia"]
    assert lukretia.stop() == 0
    (lukretia.web / "up").touch()
    other = pair.folder / "other"
    other.write_text("#!/bin/sh\n[ $1 != status ] || exit 3\n")
    other.chmod(0o755)
    edit(pair, "lukretia", old=f'script  = "{pair.folder}/web"', new=f'script  = "{other}"')
    pair.start("lukretia")
    assert not lukretia.serves()
    assert f"at the start: web: {pair.folder}/web was up at the start, taken down" in lukretia.said()


def test_the_service_manager_is_told(make, monkeypatch):
    """Ready; then reloading with the clock's word, and ready again with what became of the file."""
    cluster = make()
    path = cluster.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        node = cluster.nodes["lukretia"].start()
        assert manager.recv(4096) == b"READY=1"
        good = node.config.read_text()
        node.config.write_text("bad")
        node.process.send_signal(signal.SIGHUP)
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(4096))
        status, ready = manager.recv(4096).decode().split("\n")
        assert ready == "READY=1"
        assert status.startswith(f"STATUS=the file is refused, and nothing has changed: {node.config}:1:")
        node.config.write_text(good.replace('retry = "2s"', 'retry = "3s"'))
        node.process.send_signal(signal.SIGHUP)
        assert manager.recv(4096).startswith(b"RELOADING=1\n")
        assert re.fullmatch(rb"STATUS=configuration 2 \([0-9a-f]{12}\) is in force\nREADY=1", manager.recv(4096))
    cluster.until(lambda: "nothing has changed" in node.said(), "it has said what is wrong")
