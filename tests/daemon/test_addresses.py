"""What the log says about addresses, in a laboratory with real ones: an engineer reads it at night, and believes it."""

from tools.lab.lab import Lab
from tools.lab.pytest_plugin import Cluster, lab, make_lab

__all__ = ["lab", "make_lab"]


def test_nobody_is_accused_of_removing_what_the_node_took_down_itself(lab: Lab):
    """The service has two addresses; the kernel reports the first that goes while the second is still held."""
    cluster = Cluster(lab)
    for _ in range(3):
        lab.failc("lukretia", "fail", "web", "--reason", "test")
        cluster.until_serves("genesis")
        lab.failc("lukretia", "recover", "web")
        cluster.until_serves("lukretia")
    for node in lab.nodes.values():
        assert "removed by somebody else" not in node.log.read_text()
