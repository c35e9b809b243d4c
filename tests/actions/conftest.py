"""The namespaces that the tests of actions and guard share."""

import os
from collections.abc import Iterator

import pytest

from tests.actions.lab import Lan, can_make_namespaces


@pytest.fixture(scope="session")
def lan() -> Iterator[Lan]:
    if not can_make_namespaces():
        if os.environ.get("CI") == "true":
            pytest.fail("network namespaces cannot be made here, and CI must not leave these tests out: run it as root")
        pytest.skip("NOT TESTED: network namespaces cannot be made here; run the tests as root")
    lan = Lan()
    try:
        lan.build()
        yield lan
    finally:
        lan.remove()
