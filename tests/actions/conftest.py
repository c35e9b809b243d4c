"""The namespaces that the tests of actions and guard share."""

from collections.abc import Iterator

import pytest

from tests.actions.lab import Lan, can_make_namespaces
from tools.lab.pytest_plugin import left_out, packet_filter

__all__ = ["lan", "packet_filter"]


@pytest.fixture(scope="session")
def lan() -> Iterator[Lan]:
    left_out(None if can_make_namespaces() else "network namespaces cannot be made here; run the tests as root")
    lan = Lan()
    try:
        lan.build()
        yield lan
    finally:
        lan.remove()
