"""The fold's own `replace` does what that of the dataclasses does."""

import dataclasses

import pytest

from coordinator.core.model import Column, ServiceColumn, State
from coordinator.core.replacing import replace
from protocol.event import Head


@pytest.mark.parametrize("value", [Column("lukretia"), ServiceColumn(), State()])
def test_a_copy_without_changes_is_equal_and_another_object(value: Column | ServiceColumn | State):
    assert replace(value) == dataclasses.replace(value) == value
    assert replace(value) is not value


def test_the_fields_named_are_changed_and_the_original_is_not():
    column, head = Column("lukretia"), Head("lukretia", 1, 2, b"")
    changed = replace(column, head=head, running=True)
    assert changed == dataclasses.replace(column, head=head, running=True)
    assert (column.head, column.running) == (None, False)


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(KeyError):
        replace(Column("lukretia"), nonsense=1)


def test_a_copy_stays_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(Column("lukretia")).head = None  # type: ignore[misc]
