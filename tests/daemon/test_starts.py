"""A start: what is not needed to take part is loaded later, and who asks meanwhile is answered all the same."""

import subprocess
import sys

from tools.lab.programs import ROOT

NO_SERVER = """\
import sys

sys.modules["aiohttp"] = None
"""
"""The library of the control socket cannot be loaded."""


def test_nothing_is_loaded_for_the_start_that_only_the_control_socket_needs():
    code = (
        "import sys; import coordinator.daemon.main, coordinator.daemon.node, coordinator.config.load; "
        "print(sorted({'aiohttp', 'prometheus_client', 'pyroute2', 'pysnmp', 'click', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_who_asks_as_soon_as_the_socket_is_there_waits_for_an_answer(make):
    """Its peer is away, so it has not joined, and its HTTP library is not loaded yet."""
    cluster = make()
    lukretia = cluster.nodes["lukretia"].start()
    cluster.until(lambda: (lukretia.state / "control.sock").exists(), "the socket is there")
    assert cluster.socket("lukretia").get("/status")["node"] == "lukretia"


def test_a_node_whose_control_socket_cannot_be_served_ends_and_holds_nothing(make, tmp_path):
    cluster = make()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_SERVER)
    lukretia = cluster.nodes["lukretia"]
    lukretia.before = ("env", f"PYTHONPATH={tmp_path / 'site'}")
    lukretia.start()
    assert lukretia.ended() == 70
    assert "the control socket cannot be served" in lukretia.said()
    cluster.until(lambda: not lukretia.serves(), "what it held is down")
