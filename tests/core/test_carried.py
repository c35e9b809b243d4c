"""What outlives an incarnation: the same words in the body of its first event as in the column that it came from."""

from dataclasses import replace

from coordinator.core.carried import NONCES_KEPT, REFS_KEPT, carried, taken_over
from coordinator.core.model import Column, Move, ServiceColumn, ServiceState, Word
from protocol.canonical import pack, unpack
from protocol.event import Head, Ref

OURS = Head("genesis", 7, 40, bytes(32))


def ref(number: int, node: str = "genesis") -> Ref:
    return Ref(node, 7, number)


BEFORE = Column(
    "genesis",
    services={
        "web": ServiceColumn(epoch=5, holding_epoch=4, wish="fail", cause="operator", burnt=True, failures=2, lowered=ref(7))
    },
    holds={"web": frozenset({ref(3), ref(9)})},
    unheld=frozenset({ref(3), ref(2, "lukretia")}),
    moves=(Move("web", "lukretia", 4, 60_000, ref(12)),),
    moves_ended=frozenset({ref(5, "lukretia")}),
    fenced={("web", "lukretia"): Word(3, ref(17), b"run before")},
    last_words={("web", "lukretia"): Word(2, ref(15), b"the last run")},
    forked={"lukretia": ref(19)},
    nonces={b"n" * 16: 90_000},
)


def after(column: Column) -> Column:
    return taken_over(Column("genesis"), unpack(pack(carried(OURS, column))))


def test_orders_and_ends_outlive_an_incarnation() -> None:
    """All but the hold that the node itself has ended."""
    assert after(BEFORE) == replace(BEFORE, holds={"web": frozenset({ref(9)})})


def test_a_holding_does_not() -> None:
    holding = ServiceColumn(epoch=5, holding_epoch=5, state=ServiceState.UP, claim=ref(8), began=ref(8))
    over = ServiceColumn(epoch=5, holding_epoch=5, lowered=Ref("genesis", 7, 40))
    assert after(replace(BEFORE, services={"web": holding})).service("web") == over


def test_an_incarnation_that_carried_less_is_read_as_well() -> None:
    body = {"services": {"web": {"epoch": 5, "wish": "fail"}}}
    kept = ServiceColumn(epoch=5, wish="fail", cause="operator")
    assert taken_over(Column("genesis"), body) == Column("genesis", services={"web": kept})


def test_of_many_commands_those_that_could_be_given_again_are_known() -> None:
    nonces = {number.to_bytes(16, "big"): 10_000 - number for number in range(1_000)}
    assert after(replace(BEFORE, nonces=nonces)).nonces == dict(list(nonces.items())[:NONCES_KEPT])


def test_a_long_history_of_holds_fits_into_one_event() -> None:
    refs = frozenset(ref(number) for number in range(1, 5_000))
    kept = after(replace(BEFORE, holds={"web": refs}, unheld=frozenset())).holds["web"]
    assert kept == frozenset(ref(number) for number in range(5_000 - REFS_KEPT, 5_000))
