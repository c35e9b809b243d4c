"""What the guard is told: its book of what is held and what runs, from whole messages and from pieces."""

import json
import os
import socket
from typing import Any

import pytest

from actions.guard import held
from actions.guard.held import Book
from actions.guard.programs import Program
from tests.actions.guard.killed import FOUR, Peer, address
from tests.actions.lab import Lan, ip


def test_an_old_release_does_not_let_go_of_a_newer_claim() -> None:
    """The words cross: epoch 8 was claimed and told when the release of 7 was still on its way."""
    book = held.Book()
    for epoch in (7, 8):
        assert book.hear({"say": "hold", "service": "web", "epoch": epoch}) == {"held": "web", "epoch": epoch}
    book.hear({"say": "release", "service": "web", "epoch": 7})
    assert book.held["web"]["epoch"] == 8
    book.hear({"say": "release", "service": "db", "epoch": 9})
    book.hear({"say": "release", "service": "web", "epoch": 8})
    assert not book.held


def test_what_was_said_just_before_the_end_still_counts() -> None:
    """faild released and was killed in the same moment: both are readable at once, and the release is heard first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        book = held.Book()
        for message in (
            {"say": "hold", "service": "web", "epoch": 7},
            {"say": "began", "ticket": "0123-1"},
            {"say": "began", "ticket": "0123-2"},
            {"say": "ended", "ticket": "0123-1"},
            {"say": "release", "service": "web", "epoch": 7},
        ):
            ours.send(json.dumps(message).encode())
        ours.close()
        assert held.listen(theirs, book) == "closed"
        assert (book.held, book.programs) == ({}, {"0123-2": None})


def test_a_faild_that_ended_before_it_heard_us_says_nothing_any_more() -> None:
    """What we have told it was never read: then the kernel tells of its end by an error."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        theirs.setblocking(False)
        theirs.send(b"ready")
        ours.close()
        assert held.listen(theirs, held.Book()) == "closed"


def test_asked_to_act_it_hears_no_further() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        book = held.Book()
        ours.send(b'{"say": "end"}')
        ours.send(b'{"say": "began", "ticket": "t"}')
        assert held.listen(theirs, book) == "end"
        assert book.programs == {}


def test_a_message_in_pieces_counts_when_it_is_whole() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        book = held.Book()
        ours.send(b'+{"say": "hold", "service": ')
        assert held.listen(theirs, book) == ""
        assert not book.held
        ours.send(b'+"web", "epo')
        ours.send(b'ch": 7}')
        ours.send(b'{"say": "began", "ticket": "0123-1"}')
        assert held.listen(theirs, book) == ""
        assert (book.held["web"]["epoch"], book.programs) == (7, {"0123-1": None})


def test_a_program_is_known_from_its_ticket_to_its_end() -> None:
    book = Book()
    assert book.hear({"say": "began", "ticket": "t"}) is None
    assert book.programs == {"t": None}
    book.hear({"say": "group", "ticket": "t", "group": os.getpid()})
    program = book.programs["t"]
    assert program is not None
    assert (program.group, program.lives()) == (os.getpid(), True)
    book.hear({"say": "ended", "ticket": "t"})
    assert (book.programs, program.leader) == ({}, -1)
    program.forget()
    assert not program.lives()
    book.hear({"say": "ended", "ticket": "another"})


def test_the_descriptor_of_a_program_is_closed_when_it_is_forgotten() -> None:
    program = Program(os.getpid())
    leader = program.leader
    os.fstat(leader)
    program.forget()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(leader)


def test_a_word_that_it_does_not_know_changes_nothing() -> None:
    book = Book()
    assert book.hear({"say": "sing", "service": "web"}) is None
    assert (book.held, book.programs) == ({}, {})


def test_after_a_release_there_is_nothing_to_take_down_and_nothing_to_say(lan: Lan, stand_in: Any, peer: Peer) -> None:
    it = stand_in({"web": [address(FOUR)]})
    it.hear("up")
    it.process.communicate("release\n")
    it.guard_ended()
    assert ip(FOUR) in lan.ips(lan.one)
    assert peer.silent()
