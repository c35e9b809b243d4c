from tools.lab.pytest_plugin import namespaces

__all__ = ["namespaces"]
