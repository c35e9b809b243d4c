"""Who may order what: by keys and roles, by the feed that a command names, and once; each refusal has its sentence."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.policy import OperatorPolicy, Policy
from coordinator.state.authorization import Denied, judge, permitted, permitted_by_both
from coordinator.state.standing import FeedOrders
from protocol.commands import Act, Command, sign_command
from protocol.event import NO_PREVIOUS, Event
from protocol.events import Commanded
from protocol.kinds import Kind
from protocol.sshkey import FileKey
from tests.core.story import CLUSTER, policy

KEY, OTHER = (FileKey(Ed25519PrivateKey.from_private_bytes(seed * 32)) for seed in (b"k", b"o"))


def operators(key: FileKey = KEY) -> Policy:
    known = [
        OperatorPolicy("anna", key.public, "admin"),
        OperatorPolicy("otto", key.public, "operate", ("web", "db")),
        OperatorPolicy("olga", key.public, "observe", ("web",)),
    ]
    return replace(policy("lukretia", "genesis"), operators={operator.name: operator for operator in known})


POLICY = operators()
HOLD = Command(CLUSTER, "anna", "hold", "web", "", "", 0, 0, 60_000, b"n" * 16, acts=(Act("lukretia", 7), Act("genesis", 3)))
FIRST_FORMAT = HOLD._replace(acts=())
RULES_1, RULES_2 = FeedOrders(rules=1), FeedOrders(rules=2)


def judged(command: Command, feed: FeedOrders = RULES_2, service: str = "web", **where: Any) -> Command | str:
    signed = sign_command(command, KEY)
    body = Commanded(command=signed.raw, signature=where.get("signature", signed.signature), target="lukretia")
    feed_of = where.get("node", "lukretia"), where.get("incarnation", 7)
    event = Event(CLUSTER, *feed_of, 2, NO_PREVIOUS, 0, 0, Kind.COMMAND, service, body.to_body(), (), ())
    found = judge(where.get("policy", POLICY), feed, event, body)
    return found.text if isinstance(found, Denied) else found


def test_a_command_that_names_its_feed_is_obeyed() -> None:
    assert judged(HOLD) == HOLD
    assert judged(HOLD, node="genesis", incarnation=3) == HOLD
    assert judged(FIRST_FORMAT, RULES_1) == FIRST_FORMAT


def test_where_no_file_counts_nobodys_role_is_known() -> None:
    assert judged(HOLD, policy=None) == "no configuration is in force in this feed: no operator's role is known"


@pytest.mark.parametrize(
    ("command", "feed", "sentence"),
    [
        (HOLD, replace(RULES_2, nonces={HOLD.nonce: 60_000}), "replayed: this command stands in the log already"),
        (HOLD, RULES_1, "a command of format 2 in a run of rules 1"),
        (FIRST_FORMAT, RULES_2, "a command of format 1 names no node that acts: sign it anew with this release"),
        (
            HOLD._replace(acts=(Act("genesis", 7), Act("lukretia", 6))),
            RULES_2,
            "the command is for genesis/7, lukretia/6, and stands in a feed of lukretia/7",
        ),
        (HOLD._replace(operator="otto", service="mail"), RULES_2, "the command is about mail, the event about web"),
        (HOLD._replace(operator="olga"), RULES_2, "olga may observe, not hold web"),
    ],
)
def test_what_is_not_obeyed_says_why(command: Command, feed: FeedOrders, sentence: str) -> None:
    assert judged(command, feed) == sentence


def test_a_signature_of_another_command_opens_nothing() -> None:
    assert str(judged(HOLD, signature=sign_command(FIRST_FORMAT, KEY).signature)).startswith("bad-signature: ")
    assert str(judged(HOLD, policy=operators(OTHER))).startswith("unknown-key: ")


@pytest.mark.parametrize(
    ("operator", "word", "service", "sentence"),
    [
        ("anna", "apply", "", ""),
        ("anna", "hold", "mail", ""),
        ("otto", "hold", "web", ""),
        ("otto", "move", "db", ""),
        ("otto", "hold", "mail", "otto may operate web, db, not hold mail"),
        ("otto", "apply", "", "otto may operate web, db, not apply the configuration"),
        ("olga", "hold", "web", "olga may observe, not hold web"),
        ("hans", "hold", "web", "hans is no operator of this cluster"),
    ],
)
def test_roles(operator: str, word: str, service: str, sentence: str) -> None:
    denied = permitted(POLICY, HOLD._replace(operator=operator, word=word, service=service))
    assert (denied.text if denied else "") == sentence


def test_where_files_differ_both_must_allow_it_with_one_key() -> None:
    without = replace(POLICY, operators={})
    assert permitted_by_both(POLICY, POLICY, HOLD) is None
    gone = Denied("anna is no operator of this cluster")
    assert permitted_by_both(POLICY, without, HOLD) == gone
    assert permitted_by_both(without, POLICY, HOLD) == gone
    rekeyed = Denied("the newest configuration gives anna another key: apply it here, and sign with that")
    assert permitted_by_both(POLICY, operators(OTHER), HOLD) == rekeyed
