"""What the asker may not read or write is 3, in one line that names it: never a traceback, and never 1, which means "no"."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from tests.failc.running import ROOT, environment

NOBODY = 65534
AS_NOBODY = (
    "import os, sys; sys.path.insert(0, {root!r}); import tools.{tool}.main as tool; {more}; "
    "os.setgroups([]); os.setgid({nobody}); os.setuid({nobody}); sys.exit(tool.run(sys.argv[1:]))"
)
MORE = {
    "failc": (
        "import tools.failc.commands, tools.failc.config, tools.failc.init, tools.failc.status, tools.simulator.command, "
        "coordinator.config.load, "
        "tools.simulator.runner, tools.simulator.script, tools.failc.template, cryptography.hazmat.primitives.serialization"
    ),
    "audit": "import tools.audit.verify, tools.audit.who, coordinator.config.load, tools.audit.evidence",
}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read")


@pytest.fixture
def open_config():
    """A sound configuration that every user can read, wherever this tree lies."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield shutil.copyfile(ROOT / "tests" / "scenarios" / "two-nodes.toml", f"{folder}/failover.toml")


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("failc", ["status", "--state", "{there}"]),
        ("failc", ["status", "--connect", "unix://{there}/control.sock"]),
        ("failc", ["config", "check", "{there}/failover.toml"]),
        ("failc", ["simulate", "--config", "{there}/failover.toml", "{there}/story"]),
        ("failc", ["init", "{there}/new", "--cluster", "x", "--node", "a=lan:10.0.0.1", "--node", "b=lan:10.0.0.2"]),
        ("audit", ["verify", "{there}", "--config", "{config}"]),
        ("audit", ["verify", "{there}/log.db", "--config", "{config}"]),
        ("audit", ["who", "web", "{there}", "--config", "{there}/failover.toml"]),
    ],
    ids=str,
)
def test_what_may_not_be_read_is_3_in_one_line_that_names_it(tmp_path, open_config, tool, words):
    there = tmp_path / "private"
    there.mkdir(mode=0o700)
    for name in ("failover.toml", "story", "log.db", "control.sock"):
        (there / name).write_text("")
    code = AS_NOBODY.format(root=str(ROOT), tool=tool, more=MORE[tool], nobody=NOBODY)
    given = [word.format(there=there, config=open_config) for word in words]
    done = subprocess.run(
        [sys.executable, "-c", code, *given], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1), done.stderr
    assert str(there) in done.stderr
    assert "ermission denied" in done.stderr
