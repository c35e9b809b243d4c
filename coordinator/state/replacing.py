"""`dataclasses.replace` for the columns of the fold, which are wide and change in one or two fields with every event.

    column = replace(column, head=head, seen=seen)

The general one calls the class, which sets each field of a frozen object by way of a check; here all fields are copied at
once: 1 us instead of 10 for a column, several times for each event of a history. It is for frozen classes without slots that
derive no field from others; one with slots goes the general way.
"""

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, /, **changes: Any) -> T:
    """A copy of a frozen dataclass with these fields changed. Raises KeyError for a field that it does not have."""
    copy: T = object.__new__(type(value))
    try:
        fields = copy.__dict__
    except AttributeError:
        return dataclasses.replace(value, **changes)  # type: ignore[type-var]
    fields.update(value.__dict__)
    count = len(fields)
    fields.update(changes)
    if len(fields) != count:
        raise KeyError(*(changes.keys() - value.__dict__.keys()))
    return copy
