"""A real control server around two real cores, and where lukretia's state folder is."""

import pytest

from tests.control.cluster import Cluster


@pytest.fixture
async def cluster(tmp_path):
    async with Cluster(tmp_path) as running:
        yield await running.settled()


@pytest.fixture
def lukretia(cluster):
    return cluster.folder / "lukretia"
