"""SIGTERM, SIGKILL, restart, two at once: what a node's process goes through."""

def test_a_stop_hands_over_and_a_restart_takes_back(cluster):
    assert cluster.nodes["lukretia"].stop() == 0
    assert not cluster.nodes["lukretia"].serves()
    cluster.until_up("genesis")
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    assert cluster.audit("verify").code == 0
