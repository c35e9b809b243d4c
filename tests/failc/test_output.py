"""Standard output that takes nothing: every tool says so in one line, exits with 3, and shows no traceback."""

import asyncio
import subprocess
import sys

import pytest

from tests.control.cluster import Cluster
from tests.failc.running import COMMAND, ROOT, environment

TOOLS = {
    "failc": "tools.failc.main",
    "failaudit": "tools.audit.main",
    "faild": "coordinator.daemon.main",
}


@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("failc", ["--help"]),
        ("failc", ["--version"]),
        ("failc", ["status", "--help"]),
        ("failc", ["config", "schema"]),
        ("failc", ["config", "check", "tests/scenarios/two-nodes.toml"]),
        ("failc", ["simulate", "--config", "tests/scenarios/two-nodes.toml", "tests/scenarios/01-planned-failover.scenario"]),
        ("failaudit", ["--help"]),
        ("faild", ["--help"]),
        ("faild", ["--version"]),
    ],
    ids=str,
)
def test_a_full_device_is_3_in_one_line(tool: str, words: list[str], buffered: str):
    command = [sys.executable, "-c", f"from {TOOLS[tool]} import main; main()", *words]
    env = environment(PYTHONUNBUFFERED=buffered)
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, env=env, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    *warnings, last = done.stderr.splitlines()
    assert last == f"{tool}: cannot write its output: No space left on device"
    assert all(line.endswith("(warning)") for line in warnings)
    assert done.returncode == 3


def test_a_program_without_a_standard_output_is_no_fault():
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "--version"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


async def test_status_and_watch_of_a_running_node_into_a_full_device(tmp_path):
    async with Cluster(tmp_path) as cluster:
        await cluster.settled()
        for words in (["status"], ["status", "--json"], ["links"], ["timings"], ["watch"], ["watch", "--json"]):
            with open("/dev/full", "w") as full:
                process = await started_with(full.fileno(), *words, "--state", cluster.folder / "lukretia")
                _, said = await process.communicate()
            assert said.decode() == "failc: cannot write its output: No space left on device\n", words
            assert process.returncode == 3


async def started_with(out: int, *words: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, words), env=environment(), stdout=out, stderr=asyncio.subprocess.PIPE
    )
