"""A stand-in for faild beside a peer that hears last words."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actions.guard.bare import BareGuard
from tests.actions.guard.killed import FOUR, SIX, Peer, StandIn
from tests.actions.lab import Lan


@pytest.fixture
def peer(lan: Lan) -> Iterator[Peer]:
    peer = Peer(lan)
    yield peer
    peer.close()


@pytest.fixture
def stand_in(lan: Lan, peer: Peer, tmp_path: Path) -> Iterator[Any]:
    made: list[StandIn] = []

    def make(services: dict[str, list[Any]], **more: Any) -> StandIn:
        nodes = {"one": {"lan": ("10.77.0.1", 1291), "direct": ("fd77::1", 1291)}, "two": peer.links}
        made.append(StandIn(lan.one, tmp_path, me="one", nodes=nodes, services=services, **more))
        return made[-1]

    yield make
    for it in made:
        it.close()
    for address in (FOUR, SIX):
        subprocess.run(["ip", "-n", lan.one, "address", "del", address, "dev", "eth0"], capture_output=True)


@pytest.fixture
def alone() -> Iterator[Any]:
    made: list[BareGuard] = []

    def start(*kept: int, **more: Any) -> BareGuard:
        made.append(BareGuard(kept, **more))
        return made[-1]

    yield start
    for guard in made:
        guard.close()
