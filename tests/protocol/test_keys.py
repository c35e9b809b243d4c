"""A node's key proves who spoke, or is refused with a sentence that says what to do."""

import os
from pathlib import Path

import pytest

from protocol.keys import SMALL_ORDER_Y, D, NodeKeyring, P, UnusableKey, check_key, key_text, parse_key
from protocol.messages import Domain
from protocol.refusals import Reason, Refused
from protocol.signing import Identity, write_node_key


def _add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def _x_of(y):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if (root * root - square) % P:
        root = root * pow(2, (P - 1) // 4, P) % P
    return root if (root * root - square) % P == 0 else None


def _order_divides_eight(y):
    point = (_x_of(y), y)
    for _ in range(3):
        point = _add(point, point)
    return point == (0, 1)


def test_the_small_order_list_is_the_whole_torsion():
    """Starting from a point times the group order gives all eight points; their y are exactly our five."""
    order = 2**252 + 27742317777372353535851937790883648493
    found = set()
    for y in range(2, 40):
        if (x := _x_of(y)) is None:
            continue
        point, result, times = (x, y), (0, 1), order
        while times:
            result = _add(result, point) if times & 1 else result
            point, times = _add(point, point), times >> 1
        for multiple in range(8):
            walk = (0, 1)
            for _ in range(multiple):
                walk = _add(walk, result)
            found.add(walk[1])
    assert found == SMALL_ORDER_Y
    assert all(_order_divides_eight(y) for y in SMALL_ORDER_Y)


@pytest.mark.parametrize("sign", [0, 2**255])
@pytest.mark.parametrize("y", sorted(SMALL_ORDER_Y | {P, P + 1, 2**255 - 1, 2}))
def test_small_order_and_non_canonical_keys_are_refused(y, sign):
    with pytest.raises(UnusableKey):
        check_key((y | sign).to_bytes(32, "little"))


def test_honest_keys_are_accepted_and_have_one_spelling():
    for _ in range(50):
        public = Identity.fresh("a").public
        assert parse_key(key_text(public)) == public


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:????", "rsa:AAAA", "ed25519:AAAA", "ED25519:" + "A" * 44])
def test_a_misspelt_key_is_refused(text):
    with pytest.raises(UnusableKey):
        parse_key(text)


def test_another_base64_spelling_of_the_same_key_is_refused():
    """The last character of 32 bytes carries two unused bits: four spellings decode alike, one is ours."""
    text = key_text(Identity.fresh("a").public)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:-2] + alphabet[alphabet.index(text[-2]) + 1] + "="
    with pytest.raises(UnusableKey):
        parse_key(other)


def test_what_a_node_signs_verifies_for_it_alone_and_in_its_domain_alone():
    ann, bob = Identity.fresh("ann"), Identity.fresh("bob")
    ring = NodeKeyring({"ann": ann.public, "bob": bob.public})
    signature = ann.sign(Domain.EVENT, b"x")
    ring.verify("ann", Domain.EVENT, b"x", signature)
    for who, domain, raw in [("bob", Domain.EVENT, b"x"), ("ann", Domain.HEARTBEAT, b"x"), ("ann", Domain.EVENT, b"y")]:
        with pytest.raises(Refused) as refused:
            ring.verify(who, domain, raw, signature)
        assert refused.value.reason is Reason.BAD_SIGNATURE
    with pytest.raises(Refused) as refused:
        ring.verify("eve", Domain.EVENT, b"x", signature)
    assert refused.value.reason is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("length", [0, 1, 63, 65])
def test_a_signature_of_another_length_is_bad(length):
    ann = Identity.fresh("ann")
    with pytest.raises(Refused) as refused:
        NodeKeyring({"ann": ann.public}).verify("ann", Domain.EVENT, b"x", bytes(length))
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_keyring_names_the_node_whose_key_is_bad():
    with pytest.raises(UnusableKey, match="eve"):
        NodeKeyring({"eve": bytes(32)})


def test_a_written_key_is_private_and_comes_back(tmp_path):
    path = tmp_path / "node.key"
    public = write_node_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Identity.load("ann", path).public == public
    with pytest.raises(FileExistsError):
        write_node_key(path)


@pytest.mark.parametrize("mode", [0o400, 0o640, 0o604, 0o700, 0o666])
def test_any_other_mode_is_refused_with_the_remedy(tmp_path, mode):
    path = tmp_path / "node.key"
    write_node_key(path)
    os.chmod(path, mode)
    with pytest.raises(UnusableKey, match="chmod 600"):
        Identity.load("ann", path)


def test_no_file_another_kind_and_garbage_are_sentences(tmp_path):
    with pytest.raises(UnusableKey, match="No such file"):
        Identity.load("ann", tmp_path / "none")
    with pytest.raises(UnusableKey, match="not a file"):
        Identity.load("ann", Path("/dev/null"))
    path = tmp_path / "garbage"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(UnusableKey, match="PKCS#8"):
        Identity.load("ann", path)


def test_a_private_key_is_not_shown():
    assert "Private" not in repr(Identity.fresh("ann"))
