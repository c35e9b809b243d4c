"""Another machine that answers for an address which this one holds: heard, named, and over when it is silent."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from actions import rivals as program
from coordinator.services.rivals import Rivals
from tests.actions.lab import Lan, in_namespace, inside, until


@contextlib.asynccontextmanager
async def watching(held: dict[tuple[str, str], str]) -> AsyncIterator[Rivals]:
    rivals = Rivals(lambda: held)
    await rivals.start()
    try:
        rivals.look()
        yield rivals
    finally:
        await rivals.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is heard is over sooner; how often is asked is the program's own."""
    monkeypatch.setattr("coordinator.services.rivals.SEEN_S", 0.5)


@pytest.mark.parametrize("text", ["10.77.0.150/24", "fd77::150/64"])
def test_a_machine_that_has_our_address_as_well_is_found_without_its_saying_anything(lan: Lan, text: str) -> None:
    """It was given the address by hand, and announces nothing: it only answers when it is asked."""
    address = text.split("/")[0]
    in_namespace(lan.two, "ip", "address", "add", text, "dev", "eth0", *(["nodad"] if ":" in text else []))
    try:

        async def work() -> None:
            held = {("eth0", address): "web"}
            async with watching(held) as rivals:
                ((service, said),) = await until(lambda: rivals.troubles, "the other one answers")
                assert service == "web"
                assert said.startswith(f"{lan.mac(lan.two)} answers for {address} on eth0, which is held here")
                held.clear()
                rivals.look()
                assert rivals.troubles == [], "what is not held is not ours to complain of"

        inside(lan.one, work)
    finally:
        in_namespace(lan.two, "ip", "address", "del", text, "dev", "eth0")


def test_an_alarm_is_over_when_the_other_one_is_silent(lan: Lan, quick: None) -> None:
    text = "10.77.0.151/24"
    in_namespace(lan.two, "ip", "address", "add", text, "dev", "eth0")

    async def work() -> None:
        async with watching({("eth0", "10.77.0.151"): "web"}) as rivals:
            await until(lambda: rivals.troubles, "the other one answers")
            in_namespace(lan.two, "ip", "address", "del", text, "dev", "eth0")
            await until(lambda: not rivals.troubles, "it is silent")

    inside(lan.one, work)


def test_what_the_next_owner_announces_is_no_conflict_when_the_address_is_back(lan: Lan) -> None:
    """It went there and back between two looks."""
    text = "10.77.0.158/24"
    in_namespace(lan.two, "ip", "address", "add", text, "dev", "eth0")
    place = ("eth0", "10.77.0.158")

    async def work() -> None:
        held = {place: "web"}
        async with watching(held) as rivals:
            await until(lambda: rivals.troubles, "it is watched, and heard")
            rivals._seen.clear()
            del held[place]
            for _ in range(3):
                in_namespace(lan.two, *ARPING, "10.77.0.158")
                await asyncio.sleep(0.3)
            in_namespace(lan.two, "ip", "address", "del", text, "dev", "eth0")
            held[place] = "web"
            assert rivals.troubles == []

    try:
        inside(lan.one, work)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            in_namespace(lan.two, "ip", "address", "del", text, "dev", "eth0")


def test_our_own_answers_and_those_about_other_addresses_are_nothing(lan: Lan) -> None:
    """We hold it and are asked for it; the other one says much about its own. The one that both have is found after all."""
    for text in ("10.77.0.152/24", "10.77.0.153/24"):
        in_namespace(lan.one, "ip", "address", "add", text, "dev", "eth0")
    in_namespace(lan.two, "ip", "address", "add", "10.77.0.153/24", "dev", "eth0")
    try:

        async def work() -> None:
            held = {("eth0", "10.77.0.152"): "web", ("eth0", "10.77.0.153"): "db"}
            async with watching(held) as rivals:
                for name in (lan.two, lan.client):
                    in_namespace(name, "sh", "-c", "ping -c 1 -W 1 10.77.0.152 || true")
                found = await until(lambda: rivals.troubles, "the real one is found")
                assert [service for service, _ in found] == ["db"]

        inside(lan.one, work)
    finally:
        for text in ("10.77.0.152/24", "10.77.0.153/24"):
            in_namespace(lan.one, "ip", "address", "del", text, "dev", "eth0")
        in_namespace(lan.two, "ip", "address", "del", "10.77.0.153/24", "dev", "eth0")


def test_a_question_teaches_no_neighbour_anything(lan: Lan) -> None:
    """RFC 5227, 2.1.1: a probe has no sender, so a neighbour that hears it goes on believing what it believed."""
    in_namespace(lan.client, "ip", "neigh", "replace", "10.77.0.154", "lladdr", lan.mac(lan.two), "dev", "eth0", "nud", "stale")
    kind, frame = program.probe(bytes.fromhex(lan.mac(lan.one).replace(":", "")), ip_address("10.77.0.154"))

    async def work() -> None:
        arp, ndp = program.open_sockets()
        arp.sendto(frame, ("eth0", kind))
        arp.close()
        ndp.close()

    inside(lan.one, work)
    assert lan.neighbour(lan.client, "10.77.0.154") == lan.mac(lan.two)


def test_the_kernel_wakes_it_for_what_is_about_our_addresses_alone(lan: Lan) -> None:
    """A network of a thousand machines asks hundreds of questions a second, and each one would be looked at here."""
    for text in ("10.77.0.156/24", "10.77.0.157/24"):
        in_namespace(lan.two, "ip", "address", "add", text, "dev", "eth0")

    async def work() -> None:
        arp, ndp = program.open_sockets()
        with arp, ndp:
            in_namespace(lan.two, *ARPING, "10.77.0.156")
            assert senders(arp) == set(), "nothing is watched"
            program.narrow(arp, ndp, {ip_address("10.77.0.157"), ip_address("fd77::157")})
            for number in (156, 157):
                in_namespace(lan.two, *ARPING, f"10.77.0.{number}")
            assert senders(arp) == {"10.77.0.157"}
            program.narrow(arp, ndp, {ip_address("10.77.0.156"), ip_address("10.77.0.157")})
            for number in (156, 157):
                in_namespace(lan.two, *ARPING, f"10.77.0.{number}")
            assert senders(arp) == {"10.77.0.156", "10.77.0.157"}

    try:
        inside(lan.one, work)
    finally:
        for text in ("10.77.0.156/24", "10.77.0.157/24"):
            in_namespace(lan.two, "ip", "address", "del", text, "dev", "eth0")


ARPING = ("arping", "-q", "-U", "-c", "1", "-I", "eth0")


def senders(arp: socket.socket) -> set[str]:
    """Those of all frames that are there."""
    found = set[str]()
    with contextlib.suppress(BlockingIOError):
        while True:
            found.add(str(program.claimed(arp.recv(2048))))
    return found


def test_more_than_the_kernel_takes_are_looked_at_one_by_one() -> None:
    assert program.about(28, list(range(program.WATCHED_MAX + 1))) == [program.TAKEN]
    assert len(program.about(28, list(range(program.WATCHED_MAX)))) < 4096


def test_nothing_is_said_of_an_address_that_was_taken_a_moment_ago() -> None:
    """The last word of its former owner may still be on the wire."""
    watch, place, mac = program.Watch(), ("eth0", ip_address("10.77.0.100")), bytes.fromhex("020000000007")
    watch.told('["watch", "eth0", "10.77.0.100"]', 100.0)
    assert not watch.heard(place, mac, 100.0 + program.GRACE_S / 2)
    assert watch.heard(place, mac, 100.0 + program.GRACE_S)
    assert not watch.heard(place, mac, 100.1 + program.GRACE_S), "it was said just now"
    watch.told('["leave", "eth0", "10.77.0.100"]', 110.0)
    assert not watch.heard(place, mac, 120.0)


def test_questions_thin_out_and_come_thick_while_another_machine_answers() -> None:
    """Who holds the address still is most likely to show just after we took it; and the end of a conflict is seen soon."""
    watch, place, asked = program.Watch(), ("eth0", ip_address("10.77.0.100")), []
    watch.told('["watch", "eth0", "10.77.0.100"]', 100.0)

    def run(first: int, last: int, answered: bool = False) -> list[int]:
        asked.clear()
        for tenth in range(first * 10, last * 10):
            if watch.ask(tenth / 10):
                asked.append(tenth // 10)
                assert not answered or watch.heard(place, bytes.fromhex("020000000007"), tenth / 10)
        return [*asked]

    assert run(100, 140) == [102, 104, 108, 116, 126, 136]
    assert run(140, 150, answered=True) == [146, 147, 148, 149]
    assert run(150, 180) == [150, 151, 153, 157, 165, 175]
