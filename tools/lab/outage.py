"""What the records say: how long no machine answered, which answered when, and how long more than one did.

All times are monotonic nanoseconds of this machine (one clock for every namespace); results are in milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tools.lab.wire import LATE, RECORD


class Answer(NamedTuple):
    received_ns: int
    asked_ns: int
    family: int
    mac: str


class Gap(NamedTuple):
    """The longest time without an answer, who answered before it and who after it ("" where none did)."""

    ms: float
    since_ns: int
    until_ns: int
    before: str
    after: str


def read(path: Path, offset: int = 0) -> list[Answer]:
    """The records from `offset` on, in the order of their answers; one that is still being written is left for later."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = len(data) - len(data) % RECORD.size
    return sorted(Answer(at, asked, family, mac.hex(":")) for at, asked, family, mac in RECORD.iter_unpack(data[:whole]))


def longest_gap(answers: Iterable[Answer], family: int, since_ns: int, until_ns: int) -> Gap:
    """The longest time between two answers that touches the window; its end counts as an answer, so nothing is hidden."""
    worst, last = Gap(0.0, since_ns, since_ns, "", ""), Answer(since_ns, since_ns, family, "")
    for answer in answers:
        if answer.family != family:
            continue
        if answer.received_ns > since_ns:
            end_ns = min(answer.received_ns, until_ns)
            worst = max(worst, _gap(last, end_ns, answer.mac), key=lambda gap: gap.ms)
        if answer.received_ns >= until_ns:
            return worst
        last = answer
    return max(worst, _gap(last, until_ns, ""), key=lambda gap: gap.ms)


def _gap(last: Answer, end_ns: int, after: str) -> Gap:
    return Gap((end_ns - last.received_ns) / 1e6, last.received_ns, end_ns, last.mac, after)


def first_answer(answers: Iterable[Answer], family: int, mac: str, after_ns: int) -> int | None:
    """When this hardware address first answered a question that was due after `after_ns`."""
    return next((a.received_ns for a in answers if a.family == family and a.mac == mac and a.asked_ns >= after_ns), None)


def last_answer(answers: Iterable[Answer], family: int, mac: str, until_ns: int) -> int | None:
    """When this hardware address last answered before `until_ns`."""
    found = (a.received_ns for a in answers if a.family == family and a.mac == mac and a.received_ns <= until_ns)
    return max(found, default=None)


def two_owners_ms(answers: Iterable[Answer], family: int, since_ns: int, until_ns: int, every_ms: float) -> float:
    """From a bystander's records: the questions that more than one hardware address answered, times their distance."""
    owners: defaultdict[int, set[str]] = defaultdict(set)
    for answer in answers:
        if answer.family == family and since_ns <= answer.asked_ns <= until_ns:
            owners[answer.asked_ns].add(answer.mac)
    return sum(len(macs) > 1 for macs in owners.values()) * every_ms


def own_lateness_ms(answers: Iterable[Answer], since_ns: int, until_ns: int) -> float:
    """How late the tool itself asked at worst: an outage up to this long may be the tool's own."""
    late = (a.received_ns - a.asked_ns for a in answers if a.family == LATE and since_ns <= a.received_ns <= until_ns)
    return max(late, default=0) / 1e6
