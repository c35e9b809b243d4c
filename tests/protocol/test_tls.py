"""Mutual TLS 1.3 by configured keys alone: no CA, no expiry, no other key."""

import ssl
import warnings

import pytest

from protocol.refusals import Reason, Refused
from protocol.signing import Identity
from protocol.tls import Channel, Contexts

ANN, BOB, EVE = Identity.fresh("ann"), Identity.fresh("bob"), Identity.fresh("eve")

TURNS_MAX = 10
"""A handshake has three; a conversation that goes on longer is a bug of the test."""


def contexts(me, *peers):
    return Contexts(me, {peer.node: peer.public for peer in peers})


def talk(one, other):
    """Carry bytes both ways until neither side has any; raises what either side raises."""
    for _ in range(TURNS_MAX):
        there = one.outgoing()
        if there:
            other.receive(there)
        back = other.outgoing()
        if back:
            one.receive(back)
        if not there and not back:
            return


def joined(dialling, accepting, peer):
    one, other = dialling.dial(peer), accepting.accept()
    talk(one, other)
    return one, other


def test_two_configured_nodes_know_each_other_afterwards():
    ann, bob = contexts(ANN, BOB, EVE), contexts(BOB, ANN, EVE)
    one, other = joined(ann, bob, "bob")
    assert one.ready
    assert other.ready
    assert (ann.peer_of(one), bob.peer_of(other)) == ("bob", "ann")
    assert other.receive(one.send(b"x" * 100_000)) == b"x" * 100_000
    assert one.receive(other.send(b"back")) == b"back"
    other.receive(one.goodbye())
    assert other.ended


@pytest.mark.parametrize(
    ("dialler", "acceptor", "peer"),
    [
        (contexts(Identity.fresh("ann"), BOB), contexts(BOB, ANN), "bob"),
        (contexts(ANN, BOB), contexts(Identity.fresh("bob"), ANN), "bob"),
        (contexts(EVE, BOB), contexts(BOB, ANN), "bob"),
        (contexts(ANN, BOB), contexts(EVE, ANN), "bob"),
        (contexts(ANN, BOB, EVE), contexts(BOB, ANN, EVE), "eve"),
    ],
    ids=["false ann", "false bob", "unknown dialler", "unknown acceptor", "another configured node"],
)
def test_any_other_key_is_refused(dialler, acceptor, peer):
    with pytest.raises(Refused) as refused:
        joined(dialler, acceptor, peer)
    assert refused.value.reason is Reason.TLS


def test_a_leaf_that_carries_anothers_name_proves_nothing():
    """Eve is configured, and names herself ann: the key counts, not the name."""
    false_ann = Identity("ann", EVE.key)
    bob = contexts(BOB, ANN, EVE)
    with pytest.raises(Refused):
        joined(contexts(false_ann, BOB), bob, "bob")


def test_no_certificate_and_an_older_tls_are_refused():
    bob = contexts(BOB, ANN)
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(Refused, match="CERTIFICATE"):
        talk(Channel(plain, server=False), bob.accept())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(Refused, match=r"VERSION|PROTOCOL"):
        talk(Channel(plain, server=False), bob.accept())


def test_bytes_that_are_no_tls_and_changed_records_are_refused():
    with pytest.raises(Refused) as refused:
        contexts(BOB, ANN).accept().receive(b"GET / HTTP/1.1\r\n\r\n")
    assert refused.value.reason is Reason.TLS
    one, other = joined(contexts(ANN, BOB), contexts(BOB, ANN), "bob")
    sealed = bytearray(one.send(b"hello"))
    sealed[-1] ^= 1
    with pytest.raises(Refused):
        other.receive(bytes(sealed))


def test_the_longest_name_and_no_peer_at_all_are_possible():
    long = Identity.fresh("n" * 63)
    ann = contexts(ANN, long)
    one, _ = joined(ann, contexts(long, ANN), long.node)
    assert ann.peer_of(one) == long.node
    contexts(ANN)
