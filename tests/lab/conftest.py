from tools.lab.pytest_plugin import lab, make_lab, namespaces, pytest_terminal_summary

__all__ = ["lab", "make_lab", "namespaces", "pytest_terminal_summary"]
