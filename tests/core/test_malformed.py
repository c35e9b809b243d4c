"""A body that is not of its kind's format: we never write one, and of others it tells nothing, wherever it is read."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.core import removal
from coordinator.core.core import Core
from coordinator.shell.perform import NO_REMOVAL, Shell
from protocol.bodies import Removal
from protocol.event import NO_PREVIOUS, Entry, Event, Ref
from protocol.events import Body, Pulse, Restart, body_of
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind
from store.cuts import Cut, cuts_told
from store.merge import _shown_by
from store.references import said_of_others
from tests.core.raw import Raw
from tests.core.test_forks import seen, written
from tests.core.test_keys_named import FIRST, SECOND, entry, key, lives, theirs
from tests.core.test_orders import OWNER, POLICY
from tests.core.test_reconfigure import TWO, core_of, running

GAP = {"incarnation": 1, "number": 12, "id": bytes(32)}
FOUND = removal.Evidence(Ref(OWNER, 1, 1), "version = 1\n")
ORDER = {"command": b"order", "signature": b"signed", "target": ""}


def event(kind: Kind, body: Mapping[str, Any]) -> Event:
    return Event(POLICY.cluster_id, OWNER, 2, 1, NO_PREVIOUS, 0, 0, str(kind), "", body, (), ())


# --- what we write ---------------------------------------------------------------------------------------------------


@pytest.fixture
def core() -> Core:
    return core_of(running(TWO))


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("", Raw(Kind.PULSE, {"gaps": 1})),
        ("", Pulse(gaps={}, late_ms_max=-1)),
        ("web", Pulse(gaps={})),
        ("", Restart(count=1)),
        ("web", Restart(count=1, reason="x" * 8_193)),
    ],
    ids=["another type", "below its bound", "about a service", "about none", "too long"],
)
def test_what_no_reader_takes_is_never_written(core: Core, service: str, body: Body) -> None:
    with pytest.raises(InvariantBroken, match="what no reader takes"):
        core.context.write(service, body, ())


def test_the_kind_is_that_of_the_body_and_it_is_read_back(core: Core) -> None:
    body = Restart(count=1, reason="a test")
    entry = core.context.write("web", body, ())
    assert (entry.event.kind, body_of(entry.event)) == (Kind.RESTART, body)


# --- what others wrote -----------------------------------------------------------------------------------------------


def test_a_gap_of_another_form_names_no_event() -> None:
    assert list(said_of_others(event(Kind.GAP_DECLARED, GAP))) == [(Ref(OWNER, 1, 12), bytes(32))]
    for wrong in ({**GAP, "number": 0}, {**GAP, "number": "12"}, {**GAP, "id": b"short"}, {"incarnation": 1, "number": 12}):
        assert list(said_of_others(event(Kind.GAP_DECLARED, wrong))) == []


def test_where_one_of_the_cuts_is_of_another_form_none_is_told() -> None:
    good = ["carthage", 1, 3, 9]
    assert cuts_told(event(Kind.TAIL_CUT, {"cuts": [good]})) == [Cut("carthage", 1, 3, 9)]
    for wrong in ({}, {"cuts": good}, {"cuts": [good, good[:3]]}, {"cuts": [good, ["carthage", 1, "3", 9]]}):
        assert cuts_told(event(Kind.TAIL_CUT, wrong)) == []


@pytest.mark.parametrize("wrong", [{"number": "2"}, {"number": 0}, {"digest": SECOND.digest[:31]}, {"text": b""}])
def test_who_applied_a_file_in_another_form_has_not_lived_by_it(wrong: Mapping[str, Any]) -> None:
    """A file that two have lived by goes before an older one that one node has."""
    second = {"number": 2, "digest": SECOND.digest, "text": SECOND.text}
    others = (lives(OWNER, FIRST, 1), lives(OWNER, SECOND, 2))
    assert key(*others, entry("genesis", Kind.CONFIG_APPLIED, second)) == theirs(SECOND)
    assert key(*others, entry("genesis", Kind.CONFIG_APPLIED, {**second, **wrong})) == theirs(FIRST)


@pytest.mark.parametrize("wrong", [{"ours": None}, {"theirs": [b"x", 1]}, {"digest": "x"}, {"number": 0}])
def test_a_fork_that_is_shown_in_another_form_is_no_finding(wrong: Mapping[str, Any]) -> None:
    good = seen(written("a"), written("b")).to_body()
    shown = Entry.of(event(Kind.FORK_SEEN, good)), Entry.of(event(Kind.FORK_SEEN, {**good, **wrong}))
    found = [_shown_by(item, set(), None, {}) for item in shown]
    assert found[0] is not None
    assert found[1] is None


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ([event(Kind.COMMAND, ORDER)], Removal(b"order", b"signed", FOUND.text)),
        ([event(Kind.COMMAND, {**ORDER, "signature": "signed"})], NO_REMOVAL),
        ([event(Kind.COMMAND, {"command": b"order"})], NO_REMOVAL),
        ([event(Kind.PULSE, {"gaps": {}})], NO_REMOVAL),
        ([], NO_REMOVAL),
    ],
    ids=["an order", "another type", "no signature", "another kind", "not here"],
)
def test_a_node_that_was_removed_is_shown_an_order_or_our_own_word(
    monkeypatch: pytest.MonkeyPatch, stored: Sequence[Event], told: Removal
) -> None:
    shown: list[Removal] = []
    entries = tuple(Entry.of(item) for item in stored)
    log = SimpleNamespace(fetch=lambda ref, count, found: found(entries))
    monkeypatch.setattr(removal, "evidence", lambda state, policy, node: FOUND)
    shell: Any = SimpleNamespace(core=SimpleNamespace(state=None, policy=None), _log=log)
    Shell.removal_of(shell, "carthage", shown.append)
    assert shown == [told]
