"""Which key proves a node that the file does not name any more, and which files an auditor begins with: rule by rule.

The same with real worlds and their logs: tests/audit/test_trust.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.policy import OperatorPolicy, Policy
from coordinator.state.configurations import read_policy
from coordinator.trust import beginning, keys_named
from protocol.commands import Act, Command, sign_command
from protocol.event import NO_PREVIOUS, Entry, Event
from protocol.keys import key_text
from protocol.kinds import Kind
from tests.core.story import Believing
from tests.core.test_orders import OTHER, OWNER, POLICY, THIEF
from tools.simulator.orders import ADMIN, KEY

GONE = "carthage"
NEWEST = replace(POLICY, nodes={name: node for name, node in POLICY.nodes.items() if name != GONE})


def made(seed: int) -> Policy:
    """The same file, with another key of carthage."""
    forged = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()
    file = read_policy(POLICY.text.replace(key_text(POLICY.nodes[GONE].key), key_text(forged)))
    assert file is not None
    return file


FIRST, SECOND = sorted((made(1), made(2)), key=lambda file: file.digest)


def entry(node: str, kind: Kind, body: Mapping[str, Any], number: int = 1) -> Entry:
    return Entry.of(Event(POLICY.cluster_id, node, 1, number, NO_PREVIOUS, 0, 0, str(kind), "", body, (), ()))


def lives(node: str, file: Policy, number: int) -> Entry:
    return entry(node, Kind.CONFIG_APPLIED, {"number": number, "digest": file.digest, "text": file.text})


def orders(file: Policy, word: str = "apply", operator: str = ADMIN) -> Entry:
    digest = file.digest if word == "apply" else b""
    command = Command(POLICY.cluster_id, operator, word, "", "", "", 0, 9, 1 << 52, bytes(16), (Act(OWNER, 1),), digest=digest)
    signed = sign_command(command, KEY)
    return entry(OWNER, Kind.COMMAND, {"command": signed.raw, "signature": signed.signature, "target": ""}, 2)


def key(*entries: Entry, policy: Policy = NEWEST) -> bytes | None:
    return keys_named(policy, entries).get(GONE)


def theirs(file: Policy) -> bytes:
    return file.nodes[GONE].key


def test_the_names_are_those_of_the_cluster() -> None:
    assert GONE in (OWNER, THIEF, OTHER)
    assert theirs(FIRST) != theirs(SECOND)


def test_the_file_itself_comes_first() -> None:
    assert key(lives(OWNER, FIRST, 1), lives(THIEF, FIRST, 1), policy=POLICY) == theirs(POLICY)
    assert key() is None
    assert keys_named(NEWEST, []) == {name: node.key for name, node in NEWEST.nodes.items()}


def test_what_two_nodes_have_lived_by_comes_before_what_one_has() -> None:
    assert key(lives(OWNER, FIRST, 1), lives(OWNER, SECOND, 5), lives(THIEF, SECOND, 6)) == theirs(SECOND)
    assert key(lives(OWNER, FIRST, 1), lives(OWNER, FIRST, 2), lives(OWNER, SECOND, 5), lives(THIEF, SECOND, 6)) == theirs(
        SECOND
    )


def test_what_an_administrator_has_signed_comes_before_what_one_node_has_lived_by() -> None:
    alone = [lives(OWNER, FIRST, 1), lives(OWNER, SECOND, 5)]
    assert key(*alone) == theirs(FIRST)
    assert key(*alone, orders(SECOND)) == theirs(SECOND)
    assert key(*alone, orders(SECOND, operator="nobody")) == theirs(FIRST)
    operating = replace(NEWEST, operators={ADMIN: OperatorPolicy(ADMIN, KEY.public, "observe")})
    assert key(*alone, orders(SECOND), policy=operating) == theirs(FIRST)


def test_the_oldest_of_them_gives_the_key_and_at_one_number_the_first_by_its_digest() -> None:
    assert key(lives(OWNER, FIRST, 7), lives(OWNER, SECOND, 5)) == theirs(SECOND)
    assert key(lives(OWNER, FIRST, 7), lives(OWNER, FIRST, 4), lives(OWNER, SECOND, 5)) == theirs(FIRST)
    assert key(lives(OWNER, SECOND, 5), lives(OWNER, FIRST, 5)) == theirs(FIRST)


# --- what an auditor begins with -------------------------------------------------------------------------------------


def begun(*entries: Entry) -> dict[bytes, int]:
    """The files that count before the first event, each with its number."""
    state = beginning(POLICY, entries)
    return {digest: state.numbers.get(digest, 0) for digest in state.policies}


@pytest.mark.parametrize(
    ("entries", "counting"),
    [
        ([], {POLICY.digest: 0}),
        ([lives(OWNER, POLICY, 3)], {POLICY.digest: 3}),
        ([lives(OWNER, FIRST, 3)], {POLICY.digest: 0}),
        ([lives(OWNER, FIRST, 3), lives(OWNER, FIRST, 4)], {POLICY.digest: 0}),
        ([lives(OWNER, FIRST, 5), lives(THIEF, FIRST, 4)], {POLICY.digest: 0, FIRST.digest: 4}),
        ([lives(OWNER, FIRST, 5), lives(THIEF, FIRST, 7), lives(OWNER, FIRST, 2)], {POLICY.digest: 0, FIRST.digest: 5}),
    ],
)
def test_the_file_that_was_named_and_those_that_two_have_lived_by(entries: list[Entry], counting: dict[bytes, int]) -> None:
    assert begun(*entries) == counting


def test_a_file_whose_text_is_nowhere_is_passed_over() -> None:
    unread = [entry(node, Kind.CONFIG_APPLIED, {"number": 1, "digest": FIRST.digest, "text": ""}) for node in (OWNER, THIEF)]
    assert begun(*unread) == {POLICY.digest: 0}
    assert begun(*unread, orders(FIRST)) == {POLICY.digest: 0}


def test_who_proves_signatures_is_as_the_reader_says() -> None:
    believing = Believing()
    assert beginning(POLICY, [], believing).trust.keyring is believing
    assert beginning(POLICY, []).trust.keyring is None
    assert beginning(POLICY, []).trust.me == ""
