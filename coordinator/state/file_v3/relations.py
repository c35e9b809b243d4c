"""`with`, `apart` and `after`: each names other services of the same file."""

from collections.abc import Mapping
from typing import NamedTuple

from coordinator.policy import After, ServicePolicy
from protocol.stored.table import Table, every, need, text
from protocol.stored.values import name_of

HERE = "@here"


class Relations(NamedTuple):
    """How a service stands to others."""

    together: tuple[str, ...]
    apart: tuple[str, ...]
    after: tuple[After, ...]


def relations(it: Table) -> Relations:
    return Relations(
        it.take("with", every(name_of), ()), it.take("apart", every(name_of), ()), it.take("after", every(_after), ())
    )


def _after(value: object) -> After:
    """`storage`, or `dns@here`."""
    written = text(value)
    return After(name_of(written.removesuffix(HERE)), written.endswith(HERE))


def fit_together(services: Mapping[str, ServicePolicy]) -> None:
    """Each names services that there are, and not itself. A circle can be read: what waits in it waits for ever."""
    for name, service in services.items():
        for other in service.related:
            need(other in services and other != name, "a relation to no other service")
