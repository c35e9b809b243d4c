"""What a move of one service costs those that need it: one release, one claim, and no time that nobody needs."""

from pathlib import Path

from coordinator.config import read
from protocol.events import ActionFinished, ActionWord, Claim, Release, Up, body_of
from tools.simulator.runner import play
from tools.simulator.script import read_script
from tools.simulator.world import World

CONFIGURATION = Path(__file__).parents[1] / "scenarios" / "relations.toml"
MOVE = """\
at 0s     start lukretia genesis carthage
at 5s     move storage genesis
at 10s    expect storage owner=genesis
at 10s    expect db owner=genesis
"""


def moved() -> World:
    policy = read(CONFIGURATION, files=False)
    report = play(policy, read_script("move", MOVE, policy), 0)
    assert not report.failed
    return report.world


def test_what_needs_it_is_claimed_once_on_each_of_both_nodes() -> None:
    """It has gone first, what it needs is still up there, and a claim would be lawful: it would go to and fro."""
    events = {entry.ref: entry.event for entry in moved().entries()}
    for service in ("storage", "db", "page"):
        claims = [ref.node for ref, event in events.items() if event.service == service and isinstance(body_of(event), Claim)]
        assert sorted(claims) == ["genesis", "lukretia"], service


def test_what_needs_it_is_down_before_it_is_given_up() -> None:
    events = [entry.event for entry in sorted(moved().entries(), key=lambda entry: entry.ref) if entry.event.node == "lukretia"]
    given_up = next(at for at, event in enumerate(events) if event.service == "storage" and isinstance(body_of(event), Release))
    for service in ("db", "page"):
        downs = [
            at
            for at, event in enumerate(events)
            if event.service == service and isinstance(body := body_of(event), ActionFinished) and body.word is ActionWord.DOWN
        ]
        assert downs
        assert max(downs) < given_up


def test_it_is_taken_as_soon_as_what_it_needs_is_up() -> None:
    """Before the next heartbeat: a change of one service is a reason to ask about those that name it."""
    events = {entry.ref: entry.event for entry in moved().entries() if entry.ref.node == "genesis"}
    up = next(event for event in events.values() if event.service == "storage" and isinstance(body_of(event), Up))
    claim = next(event for event in events.values() if event.service == "db" and isinstance(body_of(event), Claim))
    assert 0 <= claim.wall_ms - up.wall_ms < 20


def test_a_change_of_one_service_is_a_reason_to_ask_about_those_that_name_it_and_those_that_it_names() -> None:
    faild = moved().hosts["genesis"].faild
    assert faild is not None
    relatives = faild.core.reconcile.dependants.relatives
    assert relatives({"storage"}) == {"db", "page"}
    assert relatives({"db", "page"}) == {"storage", "site", "batch"}
    assert relatives(set()) == set()
