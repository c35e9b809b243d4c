"""Clients of one real etcd, each a node of one cluster of ours."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from coordinator.arbiter.client import Arbiter
from coordinator.arbiter.gateway import Members
from tests.arbiter.etcd import Etcd

CLUSTER = bytes(range(32))
PREFIX = "/failover/demo"
Clients = Callable[..., contextlib.AbstractAsyncContextManager[Arbiter]]


@pytest.fixture(scope="session")
def etcd_programs() -> None:
    if not (shutil.which("etcd") and shutil.which("etcdctl")):
        pytest.skip("NOT TESTED: etcd and etcdctl are not here (Debian: etcd-server, etcd-client)")


@pytest.fixture
def etcd(etcd_programs: None, tmp_path: Path) -> Iterator[Etcd]:
    with Etcd(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def steady(etcd_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """A cluster for many tests, all of whose members live."""
    with Etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture
def emptied(steady: Etcd) -> Etcd:
    steady.ctl("del", "--prefix", "/")
    return steady


@contextlib.asynccontextmanager
async def client(endpoints: tuple[str, ...], node: str = "ann", **members: str) -> AsyncIterator[Arbiter]:
    run = node.encode().ljust(8, b"\0")
    async with Arbiter(Members(endpoints, **members), PREFIX, CLUSTER, node, run) as arbiter:
        yield arbiter
