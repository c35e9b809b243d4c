"""What the guard says: a service's last word to its peers, and complaints to people."""

import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from actions.guard import complaints, last_word, take_down
from tests.actions.guard.bare import listener
from tests.actions.guard.killed import FOUR, ROOT, Peer, address, program
from tests.actions.lab import Lan


def test_the_last_word_is_said_three_times_on_each_link(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.kill()
    words = [peer.word(listener) for listener in (peer.four, peer.six) for _ in range(3)]
    assert len(set(words)) == 1
    it.guard_ended()
    assert peer.silent()


def test_a_last_word_goes_to_every_peer_three_times_whatever_becomes_of_the_others() -> None:
    with listener() as first, listener() as second:
        ways = [["127.0.0.1", "127.0.0.1", peer.getsockname()[1]] for peer in (first, second)]
        lost = [["10.255.255.1", "not an address", 9], ["127.0.0.1", "127.0.0.1", 70_000]]
        last_word.say_last_word(b"word", [ways[0], lost[0], ["10.255.255.1", *ways[1][1:]]])
        for peer in (first, second):
            assert [peer.recv(99) for _ in range(3)] == [b"word"] * 3
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(99)


def test_a_last_word_leaves_by_its_own_link() -> None:
    with listener() as peer:
        last_word.send_datagram(b"word", "127.0.0.7", *peer.getsockname())
        host, port = peer.recvfrom(99)[1]
        assert host == "127.0.0.7"
        assert port > 1023, "any that is free"


def test_a_peer_is_never_looked_up_by_a_name() -> None:
    """The server of names may be on the other side of what has just broken."""
    with pytest.raises(socket.gaierror):
        last_word.send_datagram(b"word", "127.0.0.1", "localhost", 9)


def test_the_last_word_is_said_at_once_and_for_the_last_time_after_100_ms() -> None:
    """The quickest of five: the machine may be busy."""
    took_s = 60.0
    for _ in range(5):
        began = time.monotonic()
        last_word.say_last_word(b"word", [])
        took_s = min(took_s, time.monotonic() - began)
        if took_s < 0.9:
            break
    assert 0.1 <= took_s < 0.9


def test_a_service_says_its_word_when_all_is_down_and_else_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with listener() as peer:
        held = {"service": "web", "word": "d29yZA==", "peers": [["127.0.0.1", *peer.getsockname()]]}
        for downs in ([program("true"), program("false")], [program("false"), program("true")]):
            ending = threading.Thread(target=take_down.end_service, args=({**held, "downs": downs},))
            ending.start()
            ending.join()
            assert "guard: web: not everything is down here, so no last word is said\n" in capfd.readouterr().err
        ending = threading.Thread(target=take_down.end_service, args=({**held, "downs": [program("true")]},))
        ending.start()
        ending.join()
        assert [peer.recv(99) for _ in range(3)] == [b"word"] * 3


def test_a_complaint_has_at_most_what_a_pipe_takes_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    complaints.complain("x" * 10_000)
    assert capfd.readouterr().err == "guard: " + "x" * (4096 - len("guard: "))


def test_a_log_that_takes_nothing_holds_nothing_up() -> None:
    take = "import os; from actions.guard.complaints import complain; os.set_blocking(2, True)"
    tell = f"{take}; [complain('x' * 4000) for _ in range(99)]"
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", tell], stderr=writing, cwd=ROOT)
    os.close(writing)
    assert process.wait(60) == 0
    os.close(reading)
