"""Version 2 of the stored file: version 1 and the keys of leases and fences, and what version 1 reads means what it meant."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.config import BadConfig, parse
from coordinator.policy import FencePolicy, WatchdogPolicy
from coordinator.state import file_v1, file_v2, stored_file
from tests.config.sound import TEXT, bent

FENCE = """
[[nodes.genesis.fence]]
agent = "fence_ipmilan"
options = { ip = "10.0.0.9", lanplus = true, port = 3, password_file = "genesis.pw" }
[[nodes.genesis.fence]]
agent   = "/opt/fence/mine"
options = [{ plug = 1 }, { plug = 2 }]
delay   = "5s"
timeout = "10s"
monitor = "1m"
"""
WATCHDOG = '[watchdog]\ndevice = "/dev/watchdog"\ntimeout = "2s"\n'
NEW = {
    "voter": bent("witness = true", "witness = true\nvoter = false"),
    "fence": TEXT + FENCE,
    "waits": bent("restarts     = 1", "restarts = 1\nfence = false"),
    "watchdog": TEXT + WATCHDOG,
}


@pytest.mark.parametrize("text", NEW.values(), ids=NEW)
def test_what_is_new_is_unreadable_by_version_1_and_read_by_version_2(text: str) -> None:
    with pytest.raises(file_v1.Unreadable):
        file_v1.read(text)
    assert stored_file.read_policy(text) == file_v2.read(text)


def test_each_new_key_has_its_field() -> None:
    assert stored_file.read(NEW["voter"]).voters == {"lukretia", "genesis"}
    assert stored_file.read(NEW["waits"]).services["web"].fence is False
    assert stored_file.read(NEW["watchdog"]).watchdog == WatchdogPolicy("/dev/watchdog", 2000)
    first = {"ip": "10.0.0.9", "lanplus": "1", "port": "3", "password_file": "genesis.pw"}
    assert stored_file.read(NEW["fence"]).nodes["genesis"].fence == (
        FencePolicy("fence_ipmilan", (first,), delay_ms=0, timeout_ms=20_000, monitor_ms=300_000),
        FencePolicy("/opt/fence/mine", ({"plug": "1"}, {"plug": "2"}), 5000, 10_000, 60_000),
    )


@pytest.mark.parametrize("text", NEW.values(), ids=NEW)
def test_what_is_not_new_is_what_version_1_makes_of_it(text: str) -> None:
    """All else is the same policy: without the new fields nothing differs but text and digest."""
    old, new = file_v1.read(TEXT), file_v2.read(text)
    nodes = {name: replace(node, voter=True, fence=()) for name, node in new.nodes.items()}
    services = {name: replace(service, fence=True) for name, service in new.services.items()}
    assert replace(new, nodes=nodes, services=services, watchdog=None, text=TEXT, digest=old.digest) == replace(
        old, nodes=dict(old.nodes), services=dict(old.services)
    )


def test_a_text_that_version_1_reads_is_read_by_version_1() -> None:
    assert stored_file.read_policy(TEXT) is file_v1.read_policy(TEXT)


REFUSED = {
    "no agent": ('agent = "fence_ipmilan"', ""),
    "another program": ('"fence_ipmilan"', '"ipmilan"'),
    "no options": ("options = [{ plug = 1 }, { plug = 2 }]", ""),
    "no device": ("[{ plug = 1 }, { plug = 2 }]", "[]"),
    "what we say": ("lanplus = true", 'action = "on"'),
    "two lines": ('ip = "10.0.0.9"', 'ip = "10\\naction=on"'),
    "no time": ('timeout = "10s"', 'timeout = "0s"'),
    "no duration": ('delay   = "5s"', "delay = 5"),
    "unknown": ('monitor = "1m"', 'moniter = "1m"'),
}


@pytest.mark.parametrize(("old", "new"), REFUSED.values(), ids=REFUSED)
def test_what_version_2_does_not_know_is_unreadable(old: str, new: str) -> None:
    assert FENCE.count(old) == 1
    assert stored_file.read_policy(TEXT + FENCE.replace(old, new)) is None


VALUES = """
    0 -1 true 1.5 [] {} "" "x" "500ms" "0ms" "1h" "1%" "fence_x" "/x" "/x y" "none" {a=1} [{a=1}] {a="b"} {"a-b"=true}
    {pass_file="x"} {"1a"=1} {action="on"} "sysrq" [{}] {}
"""
WHOLE = TEXT + FENCE + WATCHDOG.replace('"/dev/watchdog"', '"none"')


@settings(max_examples=200)
@given(st.integers(TEXT.count("\n"), WHOLE.count("\n") - 1), st.sampled_from(VALUES.split()))
def test_what_an_operator_may_run_is_readable(line: int, value: str) -> None:
    """Where no rule complains, `parse` reads the text as it is stored, and would raise Unreadable."""
    lines = WHOLE.split("\n")
    lines[line] = f"{lines[line].split('=')[0]} = {value}"
    try:
        policy = parse("\n".join(lines), "f")
    except BadConfig:
        return
    assert policy == file_v2.read("\n".join(lines))
