"""The fold's own `replace` does what that of the dataclasses does."""

import dataclasses

import pytest

from coordinator.state.epochs import Epochs
from coordinator.state.model import NodeState, ServiceState, State
from coordinator.state.replacing import replace
from coordinator.state.standing import FeedOrders, Orders
from protocol.event import Head
from protocol.events.given import PeerObservations
from protocol.events.words import Judgement

REPLACED = [NodeState("lukretia"), ServiceState(), State(), Orders(), FeedOrders(), Epochs()]


@pytest.mark.parametrize("value", REPLACED, ids=lambda value: type(value).__name__)
def test_a_copy_without_changes_is_equal_and_another_object(value: NodeState):
    assert replace(value) == dataclasses.replace(value) == value
    assert replace(value) is not value


@pytest.mark.parametrize("value", REPLACED, ids=lambda value: type(value).__name__)
def test_no_field_follows_from_others(value: NodeState):
    """A copy keeps what it was not told to change, also what its class would have worked out anew."""
    assert not hasattr(value, "__post_init__")


def test_the_fields_named_are_changed_and_the_original_is_not():
    column, head = NodeState("lukretia"), Head("lukretia", 1, 2, b"")
    changed = replace(column, head=head, running=True)
    assert changed == dataclasses.replace(column, head=head, running=True)
    assert (column.head, column.running) == (None, False)


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(KeyError):
        replace(NodeState("lukretia"), nonsense=1)


def test_a_copy_stays_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(NodeState("lukretia")).head = None  # type: ignore[misc]


def test_a_class_with_slots_is_copied_as_well():
    given = PeerObservations(Judgement.ALIVE, 5, fit=True, current=True, agrees=True)
    assert replace(given, silent_ms=7) == dataclasses.replace(given, silent_ms=7)
