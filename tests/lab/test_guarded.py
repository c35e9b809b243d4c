"""A script under `partition = "majority"` on real nodes: two candidates, a witness, a watchdog behind each. Facts, never times.

The watchdog of each node is a file of FUSE, mounted where only that node sees it; what it resets is its process namespace.
The service is a process that holds a lock on a file that all nodes see: two of them at once are written down by the second one.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lab.lab import Lab
from tools.lab.pytest_plugin import MASTER, SLAVE
from tools.lab.watchdog import Watchdog

UMPIRE = "umpire"

SERVICE = """#!/bin/sh
cd {folder}
case $1 in
start)
    flock -n lock true || echo $FAILOVER_NODE >> overlaps
    setsid sh -c 'exec 9>lock; flock 9; exec sleep 600' </dev/null >/dev/null 2>&1 &
    echo $! > up-$FAILOVER_NODE ;;
stop)
    [ ! -e hangs-$FAILOVER_NODE ] || sleep 600
    [ ! -e up-$FAILOVER_NODE ] || {{ kill $(cat up-$FAILOVER_NODE); rm up-$FAILOVER_NODE; }} ;;
esac
"""


class Guarded:
    """Three nodes, of which the master has the service up."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        (folder / "watchdog").touch()
        (folder / "service").write_text(SERVICE.format(folder=folder))
        (folder / "service").chmod(0o755)
        self.watchdogs = {name: Watchdog(lab.nodes[name], str(folder / "watchdog"), folder) for name in (MASTER, SLAVE)}
        lab.init(self._edit)
        lab.start()
        lab.wait_until(lambda: self.is_up(MASTER) and lab.service(MASTER)["owner"] == MASTER, f"{MASTER} has it", 60)

    def _edit(self, text: str) -> str:
        assert text.count('partition    = "serve"') == 1
        return text.replace('partition    = "serve"', 'partition    = "majority"') + (
            f'[[services.web.actions]]\nscript = "{self.folder}/service"\ntimeout = "1s"\n'
            f'[watchdog]\ndevice = "{self.folder}/watchdog"\ntimeout = "3s"\n'
        )

    def struck(self, name: str) -> bool:
        return self.watchdogs[name].struck

    def is_up(self, name: str) -> bool:
        return (self.folder / f"up-{name}").exists()

    def until_slave_has_it(self) -> None:
        self.lab.wait_until(lambda: self.is_up(SLAVE) and self.lab.service(SLAVE)["owner"] == SLAVE, f"{SLAVE} has it", 60)
        assert not (self.folder / "overlaps").exists(), "two were up at once"

    def close(self) -> None:
        for watchdog in self.watchdogs.values():
            watchdog.close()


@pytest.fixture
def guarded(packet_filter: None, make_lab, tmp_path: Path) -> Iterator[Guarded]:
    made: list[Guarded] = []
    try:
        made.append(Guarded(make_lab(MASTER, SLAVE, witnesses=[UMPIRE]), tmp_path))
        yield made[0]
    finally:
        for it in made:
            it.close()


def test_a_faild_that_stands_still_is_ended_and_followed(guarded: Guarded) -> None:
    guarded.lab.nodes[MASTER].signal(signal.SIGSTOP)
    guarded.until_slave_has_it()
    assert not guarded.is_up(MASTER)
    assert not guarded.struck(MASTER), "its guard took it down"


def test_a_machine_on_which_everything_stands_still_is_reset_and_followed(guarded: Guarded) -> None:
    guarded.lab.nodes[MASTER].freeze()
    guarded.until_slave_has_it()
    assert guarded.struck(MASTER)


def test_a_machine_whose_stop_hangs_is_reset_and_followed(guarded: Guarded) -> None:
    (guarded.folder / f"hangs-{MASTER}").touch()
    guarded.lab.nodes[MASTER].signal(signal.SIGSTOP)
    guarded.until_slave_has_it()
    assert guarded.struck(MASTER)


def test_a_planned_move_resets_nothing(guarded: Guarded) -> None:
    """And the status says who ends what."""
    shown = guarded.lab.service(MASTER)
    assert shown["enforced_by"] == "guard"
    assert len(shown["lease"]["votes"]) >= 2
    guarded.lab.failc(MASTER, "move", "web", SLAVE)
    guarded.until_slave_has_it()
    guarded.lab.wait_until(lambda: guarded.watchdogs[MASTER].log.read_text().endswith("stopped\n"), "it is disarmed")
    assert not guarded.struck(MASTER)
