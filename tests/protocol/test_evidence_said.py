"""The numbers of a heartbeat: they stand behind everything else, and nothing else stands there."""

from typing import Any

import pytest

from protocol.canonical import NotCanonical, pack
from protocol.messages import HEARTBEAT_FIELDS, Heartbeat


def heartbeat(**more: Any) -> Heartbeat:
    return Heartbeat(b"c" * 32, "genesis", b"r" * 8, 1, True, b"f" * 8, 0, {}, {}, (), **more)


def test_a_heartbeat_without_numbers_is_as_it_always_was() -> None:
    assert len(heartbeat()._more()) == 0
    assert Heartbeat.decode(heartbeat(unable=("db",)).encode()).evidence == {}


def test_numbers_come_back_as_they_were_said() -> None:
    said = heartbeat(evidence={"web": (0, 2**40), "db": (2**53, 0)})
    read = Heartbeat.decode(said.encode())
    assert read == said
    assert dict(read.evidence) == {"db": (2**53, 0), "web": (0, 2**40)}


@pytest.mark.parametrize(
    "numbers",
    [
        {"db": [1]}, {"db": [1, 2, 3]}, {"db": 5}, {"db": ["1", 2]}, {"db": [True, 2]}, {"db": [-1, 2]}, {"db": [1, -2]},
        {"db": [2**53 + 1, 0]}, {"": [1, 2]}, {"x" * 300: [1, 2]}, {}, ["db"], "db", None, 3,
    ],
    ids=repr,
)  # fmt: skip
def test_anything_else_there_is_refused(numbers: Any) -> None:
    fields = ["genesis", b"r" * 8, 1, True, b"f" * 8, 0, {}, {}, [], b"c" * 32]
    assert len(fields) == len(HEARTBEAT_FIELDS)
    with pytest.raises(NotCanonical):
        Heartbeat.decode(pack([*fields, [], {}, [], [], numbers]))
