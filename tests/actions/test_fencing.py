"""Fencing of another node: agents as real programs, what they may do wrong, and that only a device's "off" counts."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from actions.fencing import Device, Fenced, Fencing, Level, Power, found_agent
from actions.fencing.agent import HIDDEN, ask
from actions.process import OUTPUT_BYTES_MAX, Programs
from protocol.invariant import InvariantBroken
from tests.actions.fence_agents import OFF, ON, agent, alive, calls, switch
from tests.actions.lab import until
from tools.lab.pytest_plugin import left_out


class Unwatched:
    """Groups without a guard, as where `failc` tries agents."""

    def began(self, ticket: str) -> None: ...

    def group(self, ticket: str, group: int) -> None: ...

    def ended(self, ticket: str) -> None: ...


@pytest_asyncio.fixture
async def programs() -> AsyncIterator[Programs]:
    made = Programs(Unwatched())
    yield made
    made.close()


async def fence(programs: Programs, *levels: Sequence[Device], delays_ms: Sequence[int] = ()) -> Fenced:
    made = [Level(tuple(level), delay) for level, delay in zip(levels, [*delays_ms, *[0] * len(levels)])]
    return await Fencing("genesis", made, programs).run()


async def test_a_device_that_says_off_afterwards_has_fenced_the_node(programs: Programs, tmp_path: Path) -> None:
    fenced = await fence(programs, [switch(tmp_path, "fence_one")])
    assert fenced == Fenced(True, "genesis is off: level 1 (fence_one)", 1)
    assert calls(tmp_path) == ["fence_one off", "fence_one status"]


async def test_parameters_are_lines_on_standard_input_and_nowhere_else(programs: Programs, tmp_path: Path) -> None:
    """Arguments and environment can be read by other users of the machine."""
    look = f'tr "\\0" "\\n" < /proc/$$/cmdline > "{tmp_path}/seen"; tr "\\0" "\\n" < /proc/$$/environ >> "{tmp_path}/seen"'
    device = agent(tmp_path, "fence_one", off=look, secrets={"password": "swordfish"})
    await ask(device, "off", programs)
    assert (tmp_path / "given.fence_one.off").read_text() == "ip=10.0.0.9\npassword=swordfish\naction=off\n"
    seen = (tmp_path / "seen").read_text()
    assert str(tmp_path / "fence_one") in seen
    assert "swordfish" not in seen


# --- what an agent may do wrong -------------------------------------------------------------------------------------------


async def test_an_off_that_ended_well_and_left_the_power_on_is_no_success(programs: Programs, tmp_path: Path) -> None:
    fenced = await fence(programs, [agent(tmp_path, "fence_liar", off="echo 'Success: Powered OFF'", status=ON)])
    assert not fenced.ok
    assert fenced.text == "genesis could not be fenced: level 1: fence_liar: status: its power is on"


async def test_an_agent_that_cannot_run_has_not_said_off(programs: Programs, tmp_path: Path) -> None:
    """A shell ends with 2 at a syntax error, and Python where it cannot open a file; `status` ends with 2 for off."""
    fenced = await fence(programs, [agent(tmp_path, "fence_one", status="if then")])
    assert not fenced.ok
    assert "status: exit 2, bad parameters, or a script that cannot be run: " in fenced.text
    assert "syntax error" in fenced.text.lower()


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ('echo "Status: OFF"; exit 0', "exit 0 and the words off do not fit together"),
        ('echo "Status: ON"; exit 2', "exit 2 and the words on do not fit together"),
        ('echo "Status: ON"; echo "Status: OFF"; exit 2', "exit 2 and the words off and on do not fit together"),
        ("exit 0", "exit 0, and no line says whether the power is on or off"),
        ('echo "Status: OFF"; exit 1', "exit 1, it failed: Status: OFF"),
        ('echo "Status: OFFLINE"; exit 2', "exit 2, bad parameters, or a script that cannot be run: Status: OFFLINE"),
        ("exit 77", "exit 77"),
        ("kill -9 $$", "it was ended by signal 9"),
    ],
)
async def test_a_status_that_says_nothing_sure_is_unknown(programs: Programs, tmp_path: Path, status: str, why: str) -> None:
    answer = await ask(agent(tmp_path, "fence_one", status=status), "status", programs)
    assert (answer.ok, answer.power, answer.text) == (False, Power.UNKNOWN, why)


async def test_an_agent_that_hangs_is_killed_with_its_children_and_has_failed(programs: Programs, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hangs = f"sleep 100 & echo $! > '{pid}'; sleep 4"
    fenced = await fence(programs, [agent(tmp_path, "fence_slow", off=hangs, status=hangs, timeout_ms=500)])
    assert not fenced.ok
    late = "no end after 500 ms, and it was killed"
    assert f"fence_slow: off: {late}; status: {late}" in fenced.text
    await until(lambda: not alive(int(pid.read_text())), "its child is killed")


async def test_an_off_that_hung_and_worked_is_a_success_by_the_devices_word(programs: Programs, tmp_path: Path) -> None:
    fenced = await fence(programs, [agent(tmp_path, "fence_slow", off="sleep 600", status=OFF, timeout_ms=500)])
    assert fenced.ok


async def test_an_agent_that_is_missing_has_failed_and_is_named(programs: Programs, tmp_path: Path) -> None:
    fenced = await fence(programs, [Device(f"{tmp_path}/fence_none", {})])
    assert f"fence_none: off: there is no {tmp_path}/fence_none; status: there is no {tmp_path}/fence_none" in fenced.text


async def test_an_agent_that_is_no_program_has_failed(programs: Programs, tmp_path: Path) -> None:
    device = agent(tmp_path, "fence_one")
    Path(device.program).chmod(0o644)
    assert not (await fence(programs, [device])).ok
    assert found_agent(device.program) is None


async def test_of_megabytes_only_a_little_is_kept_and_its_status_is_not_found(programs: Programs, tmp_path: Path) -> None:
    flood = f"head -c {4 * OUTPUT_BYTES_MAX} /dev/zero | tr '\\0' x; echo; {OFF}"
    answer = await ask(agent(tmp_path, "fence_loud", status=flood), "status", programs)
    assert (answer.power, answer.text) == (Power.UNKNOWN, "exit 2, bad parameters, or a script that cannot be run")


async def test_warnings_around_the_status_do_no_harm(programs: Programs, tmp_path: Path) -> None:
    chatty = 'echo "Parse error: unknown option" >&2; echo "Status: OFF"; echo "bye" >&2; exit 2'
    assert (await ask(agent(tmp_path, "fence_one", status=chatty), "status", programs)).power is Power.OFF


# --- secrets --------------------------------------------------------------------------------------------------------------


async def test_an_agent_that_prints_its_password_is_quoted_without_it(programs: Programs, tmp_path: Path) -> None:
    device = agent(tmp_path, "fence_one", status="echo 'login f/swordfish refused'; exit 3", secrets={"password": "swordfish"})
    fenced = await fence(programs, [device])
    assert f"exit 3, the device refuses the login: login f/{HIDDEN} refused" in fenced.text
    assert "swordfish" not in fenced.text


async def test_a_line_that_is_not_whole_is_not_quoted(programs: Programs, tmp_path: Path) -> None:
    """What is left of a password that was cut in two would not be found in it."""
    secret = "swordfish" * 10
    device = agent(tmp_path, "fence_one", status=f"echo '{secret}{'x' * 350}'; exit 1", secrets={"password": secret})
    assert (await ask(device, "status", programs)).text == "exit 1, it failed"


def test_a_device_shows_its_parameters_without_the_secrets() -> None:
    device = Device("/usr/sbin/fence_ipmilan", {"ip": "10.0.0.9"}, {"password": "swordfish"})
    assert device.shown() == {"ip": "10.0.0.9", "password": "(hidden)"}
    assert "swordfish" not in repr(device)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("plug", "3\naction=on", "has a line break"),
        ("plug", "3\0", "has a line break"),
        ("plug ", "3", "is no name of an option"),
        ("plug=3\naction", "on", "is no name of an option"),
        ("action", "on", "is what faild says itself"),
        ("option", "on", "is what faild says itself"),
        ("verbose", "1", "lets the agent write its passwords"),
        ("debug_file", "/tmp/x", "lets the agent write its passwords"),
        ("plug", " 3", "begins or ends with a space"),
    ],
)
async def test_an_option_that_would_be_read_as_another_is_refused(
    programs: Programs, tmp_path: Path, name: str, value: str, why: str
) -> None:
    device = agent(tmp_path, "fence_one")
    answer = await ask(Device(device.program, {name: value}), "off", programs)
    assert not answer.ok
    assert f'its option "{name}" {why}' in answer.text
    assert calls(tmp_path) == []


# --- levels ---------------------------------------------------------------------------------------------------------------


async def test_the_second_level_is_tried_when_the_first_has_failed_and_none_after_a_success(
    programs: Programs, tmp_path: Path
) -> None:
    one = agent(tmp_path, "fence_one", off="exit 4", status=ON)
    fenced = await fence(programs, [one], [switch(tmp_path, "fence_two")], [agent(tmp_path, "fence_no")])
    assert (fenced.ok, fenced.level) == (True, 2)
    assert fenced.text == (
        "genesis is off: level 2 (fence_two), when others had failed: "
        "level 1: fence_one: off: exit 4, the connection was lost; status: its power is on"
    )
    assert calls(tmp_path) == ["fence_one off", "fence_one status", "fence_two off", "fence_two status"]


async def test_a_level_is_off_when_each_of_its_devices_is(programs: Programs, tmp_path: Path) -> None:
    """Two power supplies: with one of them on, the node runs."""
    one, two = switch(tmp_path, "fence_one"), agent(tmp_path, "fence_two", status=ON)
    fenced = await fence(programs, [one, two])
    assert fenced.text == "genesis could not be fenced: level 1: fence_two: status: its power is on"
    both = await fence(programs, [switch(tmp_path, "fence_one"), switch(tmp_path, "fence_three")])
    assert both.text == "genesis is off: level 1 (fence_one and fence_three)"


async def test_devices_are_asked_when_all_have_been_told(programs: Programs, tmp_path: Path) -> None:
    """One that came on again while the other was switched would otherwise count as off."""
    one = switch(tmp_path, "fence_one")
    two = agent(tmp_path, "fence_two", off=f"touch '{tmp_path}/fence_one.on'")
    fenced = await fence(programs, [one, two])
    assert fenced.text == "genesis could not be fenced: level 1: fence_one: status: its power is on"


async def test_a_level_is_given_up_at_the_first_device_that_stays_on(programs: Programs, tmp_path: Path) -> None:
    """The other supply is not switched off for nothing."""
    await fence(programs, [agent(tmp_path, "fence_one", off="exit 1", status=ON), switch(tmp_path, "fence_two")])
    assert calls(tmp_path) == ["fence_one off", "fence_one status"]


async def test_a_level_waits_for_its_delay_before_anything_is_switched(programs: Programs, tmp_path: Path) -> None:
    running = asyncio.create_task(fence(programs, [switch(tmp_path, "fence_one")], delays_ms=[3_600_000]))
    await asyncio.sleep(0.3)
    assert calls(tmp_path) == []
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    short = await fence(programs, [switch(tmp_path, "fence_one")], delays_ms=[20])
    assert short.text == "genesis is off: level 1 (fence_one) after 20 ms"


async def test_levels_without_devices_are_a_bug_of_ours(programs: Programs) -> None:
    """ "All of none" is true: such a level would be off at once."""
    for levels in ([], [Level(())]):
        with pytest.raises(InvariantBroken, match="a level without a device"):
            Fencing("genesis", levels, programs)


async def test_a_fencing_that_is_broken_off_leaves_no_agent_behind(programs: Programs, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    running = asyncio.create_task(fence(programs, [agent(tmp_path, "fence_one", off=f"echo $$ > '{pid}'; sleep 600")]))
    await until(lambda: pid.exists() and pid.read_text().strip() != "", "the agent runs")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(int(pid.read_text()))


# --- a rehearsal ----------------------------------------------------------------------------------------------------------


async def test_a_rehearsal_asks_every_device_and_switches_none(programs: Programs, tmp_path: Path) -> None:
    one = switch(tmp_path, "fence_one")
    two = agent(tmp_path, "fence_two", monitor="echo 'Connection refused' >&2; exit 4")
    rehearsed = await Fencing("genesis", [Level((one,), 3_600_000), Level((two,))], programs).rehearse()
    assert not rehearsed.ok
    assert [[asked.text for asked in level] for level in rehearsed.levels] == [
        ["its power is on"],
        ["monitor: exit 4, the connection was lost: Connection refused"],
    ]
    assert calls(tmp_path) == ["fence_one monitor", "fence_one status", "fence_two monitor"]


async def test_a_device_whose_monitor_is_well_and_whose_status_says_nothing_is_broken(
    programs: Programs, tmp_path: Path
) -> None:
    """`monitor` reaches the device; whether the plug is there, only `status` knows."""
    device = agent(tmp_path, "fence_one", status="echo 'no plug 9' >&2; exit 8")
    rehearsed = await Fencing("genesis", [Level((device,))], programs).rehearse()
    assert not rehearsed.ok
    assert rehearsed.levels[0][0].text == "status: exit 8, the device does not tell the state of this plug: no plug 9"


# --- real agents ----------------------------------------------------------------------------------------------------------


async def test_debians_dummy_agent_is_switched_and_asked(programs: Programs, tmp_path: Path) -> None:
    """The one of the package fence-agents: its own code reads our parameters."""
    program = found_agent("fence_dummy")
    left_out(None if program else "there is no fence_dummy here: install the package fence-agents")
    assert program is not None
    state = tmp_path / "state"
    state.write_text("on")
    device = Device(program, {"status_file": str(state)})
    rehearsed = await Fencing("genesis", [Level((device,))], programs).rehearse()
    assert [asked.text for asked in rehearsed.levels[0]] == ["its power is on"]
    fenced = await fence(programs, [device])
    assert (fenced.ok, state.read_text()) == (True, "off")
    fails = await fence(programs, [Device(program, {"type": "fail", "plug": "1"})])
    assert not fails.ok


async def test_a_fenced_node_is_dead_before_the_fencing_says_so(programs: Programs, tmp_path: Path) -> None:
    """An agent that kills a node's namespace of processes, and says off when the kernel has none of it left."""
    left_out(None if can_unshare() else "namespaces of processes cannot be made here; run the tests as root")
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "sleep 600 & sleep 600 & wait"]
    node = subprocess.Popen(words, start_new_session=True)
    try:
        await until(lambda: len(in_namespace_of(node.pid)) >= 3, "the node runs")
        first = min(in_namespace_of(node.pid))
        members = in_namespace_of(node.pid)
        gone = f"! kill -0 {first} 2>/dev/null"
        off = f"kill -9 {first}; until {gone}; do sleep 0.05; done"
        device = agent(tmp_path, "fence_namespace", off=off, status=f"if {gone}; then {OFF}; else {ON}; fi")
        assert (await ask(device, "status", programs)).power is Power.ON
        fenced = await fence(programs, [device])
        assert fenced.ok
        assert [pid for pid in members if alive(pid)] == []
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait()


def can_unshare() -> bool:
    return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode == 0


def in_namespace_of(parent: int) -> list[int]:
    """The processes below this one, but not itself."""
    found, queue = [], [parent]
    while queue:
        pid = queue.pop()
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        found += [int(child) for child in children]
        queue += [int(child) for child in children]
    return found
