"""What happens to the log when its process is killed, its disk is full, or its disk fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.keys import NodeKeyring
from store.journal import Journal
from tests.store.authors import CLUSTER, Author
from tools.lab.pytest_plugin import left_out

CHILD = [sys.executable, str(Path(__file__).with_name("children.py"))]
UNSHARE = ["unshare", "--mount", "--propagation", "private"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])


def namespaces_work() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


@pytest.mark.parametrize("acknowledged", [2, 20, 21, 300])
async def test_no_acknowledged_event_is_lost_when_the_process_is_killed(tmp_path: Path, acknowledged: int):
    """SIGKILL in the middle of an append loop: everything that was acknowledged is there, and the log is sound."""
    with subprocess.Popen([*CHILD, "append-for-ever", str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        heard = [next(child.stdout) for _ in range(acknowledged)]
        child.kill()
        heard += child.stdout.readlines()
    last = max(int(line) for line in heard if line.endswith("\n"))
    keyring = NodeKeyring({"lukretia": (tmp_path / "key").read_bytes()})
    journal = await Journal.open(tmp_path, "lukretia", Author("lukretia").identity, keyring=keyring, cluster=CLUSTER)
    numbers = [entry.event.number for entry in await journal.load()]
    await journal.close()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= last


def test_a_full_disk_refuses_with_words_and_the_journal_works_again_when_there_is_space(tmp_path: Path):
    """A real file system of 400 KiB, in a mount namespace of its own, filled by the log itself."""
    left_out(None if namespaces_work() else "mount namespaces cannot be made here, nor a full disk; run the tests as root")
    command = f'mount -t tmpfs -o size=400k tmpfs "{tmp_path}" && exec "$@"'
    child = [*CHILD, "fill-the-disk", str(tmp_path)]
    ended = subprocess.run([*UNSHARE, "sh", "-c", command, "sh", *child], capture_output=True, text=True, timeout=60)
    assert ended.stdout.startswith("sound"), ended.stderr
    assert int(ended.stdout.split()[1]) > 10
    assert os.listdir(tmp_path) == []


def test_a_write_that_fails_refuses_and_the_handle_is_replaced(tmp_path: Path):
    """What a failed write left in the kernel is unknown, so the next append works on a fresh connection."""
    ended = subprocess.run([*CHILD, "fail-the-writes", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert ended.stdout.startswith("sound"), ended.stderr


def test_a_journal_that_nobody_closed_does_not_keep_the_process_alive(tmp_path: Path):
    program = (
        "import asyncio, sys; from pathlib import Path; from store.journal import Journal; "
        "from protocol.signing import Identity; "
        "asyncio.run(Journal.open(Path(sys.argv[1]), 'lukretia', Identity.fresh('lukretia')))"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(tmp_path)], cwd=root, timeout=30)
    assert ended.returncode == 0
