"""Scripts, hooks and checks as real programs."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actions import rlimit
from actions.action import Ending, Order, Seen
from actions.checks.kind import Unasked
from actions.exec_check import check_exec
from actions.notify_hook import NotifyHook
from actions.process import LEFT_MAX, Programs
from actions.run_action import perform
from actions.script_action import ScriptAction
from actions.tcp_check import check_tcp
from tests.actions.lab import until

ORDER = Order("web", "genesis", 7, "lukretia is dead")


class Ledger:
    """Groups that a test may look at: a real implementation of the protocol, for one process."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def began(self, ticket: str) -> None:
        self.lines.append(("began", ticket))

    def group(self, ticket: str, group: int) -> None:
        self.lines.append(("group", ticket, str(group)))

    def ended(self, ticket: str) -> None:
        self.lines.append(("ended", ticket))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def programs(ledger: Ledger) -> Programs:
    return Programs(ledger)


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def write_script(folder: Path, body: str, name: str = "web") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexec 2>&1\nlog={folder}/log\n{body}\n")
    path.chmod(0o755)
    return str(path)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except OSError:
        return False


async def test_the_words_and_the_environment_of_a_script(tmp_path: Path, programs: Programs) -> None:
    body = 'echo "$1 $FAILOVER_SERVICE $FAILOVER_NODE $FAILOVER_EPOCH $FAILOVER_REASON" >> $log\n[ $1 != status ] || exit 3'
    action = ScriptAction(write_script(tmp_path, body), programs)
    for word in ("up", "reclaim", "down"):
        assert (await perform(action, word, ORDER, 5)).ending is Ending.DONE
    assert await action.probe(ORDER) is Seen.DOWN
    tail = "web genesis 7 lukretia is dead"
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == [f"{word} {tail}" for word in ("start", "reclaim", "stop", "status")]


async def test_a_reason_of_any_letters_is_one_line_in_the_environment(tmp_path: Path, programs: Programs) -> None:
    action = ScriptAction(write_script(tmp_path, 'echo "$FAILOVER_REASON" >> $log'), programs)
    order = replace(ORDER, reason="x\nlukretia is dead\0\x1b[2J")
    assert (await perform(action, "up", order, 5)).ending is Ending.DONE
    assert (tmp_path / "log").read_text() == "x\\u000alukretia is dead\\u0000\\u001b[2J\n"


async def test_the_guard_knows_ticket_and_group(tmp_path: Path, programs: Programs, ledger: Ledger) -> None:
    path = write_script(tmp_path, "echo $FAILOVER_TICKET $(cut -d' ' -f5 /proc/$$/stat)")
    exited = await programs.run([path], {})
    ticket, group = exited.line.split()
    assert ledger.lines == [("began", ticket), ("group", ticket, group), ("ended", ticket)]


async def test_a_timeout_kills_the_whole_group_and_the_probe_tells(tmp_path: Path, programs: Programs) -> None:
    """The child of the script must not go on either: it would bring the service up later, when it is not expected."""
    body = f"case $1 in start) sleep 600 & echo $! > {tmp_path}/child; wait;; status) exit $(cat {tmp_path}/status);; esac"
    action = ScriptAction(write_script(tmp_path, body), programs)
    await programs.prepare()
    for status, ending in (("3", Ending.FAILED), ("0", Ending.DONE), ("1", Ending.UNKNOWN)):
        (tmp_path / "status").write_text(status)
        assert (await perform(action, "up", ORDER, 1.0)).ending is ending
        child = int((tmp_path / "child").read_text())
        await until(lambda child=child: not alive(child), "the script's child is dead")


async def test_a_failed_stop_is_done_only_where_the_status_says_so(tmp_path: Path, programs: Programs) -> None:
    body = f"case $1 in status) exit $(cat {tmp_path}/status);; *) echo nothing to stop; exit 1;; esac"
    action = ScriptAction(write_script(tmp_path, body), programs)
    for status, ending in (("3", Ending.DONE), ("0", Ending.FAILED), ("64", Ending.FAILED)):
        (tmp_path / "status").write_text(status)
        result = await perform(action, "down", ORDER, 5)
        assert result.ending is ending
        assert "nothing to stop" in result.text


async def test_a_failed_start_that_is_up_all_the_same_is_unknown(tmp_path: Path, programs: Programs) -> None:
    action = ScriptAction(write_script(tmp_path, "[ $1 = status ]"), programs)
    assert (await perform(action, "up", ORDER, 5)).ending is Ending.UNKNOWN


async def test_a_script_that_is_not_there_fails_with_its_name(tmp_path: Path, programs: Programs, ledger: Ledger) -> None:
    action = ScriptAction(str(tmp_path / "absent"), programs)
    result = await perform(action, "up", ORDER, 5)
    assert result.ending is Ending.FAILED
    assert "absent" in result.text
    assert [line[0] for line in ledger.lines] == ["began", "group", "ended"]


async def test_a_daemon_that_keeps_our_pipe_neither_holds_us_up_nor_dies_of_it(tmp_path: Path, programs: Programs) -> None:
    body = f"(while [ ! -e {tmp_path}/end ]; do echo noise; sleep 0.01; done; echo ended > {tmp_path}/said) & echo started"
    exited = await programs.run([write_script(tmp_path, body)], {})
    assert exited.code == 0
    before = time.monotonic()
    (tmp_path / "end").touch()
    await until((tmp_path / "said").exists, "the daemon came to its own end")
    assert time.monotonic() - before < 10


async def test_output_is_limited_digested_and_its_last_line_kept(tmp_path: Path, programs: Programs) -> None:
    path = write_script(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x; echo; printf 'last\\033[1m word\\n'")
    exited = await programs.run([path], {})
    assert len(exited.output) == 32
    assert len(exited.line) <= 400
    exited = await programs.run([write_script(tmp_path, "printf 'last\\033[1m word\\n'")], {})
    assert exited.line == "last?[1m word"


async def test_no_descriptor_of_ours_is_inherited(tmp_path: Path, programs: Programs) -> None:
    exited = await programs.run(["/bin/ls", "-m", "/proc/self/fd"], {})
    assert exited.line == "0, 1, 2, 3"  # 3 is the folder that it lists


async def test_a_program_finds_its_signals_as_they_usually_are(programs: Programs) -> None:
    """Python ignores SIGPIPE and SIGXFSZ: a write beyond a limit would fail in the program, instead of ending it."""
    exited = await programs.run(["/bin/grep", "-oP", r"SigIgn:\s*\K.*", "/proc/self/status"], {})
    others = 1 << 31 | 1 << 32
    assert int(exited.line, 16) & ~others == 0, "but for 32 and 33, which are the C library's own"


async def test_of_our_environment_a_program_gets_a_short_list(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site names what it hands to its scripts; an agent's socket and the keys of a cloud are not for them."""
    secret = ("SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY", "NOTIFY_SOCKET", "PYTHONPATH", "LD_PRELOAD_NOT", "FAILC_IDENTITY")
    for name in (*secret, "FAILOVER_SITE", "LC_TIME", "TZ"):
        monkeypatch.setenv(name, f"{name} here")
    path = write_script(tmp_path, f"env > {tmp_path}/env")
    assert (await programs.run([path], {"FAILOVER_EPOCH": "7"})).code == 0
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert found.keys().isdisjoint(secret)
    assert [found[name] for name in ("FAILOVER_SITE", "LC_TIME", "TZ")] == ["FAILOVER_SITE here", "LC_TIME here", "TZ here"]
    assert found["FAILOVER_EPOCH"] == "7"
    assert found["PATH"]


async def test_an_order_ends_a_word_that_is_being_told(tmp_path: Path, programs: Programs) -> None:
    """A word is news. Were `stop` to wait for a hanging `up`, a service could not be released."""
    body = f"echo $1 >> $log; [ $1 != up ] || {{ echo $$ > {tmp_path}/pid; sleep 600; }}"
    action = ScriptAction(write_script(tmp_path, body), programs)
    telling = asyncio.create_task(action.tell("up", ORDER, action.orders()))
    pid = int(await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the word is told"))
    assert (await perform(action, "down", ORDER, 5)).ending is Ending.DONE
    await telling
    assert not alive(pid)
    assert (tmp_path / "log").read_text().split() == ["up", "stop"]


async def test_a_word_that_waited_while_an_order_came_is_obsolete(tmp_path: Path, programs: Programs) -> None:
    action = ScriptAction(write_script(tmp_path, "echo $1 >> $log"), programs)
    orders = action.orders()
    await perform(action, "down", ORDER, 5)
    await action.tell("up", ORDER, orders)
    assert (tmp_path / "log").read_text().split() == ["stop"]


async def test_a_hook_gets_state_service_and_epoch(tmp_path: Path, programs: Programs) -> None:
    hook = NotifyHook(write_script(tmp_path, 'echo "$* $FAILOVER_STATE $FAILOVER_REASON" >> $log'), programs)
    await hook.tell("RECLAIM", ORDER)
    assert (tmp_path / "log").read_text() == "RECLAIM web 7 RECLAIM lukretia is dead\n"


async def test_a_tcp_check_wants_somebody_who_accepts() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await check_tcp("127.0.0.1", port, 1)).passed
    server.close()
    await server.wait_closed()
    found = await check_tcp("127.0.0.1", port, 1)
    assert not found.passed
    assert str(port) in found.text


async def test_an_exec_check_is_its_exit_code_in_time(tmp_path: Path, programs: Programs) -> None:
    assert (await check_exec(["/bin/true"], {}, programs, 5)).passed
    found = await check_exec(["/bin/sh", "-c", "echo sick; exit 7"], {}, programs, 5)
    assert found.text == "/bin/sh: exit 7: sick"
    assert "no end" in (await check_exec(["/bin/sleep", "600"], {}, programs, 0.1)).text
    assert "cannot be run" in (await check_exec([str(tmp_path / "absent")], {}, programs, 1)).text


LEASE = """
import fcntl, os, pathlib, signal, sys, time
script, asked, turned = map(pathlib.Path, sys.argv[1:])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
handle = os.open(script, os.O_RDWR)
fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
signal.sigwait([signal.SIGIO])
asked.touch()
deadline = time.monotonic() + 5
while not turned.exists() and time.monotonic() < deadline:
    time.sleep(0.001)
print("turned" if turned.exists() else "stood still", flush=True)
"""
"""An open of the script waits until we let it go on: like a file server that hangs. (An exclusive lease, fcntl(2).)"""


async def test_a_file_that_cannot_be_opened_does_not_stop_us(tmp_path: Path, programs: Programs) -> None:
    path, asked, turned = write_script(tmp_path, "echo ran; exit 7"), tmp_path / "asked", tmp_path / "turned"
    words = [sys.executable, "-c", LEASE, path, str(asked), str(turned)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "leased\n"
        running = asyncio.create_task(programs.run([path], {}))
        await until(asked.exists, "it is being opened")
        turned.touch()
        exited = await running
        assert (exited.code, exited.line) == (7, "ran")
        assert server.stdout.readline() == "turned\n"


async def test_what_cannot_be_run_is_told_from_what_ends_badly(tmp_path: Path, programs: Programs) -> None:
    """The first certainly did nothing. A script that misses a command exits in the same way, and may have done anything."""
    plain, empty, zeros, lost = (tmp_path / name for name in ("plain", "empty", "zeros", "lost"))
    plain.write_text("#!/bin/sh\n")
    for path, data in ((empty, b""), (zeros, bytes(4096)), (lost, b"#!/nonexistent/sh\n")):
        path.write_bytes(data)
        path.chmod(0o755)
    found = {path.name: (await check_exec([str(path)], {}, programs, 5)).text for path in (plain, empty, zeros, lost)}
    assert found == {
        "plain": f"{plain} cannot be run: Permission denied",
        "empty": f"{empty} cannot be run: Exec format error",
        "zeros": f"{zeros} cannot be run: Exec format error",
        "lost": f"{lost} cannot be run: No such file or directory",
    }
    assert (await check_exec(["nonexistent"], {}, programs, 5)).text == "nonexistent cannot be run: No such file or directory"
    exited = await programs.run([write_script(tmp_path, "nonexistent")], {})
    assert (exited.code, "not found" in exited.line) == (127, True)
    assert (await programs.run([write_script(tmp_path, "exit 126", "a=b c")], {})).code == 126


async def test_a_program_gets_its_words_as_they_are(tmp_path: Path, programs: Programs) -> None:
    """No shell looks into them, and its own name is the one that is configured."""
    path = write_script(tmp_path, 'printf "%s|" "$0" "$@"', "a=$b c")
    exited = await programs.run([path, "$HOME", "a b", "", "-x", "';", "*"], {})
    assert exited.line == f"{path}|$HOME|a b||-x|';|*|"


async def test_descriptors_do_not_pile_up(tmp_path: Path, programs: Programs) -> None:
    await programs.prepare()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await programs.run(["/bin/sh", "-c", "echo x"], {})
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before, "all pipes are closed")


async def test_a_program_gets_the_limit_with_which_we_were_started(programs: Programs) -> None:
    """Ours is raised; one that uses select(2) would break its memory with a descriptor above 1023."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        rlimit.more()
        assert (await programs.run(["/bin/sh", "-c", "ulimit -S -n"], {})).line == str(rlimit.AT_START)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_command_that_leaves_a_child_at_every_run_takes_few_descriptors_and_none_of_others(
    tmp_path: Path, programs: Programs
) -> None:
    """The service's own daemon, older than all of them, can still print."""
    daemon = write_script(
        tmp_path, f"(trap '' PIPE; until [ -e {tmp_path}/end ]; do sleep 0.05; done; echo x && touch {tmp_path}/said) &"
    )
    await programs.run([daemon], {})
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(LEFT_MAX * 3):
        await programs.run(["/bin/sh", "-c", f"until [ -e {tmp_path}/said ]; do sleep 0.1; done &"], {})
    assert len(os.listdir("/proc/self/fd")) <= before + LEFT_MAX
    (tmp_path / "end").touch()
    await until((tmp_path / "said").exists, "the daemon could print")


async def test_a_check_that_cannot_be_begun_says_nothing(programs: Programs) -> None:
    with no_descriptors():
        with pytest.raises(Unasked):
            await check_exec(["/bin/true"], {}, programs, 5)
        with pytest.raises(Unasked):
            await check_tcp("127.0.0.1", 9, 5)


async def test_a_program_is_waited_for_without_a_descriptor_too() -> None:
    class Last(Ledger):
        def group(self, ticket: str, group: int) -> None:
            taken.enter_context(no_descriptors())

    with contextlib.ExitStack() as taken:
        exited = await Programs(Last()).run(["/bin/sh", "-c", "sleep 0.2; echo x; exit 3"], {})
    assert (exited.code, exited.line) == (3, "x")


def starter_of(programs: Programs) -> subprocess.Popen[bytes]:
    process = programs._starter._process
    assert process is not None, "something was started"
    return process


async def test_what_starts_programs_is_replaced_when_it_dies_and_nobody_takes_its_end_for_theirs(
    tmp_path: Path, programs: Programs
) -> None:
    """The script may have done anything: its outcome is unknown, and it does not go on. The next one runs as ever."""
    body = f'case $1 in start) echo $$ > {tmp_path}/pid; exec sleep 600;; stop) exit 0;; *) exit 1;; esac'
    action = ScriptAction(write_script(tmp_path, body), programs)
    up = asyncio.create_task(perform(action, "up", ORDER, 60))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "it runs")
    starter_of(programs).kill()
    ended = await up
    assert (ended.ending, "has ended" in ended.text) == (Ending.UNKNOWN, True)
    await until(lambda: not alive(int((tmp_path / "pid").read_text())), "it is killed")
    assert (await perform(action, "down", ORDER, 60)).ending is Ending.DONE


async def test_a_check_whose_starter_died_says_nothing_about_the_service(programs: Programs) -> None:
    asking = asyncio.create_task(check_exec(["/bin/sleep", "600"], {}, programs, 60))
    await until(lambda: programs._starter._pids, "it runs")
    starter_of(programs).kill()
    with pytest.raises(Unasked, match="has ended"):
        await asking


async def test_no_program_is_a_child_of_ours_nor_has_our_priority(tmp_path: Path, programs: Programs) -> None:
    """Who starts a program stands still until it is one."""
    exited = await programs.run(["/bin/sh", "-c", "cut -d' ' -f4,41 /proc/$$/stat"], {})
    parent, policy = exited.line.split()
    assert int(parent) == starter_of(programs).pid
    assert int(policy) == os.SCHED_OTHER


async def test_many_programs_at_once_each_end_as_they_do(programs: Programs) -> None:
    runs = [programs.run(["/bin/sh", "-c", f"echo {number}; exit {number % 7}"], {}) for number in range(60)]
    ended = await asyncio.gather(*runs)
    assert [(exited.line, exited.code) for exited in ended] == [(str(number), number % 7) for number in range(60)]


async def test_many_programs_that_run_for_long_are_all_read_to_their_ends(programs: Programs, tmp_path: Path) -> None:
    """Few of the outputs that were left open are kept; one of a program that runs is not among them."""
    script = f"touch {tmp_path}/$1; until [ -e {tmp_path}/go ]; do sleep 0.01; done; echo $1"
    runs = [asyncio.create_task(programs.run(["/bin/sh", "-c", script, "sh", str(number)], {})) for number in range(40)]
    while len(list(tmp_path.iterdir())) < 40:
        await asyncio.sleep(0.01)
    (tmp_path / "go").touch()
    ended = await asyncio.gather(*runs)
    assert [(exited.line, exited.code) for exited in ended] == [(str(number), 0) for number in range(40)]


async def test_a_request_that_no_packet_carries_is_refused_as_the_kernel_would(programs: Programs) -> None:
    with pytest.raises(OSError, match="Argument list too long"):
        await programs.run(["/bin/true", "x" * 200_000], {})
