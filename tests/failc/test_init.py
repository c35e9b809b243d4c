"""`failc init` writes a cluster that `faild`, `failc config check` and stock OpenSSH accept, and never writes over one."""

import stat
import subprocess
from pathlib import Path

import pytest

from coordinator.config import read
from coordinator.state.pieces import ALONE_BYTES_MAX
from protocol.keys import key_text
from protocol.signing import Identity
from protocol.sshkey import load_private
from tests.failc.running import failc

ROOT = Path(__file__).parents[2]

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


OURS = ["--node", "ann=lan:192.0.2.11,direct:198.51.100.11", "--node", "bob=lan:192.0.2.12:1300,direct:198.51.100.12"]


async def test_an_example_is_written_with_our_names_and_addresses(tmp_path):
    folder = tmp_path / "shops"
    shop = ["--service", "shop=192.0.2.100/25@br0"]
    done = await failc("init", folder, "--cluster", "shops", *OURS, "--example", "web", *shop)
    assert (done.code, done.err) == (0, "")
    policy = read(folder / "failover.toml", files=False)
    assert {name: service.nodes for name, service in policy.services.items()} == {
        "shop": ("ann", "bob"), "wiki": ("bob", "ann"), "desk": ("ann", "bob"),
    }  # fmt: skip
    first, other = policy.services["shop"], policy.services["wiki"]
    assert (first.actions[0].settings["address"], first.actions[0].interface) == ("192.0.2.100/25", "br0")
    assert (other.actions[0].settings["address"], other.actions[0].interface) == ("10.77.0.101/24", "eth0")
    assert "http://192.0.2.100/health" in first.checks[0].settings.values()
    assert "listen 192.0.2.100:443 ssl;" in (folder / "nginx.conf").read_text()
    readme = (folder / "README.md").read_text()
    assert "failc move shop bob" in readme
    assert "lukretia" not in readme
    assert stat.S_IMODE((folder / "desk").stat().st_mode) == 0o755
    assert done.out.endswith("these addresses are still those of the example: 10.77.0.101, 10.77.0.102\n")


async def test_an_address_stands_for_itself_and_not_for_the_beginning_of_another(tmp_path):
    """10.77.0.10 is in 10.77.0.100, and what was written once is not replaced again."""
    folder = tmp_path / "shops"
    swapped = ["--service", "shop=10.77.0.101/24@eth0", "--service", "wiki=10.77.0.100/24@eth0"]
    assert (await failc("init", folder, "--cluster", "shops", *OURS, "--example", "web", *swapped)).code == 0
    policy = read(folder / "failover.toml", files=False)
    found = {name: service.actions[0].settings["address"] for name, service in policy.services.items()}
    assert found == {"shop": "10.77.0.101/24", "wiki": "10.77.0.100/24", "desk": "10.77.0.102/24"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--example", "wed"], 'there is no example "wed": there are '),
        (["--example", "web", "--service", "www=192.0.2.1/24@eth0"], 'the example "web" has no service "www": it has shop, '),
        (["--example", "web", "--service", "shop=192.0.2.1/24@eth0,192.0.2.2/24@eth0"], "has 1 address, and not 2"),
        (["--example", "web", "--node", "cyd=lan:192.0.2.13"], 'the example "web" is of 2 nodes, and 3 are named'),
        (["--example", "two-databases"], 'the example "two-databases" is of 1 witness, and 0 are named'),
    ],
)
async def test_an_example_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path, given, said):
    done = await failc("init", tmp_path / "new", "--cluster", "shops", *OURS, *given)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "new").exists()


async def test_an_example_with_a_witness_gets_ours(tmp_path):
    folder, witness = tmp_path / "db", ["--witness", "wit=lan:192.0.2.13"]
    done = await failc("init", folder, "--cluster", "db", *OURS, *witness, "--example", "two-databases")
    assert (done.code, done.err) == (0, "")
    policy = read(folder / "failover.toml", files=False)
    assert policy.services["db"].nodes == ("ann", "bob")
    assert {name for name, node in policy.nodes.items() if node.voter} == {"ann", "bob", "wit"}
    assert "host=198.51.100.12,192.0.2.12 " in (folder / "db.conf").read_text()
    assert not (folder / "naive.toml").exists(), "a second configuration is to look at, and not to run"


async def test_no_file_of_an_example_goes_over_one_that_is_there(tmp_path):
    (tmp_path / "nginx.conf").write_text("ours")
    done = await failc("init", tmp_path, "--cluster", "shops", *OURS, "--example", "web")
    assert (done.code, "nginx.conf exists and is not overwritten" in done.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["nginx.conf"]


async def test_every_example_can_be_written(tmp_path):
    for path in sorted((ROOT / "examples").glob("*/failover.toml")):
        folder = tmp_path / path.parent.name
        named = [*OURS, "--witness", "wit=lan:192.0.2.13", "--example", path.parent.name]
        done = await failc("init", folder, "--cluster", "shops", *named)
        assert (done.code, done.err) == (0, ""), path
        read(folder / "failover.toml", files=False)
