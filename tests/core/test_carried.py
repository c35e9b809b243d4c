"""What outlives an incarnation: the same words in the body of its first event as in the column that it came from."""

from dataclasses import replace

from coordinator.state.incarnation import carried, in_pieces, taken_over
from coordinator.state.model import NodeState, ServicePhase, ServiceState, State
from coordinator.state.reducer import reduce
from protocol.canonical import pack, unpack
from protocol.event import EVENT_BYTES_MAX, Event, Head, Ref, encode
from protocol.events import Gap
from protocol.kinds import Kind

OURS = Head("genesis", 7, 40, bytes(32))
NAMED = {"incarnation": 7, "number": 40, "id": bytes(32)}


def ref(number: int, node: str = "genesis") -> Ref:
    return Ref(node, 7, number)


BEFORE = NodeState(
    "genesis",
    services={
        "web": ServiceState(
            epoch=5, holding_epoch=4, requested="fail", cause="operator", last_failed=True, failures=2, ended_by=ref(7)
        )
    },
)


def after(column: NodeState) -> NodeState:
    return taken_over(NodeState("genesis"), Gap.from_body(unpack(pack(carried(OURS, column).to_body()))))


def test_a_nodes_own_words_outlive_an_incarnation() -> None:
    """Orders need not be carried: they stand over all incarnations."""
    assert after(BEFORE) == BEFORE


def test_a_holding_does_not() -> None:
    holding = ServiceState(epoch=5, holding_epoch=5, state=ServicePhase.UP, claim=ref(8), began=ref(8))
    over = ServiceState(epoch=5, holding_epoch=5, ended_by=Ref("genesis", 7, 40))
    assert after(replace(BEFORE, services={"web": holding})).service("web") == over


def test_what_a_check_has_stopped_everywhere_does() -> None:
    stopped = ServiceState(epoch=5, holding_epoch=5, state=ServicePhase.FAIL, cause="stop", ended_by=ref(9))
    assert after(replace(BEFORE, services={"web": stopped})).service("web").cause == "stop"


def test_an_incarnation_that_carried_less_is_read_as_well() -> None:
    body = Gap.from_body({**NAMED, "services": {"web": {"epoch": 5, "wish": "fail"}}})
    kept = ServiceState(epoch=5, requested="fail", cause="operator")
    assert taken_over(NodeState("genesis"), body) == NodeState("genesis", services={"web": kept})


def test_a_thousand_services_outlive_an_incarnation_in_several_events():
    """One event holds some hundreds of them; a node that wrote more than it holds ended there, at every start again."""
    names = [f"{number:04d}{'s' * 59}" for number in range(1000)]
    last = Ref("n" * 63, 2**50, 2**50)
    before = NodeState(
        "n" * 63,
        services={name: ServiceState(epoch=2**50, holding_epoch=2**50, ended_by=last, last_failed=True) for name in names},
    )
    bodies = in_pieces(carried(Head("n" * 63, 2**50, 2**50, bytes(32)), before))
    state = State()
    for number, gap in enumerate(bodies, 1):
        body = gap.to_body()
        event = Event(bytes(32), "n" * 63, 2**50 + 1, number, bytes(32), 0, 0, str(Kind.GAP_DECLARED), "", body, (), ())
        assert len(encode(event)) <= EVENT_BYTES_MAX - 4096, "its heads find room as well"
        state = reduce(state, event)
    column = state.column("n" * 63)
    assert column.services.keys() == before.services.keys()
    assert all(service.epoch == 2**50 and service.last_failed for service in column.services.values())


def test_of_few_services_one_event_is_made_as_before():
    body = carried(Head("lukretia", 1, 9, bytes(32)), NodeState("lukretia", services={"web": ServiceState(epoch=3)}))
    assert in_pieces(body) == [body]
