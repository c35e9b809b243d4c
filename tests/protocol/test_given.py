"""What a decision was given, in the event that it made: each field as it is written, and the bounds of those with one."""

from typing import Any

import pytest

from protocol.events.given import TIMERS_MAX, Observations, PeerObservations
from protocol.events.shapes import BadBody
from protocol.events.words import Judgement

FULL = Observations(
    peers={"genesis": PeerObservations(Judgement.ALIVE, 20, True, False, True, False)},
    fit=False,
    unfit_because="its disk refuses to write",
    refused=True,
    timers=frozenset({"retry", "failback:genesis"}),
)
BODY: dict[str, Any] = {
    "peers": {"genesis": ["alive", 20, True, False, True, False]},
    "fit": False,
    "unfit_because": "its disk refuses to write",
    "refused": True,
    "timers": ["failback:genesis", "retry"],
}
LEAST: dict[str, Any] = {"peers": {}, "fit": True}


def test_each_field_is_written_by_its_name_and_read_back() -> None:
    assert FULL.to_body() == BODY
    assert Observations.from_body(BODY) == FULL
    assert isinstance(Observations.from_body(BODY).timers, frozenset)


def test_what_an_older_event_does_not_say_was_not_so() -> None:
    assert Observations.from_body(LEAST) == Observations({}, True, "", False, frozenset())
    five = {"peers": {"genesis": ["dead", 0, False, True, False]}, "fit": True}
    assert Observations.from_body(five).peers == {"genesis": PeerObservations(Judgement.DEAD, 0, False, True, False, True)}


@pytest.mark.parametrize("missing", ["peers", "fit"])
def test_peers_and_fitness_are_always_there(missing: str) -> None:
    with pytest.raises(BadBody, match=f"{missing} is missing"):
        Observations.from_body({name: value for name, value in LEAST.items() if name != missing})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timers", [f"retry-{number}" for number in range(TIMERS_MAX)]),
        ("timers", ["t" * 160]),
        ("timers", ["t"]),
        ("peers", {f"n{number}": BODY["peers"]["genesis"] for number in range(16)}),
        ("unfit_because", ""),
    ],
)
def test_the_largest_and_the_smallest_that_is_taken(field: str, value: Any) -> None:
    written = Observations.from_body({**BODY, field: value}).to_body()
    assert written == {**BODY, field: sorted(value) if field == "timers" else value}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timers", [f"retry-{number}" for number in range(TIMERS_MAX + 1)]),
        ("timers", ["t" * 161]),
        ("timers", [""]),
        ("timers", [1]),
        ("peers", {f"n{number}": BODY["peers"]["genesis"] for number in range(17)}),
        ("peers", {"genesis": ["alive", 20, True, False]}),
        ("peers", {"genesis": ["alive", 20, True, False, True, False, True]}),
        ("peers", {"genesis": ["asleep", 20, True, False, True]}),
        ("peers", {"genesis": ["alive", "20", True, False, True]}),
        *(
            ("peers", {"genesis": [*BODY["peers"]["genesis"][:at], "yes", *BODY["peers"]["genesis"][at + 1 :]]})
            for at in range(2, 6)
        ),
        ("fit", 1),
        ("refused", 0),
        ("unfit_because", b"bytes"),
    ],
)
def test_what_is_larger_or_of_another_type_is_named(field: str, value: Any) -> None:
    with pytest.raises(BadBody, match=field):
        Observations.from_body({**BODY, field: value})
