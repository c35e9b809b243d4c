"""Who may say that a node is off, and what that ends: an order, a request of one's own, and never a body alone."""

from typing import Any

import pytest

from coordinator.state import ownership
from coordinator.state.model import Flaw, State
from coordinator.state.standing import OFFS_KEPT
from protocol.commands import NotCanonical, SignedCommand, sign_command
from protocol.event import Ref
from protocol.kinds import Kind
from tests.core.test_orders import KEY, OTHER, OWNER, RUN, THIEF, FeedIndex, holders
from tools.simulator.orders import ADMIN

NEXT_RUN = b"next run"


@pytest.fixture
def feeds() -> FeedIndex:
    feeds = FeedIndex()
    for node in (OWNER, THIEF, OTHER):
        feeds.starts(node)
    return feeds.holds(OWNER, 1)


def request(feeds: FeedIndex, author: str, by: str = "claim", service: str = "web", run: bytes = RUN, node: str = OWNER) -> Ref:
    return feeds.write(author, Kind.FENCE_REQUESTED, {"node": node, "run": run, "by": by}, service)


def result(feeds: FeedIndex, author: str, by: str = "claim", ok: bool = True, run: bytes = RUN, node: str = OWNER) -> Ref:
    body = {"node": node, "run": run, "ok": ok, "by": by, "level": 1, "text": "off"}
    return feeds.write(author, Kind.FENCE_RESULT, body, "")


def obey(feeds: FeedIndex, author: str, word: str, node: str = OWNER, run: bytes = RUN) -> None:
    signed = feeds.sign(word, author, service="", node=node, run=run)
    body = {"command": signed.raw, "signature": signed.signature, "target": node}
    feeds.write(author, Kind.COMMAND, body, "")


def test_a_fencing_that_succeeded_ends_what_that_run_held_in_every_order_of_arrival(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    assert holders(feeds) == {(OWNER,)}
    off = result(feeds, OTHER)
    assert holders(feeds) == {()}
    assert {ownership.ended(state, "web", OWNER) for state in feeds.states()} == {(1, off, RUN)}


def test_one_that_failed_ends_nothing(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    result(feeds, OTHER, ok=False)
    assert holders(feeds) == {(OWNER,)}
    fence = feeds.state().column(OTHER).fences[OWNER]
    assert (fence.ok, fence.text, fence.result is not None) == (False, "off", True)


def test_a_later_run_of_the_node_holds_what_it_claims(feeds: FeedIndex) -> None:
    """It was switched on again."""
    request(feeds, OTHER)
    result(feeds, OTHER)
    feeds.write(OWNER, Kind.NODE_STARTED, {"run": NEXT_RUN, "rules": 2, "config": b"", "clean": False}, "")
    feeds.holds(OWNER, 2)
    assert holders(feeds) == {(OWNER,)}


def test_a_result_without_a_request_has_no_authority(feeds: FeedIndex) -> None:
    """A thief's word alone ends nothing."""
    forged = result(feeds, THIEF)
    assert holders(feeds) == {(OWNER,)}
    assert feeds.refused(forged) == f"fence-result of {OWNER} follows no request of it"


@pytest.mark.parametrize("other", [{"run": NEXT_RUN}, {"node": OTHER}, {"by": "command"}])
def test_a_result_about_anything_else_than_its_request_has_no_authority(feeds: FeedIndex, other: dict[str, Any]) -> None:
    request(feeds, THIEF)
    forged = result(feeds, THIEF, **other)
    assert holders(feeds) == {(OWNER,)}
    assert "follows no request" in feeds.refused(forged)


def test_one_request_has_one_result(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    result(feeds, OTHER, ok=False)
    again = result(feeds, OTHER)
    assert holders(feeds) == {(OWNER,)}
    assert "follows no request" in feeds.refused(again)


def test_a_request_of_an_earlier_run_is_over_with_it(feeds: FeedIndex) -> None:
    """What was under way when faild ended has no result."""
    request(feeds, OTHER)
    feeds.write(OTHER, Kind.NODE_STARTED, {"run": NEXT_RUN, "rules": 2, "config": b"", "clean": False}, "")
    late = result(feeds, OTHER)
    assert holders(feeds) == {(OWNER,)}
    assert "follows no request" in feeds.refused(late)
    assert feeds.state().column(OTHER).fences == {}


def test_outside_a_run_no_fencing_is_begun(feeds: FeedIndex) -> None:
    feeds.write(OTHER, Kind.NODE_STOPPED, {}, "")
    request(feeds, OTHER)
    skipped = feeds.state().column(OTHER).skipped
    assert [(one.flaw, one.text) for one in skipped] == [(Flaw.UNLAWFUL, "fence-requested web outside a run")]


# --- by whose order ------------------------------------------------------------------------------------------------


def test_an_order_is_carried_out_in_the_next_event_and_as_it_was_signed(feeds: FeedIndex) -> None:
    obey(feeds, OTHER, "fence")
    request(feeds, OTHER, "command", "")
    result(feeds, OTHER, "command")
    assert holders(feeds) == {()}


@pytest.mark.parametrize("bent", [{"node": THIEF}, {"run": NEXT_RUN}])
def test_a_request_that_differs_from_its_order_has_no_authority(feeds: FeedIndex, bent: dict[str, Any]) -> None:
    obey(feeds, THIEF, "fence")
    forged = request(feeds, THIEF, "command", "", **bent)
    assert feeds.refused(forged) == f"fence-requested of {bent.get('node', OWNER)} differs from the command before it"


def test_a_request_by_an_order_that_was_never_given_has_no_authority(feeds: FeedIndex) -> None:
    forged = request(feeds, THIEF, "command", "")
    assert feeds.refused(forged) == f"fence-requested of {OWNER} follows no `fence` that was obeyed"
    result(feeds, THIEF, "command")
    assert holders(feeds) == {(OWNER,)}


def test_a_request_for_no_service_is_not_by_a_claim(feeds: FeedIndex) -> None:
    forged = request(feeds, THIEF, "claim", "")
    assert "follows no `fence` that was obeyed" in feeds.refused(forged)


def test_an_operators_word_that_it_is_off_needs_no_device(feeds: FeedIndex) -> None:
    obey(feeds, OTHER, "is-off")
    result(feeds, OTHER, "word")
    assert holders(feeds) == {()}


@pytest.mark.parametrize("bent", [{"node": THIEF}, {"run": NEXT_RUN}, {"ok": False}])
def test_a_word_that_differs_from_what_was_signed_has_no_authority(feeds: FeedIndex, bent: dict[str, Any]) -> None:
    obey(feeds, THIEF, "is-off")
    forged = result(feeds, THIEF, "word", **bent)
    assert holders(feeds) == {(OWNER,)}
    assert "differs from the command before it" in feeds.refused(forged)


def test_no_word_follows_from_an_order_to_fence(feeds: FeedIndex) -> None:
    """The devices would not be asked."""
    obey(feeds, THIEF, "fence")
    forged = result(feeds, THIEF, "word")
    assert holders(feeds) == {(OWNER,)}
    assert "follows no request" in feeds.refused(forged)


@pytest.mark.parametrize("wrong", [{"run": b"short"}, {"service": "web"}, {"node": ""}])
def test_an_order_names_a_node_and_its_run(feeds: FeedIndex, wrong: dict[str, Any]) -> None:
    signed: SignedCommand = feeds.sign("fence", OTHER, service="", node=OWNER, run=RUN)
    with pytest.raises(NotCanonical):
        sign_command(signed.command._replace(**wrong), KEY).command.decode(signed.command._replace(**wrong).encode())
    assert signed.command.operator == ADMIN


# --- whom it is believed about -------------------------------------------------------------------------------------


def switched_off(state: State, service: str) -> bool:
    return ownership.switched_off(state, service, OWNER, RUN, {}) is not None


def test_for_its_own_claim_a_node_is_believed_about_what_it_may_own(feeds: FeedIndex) -> None:
    """One stolen key ends no holding of a service that its node has nothing to do with."""
    request(feeds, OTHER)
    result(feeds, OTHER)
    assert [switched_off(state, "web") for state in feeds.states()] == [True] * len(feeds.states())
    assert [switched_off(state, "mail") for state in feeds.states()] == [False] * len(feeds.states())


@pytest.mark.parametrize(("word", "by"), [("fence", "command"), ("is-off", "word")])
def test_by_an_operators_order_it_is_believed_about_every_service(feeds: FeedIndex, word: str, by: str) -> None:
    obey(feeds, OTHER, word)
    if by == "command":
        request(feeds, OTHER, "command", "")
    result(feeds, OTHER, by)
    assert switched_off(feeds.state(), "mail")


def test_only_so_many_are_kept_and_these_are_the_latest(feeds: FeedIndex) -> None:
    for number in range(OFFS_KEPT + 3):
        request(feeds, OTHER, run=number.to_bytes(8, "big"))
        last = result(feeds, OTHER, run=number.to_bytes(8, "big"))
    kept = feeds.state().orders.of("off", OWNER)
    assert len(kept) == OFFS_KEPT
    assert last in kept
    assert len({frozenset(state.orders.of("off", OWNER)) for state in feeds.states()}) == 1


def test_a_node_that_has_read_it_and_claims_again_holds_it(feeds: FeedIndex) -> None:
    """The device has lied: the node runs, in the same run, and what it claims from here on counts."""
    request(feeds, OTHER)
    result(feeds, OTHER)
    assert holders(feeds) == {()}
    feeds.write(OWNER, Kind.RECLAIM, {"epoch": 2, "rule": "reclaim", "reason": "", "rivals": []})
    assert holders(feeds) == {(OWNER,)}


def test_a_node_that_writes_on_when_it_has_read_it_is_not_off(feeds: FeedIndex) -> None:
    request(feeds, OTHER)
    result(feeds, OTHER)
    assert ownership.is_off(feeds.state(), "web", OWNER)
    feeds.write(OWNER, Kind.PULSE, {"gaps": {}}, "")
    assert not ownership.is_off(feeds.state(), "web", OWNER)
