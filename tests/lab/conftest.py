from tools.lab.pytest_plugin import cluster, lab, make_lab, namespaces, packet_filter

__all__ = ["cluster", "lab", "make_lab", "namespaces", "packet_filter"]
