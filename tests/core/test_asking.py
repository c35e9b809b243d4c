"""What makes the core ask the decide table again: what is there is compared with what was there, and nothing is marked."""

import dataclasses
from collections.abc import Callable

import pytest

from coordinator.core.context import ALL, NOTHING_ELSE, News
from coordinator.core.core import Core
from coordinator.core.inputs import GuardChanged, RemovalShown
from coordinator.decision.decide import Act, Decision
from coordinator.decision.observations import Observations
from coordinator.state.model import ServicePhase
from protocol.events import ActionFinished, ActionWord, CheckFailed, Outcome, Pulse, Readmitted
from tests.core.test_reconfigure import TWO, core_of, running


@pytest.fixture
def core() -> Core:
    """lukretia, which owns web; nothing has happened since it was last asked."""
    core = core_of(running(TWO))
    look(core)
    return core


def look(core: Core, news: News = NOTHING_ELSE) -> set[str] | None:
    """The services about which it asks now, as at the end of any input."""
    reconcile = core.reconcile
    names = reconcile.agenda.asked(news, reconcile.outlook(), False, reconcile.rounds.look_round())
    reconcile.agenda.close(reconcile.rounds.wakes_ms())
    return names


def is_due(core: Core, news: News = NOTHING_ELSE) -> bool:
    return core.reconcile.is_due(news, core.reconcile.outlook(), False)


def test_nothing_is_asked_while_all_is_as_it_was(core: Core) -> None:
    assert not is_due(core)
    core.context.write("", Pulse(gaps={}), ())
    assert not is_due(core), "no row says anything else because of a pulse"


def test_a_service_is_asked_about_when_an_event_was_about_it(core: Core) -> None:
    core.context.write("web", CheckFailed(check=0, good=False), ())
    assert is_due(core)
    assert look(core) == {"web"}
    assert not is_due(core)


def test_all_are_asked_about_when_an_event_was_about_no_service(core: Core) -> None:
    core.context.write("", Readmitted(node="genesis"), ())
    assert core.context.subjects == {ALL}
    assert is_due(core)
    assert look(core) is None


def test_what_a_part_returns_is_asked_about(core: Core) -> None:
    assert is_due(core, News(frozenset({"web"})))
    assert look(core, News(frozenset({"web"}))) == {"web"}
    assert is_due(core, News(peers=True))
    assert look(core, News(peers=True)) == set(), "what the peer says leaves the answers as they were"


def guard_is_gone(core: Core) -> None:
    core.services.guard_changed(GuardChanged(False))


def a_peer_does_not_know_us(core: Core) -> None:
    core.removal.shown(RemovalShown("genesis", b"", b"", ""))


def the_feed_is_outdone(core: Core) -> None:
    assert core.context.writer.outdo()


@pytest.mark.parametrize("happens", [guard_is_gone, a_peer_does_not_know_us, the_feed_is_outdone])
def test_all_are_asked_about_when_what_all_rest_on_is_not_as_it_was(core: Core, happens: Callable[[Core], None]) -> None:
    happens(core)
    assert is_due(core)
    assert look(core) is None
    assert not is_due(core)


def test_an_action_that_ends_as_it_should_asks_nothing_and_one_that_is_lost_does(core: Core) -> None:
    """In the middle of a sequence the next action waits for no table."""
    release = Decision("move", Act.RELEASE, "a test", to=ServicePhase.RECOVER)
    core.services.jobs["web"].release(release, Observations({}, True, "", False))
    core.context.take_subjects()
    done = ActionFinished(action=0, word=ActionWord.DOWN, epoch=1, outcome=Outcome.DONE)
    core.context.write("web", done, ())
    assert core.context.subjects == set()
    core.context.write("web", dataclasses.replace(done, outcome=Outcome.FAILED), ())
    assert core.context.subjects == {"web"}
    assert core.column.service("web").stuck
