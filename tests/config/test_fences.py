"""[[nodes.NAME.fence]]: what is refused and why, that no secret stands in the file, and what an agent is given."""

from pathlib import Path

import pytest

from coordinator.config import BadConfig, check, parse, read
from coordinator.config.fencing import UnknownNode, levels_of
from tests.config.sound import TEXT

ONE = """
[[nodes.genesis.fence]]
agent   = "fence_ipmilan"
options = { ip = "10.0.0.9", username = "f", password_file = "genesis.pw", lanplus = true, port = 3 }
delay   = "5s"
timeout = "10s"
"""
SUPPLIES = """
[[nodes.genesis.fence]]
agent   = "fence_apc"
options = [{ ip = "10.0.0.3", plug = 1 }, { ip = "10.0.0.4", plug = 1 }]
"""
LINE = TEXT.count("\n") + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = tmp_path / "genesis.pw"
    secret.write_text("swordfish\n")
    secret.chmod(0o600)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "failover.toml"
    file.write_text(TEXT + text)
    return file


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        levels_of(written(folder, text), "genesis")
    return [f"{one.line - LINE}: {one.path}: {one.what}. {one.instead}" for one in caught.value.complaints]


def test_a_node_runs_with_its_fences_and_reads_each_secret_from_its_file(folder: Path) -> None:
    policy = read(written(folder, ONE + SUPPLIES))
    first, second = policy.nodes["genesis"].fence
    assert (first.agent, first.delay_ms, first.timeout_ms, first.monitor_ms) == ("fence_ipmilan", 5000, 10_000, 300_000)
    assert dict(first.devices[0])["password_file"] == str(folder / "genesis.pw"), "wherever faild is started from"
    assert [dict(device) for device in second.devices] == [{"ip": "10.0.0.3", "plug": "1"}, {"ip": "10.0.0.4", "plug": "1"}]
    assert policy.nodes["lukretia"].fence == ()


def test_a_node_needs_no_secret_of_what_switches_itself_off(folder: Path) -> None:
    """It never fences itself, and its own machine is where a thief of its key looks first."""
    file = written(folder, ONE)
    (folder / "genesis.pw").unlink()
    secret = [one for one in check(file, ("lukretia", folder)).complaints if "genesis.pw does not exist" in one.what]
    assert [one.path for one in secret] == ["nodes.genesis.fence[0].options"]
    assert not [one for one in check(file, ("genesis", folder)).complaints if "genesis.pw" in one.what]


def test_a_node_goes_over_to_no_file_whose_agent_its_machine_lacks(folder: Path) -> None:
    """The node that would be fenced needs no agent. That genesis could be fenced by nobody is said before it is needed."""
    file = written(folder, ONE.replace("fence_ipmilan", "fence_nowhere"))
    mine = check(file, ("lukretia", folder))
    said = [f"{one.path}: {one.what}. {one.instead}" for one in mine.lacks if "fence" in one.path]
    assert said == [
        "nodes.genesis.fence[0].agent: there is no fence_nowhere in /usr/sbin, /usr/local/sbin, /sbin. "
        "Install it: on Debian, apt-get install fence-agents"
    ]


MAJORITY = TEXT.replace('partition    = "serve"', 'partition = "majority"')
"""Of an address and a script."""

ANOTHER = ONE.replace("nodes.genesis", "nodes.lukretia").replace("10.0.0.9", "10.0.0.8")
WATCHDOG = '[watchdog]\ndevice = "/dev/watchdog"\ntimeout = "2s"\n'
NEITHER = "services.web.actions[1]: script under majority, with neither a watchdog nor a fence of"


def test_a_script_under_majority_needs_a_watchdog_or_a_fence_of_each_candidate() -> None:
    """Where its stop hangs the machine is reset, or switched off by the others."""
    why = "where its stop hangs, nothing ends it at the end of the lease. Write [watchdog]"
    assert f"{NEITHER} lukretia: {why}" in said_of(MAJORITY)
    assert f"{NEITHER} lukretia" in said_of(MAJORITY + WATCHDOG.replace("/dev/watchdog", "none"))
    assert f"{NEITHER} lukretia" in said_of(MAJORITY + ONE)
    both = MAJORITY + ONE + ANOTHER
    assert f"{NEITHER} lukretia" in said_of(both.replace("[services.web]", "[services.web]\nfence = false"))
    assert parse(both, "failover.toml").services["web"].ended_by_guard
    for device in ("/dev/watchdog", "sysrq"):
        policy = parse(MAJORITY + WATCHDOG.replace("/dev/watchdog", device), "failover.toml")
        assert (policy.reset_ms, policy.services["web"].ended_by_guard) == (2000, True)


def test_what_the_guard_cannot_take_down_is_no_action_under_majority() -> None:
    dns = '[[services.web.actions]]\ndns = "www.example"\n'
    script = MAJORITY.index("[[services.web.actions]]\nscript")
    said = said_of(MAJORITY[:script] + dns + MAJORITY[script:] + WATCHDOG)
    assert "services.web.actions[1]: dns under majority: the guard cannot take it down" in said


def test_a_watchdog_counts_whole_seconds() -> None:
    none = parse(TEXT + '[watchdog]\ndevice = "none"\n', "failover.toml")
    assert none.watchdog is not None
    assert (none.watchdog.device, none.watchdog.timeout_ms, none.reset_ms) == ("none", 1000, 0)
    assert '"reset" is neither a path, "sysrq" nor "none"' in said_of(TEXT + '[watchdog]\ndevice = "reset"\n')
    odd = said_of(TEXT + WATCHDOG.replace("2s", "1500ms"))
    assert 'watchdog.timeout: 1500ms is no whole number of seconds, in which a device counts. Write "2s"' in odd
    assert parse(TEXT + WATCHDOG.replace("/dev/watchdog", "sysrq").replace("2s", "1500ms"), "failover.toml").reset_ms == 1500
    assert "watchdog.timeout: is nothing" in said_of(TEXT + WATCHDOG.replace("2s", "0s"))


def test_a_machine_without_the_watchdog_of_the_file_lacks_it(folder: Path) -> None:
    """It is asked for where this node may hold something that must be down in time, and it is not opened: that would arm it."""
    device = folder / "watchdog"
    file = folder / "failover.toml"
    file.write_text(MAJORITY + WATCHDOG.replace("/dev/watchdog", str(device)))
    lacks = [str(one) for one in check(file, ("genesis", folder)).lacks if "watchdog" in one.path]
    assert len(lacks) == 1
    assert f"watchdog.device: there is no {device} on this machine. Load its driver" in lacks[0]
    assert not [one for one in check(file, ("umpire", folder)).lacks if "watchdog" in one.path], "a witness holds nothing"
    device.touch()
    assert not [one for one in check(file, ("genesis", folder)).lacks if "watchdog" in one.path]


def test_majority_with_two_voters_is_refused_with_the_reason_and_what_to_do() -> None:
    """A witness that does not vote is no third voter."""
    text = TEXT.replace('partition    = "serve"', 'partition = "majority"')
    assert "two voters cannot be safe" not in said_of(text)
    said = said_of(text.replace("witness = true", "witness = true\nvoter = false"))
    assert "only lukretia and genesis vote, and two voters cannot be safe: a majority of two is both" in said
    assert "Add a witness on any small host: [nodes.NAME] with witness = true" in said


def said_of(text: str) -> str:
    with pytest.raises(BadConfig) as caught:
        parse(text, "failover.toml")
    return str(caught.value)


def test_a_file_without_one_is_read_as_before(folder: Path) -> None:
    assert read(written(folder, "")).digest == parse(TEXT, "failover.toml").digest


def test_an_agent_is_given_its_options_as_text_and_its_secret_from_the_file(folder: Path) -> None:
    (level,) = levels_of(written(folder, ONE), "genesis")
    (device,) = level.devices
    assert dict(device.options) == {"ip": "10.0.0.9", "username": "f", "lanplus": "1", "port": "3"}
    assert dict(device.secrets) == {"password": "swordfish"}
    assert (level.delay_ms, device.timeout_ms) == (5000, 10_000)
    assert device.parameters("off").decode().splitlines()[-2:] == ["password=swordfish", "action=off"]


def test_levels_stand_in_the_order_of_the_file_and_a_list_of_options_is_a_level_of_several_devices(folder: Path) -> None:
    first, second = levels_of(written(folder, ONE + SUPPLIES), "genesis")
    assert [device.name for device in first.devices] == ["fence_ipmilan"]
    assert [dict(device.options) for device in second.devices] == [
        {"ip": "10.0.0.3", "plug": "1"},
        {"ip": "10.0.0.4", "plug": "1"},
    ]


def test_an_agent_that_is_not_here_is_looked_for_in_no_other_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a program of this name in the folder of some user would be run as root."""
    here = folder / "fence_of_mine"
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    (level,) = levels_of(written(folder, ONE.replace("fence_ipmilan", "fence_of_mine")), "genesis")
    assert level.devices[0].program == "/usr/sbin/fence_of_mine"


def test_a_path_of_the_operators_own_is_taken_as_it_is(folder: Path) -> None:
    (level,) = levels_of(written(folder, ONE.replace("fence_ipmilan", "/opt/fence/mine")), "genesis")
    assert level.devices[0].program.endswith("/opt/fence/mine")


@pytest.mark.parametrize("node", ["lukretia", "gensis"])
def test_a_node_without_a_fence_or_of_no_such_name_is_said(folder: Path, node: str) -> None:
    with pytest.raises(UnknownNode, match=r"has no|no node gensis"):
        levels_of(written(folder, ONE), node)


BENT = [
    (
        'agent   = "fence_ipmilan"',
        'agent = "ipmilan"',
        '2: nodes.genesis.fence[0].agent: "ipmilan" is not the name of a fence ag',
    ),
    ('agent   = "fence_ipmilan"', 'agent = "fence_x; reboot"', '2: nodes.genesis.fence[0].agent: "fence_x; reboot" is not the'),
    ('agent   = "fence_ipmilan"', "", "1: nodes.genesis.fence[0].agent: is missing. Write agent = "),
    ('password_file = "genesis.pw"', 'password = "x"', '3: nodes.genesis.fence[0].options: the option "password" stands in t'),
    ('password_file = "genesis.pw"', 'passwd = "x"', 'the option "passwd" stands in the clear, and this file goes into the lo'),
    ('password_file = "genesis.pw"', 'snmp_priv_passwd = "x"', 'Write snmp_priv_passwd_file = "NAME.pw", and the secret int'),
    ('password_file = "genesis.pw"', 'community = "x"', 'the option "community" stands in the clear'),
    ('password_file = "genesis.pw"', 'password_file = "none.pw"', "none.pw does not exist. Write it there, with mode 0600"),
    ('ip = "10.0.0.9"', 'action = "on"', 'the option "action" is what faild says itself. Take it out'),
    ('ip = "10.0.0.9"', 'plug = "1\\naction=on"', 'the option "plug" has a line break, or another character that is not'),
    ('ip = "10.0.0.9"', '"plug=1" = "1"', 'the option "plug=1" is no name of an option'),
    ('ip = "10.0.0.9"', "verbose = true", 'the option "verbose" lets the agent write its passwords where others read'),
    ('ip = "10.0.0.9"', "power_wait = 1.5", 'the option "power_wait" is neither text, a whole number, true nor false'),
    ('timeout = "10s"', 'timeout = "10ms"', "5: nodes.genesis.fence[0].timeout: 10ms is out of range. Write 1s to 10m"),
    ('timeout = "10s"', "timeout = 10", "5: nodes.genesis.fence[0].timeout: 10 has no unit"),
    ('delay   = "5s"', 'delay = "1h"', "4: nodes.genesis.fence[0].delay: 1h is out of range. Write at most 10m"),
    ('delay   = "5s"', 'monitor = "1s"', "monitor: 1s is shorter than 10s, and each is a login on the device"),
    ('delay   = "5s"', 'dely = "5s"', 'dely: unknown key "dely". Did you mean "delay"?'),
]


@pytest.mark.parametrize(("old", "new", "said"), BENT, ids=[said[:40] for _, _, said in BENT])
def test_what_is_wrong_is_said_with_its_line_and_what_to_write(folder: Path, old: str, new: str, said: str) -> None:
    assert ONE.count(old) == 1
    assert any(said in line for line in complaints(folder, ONE.replace(old, new))), complaints(folder, ONE.replace(old, new))


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"swordfish\n", 0o644, "can be read by others (mode 0644). Do: chmod 600"),
        (b"", 0o600, "genesis.pw is empty. Write the secret into it"),
        (b"swordfish\naction=on\n", 0o600, "genesis.pw has a line break"),
        (b"swordfish \n", 0o600, "genesis.pw begins or ends with a space"),
        (b"\xff\xfe\n", 0o600, "genesis.pw has no secret that can be read"),
        (b"x" * 5000, 0o600, "genesis.pw has no secret that can be read"),
    ],
    ids=["open", "empty", "two lines", "space", "no text", "long"],
)
def test_a_secret_file_that_will_not_do_is_refused(folder: Path, content: bytes, mode: int, said: str) -> None:
    (folder / "genesis.pw").write_bytes(content)
    (folder / "genesis.pw").chmod(mode)
    assert any(said in line for line in complaints(folder, ONE))
    assert "swordfish" not in "".join(complaints(folder, ONE))


def test_one_device_is_not_two_nodes_power(folder: Path) -> None:
    """To fence genesis would switch lukretia off."""
    (said,) = complaints(folder, ONE + ONE.replace("genesis.fence", "lukretia.fence"))
    assert (
        "nodes.genesis.fence[0].options: is word for word a device of lukretia: to fence one would switch off the other" in said
    )


def test_a_level_that_repeats_another_is_none(folder: Path) -> None:
    assert any(
        "is word for word the device of level 1, which has failed by then" in line for line in complaints(folder, ONE + ONE)
    )
