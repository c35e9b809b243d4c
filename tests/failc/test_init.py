"""`failc init` writes a cluster that `faild`, `failc config check` and stock OpenSSH accept, and never writes over one."""

import stat
import subprocess

import pytest

from coordinator.config import read
from coordinator.state.pieces import ALONE_BYTES_MAX
from protocol.keys import key_text
from protocol.signing import Identity
from protocol.sshkey import load_private
from tests.failc.running import failc

TWO = ["--node", "lukretia=lan:10.77.0.11,direct:10.78.0.11", "--node", "genesis=lan:10.77.0.12,direct:10.78.0.12"]
WEB = ["--service", "web=10.77.0.100/24@eth0,fd77::100/64@eth0"]


async def test_what_it_writes_is_a_whole_cluster(tmp_path):
    folder = tmp_path / "new" / "demo"
    done = await failc("init", folder, "--cluster", "demo", *TWO, *WEB, "--witness", "umpire=lan:10.77.0.13:1299")
    assert (done.code, done.err) == (0, "")
    policy = read(folder / "failover.toml")
    assert list(policy.nodes) == ["lukretia", "genesis", "umpire"]
    assert policy.nodes["umpire"].witness
    assert dict(policy.nodes["umpire"].links) == {"lan": ("10.77.0.13", 1299)}
    web = policy.services["web"]
    assert web.nodes == ("lukretia", "genesis"), "in the order of --node, and no witness"
    assert [action.settings["address"] for action in web.actions] == ["10.77.0.100/24", "fd77::100/64"]
    assert [action.interface for action in web.actions] == ["eth0", "eth0"]
    for name, node in policy.nodes.items():
        assert Identity.load(name, folder / name / "node.key").public == node.key
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
    (operator,) = policy.operators.values()
    assert operator.role == "admin"
    assert load_private(folder / "operator" / "id_ed25519").public == operator.key
    assert (folder / "operator" / "id_ed25519.pub").read_text().startswith(operator.key + " ")
    checked = await failc("config", "check", folder / "failover.toml")
    assert checked.code == 0
    assert "sound" in checked.out


async def test_secrets_have_mode_0600_whatever_the_umask_and_openssh_reads_them(tmp_path):
    folder = tmp_path / "demo"
    assert (await failc("init", folder, "--cluster", "demo", *TWO)).code == 0
    for path in ("lukretia/node.key", "genesis/node.key", "operator/id_ed25519"):
        assert stat.S_IMODE((folder / path).stat().st_mode) == 0o600
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", folder / "operator/id_ed25519"], capture_output=True, text=True, check=True
    )
    assert public.stdout.split()[:2] == (folder / "operator/id_ed25519.pub").read_text().split()[:2]
    openssl = ["openssl", "pkey", "-in", folder / "lukretia/node.key", "-noout"]
    assert subprocess.run(openssl, check=False).returncode == 0


async def test_two_clusters_of_one_name_are_still_two(tmp_path):
    ids = []
    for name in ("one", "two"):
        await failc("init", tmp_path / name, "--cluster", "demo", *TWO)
        ids.append(read(tmp_path / name / "failover.toml").cluster_id)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("taken", ["failover.toml", "genesis", "operator"])
async def test_nothing_is_overwritten(tmp_path, taken):
    (tmp_path / taken).mkdir()
    (tmp_path / taken / "precious").write_text("x")
    done = await failc("init", tmp_path, "--cluster", "demo", *TWO)
    assert done.code == 2
    assert done.err.startswith(f"failc: {tmp_path / taken} exists and is not overwritten")
    assert [path.name for path in tmp_path.iterdir()] == [taken]


async def test_links_over_ipv6_with_ports(tmp_path):
    words = ["--node", "a=lan:[fd77::1]:1291,dmz:fd78::1", "--node", "b=lan:[fd77::2]:1300,dmz:[fd78::2]"]
    assert (await failc("init", tmp_path / "x", "--cluster", "demo", *words)).code == 0
    nodes = read(tmp_path / "x" / "failover.toml").nodes
    assert dict(nodes["a"].links) == {"lan": ("fd77::1", 1291), "dmz": ("fd78::1", 1291)}
    assert dict(nodes["b"].links) == {"lan": ("fd77::2", 1300), "dmz": ("fd78::2", 1291)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--node", "a"], '--node "a": write it as NAME=LINK:ADDR'),
        (["--node", "a=lan"], '--node "a=lan": write it as NAME=LINK:ADDR'),
        (["--node", "a=lan:10.0.0.1,lan:10.0.0.2"], "names one link twice"),
        (["--node", "a=lan:10.0.0.1"], "nodes: has 1 node"),
        (["--node", "a=lan:10.0.0.1", "--node", "a=lan:10.0.0.2"], 'node "a" is named twice'),
        (["--node", "a=lan:10.0.0.1", "--node", "b=lan:10.0.0.1"], "is also the address of a on link lan"),
        (["--node", "a=lan:10.0.0.1", "--node", "operator=lan:10.0.0.2"], '"operator" has a meaning of its own'),
        (["--node", "a=lan:10.0.0.1", "--node", '../b"=lan:10.0.0.2'], "is not a name"),
        ([*TWO, "--service", "web=10.0.0.9"], '--service "web=10.0.0.9": write it as NAME=ADDR/PREFIX@IFACE'),
        ([*TWO, "--service", "web=10.0.0.9@eth0"], '"10.0.0.9" has no prefix. Write "10.0.0.9/24"'),
        ([*TWO, *WEB, *WEB], 'service "web" is named twice: write all its addresses into one --service'),
        (["--node", "a=lan:ten.example", "--node", "b=lan:10.0.0.2"], '"ten.example" is not an IP address'),
        ([], "Missing option '--node'"),
    ],
    ids=str,
)
async def test_a_cluster_that_cannot_be_is_refused_in_one_line_and_nothing_is_written(tmp_path, words, said):
    done = await failc("init", tmp_path / "x", "--cluster", "demo", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


async def test_config_check_names_file_line_column_and_key(tmp_path):
    file = tmp_path / "failover.toml"
    await failc("init", tmp_path / "x", "--cluster", "demo", *TWO, *WEB)
    file.write_text((tmp_path / "x" / "failover.toml").read_text().replace('heartbeat = "100ms"', "heartbeat = 100"))
    line = file.read_text().splitlines().index("heartbeat = 100") + 1
    done = await failc("config", "check", file)
    assert (done.code, done.out) == (2, "")
    assert done.err == f'{file}:{line}:1: timing.heartbeat: 100 has no unit. Write "100ms" or "100s"\n'
    as_json = await failc("config", "check", file, "--json")
    assert as_json.code == 2
    assert as_json.json["complaints"][0]["line"] == line


async def test_who_names_a_node_everywhere_may_do_so_where_none_is_asked(tmp_path):
    """`failc` takes --state and its like before or after any command."""
    where = ["--state", tmp_path / "state", "--identity", tmp_path / "key"]
    assert (await failc("init", tmp_path / "x", "--cluster", "demo", *TWO, *where)).code == 0
    file = tmp_path / "x" / "failover.toml"
    assert (await failc("config", "check", file, *where)).code == 0
    assert (await failc("config", "schema", *where)).code == 0
    story = tmp_path / "story"
    story.write_text("at 0s start lukretia\n")
    assert (await failc("simulate", "--config", file, story, *where)).code == 0


async def test_config_check_of_what_cannot_be_read_is_3(tmp_path):
    done = await failc("config", "check", tmp_path / "nowhere.toml")
    assert done.code == 3
    assert "cannot be read: No such file" in done.err


async def test_config_check_warns_and_passes(tmp_path):
    await failc("init", tmp_path / "x", "--cluster", "demo", "--node", "a=lan:10.0.0.1", "--node", "b=lan:10.0.0.2", *WEB)
    done = await failc("config", "check", tmp_path / "x" / "failover.toml")
    assert done.code == 0
    assert "a has one link, so a single cable splits the cluster" in done.err


async def test_the_schema_is_json():
    done = await failc("config", "schema")
    assert done.code == 0
    assert done.json["title"] == "failover.toml"


async def test_the_key_of_one_node_is_made_alone_and_its_line_fits_its_file(tmp_path):
    done = await failc("key", "new", "umpire", tmp_path)
    assert (done.code, done.err) == (0, "")
    said, line = done.out.splitlines()
    path = tmp_path / "umpire" / "node.key"
    assert said.startswith(f"wrote {path}, the key of umpire")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert line == f'key = "{key_text(Identity.load("umpire", path).public)}"'
    again = await failc("key", "new", "umpire", tmp_path)
    assert (again.code, again.out) == (2, "")
    assert again.err == f"failc: {path} exists and is not overwritten: move it away, or name another DIR\n"


@pytest.mark.parametrize("name", ["../up", "", "a/b", "a b", ".", "x" * 64])
async def test_the_key_of_no_node_is_refused(tmp_path, name):
    done = await failc("key", "new", name, tmp_path / "here")
    assert (done.code, done.out) == (2, "")
    assert "write the name of a node" in done.err
    assert not (tmp_path / "here").exists()


async def test_two_hundred_services_in_one_go(tmp_path):
    """More than one event holds: the file goes into the log in pieces."""
    wanted = [word for n in range(200) for word in ("--service", f"s{n}=10.78.{n // 100}.{n % 100 + 100}/16@eth0")]
    done = await failc("init", tmp_path / "demo", "--cluster", "demo", *TWO, *wanted)
    assert (done.code, done.err) == (0, "")
    file = tmp_path / "demo" / "failover.toml"
    assert file.stat().st_size > ALONE_BYTES_MAX
    assert len(read(file).services) == 200
    assert (await failc("config", "check", file)).code == 0
