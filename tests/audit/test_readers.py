"""Several readers of one history share what they read: each comes to the state that it would come to alone."""

from pathlib import Path

import pytest

from coordinator.state.model import State
from coordinator.state.reducer import Told, fold, reduce
from tests.audit.worlds import played

SCENARIOS = ("05-split-brain", "lost-disk-keeps-the-move", "hold-and-unhold")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_readers_that_share_a_history_read_it_as_each_alone(tmp_path: Path, scenario: str):
    world = played(f"{scenario}.scenario", tmp_path).world
    entries = {entry.ref: entry for host in world.hosts.values() for entry in host.disk.entries()}
    history = [Told.of(entry.event) for _, entry in sorted(entries.items())]
    knows_no_file, auditor = State(), State.begin(world.policy)
    authors = [State.begin(world.policy, me=name) for name in world.hosts]
    for begin in (auditor, knows_no_file, *authors, auditor):
        alone = shared = begin
        for told in history:
            alone, shared = reduce(alone, told.event), fold(shared, told)
            assert shared == alone, told.event.ref
