"""`make demo` as a newcomer sees it: as root and as an ordinary user, to its end and interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.lab.pytest_plugin import namespaces

__all__ = ["namespaces"]

ROOT = Path(__file__).resolve().parents[2]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"]
"""`env`, because setpriv itself still executes with root's right to look into any folder."""
DEMO = ["-m", "tools.demo"]


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.mark.parametrize("user", ["ourselves", "nobody"])
def test_the_demonstration_runs_to_its_end(namespaces, tmp_path_factory, user):
    command, more = ([sys.executable], {}) if user == "ourselves" else as_nobody()
    for _ in range(3):  # a busy machine may let the victim see its ports go down before it is killed: void, and said so
        done = subprocess.run([*command, *DEMO], capture_output=True, text=True, timeout=180, env=environment(**more), cwd=ROOT)
        if "void:" not in done.stdout:
            break
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number in range(1, 7):
        assert re.search(rf"^{number}\. ", done.stdout, re.MULTILINE), f"demonstration {number} was not told"
    assert "judges lukretia in doubt" in done.stdout
    assert "judges lukretia dead" in done.stdout
    assert "lukretia reclaims web" in done.stdout
    assert "sound and lawful" in done.stdout
    assert done.stdout.count("give the same answer") == 2
    assert "void:" not in done.stdout


def as_nobody() -> tuple[list[str], dict[str, str]]:
    """A Python that `nobody` may run, with our packages: the environment's own, or the system's of the same version."""
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user ourselves: the other case shows it")
    site = next(path for path in sys.path if path.endswith("site-packages"))
    paths = {"PYTHONPATH": f"{ROOT}:{site}"}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        look = [*NOBODY, python, "-c", "import msgpack, tools.demo"]
        if subprocess.run(look, capture_output=True, env=environment(**paths)).returncode == 0:
            return [*NOBODY, python], paths
    pytest.skip("NOT TESTED: this environment cannot be read by an ordinary user; clone it to where every user may look")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demonstration_leaves_nothing(namespaces, tmp_path, number):
    """Ctrl-C in the middle: every process ends, every file goes, and it says so."""
    demo = subprocess.Popen(
        [sys.executable, *DEMO],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
        cwd=ROOT,
    )
    try:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "is up on" in line:
                break
        demo.send_signal(number)
        rest = demo.communicate(timeout=120)[0]
    finally:
        demo.kill()
    assert demo.returncode == 130
    assert "everything is taken down" in rest
    assert list(tmp_path.iterdir()) == []
    until = time.monotonic() + 60
    while processes_naming(str(tmp_path)):
        assert time.monotonic() < until, "a process of the demonstration is still there"
        time.sleep(0.02)


def processes_naming(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in line and entry.name != str(os.getpid()):
                found.append(line)
    return found
