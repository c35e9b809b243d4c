"""What an order brings about, word by word: in the column of the node that obeys it, and for every node that hears of it."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from coordinator.state import orders
from coordinator.state.model import SKIPPED_KEPT, Flaw, NodeState, State
from coordinator.state.standing import MOVES_KEPT, FeedOrders, Move, Orders, Word
from protocol.commands import Act, Command
from protocol.event import Event, Ref
from protocol.events import Commanded
from protocol.kinds import Kind
from tests.core.test_orders import OTHER, OWNER, POLICY, RUN, THIEF, FeedIndex

FIRST, SECOND, THIRD = Ref(OTHER, 1, 5), Ref(THIEF, 1, 6), Ref(OTHER, 1, 7)
PLAIN = Command(POLICY.cluster_id, "admin", "fail", "web", "", "", 0, 0, 1 << 52, bytes(16))


@pytest.fixture
def feeds() -> FeedIndex:
    feeds = FeedIndex()
    for node in (OWNER, THIEF, OTHER):
        feeds.starts(node)
    return feeds.holds(OWNER, 1)


# --- in the column of the node that obeys --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "node", "wish"),
    [
        ("fail", OWNER, "fail"),
        ("fail", "", "fail"),
        ("fail", THIEF, ""),  # it says that another node is down
        ("recover", "", "recover"),
        ("recover", THIEF, "recover"),
        ("reclaim", "", "reclaim"),
        ("standby", OWNER, ""),
        ("hold", "", ""),
    ],
)
def test_what_a_command_makes_its_author_wish(word: str, node: str, wish: str) -> None:
    assert wished(PLAIN._replace(acts=(Act(OWNER, 1),), word=word, node=node), OWNER) == wish


@pytest.mark.parametrize("word", ["fail", "recover", "reclaim", "hold"])
def test_by_the_first_rules_the_event_names_whose_wish_it_is(word: str) -> None:
    command = PLAIN._replace(word=word, node=THIEF)
    assert [wished(command, target) for target in (OWNER, THIEF, "")] == ["" if word == "hold" else word, "", ""]


def wished(command: Command, target: str) -> str:
    """By a command of the owner's feed that was obeyed."""
    body = Commanded(command=b"", signature=b"", target=target)
    event = Event(POLICY.cluster_id, OWNER, 1, 3, bytes(32), 0, 0, Kind.COMMAND, "web", body.to_body(), (), ())
    state = State.begin(POLICY)
    state = replace(state, orders=state.orders.with_feed(OWNER, 1, FeedOrders(obeyed=(event.ref, command))))
    service = orders.obeyed(state, NodeState(OWNER), event, body).service("web")
    assert service.requested_by == (event.ref if service.requested else None)
    return service.requested


def test_what_follows_a_command_is_no_wish_of_its_own(feeds: FeedIndex) -> None:
    command = feeds.obey(OWNER, feeds.sign("recover", OWNER))
    feeds.write(OWNER, Kind.HOLD, {})
    service = feeds.state().column(OWNER).service("web")
    assert (service.requested, service.requested_by) == ("recover", command)


def test_the_newest_refusals_are_kept_and_every_one_is_counted(feeds: FeedIndex) -> None:
    refs = [feeds.write(THIEF, Kind.HOLD, {}) for _ in range(SKIPPED_KEPT + 1)]
    column = feeds.state().column(THIEF)
    text = "hold web follows no `hold` that was obeyed"
    assert column.refused == tuple((ref, text) for ref in refs[1:])
    assert {(skipped.flaw, skipped.text) for skipped in column.skipped} == {(Flaw.AUTHORITY, text)}
    assert column.skips == SKIPPED_KEPT + 1


def test_after_a_refusal_what_is_lawful_is_obeyed(feeds: FeedIndex) -> None:
    feeds.write(OTHER, Kind.HOLD, {})
    feeds.obey(OTHER, feeds.sign("hold", OTHER))
    hold = feeds.write(OTHER, Kind.HOLD, {})
    assert feeds.state().orders.standing("hold", "web") == {hold}
    assert feeds.state().orders.feed(OTHER, 1).denied is None
    assert feeds.state().column(OTHER).skips == 1


# --- what follows a command is what was signed ---------------------------------------------------------------------


def said_otherwise(kind: Kind) -> str:
    return f"{kind} web differs from the command before it"


def test_a_body_without_its_optional_fields_is_judged_as_it_reads(feeds: FeedIndex) -> None:
    """Any node may write it so, and every node folds it: what is left out is what the format says, and no reader ends by it."""
    feeds.obey(THIEF, feeds.sign("move", THIEF, node=OTHER, epoch=1, for_ms=9))
    move = feeds.write(THIEF, Kind.MOVE_BEGUN, {"target": OTHER, "epoch": 1})
    assert feeds.refused(move) == said_otherwise(Kind.MOVE_BEGUN)
    feeds.obey(THIEF, feeds.sign("unhold", THIEF, ends=(SECOND,)))
    unhold = feeds.write(THIEF, Kind.UNHOLD, {})
    assert feeds.refused(unhold) == said_otherwise(Kind.UNHOLD)


def test_an_unhold_ends_the_holds_that_were_signed(feeds: FeedIndex) -> None:
    feeds.obey(OTHER, feeds.sign("hold", OTHER))
    hold = feeds.write(OTHER, Kind.HOLD, {})
    feeds.obey(THIEF, feeds.sign("unhold", THIEF, ends=(SECOND,)))
    forged = feeds.write(THIEF, Kind.UNHOLD, {"ends": [list(hold)]})
    assert feeds.refused(forged) == said_otherwise(Kind.UNHOLD)
    assert feeds.state().orders.standing("hold", "web") == {hold}


@pytest.mark.parametrize(
    "body",
    [
        {"target": THIEF, "epoch": 1, "for_ms": 9},
        {"target": OTHER, "epoch": 2, "for_ms": 9},
        {"target": OTHER, "epoch": 1, "for_ms": 8},
    ],
)
def test_each_part_of_a_move_is_as_signed(feeds: FeedIndex, body: dict[str, Any]) -> None:
    feeds.obey(THIEF, feeds.sign("move", THIEF, node=OTHER, epoch=1, for_ms=9))
    assert feeds.refused(feeds.write(THIEF, Kind.MOVE_BEGUN, body)) == said_otherwise(Kind.MOVE_BEGUN)


def test_a_move_is_kept_as_it_was_signed(feeds: FeedIndex) -> None:
    feeds.obey(THIEF, feeds.sign("move", THIEF, node=OTHER, epoch=1, for_ms=9))
    begun = feeds.write(THIEF, Kind.MOVE_BEGUN, {"target": OTHER, "epoch": 1, "for_ms": 9})
    assert feeds.state().orders.of("move", "web") == {begun: Move("web", OTHER, 1, 9, begun)}


@pytest.mark.parametrize(("node", "epoch", "run"), [(THIEF, 1, RUN), (OWNER, 2, RUN), (OWNER, 1, b"old runs")])
def test_each_part_of_a_fence_is_as_signed(feeds: FeedIndex, node: str, epoch: int, run: bytes) -> None:
    feeds.obey(OTHER, feeds.sign("fail", OTHER, node=OWNER, epoch=1, run=RUN))
    fence = feeds.write(OTHER, Kind.FENCED, {"node": node, "epoch": epoch, "by": "operator", "run": run})
    assert feeds.refused(fence) == said_otherwise(Kind.FENCED)


def test_a_fence_that_names_no_run_is_none(feeds: FeedIndex) -> None:
    """Without the run it would end holdings of later runs too."""
    feeds.obey(OTHER, feeds.sign("fail", OTHER, node=OWNER, epoch=1, run=b""))
    fence = feeds.write(OTHER, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": b""})
    assert feeds.refused(fence) == said_otherwise(Kind.FENCED)


def test_a_fence_is_kept_as_it_was_signed(feeds: FeedIndex) -> None:
    feeds.obey(OTHER, feeds.sign("fail", OTHER, node=OWNER, epoch=1, run=RUN))
    fence = feeds.write(OTHER, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN})
    assert feeds.state().orders.of("fenced", "web", OWNER) == {fence: Word(1, fence, RUN)}
    assert feeds.state().orders.effects.keys() == {("fenced", "web", OWNER)}


def test_by_the_first_rules_a_fence_and_a_move_say_themselves_what_they_are() -> None:
    feeds = FeedIndex().starts(OTHER, rules=1)
    feeds.obey(OTHER, feeds.sign("fail", node=OWNER))
    fence = feeds.write(OTHER, Kind.FENCED, {"node": OWNER, "epoch": 3, "by": "operator"})
    feeds.obey(OTHER, feeds.sign("move", node=OWNER, for_ms=9))
    move = feeds.write(OTHER, Kind.MOVE_BEGUN, {"target": OWNER, "epoch": 4, "for_ms": 9})
    feeds.obey(OTHER, feeds.sign("unhold"))
    unhold = feeds.write(OTHER, Kind.UNHOLD, {"ends": [list(FIRST)]})
    assert feeds.state().orders.effects == {
        ("fenced", "web", OWNER): {fence: Word(3, fence, b"")},
        ("move", "web"): {move: Move("web", OWNER, 4, 9, move)},
        ("unhold", "web"): {unhold: frozenset({FIRST})},
    }


# --- the number that an administrator has signed -------------------------------------------------------------------


def test_of_one_file_the_highest_number_counts_and_of_several_events_the_first_by_name() -> None:
    told = [(3, Ref("b", 1, 1)), (7, Ref("d", 1, 1)), (7, Ref("c", 1, 1)), (5, Ref("a", 1, 1))]
    for order in permutations(told):
        known = Orders()
        for number, ref in order:
            known = orders._signed(known, PLAIN._replace(word="apply", digest=b"d" * 32, epoch=number), ref)
        known = orders._signed(known, PLAIN._replace(word="apply", digest=b"e" * 32, epoch=1), FIRST)
        assert known.signed == {b"d" * 32: 7, b"e" * 32: 1}
        assert known.signed_by == {b"d" * 32: Ref("c", 1, 1), b"e" * 32: FIRST}


# --- over all feeds ------------------------------------------------------------------------------------------------


def test_the_orders_of_the_first_rules_are_named_as_they_were_typed() -> None:
    known = Orders().with_effect(("move", "web"), FIRST, None).with_effect(("hold", "web"), FIRST, None)
    known = known.with_effect(("hold", "db"), FIRST, None).with_effect(("hold", "mail"), FIRST, None)
    known = known.with_effect(("unhold", "mail"), SECOND, frozenset({FIRST})).with_effect(
        ("readmit", "web"), FIRST, frozenset()
    )
    assert known.of_first_rules() == ("hold db", "hold web", "move web")
    assert replace(known, second=True).of_first_rules() == ()


def test_of_the_moves_of_a_service_the_latest_are_kept_whatever_came_first() -> None:
    moves = [Move("web", OWNER, number, 0, Ref(OTHER, 1, 100 - number)) for number in range(MOVES_KEPT + 1)]
    for order in (moves, moves[::-1]):
        known = Orders()
        for move in order:
            known = known.with_effect(("move", "web"), move.ref, move)
            known = known.with_effect(("hold", "web"), move.ref, None)
        assert known.of("move", "web") == {move.ref: move for move in moves[1:]}
        assert len(known.of("hold", "web")) == len(moves)


def test_of_two_moves_of_one_epoch_the_targets_own_is_the_later_and_else_the_event_decides() -> None:
    own, other = Move("web", OWNER, 3, 0, Ref(OWNER, 1, 1)), Move("web", OWNER, 3, 0, Ref(OTHER, 9, 9))
    assert max(own, other, key=lambda move: move.place) is own
    assert max(own, replace(other, epoch=4), key=lambda move: move.place) == replace(other, epoch=4)
    earlier = replace(other, ref=Ref(OTHER, 9, 8))
    assert max(earlier, other, key=lambda move: move.place) is other


def test_what_a_run_of_the_first_rules_wrote_is_over_once_any_node_runs_by_later_ones() -> None:
    known = Orders().with_feed(OTHER, 1, FeedOrders(rules=1)).with_feed(THIEF, 1, FeedOrders(rules=2))
    known = known.with_effect(("hold", "web"), FIRST, None).with_effect(("hold", "web"), SECOND, None)
    assert known.of("hold", "web").keys() == {FIRST, SECOND}
    assert replace(known, second=True).of("hold", "web").keys() == {SECOND}
    assert known.of("hold", "db") == {}


def test_a_later_start_by_the_first_rules_does_not_bring_their_orders_back() -> None:
    feeds = FeedIndex().starts(OWNER, rules=2).starts(OTHER, rules=1)
    for first in (OWNER, OTHER):
        assert feeds.state((first, 1)).orders.second
    assert not FeedIndex().starts(OTHER, rules=1).state().orders.second


def test_a_nonce_is_known_by_its_node_and_anywhere() -> None:
    known = Orders().with_feed(OTHER, 1, FeedOrders(nonces={b"n": 1})).with_feed(OTHER, 2, FeedOrders())
    known = known.with_feed(THIEF, 1, FeedOrders(nonces={b"m": 1}))
    assert [known.obeyed_by(*asked) for asked in ((OTHER, b"n"), (OTHER, b"m"), (THIEF, b"n"), (OWNER, b"n"))] == [
        True,
        False,
        False,
        False,
    ]
    assert [known.obeyed_anywhere(nonce) for nonce in (b"n", b"m", b"o")] == [True, True, False]
    assert known.feed(OWNER, 1) == FeedOrders()


def test_what_a_file_that_came_later_refuses_is_no_effect_of_the_first_rules_either() -> None:
    known = Orders().with_feed(OTHER, 1, FeedOrders(rules=1))
    known = known.with_effect(("hold", "web"), FIRST, None).with_effect(("hold", "db"), THIRD, None)
    left = known.without({FIRST})
    assert (left.effects, left.first) == ({("hold", "db"): {THIRD: None}}, frozenset({THIRD}))
