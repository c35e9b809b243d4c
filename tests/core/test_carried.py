"""What outlives an incarnation: the same words in the body of its first event as in the column that it came from."""

from dataclasses import replace

from coordinator.core.carried import carried, taken_over
from coordinator.core.model import Column, ServiceColumn, ServiceState, Word
from protocol.canonical import pack, unpack
from protocol.event import Head, Ref
from protocol.events import Gap

OURS = Head("genesis", 7, 40, bytes(32))
NAMED = {"incarnation": 7, "number": 40, "id": bytes(32)}


def ref(number: int, node: str = "genesis") -> Ref:
    return Ref(node, 7, number)


BEFORE = Column(
    "genesis",
    services={
        "web": ServiceColumn(epoch=5, holding_epoch=4, wish="fail", cause="operator", burnt=True, failures=2, lowered=ref(7))
    },
    last_words={("web", "lukretia"): Word(2, ref(15), b"last run")},
    forked={"lukretia": ref(19)},
)


def after(column: Column) -> Column:
    return taken_over(Column("genesis"), Gap.from_body(unpack(pack(carried(OURS, column)))))


def test_a_nodes_own_words_outlive_an_incarnation() -> None:
    """Orders need not be carried: they stand over all incarnations."""
    assert after(BEFORE) == BEFORE


def test_a_holding_does_not() -> None:
    holding = ServiceColumn(epoch=5, holding_epoch=5, state=ServiceState.UP, claim=ref(8), began=ref(8))
    over = ServiceColumn(epoch=5, holding_epoch=5, lowered=Ref("genesis", 7, 40))
    assert after(replace(BEFORE, services={"web": holding})).service("web") == over


def test_an_incarnation_that_carried_less_is_read_as_well() -> None:
    body = Gap.from_body({**NAMED, "services": {"web": {"epoch": 5, "wish": "fail"}}})
    kept = ServiceColumn(epoch=5, wish="fail", cause="operator")
    assert taken_over(Column("genesis"), body) == Column("genesis", services={"web": kept})
