"""Votes in the fold: what a feed says of its own, once for an epoch; and which of them the auditor calls unlawful."""

from dataclasses import replace
from typing import Any

import pytest

from coordinator.decision.lawfulness import check
from coordinator.policy import Policy
from coordinator.state.incarnation import carried
from coordinator.state.model import Flaw, NodeState
from coordinator.state.reducer import reduce
from coordinator.state.votes import CANDIDATES_KEPT, Voted, counted, for_another, newest, with_vote
from protocol.event import Event, Ref
from protocol.events import Gap
from protocol.kinds import Kind
from tests.core.story import Story, policy

L, G, W = "lukretia", "genesis", "witness"
RUN = b"r" * 8


def vote(candidate: str, epoch: int, counter: int = 1) -> dict[str, Any]:
    return {"candidate": candidate, "epoch": epoch, "voters": 1, "run": RUN, "counter": counter}


def story(**service: Any) -> Story:
    cluster = policy(L, G, W)
    web = replace(cluster.services["web"], nodes=(L, G), **{"partition": "majority", **service})
    return begun(replace(cluster, services={"web": web}))


def begun(cluster: Policy) -> Story:
    made = Story(cluster)
    for node in (L, G, W):
        made.starts(node)
    for node in (L, G, W):
        made.write(node, Kind.CONFIG_APPLIED, {"number": 1, "digest": made.policy.digest, "text": ""}, "")
    return made


def given(made: Story, node: str) -> list[tuple[int, str]]:
    return [(each.epoch, each.candidate) for each in made.state.column(node).votes.get("web", ())]


def wrong(made: Story, node: str, body: dict[str, Any], service: str = "web") -> str | None:
    before = made.state
    made.write(node, Kind.VOTE, body, service)
    return check(before, made.events[-1])


def test_the_newest_vote_for_each_candidate_is_kept() -> None:
    made = story()
    refs = [made.write(W, Kind.VOTE, vote(*each)) for each in ((L, 1), (G, 2), (L, 4))]
    votes = made.state.column(W).votes["web"]
    assert given(made, W) == [(4, L), (2, G)]
    assert (newest(votes), made.state.column(W).vote) == (Voted(4, L, 1, RUN, 1, refs[2]), refs[2].number)
    assert (for_another(votes, L), for_another(votes, G), for_another((), L)) == (2, 4, 0)
    assert (counted(votes, G, 2), counted(votes, G, 4)) == (Voted(2, G, 1, RUN, 1, refs[1]), None)


@pytest.mark.parametrize("epoch", [3, 2])
def test_a_second_vote_for_an_epoch_has_no_effect_and_is_named(epoch: int) -> None:
    made = story()
    made.write(W, Kind.VOTE, vote(L, 3))
    assert wrong(made, W, vote(G, epoch)) == f"vote web for epoch {epoch} where 3 was known"
    skipped = made.state.column(W).skipped[-1]
    assert given(made, W) == [(3, L)]
    assert (skipped.flaw, skipped.text) == (Flaw.UNLAWFUL, f"a vote for epoch {epoch} of web after one for epoch 3")


def test_a_vote_moves_nothing_but_what_its_own_feed_says() -> None:
    made = story()
    before = made.state
    made.write(W, Kind.VOTE, vote(L, 900))
    changed = {node for node in (L, G, W) if made.state.column(node) is not before.column(node)}
    assert changed == {W}
    assert (made.state.epochs, made.state.column(W).services) == (before.epochs, before.column(W).services)


def test_a_lawful_vote() -> None:
    assert wrong(story(), W, vote(L, 1)) is None


def test_unlawful_votes_are_named() -> None:
    made = story()
    nodes = {name: replace(node, voter=name != W) for name, node in made.policy.nodes.items()}
    no_voter = begun(replace(made.policy, nodes=nodes))
    assert wrong(no_voter, W, vote(L, 1)) == "vote web by witness, which is no voter"
    assert wrong(no_voter, G, vote(L, 1)) is None
    assert wrong(story(partition="serve"), W, vote(L, 1)) == "vote web, which needs no votes: its partition is serve"
    assert wrong(story(), W, vote(W, 1)) == "vote web for witness, which is no candidate"
    assert wrong(story(), W, vote(L, 1), "mail") == "vote mail before a configuration was applied that has it"


def test_a_vote_for_what_was_claimed_already_is_unlawful() -> None:
    made = story().holds(L, 5)
    assert wrong(made, W, vote(G, 5)) == "vote web for epoch 5 where 5 was known"
    assert wrong(made, W, vote(G, 6)) is None


def test_a_new_incarnation_carries_the_votes_of_the_one_before() -> None:
    made = story()
    for each in ((L, 1), (G, 2)):
        made.write(W, Kind.VOTE, vote(*each))
    column = made.state.column(W)
    assert column.head is not None
    body = carried(column.head._replace(id=bytes(32)), column)
    gap = Event(made.policy.cluster_id, W, 2, 1, bytes(32), 0, 0, Kind.GAP_DECLARED, "", body.to_body(), (), ())
    after = reduce(made.state, gap).column(W)
    assert Gap.from_body(body.to_body()) == body
    assert [each[:2] for each in after.votes["web"]] == [(2, G), (1, L)]
    assert after.vote == 1, "who has read the gap has read them"


def test_a_node_that_never_voted_carries_nothing_more_than_before() -> None:
    made = story().holds(L, 5)
    column = made.state.column(L)
    assert column.head is not None
    body = carried(column.head._replace(id=bytes(32)), column).to_body()
    assert all("votes" not in kept for kept in body["services"].values())


def test_no_feed_fills_a_memory_with_candidates() -> None:
    votes: tuple[Voted, ...] = ()
    for epoch in range(1, 40):
        votes = with_vote(votes, Voted(epoch, f"n{epoch}", 1, RUN, 1, Ref(W, 1, epoch)))
    assert [each.epoch for each in votes] == list(range(39, 39 - CANDIDATES_KEPT, -1))
    assert NodeState(W, votes={"web": votes}).vote == 39
