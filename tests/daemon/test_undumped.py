"""A core file of `faild` would hold the node's key, and so would its memory in the hands of another process of its user."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

READER = """
import ctypes, os, signal
from coordinator.daemon import undumped
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    ctypes.CDLL(None).prctl(undumped.PR_SET_DUMPABLE, 1, 0, 0, 0)  # as it is for a program that this user starts
for hides in (False, True):
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        if hides:
            undumped.hide()
        os.write(tell, b"x")
        signal.pause()
    os.read(told, 1)
    try:
        open(f"/proc/{child}/mem", "rb").close()
        print("readable")
    except PermissionError:
        print("hidden")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_no_other_process_of_its_user_reads_its_memory():
    """Both are of one user, who is not root: to root nothing is hidden."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", READER], capture_output=True, text=True, timeout=40, env=environment)
    assert done.stdout.split() == ["readable", "hidden"], done.stderr


def test_faild_leaves_no_core_file_and_its_scripts_may(make):
    """The script prints its own limit: it is the one with which `faild` was started."""
    cluster = make()
    node = cluster.nodes["lukretia"]
    node.plant("start", f"ulimit -S -c > {node.web}/limit")
    cluster.start("lukretia")
    cluster.until_up("lukretia", at=["lukretia"])
    limits = Path(f"/proc/{node.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 ", limits), limits
    ours = resource.getrlimit(resource.RLIMIT_CORE)[0]
    said = (node.web / "limit").read_text().strip()
    assert said == ("unlimited" if ours == resource.RLIM_INFINITY else str(ours // 512))
