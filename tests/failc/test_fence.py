"""`failc fence NODE`: what it refuses; with --dry-run, by real agents: what it prints, and that nothing is switched."""

from pathlib import Path

import pytest

from tests.actions.fence_agents import agent, calls, switch
from tests.config.sound import TEXT
from tests.failc.running import failc


@pytest.fixture
def file(tmp_path: Path) -> Path:
    secret = tmp_path / "genesis.pw"
    secret.write_text("swordfish\n")
    secret.chmod(0o600)
    return tmp_path / "fences.toml"


def fences(file: Path, *tables: str) -> None:
    file.write_text(TEXT + "".join(f"[[nodes.genesis.fence]]\n{table}\n" for table in tables))


async def test_it_shows_the_levels_in_order_and_asks_every_device(file: Path) -> None:
    folder = file.parent
    one, two = (
        switch(folder, "fence_one").program,
        agent(folder, "fence_two", monitor="echo 'no such user' >&2; exit 3").program,
    )
    fences(
        file,
        f'agent = "{one}"\noptions = {{ ip = "10.0.0.9", password_file = "genesis.pw" }}\ntimeout = "10s"',
        f'agent = "{two}"\noptions = {{ ip = "10.0.0.10" }}\ndelay = "10m"',
    )
    done = await failc("fence", "genesis", "--dry-run", "--config", file)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "genesis: 2 levels, tried in this order until one succeeds; nothing was switched",
        "  level 1, at once",
        f"    {one}, each call at most 10s",
        "      ip=10.0.0.9 password=(hidden)",
        "      its power is on",
        "  level 2, after 10m",
        f"    {two}, each call at most 20s",
        "      ip=10.0.0.10",
        "      BROKEN: monitor: exit 3, the device refuses the login: no such user",
    ]
    assert calls(folder) == ["fence_one monitor", "fence_one status", "fence_two monitor"]
    assert "password=swordfish" in (folder / "given.fence_one.status").read_text()


async def test_as_json_it_says_the_same(file: Path) -> None:
    program = switch(file.parent, "fence_one").program
    fences(file, f'agent = "{program}"\noptions = [{{ plug = 1, password_file = "genesis.pw" }}, {{ plug = 2 }}]\ndelay = "5s"')
    done = await failc("fence", "genesis", "--dry-run", "--config", file, "--json")
    assert done.code == 0
    same = {
        "agent": "fence_one",
        "program": program,
        "timeout_ms": 20_000,
        "ok": True,
        "power": "on",
        "text": "its power is on",
    }
    devices = [{**same, "options": {"plug": "1", "password": "(hidden)"}}, {**same, "options": {"plug": "2"}}]
    assert done.json == {
        "node": "genesis",
        "ok": True,
        "levels": [{"level": 1, "delay_ms": 5000, "devices": devices}],
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say why, for those who read the log later: --reason TEXT"),
        (("--confirmed",), "say why, for those who read the log later: --reason TEXT"),
        (("--dry-run", "--confirmed"), "--dry-run switches nothing, and --confirmed asks no device"),
    ],
)
async def test_what_is_typed_wrongly_is_said(words: tuple[str, ...], said: str) -> None:
    done = await failc("fence", "genesis", *words)
    assert (done.code, said in done.err) == (2, True)


async def test_a_node_that_no_device_switches_off_is_refused_with_what_helps(cluster, lukretia) -> None:
    done = await failc("fence", "genesis", "--reason", "it hangs", "--state", lukretia)
    assert done.code == 1
    assert "fence genesis: refused: the configuration has no [[nodes.genesis.fence]]: where it is" in done.err
    assert "failc fence genesis --confirmed --reason TEXT" in done.err


async def test_a_node_that_lives_is_not_said_to_be_off(cluster, lukretia) -> None:
    done = await failc("fence", "genesis", "--confirmed", "--reason", "plug pulled", "--state", lukretia)
    assert (done.code, "fence genesis --confirmed: refused: genesis lives: it cannot be off" in done.err) == (1, True)


async def test_no_node_fences_itself(cluster, lukretia) -> None:
    done = await failc("fence", "lukretia", "--confirmed", "--reason", "x", "--state", lukretia)
    assert (done.code, "lukretia does not fence itself: ask another node" in done.err) == (1, True)


async def test_that_a_dead_node_is_off_is_an_administrators_word(cluster, lukretia) -> None:
    cluster.cut = True
    await cluster.until(lambda c: c.nodes["lukretia"].core.liveness.judgement("genesis", c.clocks().mono_ms) == "dead")
    words = ("fence", "genesis", "--confirmed", "--reason", "I have pulled its plug", "--state", lukretia)
    denied = await failc(*words, "--identity", cluster.folder / "eve")
    assert (denied.code, "eve may operate web, not is-off genesis" in denied.err) == (4, True)
    done = await failc(*words)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("genesis: counts as off, by your word")
    fencing = (await failc("status", "--json", "--state", lukretia)).json["nodes"]["genesis"]["fencing"]
    assert (fencing["by"], fencing["ok"]) == ("word", True)
    assert (await failc("status", "--json", "--state", lukretia)).json["services"]["db"]["owner"] == "lukretia"


async def test_what_is_wrong_with_the_file_is_said_and_no_agent_runs(file: Path) -> None:
    program = switch(file.parent, "fence_one").program
    fences(file, f'agent = "{program}"\noptions = {{ password = "swordfish" }}')
    done = await failc("fence", "genesis", "--dry-run", "--config", file)
    assert (done.code, done.out) == (2, "")
    assert 'nodes.genesis.fence[0].options: the option "password" stands in the clear' in done.err
    assert "swordfish" not in done.err
    assert calls(file.parent) == []


async def test_a_node_that_is_not_there_and_a_file_that_is_not_there(file: Path) -> None:
    missing = await failc("fence", "genesis", "--dry-run", "--config", file)
    assert (missing.code, missing.err) == (
        3,
        f"failc: {file}: cannot be read: No such file or directory. Name the file, or make it readable\n",
    )
    fences(file)
    unknown = await failc("fence", "gensis", "--dry-run", "--config", file)
    assert (unknown.code, unknown.err) == (2, f'failc: {file}: no node gensis. Did you mean "genesis"?\n')
    none = await failc("fence", "genesis", "--dry-run", "--config", file)
    assert (none.code, "has no [[nodes.genesis.fence]]" in none.err) == (2, True)


async def test_an_agent_that_is_not_here_is_broken_and_named(file: Path) -> None:
    fences(file, 'agent = "fence_nowhere"\noptions = { plug = 1 }')
    done = await failc("fence", "genesis", "--dry-run", "--config", file)
    assert (done.code, "BROKEN: monitor: there is no /usr/sbin/fence_nowhere" in done.out) == (1, True)
