"""What is read out of the records: the figures of the benchmark stand and fall with these few functions."""

from pathlib import Path

from tools.lab import outage
from tools.lab.outage import Answer
from tools.lab.wire import LATE, RECORD

A, B = "02:77:00:00:00:0b", "02:77:00:00:00:0c"
MS = 1_000_000


def answers(*seen: tuple[int, str]) -> list[Answer]:
    return [Answer(at * MS, at * MS, 4, mac) for at, mac in seen]


def test_the_longest_gap_names_who_answered_before_and_after():
    gap = outage.longest_gap(answers((0, A), (2, A), (30, B), (32, B)), 4, 1 * MS, 40 * MS)
    assert (gap.ms, gap.before, gap.after) == (28, A, B)


def test_a_gap_that_began_before_the_window_counts_from_its_beginning():
    gap = outage.longest_gap(answers((0, A), (50, B), (52, B)), 4, 40 * MS, 54 * MS)
    assert (gap.ms, gap.since_ns) == (50, 0)


def test_silence_at_the_end_of_the_window_is_a_gap_that_nobody_ended():
    gap = outage.longest_gap(answers((0, A), (2, A)), 4, 0, 100 * MS)
    assert (gap.ms, gap.before, gap.after) == (98, A, "")


def test_no_answer_at_all_is_an_outage_of_the_whole_window():
    assert outage.longest_gap([], 4, 0, 100 * MS).ms == 100


def test_the_other_family_does_not_fill_a_gap():
    mixed = [*answers((0, A), (100, A)), Answer(50 * MS, 50 * MS, 6, A)]
    assert outage.longest_gap(sorted(mixed), 4, 0, 100 * MS).ms == 100


def test_two_owners_are_counted_by_questions_that_both_answered():
    both = [Answer(at * MS + extra, at * MS, 4, mac) for at in (0, 5, 10) for extra, mac in ((1, A), (2, B))]
    alone = [Answer(15 * MS, 15 * MS, 4, A), Answer(20 * MS, 20 * MS, 4, B)]
    assert outage.two_owners_ms(both + alone, 4, 0, 30 * MS, 5) == 15
    assert outage.two_owners_ms(alone, 4, 0, 30 * MS, 5) == 0


def test_one_owner_that_answers_a_question_twice_is_one_owner():
    assert outage.two_owners_ms([Answer(1, 0, 4, A), Answer(2, 0, 4, A)], 4, 0, 10, 5) == 0


def test_a_record_that_is_still_being_written_is_left_for_the_next_time(tmp_path: Path):
    file = tmp_path / "records"
    whole = RECORD.pack(5, 4, 6, bytes.fromhex("02770000000b"))
    file.write_bytes(whole + whole[:7])
    assert outage.read(file) == [Answer(5, 4, 6, A)]


def test_the_first_answer_is_one_to_a_question_asked_afterwards():
    late = [Answer(10 * MS, 2 * MS, 4, B), Answer(12 * MS, 11 * MS, 4, B)]
    assert outage.first_answer(late, 4, B, 5 * MS) == 12 * MS


def test_own_lateness_is_the_worst_note_in_the_window():
    assert outage.own_lateness_ms([Answer(9 * MS, 5 * MS, LATE, ""), Answer(99 * MS, 5 * MS, LATE, "")], 0, 50 * MS) == 4
