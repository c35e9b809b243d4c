"""A bad file is refused by `failc config check`, `faild --check` and a start alike: exit 2, with the line and what to write."""

import os
import socket
import subprocess
import sys

import pytest

from tests.daemon.cluster import run

BENT = [
    # what stands there                 what is written instead                 line of, what, and what instead
    ('heartbeat = "100ms"', 'hartbeat = "100ms"', 'unknown key "hartbeat". Did you mean "heartbeat"?'),
    ('heartbeat = "100ms"', "heartbeat = 100", '100 has no unit. Write "100ms"'),
    ("[services.web]", "[service.web]", 'unknown key "service". Did you mean "services"?'),
    ('nodes = ["lukretia", "genesis"]', 'nodes = ["lukretia", "gensis"]', '"gensis" is not a node of this cluster'),
    ('timeout = "2s"', "timeout = 2", '2 has no unit. Write "2ms" or "2s"'),
    ('cluster = "demo"', 'cluster = "demo', "not TOML: illegal character"),
]


def three(cluster):
    """The same file by all three ways; each must say the same about it."""
    node = cluster.nodes["lukretia"]
    words = ["--config", cluster.config, "--node", "lukretia", "--state", node.state]
    secrets = ["--secrets", cluster.config.parent / "lukretia"]
    return [
        run("failc", "config", "check", cluster.config),
        run("faild", *words, *secrets, "--check"),
        run("faild", *words, *secrets),
    ]


@pytest.mark.parametrize(("old", "new", "said"), BENT, ids=[new for _, new, _ in BENT])
def test_a_bad_file_is_refused_everywhere_with_its_line(make, old, new, said):
    cluster = make()
    text = cluster.config.read_text()
    before, _, after = text.rpartition(old)
    line = before.count("\n") + 1
    cluster.config.write_text(before + new + after)
    for done in three(cluster):
        assert done.code == 2
        assert done.out == ""
        assert f"{cluster.config}:{line}:" in done.err
        assert said in done.err
        assert "Traceback" not in done.err
    assert not cluster.nodes["lukretia"].state.exists(), "nothing was begun"


def test_a_word_that_faild_does_not_know_is_one_line():
    done = run("faild", "--stat", "/tmp/x", "--nodes", "lukretia")
    assert (done.code, done.out) == (2, "")
    assert done.err == "faild: unrecognized arguments: --nodes lukretia; see: faild --help\n"


def test_a_state_folder_that_cannot_be_is_3_in_one_line(make):
    cluster = make()
    file = cluster.folder / "a file"
    file.write_text("")
    secrets = ["--secrets", cluster.config.parent / "lukretia"]
    for state in (file, file / "state"):
        done = run("faild", "--config", cluster.config, "--node", "lukretia", *secrets, "--state", state)
        assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
        assert done.err.startswith(f"faild: {state}: ")


@pytest.mark.parametrize("what", ["key", "address"])
def test_two_nodes_with_one_key_or_address(make, what):
    cluster = make()
    text = cluster.config.read_text()
    if what == "key":
        keys = [line for line in text.splitlines() if line.startswith("key   =")][:2]
        cluster.config.write_text(text.replace(keys[1], keys[0]))
        said = "is also the key of lukretia. Each node needs its own"
    else:
        one, other = (f'"{cluster.addresses[name]}:{cluster.port}"' for name in cluster.names)
        cluster.config.write_text(text.replace(other, one))
        said = "is also the address of lukretia"
    line = text[: text.index("[nodes.genesis]")].count("\n") + (2 if what == "key" else 3)
    for done in three(cluster):
        assert done.code == 2
        assert f"{cluster.config}:{line}:" in done.err
        assert said in done.err


def test_a_node_key_that_others_can_read(make):
    cluster = make()
    key = cluster.config.parent / "lukretia" / "node.key"
    key.chmod(0o640)
    for done in three(cluster):
        assert done.code == 2
        assert str(key) in done.err
        assert f"chmod 600 {key}" in done.err
        assert "Traceback" not in done.err


def test_a_node_key_that_is_missing_or_is_none(make):
    cluster = make()
    key = cluster.config.parent / "lukretia" / "node.key"
    key.write_text("no key\n")
    for done in three(cluster):
        assert done.code == 2
        assert str(key) in done.err
    key.unlink()
    for done in three(cluster)[1:]:
        assert done.code == 2, "the daemon needs it; the check of a file on an administrator's machine does not"
        assert str(key) in done.err


def test_the_key_of_another_node(make):
    cluster = make()
    folder = cluster.config.parent
    (folder / "lukretia" / "node.key").write_bytes((folder / "genesis" / "node.key").read_bytes())
    for done in three(cluster):
        assert done.code == 2
        assert "is not the public key of" in done.err


@pytest.mark.parametrize(("mode", "said"), [(0o644, "can be read by others (mode 0644)"), (None, "does not exist")])
def test_a_trap_secret_that_others_can_read_or_that_is_missing(make, mode, said):
    cluster = make()
    secret = cluster.config.parent / "snmp.secret"
    if mode:
        secret.write_text("first password\n")
        secret.chmod(mode)
    text = cluster.config.read_text()
    trap = '\n[[traps]]\nto = "127.0.0.1:1162"\nversion = "3"\nuser = "eve"\nauth = "sha256"\nsecret_file = "snmp.secret"\n'
    cluster.config.write_text(text + trap)
    line = (text + trap).count("\n")
    for done in three(cluster):
        assert done.code == 2
        assert f"{cluster.config}:{line}:" in done.err
        assert said in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read")
def test_a_secret_that_the_user_of_faild_cannot_read(make):
    """faild as nobody, the key still root's: a sentence and 2, not a traceback."""
    cluster = make()
    above = [folder for folder in cluster.folder.parents if "pytest" in str(folder)]
    for folder in (*above, cluster.folder, cluster.config.parent, cluster.config.parent / "lukretia"):
        folder.chmod(0o755)
    code = (
        "import os, sys; sys.argv = ['faild', *sys.argv[1:]]; import coordinator.daemon.node, coordinator.config.load; "
        "from coordinator.daemon.main import main; os.setgroups([]); os.setgid(65534); os.setuid(65534); main()"
    )
    words = ["--config", cluster.config, "--node", "lukretia", "--state", cluster.folder / "state"]
    for more in ([], ["--check"]):
        command = [sys.executable, "-c", code, *map(str, words), *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=os.getcwd())
        assert done.returncode == 2, done.stderr
        assert "node.key" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_name_that_is_no_node_and_a_file_that_is_not_there(make):
    cluster = make()
    done = run("faild", "--config", cluster.config, "--node", "umpire", "--state", cluster.folder / "state")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "lukretia, genesis" in done.err
    for command in (["failc", "config", "check"], ["faild", "--node", "lukretia", "--config"]):
        done = run(*command, cluster.folder / "none.toml")
        assert (done.code, done.err.count("\n")) == (3, 1)


def test_an_address_that_this_host_does_not_have_is_a_warning(make):
    """Links come up in any order, so it may appear later; but an operator who mistyped it must find it in the log."""
    cluster = make()
    text = cluster.config.read_text().replace(f'"{cluster.addresses["lukretia"]}:', '"192.0.2.77:')
    cluster.config.write_text(text.replace(f'"{cluster.addresses["genesis"]}:', '"192.0.2.78:'))
    cluster.start("lukretia")
    said = "link lan: this host has no address 192.0.2.77 (yet): is it that of another node? is the interface up?"
    assert said in cluster.nodes["lukretia"].said()


def test_a_port_that_somebody_has(make):
    """A sentence that names link and address, exit 3, and nothing left behind."""
    cluster = make()
    with socket.socket() as taken:
        taken.bind((cluster.addresses["lukretia"], cluster.port))
        taken.listen()
        node = cluster.nodes["lukretia"].start()
        assert node.ended() == 3
    assert f"link lan: cannot listen on {cluster.addresses['lukretia']}:{cluster.port}" in node.said()
    assert "Traceback" not in node.said()
    cluster.start("lukretia")


def test_what_this_node_needs_and_has_not(make):
    """`faild --check` says each with its line, exit 2; a desk is warned with the nodes' names; a start says it and goes on."""
    cluster = make(more="restarts = 0")
    script = cluster.folder / "web"
    with cluster.config.open("a") as file:
        file.write('[[services.web.actions]]\naddress = "10.77.0.100/24"\ninterface = "eth99"\n')
        file.write('[[services.web.actions]]\nnotify = "/etc/failover/none"\n')
        file.write('[[services.web.checks]]\nexec = ["/etc/failover/none either"]\n')
    script.chmod(0o644)
    last = cluster.config.read_text().count("\n")
    script_line = 1 + cluster.config.read_text()[: cluster.config.read_text().index("script  =")].count("\n")
    node = cluster.nodes["lukretia"]
    words = ["--config", cluster.config, "--node", "lukretia", "--state", node.state]
    checked = run("faild", *words, "--secrets", cluster.config.parent / "lukretia", "--check")
    assert (checked.code, checked.out) == (2, "")
    wanted = [
        (script_line, f"services.web.actions[0].script: {script} is not executable"),
        (last - 4, "services.web.actions[1].interface: there is no interface eth99. Write one that it has: "),
        (last - 2, "services.web.actions[2].notify: there is no /etc/failover/none."),
        (last, "services.web.checks[0].exec: there is no /etc/failover/none either."),
    ]
    for line, said in wanted:
        assert f"{cluster.config}:{line}:" in checked.err
        assert said in checked.err
    desk = run("failc", "config", "check", cluster.config)
    assert desk.code == 0
    assert "there is no interface eth99 on this machine. Look on lukretia, genesis" in desk.err
    assert "there is no interface eth99 on this machine" in run("failc", "config", "check", cluster.config, "--json").out
    cluster.start("lukretia")
    assert "services.web.actions[1].interface: there is no interface eth99" in node.said()
