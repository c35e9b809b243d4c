"""Two real cores with their control servers, and a client on the Unix socket of lukretia."""

import aiohttp
import pytest

from tests.control.cluster import Cluster


@pytest.fixture
async def cluster(tmp_path):
    async with Cluster(tmp_path) as running:
        yield await running.settled()


@pytest.fixture
async def http(cluster):
    path = str(cluster.nodes["lukretia"].server.path)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path), base_url="http://node") as session:
        yield session
