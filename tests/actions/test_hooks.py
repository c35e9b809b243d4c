"""Hooks hear every state in order; one that hangs delays nothing else."""

from pathlib import Path

from coordinator.core.inputs import Outcome
from coordinator.policy import ActionPolicy
from tests.actions.lab import until
from tests.actions.stage import lines_in, notify, policy, run, script, stage
from tests.actions.test_script import alive, write_script


async def test_hooks_hear_every_state_in_order_and_scripts_their_words(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 0.0$(( $3 % 3 )); echo "$1 $3" >> $log.hook', "hook")
    web = write_script(tmp_path, "echo $1 >> $log.web")
    history = ["RECOVER", "STARTING", "UP", "RECLAIM", "UP", "STOPPING", "FAIL", "RECOVER"]
    told: list[tuple[str, str, int, str]] = []
    async with stage(policy(script(web), notify(hook))) as it:
        it.executor._tell = lambda *words: told.append(words)
        for epoch, state in enumerate(history, start=1):
            it.executor.changed("web", state, epoch, "a test")
        await until(lambda: lines_in(tmp_path / "log.hook") == 8 and lines_in(tmp_path / "log.web") == 5, "all is told")
    assert (tmp_path / "log.hook").read_text().splitlines() == [f"{state} {n}" for n, state in enumerate(history, start=1)]
    assert (tmp_path / "log.web").read_text().split() == ["recover", "up", "down", "fail", "recover"]
    assert [words[1] for words in told] == history


async def test_a_hanging_hook_holds_no_order_up(tmp_path: Path) -> None:
    hook = write_script(tmp_path, f"touch {tmp_path}/begun; sleep 600", "hook")
    async with stage(policy(script(write_script(tmp_path, "exit 0")), notify(hook))) as it:
        it.executor.changed("web", "STARTING", 7, "a test")
        await until((tmp_path / "begun").exists, "the hook hangs")
        it.executor.run(run(1, "up"))
        assert (await it.finished(1)).outcome is Outcome.DONE


async def test_who_closes_tells_first_and_waits_for_nobody_longer_than_its_timeout(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 0.1; echo "$1" >> $log', "hook")
    hanging = write_script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600", "hanging")
    async with stage(policy(notify(hook))) as it:
        for state in ("UP", "STOPPING", "RECOVER"):
            it.executor.changed("web", state, 7, "a test")
    assert (tmp_path / "log").read_text().split() == ["UP", "STOPPING", "RECOVER"]
    async with stage(policy(ActionPolicy("notify", {"path": hanging}, 300))) as it:
        it.executor.changed("web", "RECOVER", 7, "a test")
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the hook hangs")
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_a_hook_that_needs_longer_than_a_stop_used_to_wait_hears_the_last_state(tmp_path: Path) -> None:
    hook = write_script(tmp_path, 'sleep 2.3; echo "$1" >> $log', "hook")
    async with stage(policy(notify(hook))) as it:
        it.executor.changed("web", "RECOVER", 7, "a test")
    assert (tmp_path / "log").read_text().split() == ["RECOVER"]


async def test_a_hook_that_hangs_delays_no_other_and_is_told_the_newest_state_next(tmp_path: Path) -> None:
    """What it has missed in the meantime is not told one by one, each with a timeout of its own."""
    hangs_at_up = f"echo $1 >> {tmp_path}/first.log; [ $1 != UP ] || sleep 600"
    first = ActionPolicy("notify", {"path": write_script(tmp_path, hangs_at_up, "first")}, 600)
    second = notify(write_script(tmp_path, f"echo $1 >> {tmp_path}/second.log", "second"))
    web = script(write_script(tmp_path, f"echo $1 >> {tmp_path}/web.log", "web"))
    history = ["UP", "STOPPING", "RECOVER", "STARTING", "UP", "STOPPING", "FAIL"]
    async with stage(policy(first, web, second)) as it:
        for state in history:
            it.executor.changed("web", state, 7, "a test")
        await until(lambda: lines_in(tmp_path / "second.log") == len(history), "the other hook has heard everything")
        assert (tmp_path / "first.log").read_text().split() == ["UP"], "while the first one still hangs"
        await until(lambda: lines_in(tmp_path / "web.log") == 6, "and so has the script")
        await until(lambda: lines_in(tmp_path / "first.log") == 2, "the one that hung hears what is true now")
    assert (tmp_path / "second.log").read_text().split() == history
    assert (tmp_path / "first.log").read_text().split() == ["UP", "FAIL"]
