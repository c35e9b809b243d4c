"""What a command may say, bound by bound: each with the last value that is taken, the first that is not, and the sentence."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.canonical import NotCanonical, pack, unpack
from protocol.commands import Act, Command, check_expiry, open_command, sign_command
from protocol.names import Ref
from protocol.refusals import Reason, Refused
from protocol.sshkey import FileKey

CLUSTER, NONCE, RUN, DIGEST = b"c" * 32, b"n" * 16, b"a run of", b"d" * 32
L, G = Act("lukretia", 1), Act("genesis", 7)
MOST = 1 << 53
KEY = FileKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OPERATORS = {"anna": KEY.public}

FIRST = Command(CLUSTER, "anna", "hold", "web", "", "a reason", 0, 0, 60_000, NONCE)
SECOND = FIRST._replace(acts=(L, G))
END = SECOND._replace(word="fail", node="carthage", run=RUN, epoch=1)


def refs(count: int) -> tuple[Ref, ...]:
    return tuple(Ref("genesis", 1, number) for number in range(1, count + 1))


def nodes(count: int) -> tuple[Act, ...]:
    return tuple(Act(f"n{number}", 1) for number in range(count))


TAKEN = [
    FIRST,
    FIRST._replace(word="apply", service=""),
    SECOND,
    SECOND._replace(acts=nodes(16)),
    SECOND._replace(ends=refs(48)),
    SECOND._replace(for_ms=MOST, epoch=MOST, expires_ms=MOST, acts=(Act("genesis", MOST),), ends=(Ref("genesis", MOST, MOST),)),
    SECOND._replace(service="s" * 64, node="n" * 64, operator="o" * 64, acts=(Act("a" * 64, 1),)),
    SECOND._replace(operator="o", acts=(Act("a", 1),), ends=(Ref("r", 1, 1),)),
    END,
    SECOND._replace(word="standby", service="", node="lukretia"),
    SECOND._replace(word="unstandby", service="", node="lukretia", ends=refs(1)),
    SECOND._replace(word="readmit", service="", node="lukretia", ends=refs(1)),
    SECOND._replace(word="fail-everywhere"),
    SECOND._replace(word="apply", service="", digest=DIGEST),
]


@pytest.mark.parametrize("command", TAKEN)
def test_what_is_written_is_read_back(command: Command) -> None:
    assert Command.decode(command.encode()) == command


ACTS = "a command names 1 to 16 nodes that act, each once"
ENDS = "a command ends at most 48 orders, each once"
NUMBER = "a number of a command is above 9007199254740992"
FROM_ONE = "incarnations and event numbers count from 1"
NAME = "a name has 1 to 64 characters"
LENGTH = "a run has 8 bytes, a digest 32"
WHOSE_RUN = "only a word of an end names a run"
OF_NODES = "words about a node name it, and no service"
FROM_NOUGHT = "a command's numbers count from 0"

REFUSED = [
    (SECOND._replace(acts=nodes(17)), ACTS),
    (SECOND._replace(acts=(L, Act("lukretia", 2))), ACTS),
    (SECOND._replace(ends=refs(49)), ENDS),
    (SECOND._replace(ends=refs(1) * 2), ENDS),
    (SECOND._replace(for_ms=MOST + 1), NUMBER),
    (SECOND._replace(epoch=MOST + 1), NUMBER),
    (SECOND._replace(expires_ms=MOST + 1), NUMBER),
    (SECOND._replace(acts=(Act("genesis", MOST + 1),)), NUMBER),
    (SECOND._replace(ends=(Ref("genesis", MOST + 1, 1),)), NUMBER),
    (SECOND._replace(ends=(Ref("genesis", 1, MOST + 1),)), NUMBER),
    (SECOND._replace(acts=(Act("genesis", 0),)), FROM_ONE),
    (SECOND._replace(ends=(Ref("genesis", 0, 1),)), FROM_ONE),
    (SECOND._replace(ends=(Ref("genesis", 1, 0),)), FROM_ONE),
    (SECOND._replace(service="s" * 65), NAME),
    (SECOND._replace(node="n" * 65), NAME),
    (SECOND._replace(operator="o" * 65), NAME),
    (SECOND._replace(operator=""), NAME),
    (SECOND._replace(acts=(Act("a" * 65, 1),)), NAME),
    (SECOND._replace(acts=(Act("", 1),)), NAME),
    (SECOND._replace(ends=(Ref("r" * 65, 1, 1),)), NAME),
    (SECOND._replace(ends=(Ref("", 1, 1),)), NAME),
    (END._replace(run=b"a run"), LENGTH),
    (SECOND._replace(word="apply", service="", digest=b"short"), LENGTH),
    (END._replace(epoch=0), WHOSE_RUN),
    (END._replace(node="lukretia"), WHOSE_RUN),
    (END._replace(node=""), WHOSE_RUN),
    (END._replace(word="hold"), WHOSE_RUN),
    (SECOND._replace(word="standby", service=""), OF_NODES),
    (SECOND._replace(word="standby", node="lukretia"), OF_NODES),
    (SECOND._replace(word="readmit", service="", node="lukretia"), "`readmit` names the fork"),
    (SECOND._replace(word="apply", service=""), "`apply` signs the file's digest"),
    (SECOND._replace(digest=DIGEST), "`apply` signs the file's digest"),
    (SECOND._replace(word="dance"), "not a command: 'dance'"),
    (FIRST._replace(word="fail-everywhere"), "not a command: 'fail-everywhere'"),
    (FIRST._replace(nonce=b"short"), "not a command: 'hold'"),
    (FIRST._replace(cluster=b"short"), "not a command: 'hold'"),
    (FIRST._replace(for_ms=-1), FROM_NOUGHT),
    (FIRST._replace(epoch=-1), FROM_NOUGHT),
    (FIRST._replace(expires_ms=-1), FROM_NOUGHT),
]


@pytest.mark.parametrize(("command", "sentence"), REFUSED)
def test_what_is_out_of_bounds_is_refused_in_words(command: Command, sentence: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        Command.decode(command.encode())
    assert str(refused.value) == sentence


def changed(command: Command, at: int, value: Any) -> bytes:
    fields = unpack(command.encode())
    fields[at] = value
    return pack(fields)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (pack({}), "not the fields of a command"),
        (pack([]), "not the fields of a command"),
        (pack([1, 2]), "not the fields of a command"),
        (changed(FIRST, 7, "0"), "not the fields of a command"),
        (changed(SECOND, 0, 3), "not the fields of a command"),
        (changed(SECOND, 8, "0"), "not the fields of a command of format 2"),
        (pack([2]), "not the fields of a command of format 2"),
        (changed(SECOND, 11, [["lukretia", "1"]]), "not the fields of a feed that acts"),
        (changed(SECOND, 11, ["lukretia"]), "not the fields of a feed that acts"),
        (changed(SECOND, 14, [["lukretia", 1]]), "not the fields of an event that ends"),
        (changed(SECOND, 11, []), "a command names 1 to 16 nodes that act, each once"),
    ],
)
def test_what_has_other_fields_is_no_command(raw: bytes, sentence: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        Command.decode(raw)
    assert str(refused.value) == sentence


def test_the_feeds_that_it_names_and_no_other_may_act() -> None:
    named = [SECOND.names(*feed) for feed in (("lukretia", 1), ("genesis", 7), ("genesis", 1), ("carthage", 1))]
    assert named == [True, True, False, False]
    assert not FIRST.names("lukretia", 1)
    assert [FIRST.format, SECOND.format] == [1, 2]


def test_a_word_of_an_end_is_about_a_node_that_does_not_act_itself() -> None:
    words = [END, END._replace(node="genesis"), END._replace(node=""), END._replace(word="recover")]
    assert [word.is_word_of_an_end for word in words] == [True, False, False, False]


# --- opening ---------------------------------------------------------------------------------------------------------


def reason_of(raw: bytes, signature: bytes = b"", operators: dict[str, str] = OPERATORS) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        open_command(raw, signature, operators, CLUSTER)
    return refused.value.reason, refused.value.text


def test_a_signed_command_opens_as_it_was_signed() -> None:
    signed = sign_command(SECOND, KEY)
    assert open_command(signed.raw, signed.signature, OPERATORS, CLUSTER) == signed
    assert (signed.command, signed.raw) == (SECOND, SECOND.encode())


def test_what_is_not_signed_by_its_operator_for_this_cluster_does_not_open() -> None:
    other = FileKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    by_another = sign_command(SECOND, other)
    assert reason_of(by_another.raw, by_another.signature)[0] is Reason.UNKNOWN_KEY
    assert reason_of(by_another.raw, sign_command(FIRST, KEY).signature)[0] is Reason.BAD_SIGNATURE
    abroad = sign_command(SECOND._replace(cluster=b"x" * 32), KEY)
    assert reason_of(abroad.raw, abroad.signature) == (Reason.WRONG_CLUSTER, "a command for another cluster")
    stranger = sign_command(SECOND._replace(operator="otto"), KEY)
    said = (Reason.UNKNOWN_KEY, "no operator 'otto' in the configuration")
    assert reason_of(stranger.raw, stranger.signature) == said
    assert reason_of(b"\xc1") == (Reason.NOT_CANONICAL, reason_of(b"\xc1")[1])
    assert reason_of(pack([])) == (Reason.NOT_CANONICAL, "not the fields of a command")


def test_a_command_has_four_kilobytes_at_most() -> None:
    room = 4096 - len(FIRST._replace(reason="r" * 300).encode()) + 300
    most = sign_command(FIRST._replace(reason="r" * room), KEY)
    assert len(most.raw) == 4096
    assert open_command(most.raw, most.signature, OPERATORS, CLUSTER) == most
    long = FIRST._replace(reason="r" * (room + 1)).encode()
    assert reason_of(long) == (Reason.OVERSIZED, "a command of 4097 bytes; at most 4096")


@pytest.mark.parametrize("wall_ms", [60_000, 30_000, 0])
def test_a_command_is_good_for_the_minute_before_it_expires(wall_ms: int) -> None:
    check_expiry(FIRST, wall_ms)


@pytest.mark.parametrize(
    ("expires_ms", "wall_ms", "sentence"),
    [
        (60_000, 60_001, "expired 1 ms ago; sign it anew (are both clocks right?)"),
        (
            60_001,
            0,
            "a command is good for 1m at most, and this one is for 1 ms longer: sign it anew (are both clocks right?)",
        ),
    ],
)
def test_no_command_is_taken_late_or_for_longer(expires_ms: int, wall_ms: int, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        check_expiry(FIRST._replace(expires_ms=expires_ms), wall_ms)
    assert (refused.value.reason, refused.value.text) == (Reason.EXPIRED, sentence)
