"""A signed command does what was signed, in the feeds that it names, once: whatever the author of the event says.

The thief has the key of a node and every command that was ever in the log; the fold is what the living nodes and the
auditor go by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest

from coordinator.config import parse, read
from coordinator.policy import Policy
from coordinator.state import ownership
from coordinator.state.model import State
from coordinator.state.orders import LATER_MAX
from coordinator.state.reducer import reduce
from protocol.commands import Act, Command, SignedCommand, open_command, sign_command
from protocol.event import Event, Head, Ref
from protocol.kinds import Kind
from protocol.sshkey import FileKey
from tests.core.story import Believing, complete, fork_of
from tests.core.test_reconfigure import SCENARIOS
from tools.simulator.keys import private_key
from tools.simulator.orders import ADMIN, KEY, armed

POLICY = armed(read(SCENARIOS / "three-nodes.toml", files=False))
OWNER, THIEF, OTHER = POLICY.services["web"].nodes
RUN = b"a run of"


@dataclass
class FeedIndex:
    """What each node has written, in its own order; folded in any order that keeps it."""

    events: dict[tuple[str, int], list[Event]] = field(default_factory=dict)
    signed: int = 0

    def write(self, node: str, kind: Kind, body: Mapping[str, Any], service: str = "web", incarnation: int = 1) -> Ref:
        mine = self.events.setdefault((node, incarnation), [])
        heads = tuple(Head(*feed, len(found), bytes(32)) for feed, found in self.events.items() if found is not mine)
        whole, number = complete(kind, body), len(mine) + 1
        event = Event(POLICY.cluster_id, node, incarnation, number, bytes(32), 0, 0, kind, service, whole, (), heads)
        mine.append(event)
        return event.ref

    def starts(self, node: str, incarnation: int = 1, rules: int = 2) -> "FeedIndex":
        self.write(node, Kind.NODE_STARTED, {"run": RUN, "rules": rules, "config": b"", "clean": True}, "", incarnation)
        body = {"number": 1, "digest": POLICY.digest, "text": POLICY.text}
        self.write(node, Kind.CONFIG_APPLIED, body, "", incarnation)
        return self

    def holds(self, node: str, epoch: int) -> "FeedIndex":
        self.write(node, Kind.CLAIM, {"epoch": epoch, "reason": ""})
        self.write(node, Kind.UP, {"epoch": epoch, "reason": ""})
        return self

    def sign(self, word: str, *acts: str, **fields: Any) -> SignedCommand:
        self.signed += 1
        plain = Command(POLICY.cluster_id, ADMIN, word, "web", "", "", 0, 0, 1 << 52, self.signed.to_bytes(16, "big"))
        return sign_command(plain._replace(acts=tuple(Act(node, 1) for node in acts), **fields), KEY)

    def obey(self, node: str, command: SignedCommand, incarnation: int = 1) -> Ref:
        body = {"command": command.raw, "signature": command.signature, "target": node}
        return self.write(node, Kind.COMMAND, body, "web", incarnation)

    def state(self, *first: tuple[str, int]) -> State:
        state = State.begin(POLICY, keyring=Believing())
        for feed in (*first, *(feed for feed in sorted(self.events) if feed not in first)):
            for event in self.events[feed]:
                state = reduce(state, event)
        return state

    def states(self) -> list[State]:
        """By every order of arrival of whole feeds."""
        return [self.state(*order) for order in permutations(self.events)]

    def refused(self, ref: Ref) -> str:
        return dict(self.state().column(ref.node).refused).get(ref, "")


@pytest.fixture
def feeds() -> FeedIndex:
    feeds = FeedIndex()
    for node in (OWNER, THIEF, OTHER):
        feeds.starts(node)
    return feeds.holds(OWNER, 1)


def held(feeds: FeedIndex) -> set[bool]:
    return {bool(ownership.held_back(state, "web")) for state in feeds.states()}


def holders(feeds: FeedIndex) -> set[tuple[str, ...]]:
    return {ownership.holders(state, "web") for state in feeds.states()}


def move_of(feeds: FeedIndex) -> set[str]:
    moves = [ownership.active_move(state, "web") for state in feeds.states()]
    return {move.target if move else "" for move in moves}


# --- what an honest node does with a command -----------------------------------------------------------------------


def test_an_order_counts_in_the_feed_that_it_names(feeds: FeedIndex) -> None:
    feeds.obey(OTHER, feeds.sign("hold", OTHER))
    hold = feeds.write(OTHER, Kind.HOLD, {})
    assert held(feeds) == {True}
    feeds.obey(THIEF, feeds.sign("unhold", THIEF, ends=(hold,)))
    feeds.write(THIEF, Kind.UNHOLD, {"ends": [list(hold)]})
    assert held(feeds) == {False}


def test_a_word_of_an_end_ends_the_claim_that_was_signed_and_no_later_one(feeds: FeedIndex) -> None:
    feeds.obey(OTHER, feeds.sign("fail", OTHER, node=OWNER, epoch=1, run=RUN))
    feeds.write(OTHER, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN})
    assert holders(feeds) == {()}
    feeds.write(OWNER, Kind.RECLAIM, {"epoch": 2, "reason": ""})
    assert holders(feeds) == {(OWNER,)}


def test_an_order_of_a_replaced_incarnation_stands(feeds: FeedIndex) -> None:
    feeds.obey(OTHER, feeds.sign("hold", OTHER))
    feeds.write(OTHER, Kind.HOLD, {})
    feeds.starts(OTHER, incarnation=2)
    assert held(feeds) == {True}


def test_an_order_about_one_service_brings_nothing_about_for_another(feeds: FeedIndex) -> None:
    """The command is obeyed, and its word is the right one: it names another service."""
    command = feeds.sign("hold", OTHER, service="db")
    body = {"command": command.raw, "signature": command.signature, "target": OTHER}
    feeds.write(OTHER, Kind.COMMAND, body, "db")
    hold = feeds.write(OTHER, Kind.HOLD, {})
    assert held(feeds) == {False}
    assert feeds.refused(hold) == "hold web follows no `hold` that was obeyed"


def test_a_file_that_two_have_signed_under_one_number_is_proved_by_the_command_with_the_lowest_name(feeds: FeedIndex) -> None:
    def apply(node: str, number: int) -> Ref:
        command = feeds.sign("apply", node, service="", epoch=number, digest=b"d" * 32)
        body = {"command": command.raw, "signature": command.signature, "target": node}
        return feeds.write(node, Kind.COMMAND, body, "")

    first, later = apply(OTHER, 1), apply(THIEF, 1)
    for state in feeds.states():
        assert (state.orders.signed[b"d" * 32], state.orders.signed_by[b"d" * 32]) == (1, min(first, later))
    newest = apply(OWNER, 2)
    for state in feeds.states():
        assert (state.orders.signed[b"d" * 32], state.orders.signed_by[b"d" * 32]) == (2, newest)


# --- an order under a file that is signed in another feed, which may come later -------------------------------------

NIGHT = FileKey(private_key("the night shift"))
NEWER = parse(f'{POLICY.text}\n[operators.night]\nkey = "{NIGHT.public}"\nrole = "admin"\n', "a file with one operator more")


def lives_by(feeds: FeedIndex, node: str, policy: Policy, number: int) -> None:
    feeds.write(node, Kind.CONFIG_APPLIED, {"number": number, "digest": policy.digest, "text": policy.text}, "")


def applies(feeds: FeedIndex, node: str, policy: Policy, number: int) -> None:
    order = feeds.sign("apply", node, service="", epoch=number, digest=policy.digest)
    feeds.write(node, Kind.COMMAND, {"command": order.raw, "signature": order.signature, "target": node}, "")
    lives_by(feeds, node, policy, number)


def orders_hold(feeds: FeedIndex, node: str) -> Ref:
    """By the operator whom only the newer file names."""
    order = feeds.sign("hold", node)
    by_night = sign_command(open_command(order.raw, order.signature, {ADMIN: KEY.public}, POLICY.cluster_id).command._replace(
        operator="night"), NIGHT)  # fmt: skip
    feeds.obey(node, by_night)
    return feeds.write(node, Kind.HOLD, {})


def test_an_order_counts_whether_it_or_the_signature_of_its_file_comes_first(feeds: FeedIndex) -> None:
    """OTHER was told to read its file again; the same file is applied with a signature at OWNER."""
    lives_by(feeds, OTHER, NEWER, 2)
    hold = orders_hold(feeds, OTHER)
    assert held(feeds) == {False}, "nothing shows yet that this file counts"
    applies(feeds, OWNER, NEWER, 2)
    assert held(feeds) == {True}
    feeds.obey(THIEF, feeds.sign("unhold", THIEF, ends=(hold,)))
    feeds.write(THIEF, Kind.UNHOLD, {"ends": [list(hold)]})
    assert held(feeds) == {False}


def test_an_order_of_a_feed_of_whose_files_none_counts_is_judged_by_those_that_do(feeds: FeedIndex) -> None:
    """A reader that lost its disk knows none of the files that the feed lived by, and none of them may ever come to count."""
    feeds.write(OTHER, Kind.NODE_STARTED, {"run": RUN, "rules": 2, "config": b"", "clean": True}, "", 2)
    feeds.write(OTHER, Kind.CONFIG_APPLIED, {"number": 2, "digest": NEWER.digest, "text": NEWER.text}, "", 2)
    plain = feeds.sign("hold")
    command = open_command(plain.raw, plain.signature, {ADMIN: KEY.public}, POLICY.cluster_id).command
    feeds.obey(OTHER, sign_command(command._replace(acts=(Act(OTHER, 2),)), KEY), 2)
    feeds.write(OTHER, Kind.HOLD, {}, "web", 2)
    assert held(feeds) == {True}


def test_an_order_that_the_newer_file_forbids_counts_for_nobody_whatever_comes_first(feeds: FeedIndex) -> None:
    lives_by(feeds, OTHER, NEWER, 2)
    lives_by(feeds, OTHER, POLICY, 3)
    orders_hold(feeds, OTHER)
    applies(feeds, OWNER, NEWER, 2)
    applies(feeds, OWNER, POLICY, 4)
    assert held(feeds) == {False}


def test_an_order_that_was_obeyed_by_the_older_file_ends_where_the_newer_one_forbids_it(feeds: FeedIndex) -> None:
    """The operator of the hold stands in the file that OTHER lived by before, and not in the one that it goes by."""
    applies(feeds, OTHER, NEWER, 2)
    without = parse(NEWER.text.replace("[operators.night]", "[operators.day]"), "a later file")
    lives_by(feeds, OTHER, without, 3)
    orders_hold(feeds, OTHER)
    assert held(feeds) == {True}, "the file that it goes by is unknown: it is judged by the newest that counts"
    applies(feeds, OWNER, without, 3)
    assert held(feeds) == {False}


def test_what_follows_in_the_feed_is_kept_too(feeds: FeedIndex) -> None:
    """A nonce that counts by the file that comes later is used up: the same command does not count again behind it."""
    lives_by(feeds, OTHER, NEWER, 2)
    first = orders_hold(feeds, OTHER)
    again = feeds.events[OTHER, 1][-2].body
    feeds.write(OTHER, Kind.COMMAND, again)
    feeds.write(OTHER, Kind.HOLD, {})
    applies(feeds, OWNER, NEWER, 2)
    assert {ownership.held_back(state, "web") for state in feeds.states()} == {frozenset({first})}


def test_the_orders_of_a_feed_whose_file_never_counts_are_kept_in_bounds(feeds: FeedIndex) -> None:
    lives_by(feeds, THIEF, NEWER, 2)
    for _ in range(LATER_MAX):
        orders_hold(feeds, THIEF)
    state = feeds.state()
    assert sum(len(feed.later.events) for feed in state.orders.feeds.values() if feed.later) <= LATER_MAX
    applies(feeds, OWNER, NEWER, 2)
    assert feeds.state((THIEF, 1)).orders.feed(THIEF, 1).later is not None, "and what is beyond them is judged as it came"


# --- attacks: an old order copied from the log, a body of the thief's own, an order sent again ----------------------


@pytest.mark.parametrize("word", ["hold", "fail", "recover", "reclaim"])
def test_an_order_copied_into_another_feed_changes_nothing(feeds: FeedIndex, word: str) -> None:
    command = feeds.sign(word, OWNER, epoch=1)
    feeds.obey(OWNER, command)
    copy = feeds.obey(THIEF, command)
    feeds.write(THIEF, Kind.HOLD, {})
    assert held(feeds) == {False}
    assert {state.column(THIEF).service("web").requested for state in feeds.states()} == {""}
    assert f"the command is for {OWNER}/1" in feeds.refused(copy)


def test_a_move_copied_into_another_feed_moves_nothing(feeds: FeedIndex) -> None:
    command = feeds.sign("move", OWNER, node=OTHER, epoch=1)
    feeds.obey(THIEF, command)
    feeds.write(THIEF, Kind.MOVE_BEGUN, {"target": OTHER, "epoch": 1, "for_ms": 0})
    assert move_of(feeds) == {""}


@pytest.mark.parametrize("body", [{"target": OTHER, "epoch": 10**6, "for_ms": 0}, {"target": THIEF, "epoch": 1, "for_ms": 0}])
def test_a_move_is_the_one_that_was_signed(feeds: FeedIndex, body: dict[str, Any]) -> None:
    feeds.obey(THIEF, feeds.sign("move", THIEF, node=OTHER, epoch=1))
    forged = feeds.write(THIEF, Kind.MOVE_BEGUN, body)
    assert move_of(feeds) == {""}
    assert "differs from the command" in feeds.refused(forged)


def test_fail_with_a_body_of_the_thiefs_own_fences_nobody(feeds: FeedIndex) -> None:
    """The attack of trials.md 47: `fail web THIEF`, followed by a fence of the owner up to epoch 10^6."""
    feeds.obey(THIEF, feeds.sign("fail", THIEF, node=THIEF, epoch=1))
    forged = feeds.write(THIEF, Kind.FENCED, {"node": OWNER, "epoch": 10**6, "by": "operator", "run": RUN})
    assert holders(feeds) == {(OWNER,)}
    assert "differs from the command" in feeds.refused(forged)


def test_a_fence_names_the_run_and_the_epoch_that_were_signed(feeds: FeedIndex) -> None:
    feeds.obey(THIEF, feeds.sign("fail", THIEF, node=OTHER, epoch=7, run=b"of other"))
    feeds.write(THIEF, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN})
    feeds.obey(THIEF, feeds.sign("fail", THIEF, node=OWNER, epoch=1, run=b"old runs"))
    feeds.write(THIEF, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": b"old runs"})
    assert holders(feeds) == {(OWNER,)}


def test_an_order_sent_again_counts_once(feeds: FeedIndex) -> None:
    """Ended by `unhold`, it is not placed again."""
    command = feeds.sign("hold", THIEF)
    feeds.obey(THIEF, command)
    hold = feeds.write(THIEF, Kind.HOLD, {})
    feeds.obey(OTHER, feeds.sign("unhold", OTHER, ends=(hold,)))
    feeds.write(OTHER, Kind.UNHOLD, {"ends": [list(hold)]})
    again = feeds.obey(THIEF, command)
    feeds.write(THIEF, Kind.HOLD, {})
    assert held(feeds) == {False}
    assert "replayed" in feeds.refused(again)


def test_an_order_given_again_in_a_later_incarnation_counts_once(feeds: FeedIndex) -> None:
    command = feeds.sign("hold", THIEF)
    feeds.obey(THIEF, command)
    hold = feeds.write(THIEF, Kind.HOLD, {})
    feeds.obey(OTHER, feeds.sign("unhold", OTHER, ends=(hold,)))
    feeds.write(OTHER, Kind.UNHOLD, {"ends": [list(hold)]})
    feeds.starts(THIEF, incarnation=2)
    again = feeds.obey(THIEF, command, incarnation=2)
    feeds.write(THIEF, Kind.HOLD, {}, incarnation=2)
    assert held(feeds) == {False}
    assert f"the command is for {THIEF}/1" in feeds.refused(again)


def test_an_order_has_one_effect_and_at_once(feeds: FeedIndex) -> None:
    feeds.obey(THIEF, feeds.sign("hold", THIEF))
    hold = feeds.write(THIEF, Kind.HOLD, {})
    feeds.obey(OTHER, feeds.sign("unhold", OTHER, ends=(hold,)))
    feeds.write(OTHER, Kind.UNHOLD, {"ends": [list(hold)]})
    later = feeds.write(THIEF, Kind.HOLD, {})
    assert held(feeds) == {False}
    assert "follows no `hold` that was obeyed" in feeds.refused(later)


def test_nothing_follows_without_a_command(feeds: FeedIndex) -> None:
    for kind, body in [
        (Kind.HOLD, {}),
        (Kind.UNHOLD, {"ends": []}),
        (Kind.MOVE_BEGUN, {"target": THIEF, "epoch": 1, "for_ms": 0}),
        (Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN}),
    ]:
        assert feeds.refused(feeds.write(THIEF, kind, body))
    assert (held(feeds), move_of(feeds), holders(feeds)) == ({False}, {""}, {(OWNER,)})


def test_a_hold_ends_by_an_order_about_its_own_service_alone(feeds: FeedIndex) -> None:
    """The operator of another service may not end it, though the signed words name it."""
    feeds.obey(OTHER, feeds.sign("hold", OTHER))
    hold = feeds.write(OTHER, Kind.HOLD, {})
    command = feeds.sign("unhold", THIEF, service="db", ends=(hold,))
    feeds.write(THIEF, Kind.COMMAND, {"command": command.raw, "signature": command.signature, "target": ""}, "db")
    feeds.write(THIEF, Kind.UNHOLD, {"ends": [list(hold)]}, "db")
    assert held(feeds) == {True}


def in_standby(feeds: FeedIndex) -> set[bool]:
    return {bool(ownership.in_standby(state, OWNER)) for state in feeds.states()}


def standby(feeds: FeedIndex, at: str, word: str = "standby", **fields: Any) -> Ref:
    command = feeds.sign(word, at, **({"service": "", "node": OWNER} | fields))
    body = {"command": command.raw, "signature": command.signature, "target": OWNER}
    return feeds.write(at, Kind.COMMAND, body, command.command.service)


def test_standby_stands_until_it_is_ended_by_its_name(feeds: FeedIndex) -> None:
    first = standby(feeds, OTHER)
    feeds.starts(OTHER, incarnation=2)
    second = standby(feeds, THIEF)
    assert in_standby(feeds) == {True}
    standby(feeds, THIEF, "unstandby", ends=(first,))
    assert in_standby(feeds) == {True}
    standby(feeds, THIEF, "unstandby", ends=(first, second))
    assert in_standby(feeds) == {False}


def test_an_order_about_another_node_ends_no_standby(feeds: FeedIndex) -> None:
    first = standby(feeds, OTHER)
    standby(feeds, THIEF, "unstandby", node=THIEF, ends=(first,))
    assert in_standby(feeds) == {True}


def test_fail_everywhere_ends_by_a_recover_of_its_own_service_alone(feeds: FeedIndex) -> None:
    order = standby(feeds, OTHER, "fail-everywhere", service="web", node="")
    assert {bool(ownership.failed_everywhere(state, "web")) for state in feeds.states()} == {True}
    standby(feeds, THIEF, "recover", service="db", node="", ends=(order,))
    standby(feeds, THIEF, "recover", service="web", node="")
    assert {bool(ownership.failed_everywhere(state, "web")) for state in feeds.states()} == {True}
    standby(feeds, THIEF, "recover", service="web", node="", ends=(order,))
    assert {bool(ownership.failed_everywhere(state, "web")) for state in feeds.states()} == {False}


def test_a_forked_node_is_admitted_again_by_the_name_of_its_fork(feeds: FeedIndex) -> None:
    body = {"node": OWNER, **fork_of(OWNER)}
    seen = [feeds.write(node, Kind.FORK_SEEN, body, "") for node in (OTHER, THIEF)]

    def forked() -> set[bool]:
        return {bool(ownership.forks(state, OWNER)) for state in feeds.states()}

    feeds.write(THIEF, Kind.READMITTED, {"node": OWNER}, "")
    assert forked() == {True}, "no operator ordered it"
    standby(feeds, THIEF, "readmit", node=THIEF, ends=tuple(seen))
    feeds.write(THIEF, Kind.READMITTED, {"node": OWNER}, "")
    assert forked() == {True}, "another node was to be admitted"
    standby(feeds, OTHER, "readmit", ends=tuple(seen[:1]))
    feeds.write(OTHER, Kind.READMITTED, {"node": OWNER}, "")
    assert forked() == {True}, "of two that have seen it one is named"
    standby(feeds, OTHER, "readmit", ends=tuple(seen))
    feeds.write(OTHER, Kind.READMITTED, {"node": OWNER}, "")
    assert forked() == {False}


# --- the rules of before -------------------------------------------------------------------------------------------


def old_hold(feeds: FeedIndex, node: str) -> Ref:
    feeds.obey(node, feeds.sign("hold"))
    return feeds.write(node, Kind.HOLD, {})


def test_a_command_of_format_1_gives_no_orders_to_this_release(feeds: FeedIndex) -> None:
    hold = old_hold(feeds, OTHER)
    assert held(feeds) == {False}
    assert "format 1" in feeds.refused(Ref(OTHER, 1, hold.number - 1))


def test_a_history_of_the_first_rules_is_read_by_them() -> None:
    feeds = FeedIndex().starts(OWNER, rules=1).starts(OTHER, rules=1).holds(OWNER, 1)
    old_hold(feeds, OTHER)
    assert held(feeds) == {True}
    feeds.obey(OTHER, feeds.sign("fail", node=OWNER))
    feeds.write(OTHER, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN})
    assert holders(feeds) == {()}


def test_the_start_of_this_release_knows_which_orders_end_with_it() -> None:
    feeds = FeedIndex().starts(OTHER, rules=1)
    old_hold(feeds, OTHER)
    assert feeds.state().orders.of_first_rules() == ("hold web",)
    feeds.starts(OWNER, rules=2)
    assert feeds.state().orders.of_first_rules() == ()


def test_with_a_run_of_this_release_the_orders_of_the_first_rules_are_over() -> None:
    feeds = FeedIndex().starts(OTHER, rules=1)
    old_hold(feeds, OTHER)
    feeds.starts(OWNER, rules=2)
    assert held(feeds) == {False}


def test_calling_itself_older_opens_nothing_to_a_thief(feeds: FeedIndex) -> None:
    feeds.starts(THIEF, incarnation=2, rules=1)
    command = feeds.sign("fail", node=OWNER)
    feeds.obey(THIEF, command, incarnation=2)
    feeds.write(THIEF, Kind.FENCED, {"node": OWNER, "epoch": 1, "by": "operator", "run": RUN}, incarnation=2)
    assert holders(feeds) == {(OWNER,)}


def test_an_operators_fail_of_an_older_run_stands() -> None:
    feeds = FeedIndex().starts(OTHER, rules=1)
    feeds.obey(OTHER, feeds.sign("fail", node=OTHER))
    feeds.starts(OTHER, rules=2)
    assert feeds.state().column(OTHER).service("web").requested == "fail"
