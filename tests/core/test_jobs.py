"""The work on one service: what is ordered together, and when its end may be said."""

from dataclasses import dataclass, field

import pytest

from coordinator.core.effects import Cut, Effect, Run, SayLastWord
from coordinator.core.inputs import ActionEnding, Outcome, StepFinished
from coordinator.core.progress import steps
from coordinator.core.service_lifecycle import Job
from coordinator.core.service_phases import Phase
from coordinator.decision.decide import Act, Decision
from coordinator.decision.observations import Observations
from coordinator.policy import ActionPolicy, ServicePolicy
from coordinator.state.model import ServicePhase, ServiceState
from protocol.event import NO_PREVIOUS, Entry, Event, Ref
from protocol.events import Body
from protocol.kinds import Kind
from protocol.messages import LastWord

EPOCH = 7
RELEASE = Decision("move", Act.RELEASE, "a test", to=ServicePhase.RECOVER)


@dataclass
class Desk:
    """What a job needs of the core, kept to be looked at."""

    guard_alive: bool = True
    now_ms: int = 1000
    effects: list[Effect] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def write(self, service: str, body: Body, causes: tuple[Ref, ...]) -> Entry:
        number = len(self.events) + 1
        previous = NO_PREVIOUS if number == 1 else bytes([1]) * 32
        event = Event(bytes(32), "lukretia", 1, number, previous, 0, 0, str(body.KIND), service, body.to_body(), causes, ())
        self.events.append(event)
        return Entry.of(event)

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def ticket(self, service: str) -> int:
        return len(self.effects) + 1

    def turned(self, service: str, phase: Phase) -> None:
        """The tests look at the job itself."""

    def lease_ends_ms(self, policy: ServicePolicy) -> int:
        return self.now_ms + 465

    def last_word(self, service: str, epoch: int) -> LastWord:
        return LastWord(bytes(32), "lukretia", bytes(8), service, epoch)


def up(*kinds: str, restarts: int = 0) -> tuple[Job, Desk]:
    """A service that is up with these actions."""
    desk = Desk()
    actions = tuple(ActionPolicy(kind, {}) for kind in kinds)
    job = Job(desk, ServicePolicy("web", ("lukretia", "genesis"), actions, restarts=restarts))
    job.claim(Decision("take-over-free", Act.CLAIM, "a test"), Observations({}, True, "", False), EPOCH, ServiceState())
    assert job.confirmed("durable") is False
    assert job.confirmed("guard") is True
    job.raise_all()
    while job.running is not None:
        end(job)
    assert job.phase is Phase.UP
    desk.effects.clear()
    return job, desk


def end(job: Job, *outcomes: Outcome, said: bool = False) -> Run:
    """The step in flight ends: well, or as told for each of its actions."""
    step = job.running
    assert step is not None, "a step is in flight"
    endings = tuple(ActionEnding(outcome) for outcome in outcomes or (Outcome.DONE,) * len(step.actions))
    job.finished(StepFinished(step.ticket, endings, said))
    return step


def words(desk: Desk) -> list[int]:
    return [effect.word.epoch for effect in desk.effects if isinstance(effect, SayLastWord)]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("", ()),
        ("address", ((0,),)),
        ("address address", ((0, 1),)),
        ("address script address", ((0,), (1,), (2,))),
        ("script address address notify address address", ((0,), (1, 2), (3,), (4, 5))),
        ("script script", ((0,), (1,))),
    ],
)
def test_neighbouring_addresses_are_one_step_and_nothing_else_is(kinds: str, expected: tuple[tuple[int, ...], ...]):
    assert steps(tuple(kinds.split())) == expected


def test_steps_go_up_in_order_and_down_in_reverse():
    job, desk = up("address", "address", "script")
    assert [event.body["action"] for event in desk.events if event.kind == Kind.ACTION_STARTED] == [0, 1, 2]
    job.release(RELEASE, Observations({}, True, "", False))
    assert [end(job).actions, end(job).actions] == [(2,), (1, 0)]
    assert job.phase is Phase.IDLE


def test_only_the_last_step_down_carries_the_last_word():
    job, desk = up("address", "address", "script")
    job.release(RELEASE, Observations({}, True, "", False))
    assert end(job).last_word is None
    assert end(job, said=True).last_word == desk.last_word("web", EPOCH)
    assert words(desk) == []  # it has gone out already


def test_what_comes_up_is_ended_and_all_that_it_touched_goes_down():
    """A script may be patient for minutes. Until it has ended nothing goes down: `up` and `down` never run at once."""
    desk = Desk()
    kinds = ("address", "script", "script")
    job = Job(desk, ServicePolicy("web", ("lukretia", "genesis"), tuple(ActionPolicy(kind, {}) for kind in kinds)))
    job.claim(Decision("take-over-free", Act.CLAIM, "a test"), Observations({}, True, "", False), EPOCH, ServiceState())
    job.confirmed("durable")
    job.confirmed("guard")
    job.raise_all()
    end(job)
    assert job.running is not None
    job.release(RELEASE, Observations({}, True, "", False))
    assert desk.effects[-1] == Cut("web", job.running.ticket)
    assert end(job, Outcome.UNKNOWN).word == "up"
    assert [end(job).actions, end(job).actions] == [(1,), (0,)]
    assert job.phase is Phase.IDLE


def test_what_goes_down_already_is_not_ended():
    job, desk = up("script", restarts=1)
    job.restart("its check failed", ())
    job.release(RELEASE, Observations({}, True, "", False))
    assert not [effect for effect in desk.effects if isinstance(effect, Cut)]
    while job.running is not None:
        assert end(job).word == "down"
    assert job.phase is Phase.IDLE


def test_a_last_word_that_did_not_go_out_with_its_step_is_said_when_all_is_down():
    job, desk = up("address")
    job.release(RELEASE, Observations({}, True, "", False))
    end(job)
    assert words(desk) == [EPOCH]


def test_where_a_part_stays_up_no_step_carries_the_last_word_and_none_is_said():
    """A successor acts on the word alone: it must be true of the steps before as well."""
    job, desk = up("address", "script")
    job.release(RELEASE, Observations({}, True, "", False))
    end(job, Outcome.FAILED)
    assert end(job).last_word is None
    assert (job.phase, words(desk)) == (Phase.STUCK, [])


def test_of_a_claim_that_is_not_on_the_disk_no_end_is_said():
    """The disk may refuse it still, and then the next claim has its number: the word would end that one."""
    desk = Desk()
    job = Job(desk, ServicePolicy("web", ("lukretia", "genesis"), (ActionPolicy("address", {}),)))
    job.claim(Decision("take-over-free", Act.CLAIM, "a test"), Observations({}, True, "", False), EPOCH, ServiceState())
    job.release(RELEASE, Observations({}, True, "", False))
    assert job.phase is Phase.IDLE
    assert words(desk) == []


def test_the_word_of_a_reclaim_that_is_not_on_the_disk_names_the_epoch_before():
    job, desk = up("address")
    job.reclaim(Decision("reclaim", Act.RECLAIM, "a test"), Observations({}, True, "", False), EPOCH + 1, ())
    job.release(RELEASE, Observations({}, True, "", False))
    assert job.running is not None
    assert job.running.last_word is not None
    assert job.running.last_word.epoch == EPOCH
    end(job, said=True)
    assert words(desk) == []


def test_a_restart_in_place_says_no_last_word():
    job, desk = up("address", restarts=1)
    job.restart("a test", ())
    assert end(job).last_word is None
    assert words(desk) == []
    assert job.running is not None
    assert job.running.word == "up"


def test_an_up_tells_how_long_it_took_itself_and_not_the_one_before_a_restart():
    job, desk = up("script", restarts=2)
    job.restart("a test", ())
    end(job)
    assert job.running is not None
    job.finished(StepFinished(job.running.ticket, (ActionEnding(Outcome.DONE, 3_000, 1_000),)))
    assert desk.events[-1].body["act_us"] == 2_000
    assert desk.events[-1].body["announce_us"] == 1_000
    job.restart("a test", ())
    end(job)
    assert job.running is not None
    job.finished(StepFinished(job.running.ticket, (ActionEnding(Outcome.DONE, 5_000),)))
    assert desk.events[-1].body["act_us"] == 5_000
    assert desk.events[-1].body["announce_us"] == 0


def test_one_address_of_two_that_does_not_come_up_takes_the_other_with_it():
    job, desk = up("address", "address")
    job.release(RELEASE, Observations({}, True, "", False))
    end(job)
    job.claim(Decision("take-over-free", Act.CLAIM, "a test"), Observations({}, True, "", False), EPOCH + 1, ServiceState())
    job.confirmed("durable")
    job.confirmed("guard")
    job.raise_all()
    end(job, Outcome.DONE, Outcome.FAILED)
    assert end(job).actions == (1, 0)
    assert (job.phase, job.to) == (Phase.IDLE, ServicePhase.FAIL)
    assert "action 1 (address) failed" in desk.events[-1].body["reason"]
