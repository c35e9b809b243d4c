"""The action `mount`, with real file systems on loop devices."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actions import mount_table
from actions.action import Ending, Order, Result, Seen
from actions.kinds import ACTIONS
from actions.mount_action import MountAction
from actions.process import Programs
from actions.run_action import look, perform
from protocol.stored.table import Table
from tests.actions.guard.conftest import peer, stand_in  # noqa: F401  the same fixtures
from tests.actions.guard.killed import Peer
from tests.actions.lab import Lan
from tests.actions.test_script import Ledger
from tools.lab.pytest_plugin import left_out

ORDER = Order("web", "one", 7, "a test")


def run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[list[str]]:
    """Two, each with an ext4."""
    made: list[str] = []
    try:
        for number in range(2):
            image = tmp_path / f"image{number}"
            with image.open("wb") as file:
                file.truncate(8 << 20)
            run("mkfs.ext4", "-q", str(image))
            made.append(run("losetup", "--find", "--show", str(image)))
            run("blockdev", "--setrw", made[-1])
    except (OSError, subprocess.CalledProcessError):
        left_out("loop devices with ext4 cannot be made here; run the tests as root")
    yield made
    for device in made:
        for one in mount_table.every_mount():
            if one.is_of(device):
                subprocess.run(["umount", one.folder], check=False)
        run("blockdev", "--setrw", device)
        run("losetup", "--detach", device)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
async def programs() -> AsyncIterator[Programs]:
    made = Programs(Ledger())
    yield made
    made.close()


def settings(folder: Path, device: str, **more: str) -> dict[str, Any]:
    return dict(ACTIONS["mount"].read(Table({"mount": str(folder), "device": device, **more})))


async def told(action: MountAction, *words: str) -> list[Result]:
    return [await perform(action, word, ORDER, 60) for word in words]


async def endings(action: MountAction, *words: str) -> list[Ending]:
    return [result.ending for result in await told(action, *words)]


async def test_it_is_mounted_and_unmounted_as_often_as_it_is_told(devices: list[str], folder: Path, programs: Programs) -> None:
    action = MountAction(settings(folder, devices[0], fstype="ext4", options="noatime"), programs)
    assert await look(action, ORDER) is Seen.DOWN
    assert await endings(action, "down", "up", "up", "reclaim") == [Ending.DONE] * 4
    assert os.path.ismount(folder)
    (folder / "file").write_text("kept")
    assert await look(action, ORDER) is Seen.UP
    assert await endings(action, "down", "down", "up") == [Ending.DONE] * 3
    assert (folder / "file").read_text() == "kept"
    assert await endings(action, "down") == [Ending.DONE]
    assert await look(action, ORDER) is Seen.DOWN


async def test_a_busy_one_is_not_forced_and_is_not_down(devices: list[str], folder: Path, programs: Programs) -> None:
    action = MountAction(settings(folder, devices[0]), programs)
    assert await endings(action, "up") == [Ending.DONE]
    with (folder / "open").open("w"):
        (down,) = await told(action, "down")
        assert down.ending is Ending.FAILED
        assert "target is busy" in down.text
        assert down.text.endswith(f"{devices[0]} is still mounted on {folder}")
        assert os.path.ismount(folder)
    assert await endings(action, "down") == [Ending.DONE]


async def test_a_device_that_is_mounted_elsewhere_on_this_machine_is_not_down(
    devices: list[str], folder: Path, programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    action = MountAction(settings(folder, devices[0]), programs)
    run("mount", devices[0], str(tmp_path / "other"))
    assert await look(action, ORDER) is Seen.UP
    up, down = await told(action, "up", "down")
    assert (up.ending, down.ending) == (Ending.FAILED, Ending.FAILED)
    assert up.text == f"{devices[0]} is mounted on {tmp_path}/other already, and not as it should be"
    assert down.text == f"{devices[0]} is still mounted on {tmp_path}/other"
    run("umount", str(tmp_path / "other"))
    assert await endings(action, "down") == [Ending.DONE]


async def test_a_namespace_that_keeps_it_mounted_is_found_by_asking_for_it_alone(
    devices: list[str], folder: Path, programs: Programs
) -> None:
    action = MountAction(settings(folder, devices[0]), programs)
    assert await endings(action, "up") == [Ending.DONE]
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; read _"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout is not None
        container.stdout.readline()
        (down,) = await told(action, "down")
        assert (down.ending, os.path.ismount(folder)) == (Ending.FAILED, False)
        assert "is in use on this machine" in down.text
        (up,) = await told(action, "up")
        assert up.ending is Ending.FAILED
        container.communicate("\n")
    assert await endings(action, "down") == [Ending.DONE]


async def test_what_others_mounted_there_is_left_alone(devices: list[str], folder: Path, programs: Programs) -> None:
    run("mount", devices[1], str(folder))
    action = MountAction(settings(folder, devices[0]), programs)
    up, down = await told(action, "up", "down")
    assert (up.ending, down.ending) == (Ending.FAILED, Ending.DONE)
    assert up.text == f"{devices[1]} is mounted on {folder}: it is left alone"
    assert os.path.ismount(folder)


async def test_a_device_that_can_only_be_read_is_not_up(devices: list[str], folder: Path, programs: Programs) -> None:
    run("blockdev", "--setro", devices[0])
    (up,) = await told(MountAction(settings(folder, devices[0]), programs), "up")
    assert up.ending is not Ending.DONE
    action = MountAction(settings(folder, devices[0], options="ro"), programs)
    assert await endings(action, "down", "up", "down") == [Ending.DONE] * 3


async def test_without_a_device_or_a_file_system_it_fails_in_mounts_own_words(
    devices: list[str], folder: Path, programs: Programs
) -> None:
    (up,) = await told(MountAction(settings(folder, "/dev/nowhere"), programs), "up")
    assert up.ending is Ending.FAILED
    assert "/dev/nowhere" in up.text
    wrong = MountAction(settings(folder, devices[0], fstype="xfs"), programs)
    assert (await told(wrong, "up"))[0].text.startswith("/bin/mount: exit 32: ")
    assert await endings(wrong, "down") == [Ending.DONE]


def test_a_file_is_checked_for_its_folder_and_for_what_is_mounted_at_boot(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fstab = tmp_path / "fstab"
    monkeypatch.setattr(mount_table, "FSTAB", fstab)
    assert mount_table.wrong_mount(str(folder), "/dev/drbd0") is None
    assert mount_table.wrong_mount("/nowhere/at/all", "/dev/drbd0") == (
        "there is no folder /nowhere/at/all",
        "Do: mkdir /nowhere/at/all",
    )
    fstab.write_text(f"# comment\n/dev/drbd0 {folder} ext4 noauto,noatime 0 0\n")
    assert mount_table.wrong_mount(str(folder), "/dev/drbd0") is None
    fstab.write_text(f"/dev/drbd0 {folder} ext4 defaults 0 0\n")
    found = mount_table.wrong_mount(str(folder), "/dev/drbd0")
    assert found is not None
    assert "is mounted at boot" in found[0]
    assert mount_table.wrong_mount(str(tmp_path), "/dev/null") == (
        "/dev/null is not a block device",
        "Write the device that the file system is on",
    )


def test_the_guard_unmounts_it_after_kill_9(
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    devices: list[str],
    folder: Path,
) -> None:
    it = stand_in({"web": [["mount", settings(folder, devices[0]), 20_000]]}, prefix=inside_ours())
    it.hear("up")
    assert os.path.ismount(folder)
    it.kill()
    assert peer.word(peer.four).service == "web", it.complaints()
    assert not os.path.ismount(folder)
    it.guard_ended()


def test_the_guard_says_nothing_where_it_is_busy_and_does_not_force_it(
    lan: Lan,
    peer: Peer,  # noqa: F811
    stand_in: Any,  # noqa: F811
    devices: list[str],
    folder: Path,
) -> None:
    it = stand_in({"web": [["mount", settings(folder, devices[0]), 20_000]]}, prefix=inside_ours())
    it.hear("up")
    with (folder / "open").open("w"):
        it.kill()
        it.guard_ended()
        assert peer.silent()
        assert os.path.ismount(folder)
    assert "not everything is down here" in it.complaints()


def inside_ours() -> tuple[str, ...]:
    """`ip netns exec` makes a namespace of mounts of its own; what is mounted there would not be seen here."""
    return ("nsenter", f"--mount=/proc/{os.getpid()}/ns/mnt")
