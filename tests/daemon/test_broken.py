"""A bug in the core of a running faild: it must not go on with half a decision, and no client may be left without the
service."""

BUG = """\
import os
import sys

if sys.orig_argv[1:2] and sys.orig_argv[1].endswith("faild") and "lukretia" in sys.orig_argv:
    from coordinator.core.context import NOTHING_ELSE
    from coordinator.core.service_checks import ServiceChecks

    def broken(checks, given):
        assert not os.path.exists(os.environ["BREAK"]), "what must be is not"
        return NOTHING_ELSE

    ServiceChecks.finished = broken
"""

CHECKS = '[[services.web.checks]]\nexec = ["{path}"]\nevery = "300ms"\ntimeout = "1s"\nfall = 2\nrise = 1'


def test_a_bug_ends_faild_and_the_guard_and_the_peer_do_the_rest(make, tmp_path):
    """An assertion that fails in a callback would else be a line in a log, and a node that holds and never lets go."""
    check = tmp_path / "check"
    check.write_text("#!/bin/sh\nexit 0\n")
    check.chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(BUG)
    cluster = make(checks=CHECKS.format(path=check))
    cluster.nodes["lukretia"].before = ("env", f"PYTHONPATH={tmp_path}", f"BREAK={tmp_path}/break")
    cluster.start()
    cluster.until_up("lukretia")
    (tmp_path / "break").touch()
    assert cluster.nodes["lukretia"].ended() == 70
    assert "a bug: CheckFinished" in cluster.nodes["lukretia"].said()
    cluster.until_up("genesis", at=["genesis"])
    assert not cluster.nodes["lukretia"].serves()
    assert cluster.audit("verify").code == 0
