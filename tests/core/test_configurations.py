"""Which file counts, which number it has, and which one rules: asked of the fold directly, without a daemon around it."""

from dataclasses import replace

import pytest

from coordinator.config import parse
from coordinator.policy import Policy
from coordinator.state import configurations
from coordinator.state.model import Flaw, NodeState, Removal, Skipped, State, Trust
from coordinator.state.reducer import reduce
from protocol.event import Event, Ref
from protocol.events import Removed
from protocol.kinds import Kind
from tests.config.sound import TEXT
from tests.core.story import CLUSTER, policy

L, G, C = "lukretia", "genesis", "carthage"
MOST = configurations.LABEL_MAX


def file(letter: bytes, *nodes: str) -> Policy:
    return replace(policy(*(nodes or (L, G, C))), digest=letter * 32)


A, B = file(b"a"), file(b"b")
WHOLE = parse(TEXT, "a file")
OTHER = parse(f"{TEXT}# another\n", "another file")


def state(*known: Policy, me: str = L, **lived: tuple[Policy, int]) -> State:
    """Each node lives by its file, under the number that it gave it."""
    began = State.begin(*known, me=me)
    for node, (mine, number) in lived.items():
        column = NodeState(node, running=True, started=Ref(node, 1, 1), config=mine.digest, config_number=number)
        began = began.with_column(replace(column, configs=(mine.digest,)))
    return began


def applies(before: State, node: str, digest: bytes, number: int) -> State:
    body = {"number": number, "digest": digest, "text": ""}
    return reduce(before, Event(CLUSTER, node, 1, 2, bytes(32), 0, 0, Kind.CONFIG_APPLIED, "", body, (), ()))


def signed(before: State, **files: int) -> State:
    digests = {name.encode() * 32: number for name, number in files.items()}
    return replace(before, orders=replace(before.orders, signed=digests))


def test_what_this_node_applied_counts_under_its_number() -> None:
    assert applies(state(A), L, A.digest, 5).numbers == {A.digest: 5}
    assert applies(applies(state(A), L, A.digest, 5), L, A.digest, 3).numbers == {A.digest: 5}


def test_what_another_node_applied_is_a_label() -> None:
    assert applies(state(A), G, A.digest, 5).numbers == {A.digest: 0}
    assert applies(state(A), G, B.digest, 5).numbers == {}


def test_a_file_that_is_not_here_has_no_number() -> None:
    assert applies(state(A), L, B.digest, 5).numbers == {}


def test_what_an_administrator_signed_counts_under_the_signed_number() -> None:
    assert applies(signed(state(A), a=7), G, A.digest, 5).numbers == {A.digest: 7}


def test_a_number_beyond_all_use_is_named() -> None:
    said = f"no administrator has given its file the number {MOST + 1}, and it rules nothing"
    skipped = applies(state(A), G, A.digest, MOST + 1).column(G).skipped
    assert skipped == (Skipped(Ref(G, 1, 2), Flaw.AUTHORITY, said),)
    for fine in (
        applies(state(A), G, A.digest, MOST),
        applies(state(A), L, A.digest, MOST + 1),
        applies(signed(state(A), a=MOST + 1), G, A.digest, MOST + 1),
    ):
        assert fine.column(G).skipped == fine.column(L).skipped == ()
    assert applies(signed(state(A), b=MOST + 1), G, A.digest, MOST + 1).column(G).skipped


def test_what_a_node_lives_by_is_told_whole() -> None:
    before = state(A, G=(B, 3))
    column = applies(state(A, **{G: (B, 3)}), G, A.digest, 4).column(G)
    assert (column.config, column.config_number, column.configured) == (A.digest, 4, Ref(G, 1, 2))
    assert column.configs == (A.digest, B.digest)
    assert before.trust == Trust(L, None)


def test_the_next_number_is_above_all_that_count_and_all_labels_in_use() -> None:
    assert configurations.next_number(State()) == 1
    assert configurations.next_number(state(A)) == 1
    assert configurations.next_number(state(A, **{G: (A, 6)})) == 7
    assert configurations.next_number(state(A, **{G: (B, 6)})) == 1, "a label of a file that does not count"
    assert configurations.next_number(state(A, **{G: (A, MOST + 1)})) == 1
    assert configurations.next_number(replace(state(A, **{G: (A, 6)}), numbers={A.digest: 9})) == 10


def test_a_file_that_is_the_newest_already_keeps_its_number() -> None:
    known = replace(state(A, B), numbers={A.digest: 4, B.digest: 5})
    assert [configurations.number_now(known, one.digest) for one in (A, B)] == [6, 5]
    labelled = state(A, B, **{G: (A, 4), C: (B, 5)})
    assert [configurations.number_now(labelled, one.digest) for one in (A, B)] == [6, 5]


def test_the_number_of_the_file_that_a_node_starts_with() -> None:
    assert configurations.number_at_start(replace(state(A, B), numbers={A.digest: 4, B.digest: 5}), A.digest) == 4
    assert configurations.number_at_start(state(A, B, **{G: (A, 4), C: (B, 5)}), A.digest) == 4
    assert configurations.number_at_start(state(A, B, **{C: (B, 5)}), A.digest) == 6


def test_the_file_of_the_higher_number_rules_where_the_others_know_it() -> None:
    both = replace(state(A, B, **{L: (A, 1), G: (B, 2)}), numbers={A.digest: 1, B.digest: 2})
    assert configurations.ruling(both, A).digest == B.digest, "no file is known to all: the newest"
    knows = both.with_column(replace(both.column(G), configs=(B.digest, A.digest)))
    assert configurations.ruling(knows, A).digest == B.digest, "what I live by myself is not asked for"
    mine = replace(both, numbers={A.digest: 2, B.digest: 1})
    assert configurations.ruling(mine, A).digest == B.digest, "mine is newer, and only I know it"
    assert configurations.ruling(signed(mine, a=2), A).digest == A.digest, "an administrator has signed it"


def test_of_one_number_the_smaller_hash_rules() -> None:
    assert configurations.ruling(state(A, B, **{L: (B, 1), G: (A, 1)}), B).digest == A.digest


def test_where_no_file_in_use_counts_mine_rules() -> None:
    assert configurations.ruling(state(A, **{G: (B, 2)}), A) is A


def test_a_service_is_ruled_by_the_newest_file_else_by_mine_else_nobody_may_own_it() -> None:
    empty = replace(B, services={})
    alone = state(A, empty, **{G: (empty, 2)})
    assert configurations.ruled(alone, A, "web") is A.services["web"]
    nothing = configurations.ruled(alone, empty, "web")
    assert (nothing.name, nothing.nodes) == ("web", ())


@pytest.mark.parametrize(
    ("configs", "candidate"),
    [((A.digest, b"n" * 32), True), ((b"n" * 32, A.digest), True), ((b"a" * 31 + b"x",), True), ((), True)],
)
def test_a_candidate_by_the_newest_file_that_counts(configs: tuple[bytes, ...], candidate: bool) -> None:
    """Where none of them counts here, by any that does."""
    narrow = file(b"b", L, C)
    assert configurations.is_candidate(state(A, narrow), G, "web", configs) is candidate
    assert configurations.is_candidate(state(A, narrow), G, "web", (narrow.digest, A.digest)) is False
    assert configurations.is_candidate(state(A, narrow), G, "mail", configs) is False
    assert configurations.is_candidate(state(narrow), G, "web", configs) is False


def brings(node: str, number: int, one: Policy, text: str = "", event: int = 2) -> Event:
    body = {"number": number, "digest": one.digest, "text": text or one.text}
    return Event(CLUSTER, node, 1, event, bytes(32), 0, 0, Kind.CONFIG_APPLIED, "", body, (), ())


def test_the_files_that_this_node_ran_are_its_own_and_sound() -> None:
    events = [brings(L, 1, WHOLE), brings(G, 2, OTHER), brings(L, 3, A, "no file", 3)]
    assert configurations.ran(L, events) == [WHOLE]
    assert configurations.ran(G, events) == [OTHER]


def test_a_text_that_is_another_file_than_it_says_is_named() -> None:
    skipped = reduce(State.begin(me=L), brings(G, 1, WHOLE, OTHER.text)).column(G).skipped
    assert skipped == (Skipped(Ref(G, 1, 2), Flaw.AUTHORITY, "its text is not the file whose digest it names"),)


def test_a_label_counts_up_to_the_largest_and_no_further() -> None:
    assert configurations.next_number(state(A, **{G: (A, MOST)})) == MOST + 1


def test_a_file_that_is_applied_ends_a_removal() -> None:
    before = state(A, **{G: (A, 1)})
    order = Removed(number=7, digest=bytes(32), by=C, command=b"", signature=b"")
    before = before.with_column(replace(before.column(G), removed=Removal(7, C, Ref(G, 1, 1), order)))
    assert applies(before, G, A.digest, 8).column(G).removed is None


def test_a_file_with_a_number_rules_before_one_without() -> None:
    every = state(A, B, **{L: (A, 0), G: (A, 0), C: (B, 0)})
    assert configurations.ruling(every, A).digest == A.digest
    assert configurations.ruling(replace(every, numbers={B.digest: 1}), A).digest == B.digest
