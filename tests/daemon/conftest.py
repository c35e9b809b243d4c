from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.daemon.cluster import Cluster
from tools.lab.pytest_plugin import namespaces

__all__ = ["namespaces"]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Clusters that end with the test; nothing is started."""
    with ExitStack() as stack:
        yield lambda *names, **more: stack.enter_context(Cluster(tmp_path, *([names] if names else []), **more))


@pytest.fixture
def cluster(make: Callable[..., Cluster]) -> Cluster:
    """lukretia and genesis on one link; lukretia serves."""
    cluster = make().start()
    cluster.until_up("lukretia")
    return cluster
