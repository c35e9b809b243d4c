"""A host's wall clock steps while it owns: labels only. `failaudit who --at` still answers, and says by whose clock."""

import subprocess

import pytest

from tests.daemon.cluster import run


@pytest.mark.parametrize("offset_s", [-10, 3600])
def test_who_at_with_a_node_whose_clock_is_off(make, offset_s):
    """lukretia's labels are moved from its first event on, by a shim of the clock that only it sees."""
    cluster = make()
    folder = cluster.folder / "shim"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import time\n_ns = time.time_ns\n"
        f"time.time_ns = lambda: _ns() + {offset_s} * 1_000_000_000\n"
    )
    cluster.nodes["lukretia"].before = ("env", f"PYTHONPATH={folder}")
    cluster.start()
    cluster.until_up("lukretia")
    done = cluster.failc("move", "web", "genesis")
    if offset_s > 60:
        assert done.code == 4, "signed by a clock that is an hour behind"
        assert "are both clocks right?" in done.err
        done = cluster.failc("move", "web", "genesis", PYTHONPATH=str(folder))
    assert done.code == 0
    cluster.until_up("genesis")
    done = cluster.audit("who", "web", "--json")
    assert (done.code, done.json["owner"]) == (0, "genesis")
    assert cluster.audit("verify").code == 0
    for node in cluster.names:
        assert cluster.audit("splits", at=[node]).out.startswith("no split")
        assert len(cluster.audit("who", "web", "--json", at=[node]).json["owners"]) == 1
    chain = cluster.audit("why", "web")
    assert chain.code == 0
    assert "moved to genesis by an operator" in chain.out
    now = subprocess.run(["date", "-u", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True).stdout.strip()
    assert run("failaudit", "who", "web", "--at", now, "--config", cluster.config, cluster.nodes["genesis"].state).code == 0
