from tools.lab.pytest_plugin import cluster, lab, make_lab, namespaces, pytest_terminal_summary

__all__ = ["cluster", "lab", "make_lab", "namespaces", "pytest_terminal_summary"]
