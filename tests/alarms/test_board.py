"""The board: what begins, what ends, since when, and who hears of it."""

from dataclasses import dataclass, field

from coordinator.alarms.board import ALARMS_MAX, Alarm, Board, Condition
from coordinator.alarms.names import LASTS_MS, PATIENCE_MS, AlarmName
from coordinator.core.inputs import Now


@dataclass
class Kept:
    """A board whose clock stands until it is moved, and all that it told."""

    now_ms: int = 1_000
    told: list[tuple[str, bool, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.board = Board(lambda: Now(self.now_ms, 1_700_000_000_000 + self.now_ms, self.now_ms), self._tell)

    def _tell(self, alarm: Alarm, begins: bool) -> None:
        self.told.append((alarm.key.name, begins, alarm.text))

    @property
    def standing(self) -> list[tuple[str, str, str, int, str]]:
        return [(*alarm.key, alarm.since_ms - 1_700_000_000_000, alarm.text) for alarm in self.board.standing]


def test_what_is_begun_stands_until_it_is_ended_and_each_is_told_once():
    kept = Kept()
    kept.board.begin(AlarmName.FORK, "two events", node="genesis")
    kept.now_ms = 5_000
    kept.board.begin(AlarmName.FORK, "three events", node="genesis")
    assert kept.standing == [("fork", "", "genesis", 1_000, "three events")]
    kept.board.end(AlarmName.FORK, node="lukretia")
    assert kept.standing
    kept.board.end(AlarmName.FORK, node="genesis")
    kept.board.end(AlarmName.FORK, node="genesis")
    assert kept.standing == []
    assert kept.told == [("fork", True, "two events"), ("fork", False, "three events")]


def test_what_happened_and_is_no_state_stands_for_a_while_after_the_last_time():
    kept = Kept()
    kept.board.begin(AlarmName.LOOP_LATE, "212 ms")
    kept.now_ms += LASTS_MS[AlarmName.LOOP_LATE] - 1
    kept.board.look([])
    kept.board.begin(AlarmName.LOOP_LATE, "300 ms")
    kept.now_ms += LASTS_MS[AlarmName.LOOP_LATE] - 1
    kept.board.look([])
    assert kept.standing == [("loop-late", "", "", 1_000, "300 ms")]
    kept.now_ms += 1
    kept.board.look([])
    assert kept.standing == []


def test_what_waits_for_the_log_is_over_with_the_next_durable_event_and_nothing_else_is():
    kept = Kept()
    kept.board.begin(AlarmName.DISK, "full", node="genesis", until_written=True)
    kept.board.begin(AlarmName.FORK, "two events", node="genesis")
    kept.board.written()
    assert [name for name, *_ in kept.standing] == ["fork"]


def test_a_condition_stands_as_long_as_it_is_seen_and_since_it_was_seen_first():
    kept = Kept()
    for _ in range(3):
        kept.board.look([Condition(AlarmName.STUCK, "a down action failed", "web", "genesis")])
        kept.now_ms += 1_000
    assert kept.standing == [("stuck", "web", "genesis", 1_000, "a down action failed")]
    kept.board.look([])
    assert kept.told == [("stuck", True, "a down action failed"), ("stuck", False, "a down action failed")]


def test_a_condition_of_a_moment_wakes_nobody():
    kept, gone = Kept(), Condition(AlarmName.NO_OWNER, "no node holds it", "web")
    kept.board.look([gone])
    kept.now_ms += PATIENCE_MS[AlarmName.NO_OWNER] - 1
    kept.board.look([gone])
    assert kept.standing == []
    kept.board.look([])
    kept.board.look([gone])
    kept.now_ms += PATIENCE_MS[AlarmName.NO_OWNER]
    kept.board.look([gone])
    assert kept.standing == [("no-owner", "web", "", 1_000 + PATIENCE_MS[AlarmName.NO_OWNER] - 1, "no node holds it")]
    kept.board.look([])
    assert [begins for _, begins, _ in kept.told] == [True, False]


def test_the_gravest_stands_first():
    kept = Kept()
    for name in reversed(AlarmName):
        kept.board.begin(name, "x")
    assert [name for name, *_ in kept.standing] == list(AlarmName)


def test_a_thief_that_invents_names_fills_no_memory():
    kept = Kept()
    for number in range(ALARMS_MAX + 50):
        kept.board.begin(AlarmName.NO_AUTHORITY, "x", service=f"s{number}")
    assert len(kept.standing) == ALARMS_MAX
    assert ("no-authority", f"s{ALARMS_MAX + 49}", "", 1_000, "x") in kept.standing


def test_a_hold_is_old_by_the_time_of_its_event_however_lately_this_faild_started():
    kept = Kept()
    began_ms = 1_700_000_000_000 + kept.now_ms - PATIENCE_MS[AlarmName.HOLD_OLD]
    kept.board.look([Condition(AlarmName.HOLD_OLD, "on hold", "web", since_ms=began_ms + 1)])
    assert kept.standing == []
    kept.now_ms += 1
    kept.board.look([Condition(AlarmName.HOLD_OLD, "on hold", "web", since_ms=began_ms + 1)])
    assert [name for name, *_ in kept.standing] == ["hold-old"]
