"""The state folder is on a small disk of its own, in a private mount namespace, and the test fills it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from protocol.bodies import batch_body
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.frames import Kind as Frame
from protocol.messages import Domain
from tests.daemon.cluster import Cluster, Node
from tests.daemon.test_bad_frames import Attack

DISK = "mkdir {state} && mount -t tmpfs -o size={size} tmpfs {state} && echo ready && exec sleep 600"


class SmallDisk:
    """Mounted where only this node and those whom we send there can see it."""

    def __init__(self, node: Node, size: str = "6m"):
        command = DISK.format(state=node.state, size=size)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", command], stdout=subprocess.PIPE
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"ready\n"
        node.before = ("nsenter", "--target", str(self.holder.pid), "--mount", f"--wd={os.getcwd()}", "--")
        self.folder = node.own_state = type(node.state)(f"/proc/{self.holder.pid}/root{node.state}")
        self.ballast = self.folder / "ballast"

    def fill(self) -> None:
        with self.ballast.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def empty(self) -> None:
        self.ballast.unlink()

    def close(self) -> None:
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
        assert self.holder.stdout is not None
        self.holder.stdout.close()


@pytest.fixture
def on_small_disk(namespaces: None) -> Iterator[Callable[..., SmallDisk]]:
    made: list[SmallDisk] = []

    def make(node: Node, *size: str) -> SmallDisk:
        made.append(SmallDisk(node, *size))
        return made[-1]

    yield make
    for disk in made:
        disk.close()


def refuses(cluster: Cluster, name: str) -> bool:
    return bool(cluster.status(name)["unfit_because"] == "its disk refuses to write")


def test_the_owner_goes_on_serving_says_so_and_loses_nothing(on_small_disk, make):
    cluster = make()
    lukretia = cluster.nodes["lukretia"]
    disk = on_small_disk(lukretia)
    cluster.start()
    cluster.until_up("lukretia")
    disk.fill()
    done = cluster.failc("hold", "web", "--reason", "anything that must be written")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "lukretia's disk refuses to write" in done.err
    cluster.until(lambda: refuses(cluster, "lukretia"), "it says that it is not fit")
    status = cluster.failc("status").out
    assert "lukretia takes nothing: its disk refuses to write" in status
    assert "the log cannot be written (the disk is full" in status
    assert "Free some space" in status
    assert "not fit" in cluster.failc("status", at="genesis").out, "its peers know as well"
    assert lukretia.serves()
    assert cluster.web("genesis")["owner"] == "lukretia"
    assert not any(word.startswith("start") for word in cluster.nodes["genesis"].told()), "no node was asked to take over"

    disk.empty()
    cluster.until(lambda: not refuses(cluster, "lukretia"), "it goes on")
    cluster.until(lambda: cluster.alarms("lukretia") == [], "the alarm is over")
    assert cluster.failc("move", "web", "genesis").code == 0
    assert cluster.failc("move", "web", "lukretia").code == 0
    cluster.until(lambda: cluster.audit("verify").code == 0, "nothing is wrong with the log")


def test_a_candidate_whose_disk_is_full_does_not_claim(on_small_disk, make):
    """The owner dies meanwhile: no node takes it over without a log, and the one that could does when there is space again."""
    cluster = make()
    genesis = cluster.nodes["genesis"]
    disk = on_small_disk(genesis)
    cluster.start()
    cluster.until_up("lukretia")
    disk.fill()
    assert cluster.failc("hold", "web", at="genesis").code == 1
    cluster.until(lambda: refuses(cluster, "genesis"), "it is not fit")
    refused = cluster.failc("move", "web", "genesis")
    assert refused.code == 1
    assert "genesis cannot take web now: " in refused.err
    cluster.nodes["lukretia"].kill()
    cluster.until(lambda: cluster.status("genesis")["nodes"]["lukretia"]["liveness"] == "dead", "lukretia is dead")
    web = cluster.web("genesis")
    assert (web["owner"], web["states"]["genesis"]) == (None, "RECOVER")
    assert "its disk refuses to write" in web["reason"]
    assert not genesis.serves()
    disk.empty()
    cluster.until_up("genesis")
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "nothing is wrong with the log")


def test_fail_needs_no_disk_and_outlives_it(on_small_disk, make):
    """To release needs nothing: an operator's fail is obeyed at once, the peer knows by a last word, nothing is forgotten."""
    cluster = make()
    lukretia = cluster.nodes["lukretia"]
    disk = on_small_disk(lukretia)
    cluster.start()
    cluster.until_up("lukretia")
    disk.fill()
    assert cluster.failc("hold", "web").code == 1
    done = cluster.failc("fail", "web", "--reason", "the disk")
    assert (done.code, done.err) == (0, "")
    cluster.until(lambda: cluster.nodes["genesis"].serves() and not lukretia.serves(), "genesis has it")
    disk.empty()
    cluster.until(lambda: not refuses(cluster, "lukretia"), "it goes on")
    assert lukretia.stop() == 0
    cluster.start("lukretia")
    cluster.until_up("genesis")
    assert cluster.web("lukretia")["states"]["lukretia"] == "FAIL", "until an operator says recover"
    assert cluster.web("genesis")["epoch"] == 2, "and genesis had no reason to announce again"
    assert "fail web" in cluster.audit("timeline", "--kind", "command").out
    assert cluster.audit("verify").code == 0


async def test_what_a_peer_writes_leaves_room_for_our_own_events(on_small_disk, make):
    """Sixty kilobytes an event, as fast as they are taken, and less left on the disk than one author may write at once. What is
    kept (an eighth of the disk) is more than what comes in one commit."""
    cluster = make()
    lukretia = cluster.nodes["lukretia"]
    disk = on_small_disk(lukretia, "16m")
    disk.ballast.write_bytes(bytes(13_000_000))
    cluster.start("lukretia")
    cluster.until_up("lukretia", at=["lukretia"])
    attack = Attack(cluster)
    genesis = await attack.puppet().connect()
    genesis.hello()
    last: Entry | None = None
    for number in range(1, 121):
        previous = last.id if last else NO_PREVIOUS
        text = {"gaps": {}, "late_ms_max": 0, "text": os.urandom(60_000)}
        event = Event(attack.policy.cluster_id, "genesis", 7, number, previous, 1, 1, "pulse", "", text, (), ())
        last = Entry.of(event)
        genesis.frame(Frame.BATCH, batch_body([(last.raw, attack.identity.sign(Domain.EVENT, last.id))]))
    await genesis.stream[1].drain()
    cluster.until(lambda: "kept for our own events" in lukretia.said(), "it says that little is left")
    for word in ("hold", "unhold"):
        done = cluster.failc(word, "web", "--reason", "this must be written")
        assert done.code == 0, done.err
    assert cluster.status("lukretia")["unfit_because"] == ""
    assert lukretia.serves()
    genesis.close()
