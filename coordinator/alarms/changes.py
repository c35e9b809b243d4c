"""Which services two states tell something else about: of a thousand an event concerns one.

    changed_services(before, after)     # {"web"}; None where what has changed may concern each of them

Nothing in a state is changed, it is replaced: what is the same object says the same.
"""

from collections.abc import Mapping
from typing import Any

from coordinator.state.model import State

WHOLE = ("policies", "numbers", "forks", "trust")
"""Fields of a state that say something about every service."""

OF_SERVICES = frozenset({"hold", "unhold", "move", "fenced", "fail-everywhere", "recover"})
"""Orders that name a service; the others name a node."""


def changed_services(before: State, after: State) -> set[str] | None:
    orders = {subject[:2] for subject in _changed(before.orders.effects, after.orders.effects)}
    same_rules = (before.orders.first, before.orders.second) == (after.orders.first, after.orders.second)
    if any(getattr(before, name) is not getattr(after, name) for name in WHOLE) or not same_rules:
        return None
    if any(word not in OF_SERVICES for word, _ in orders):
        return None
    changed = {name for _, name in orders} | {name for name, _ in _changed(before.words, after.words)}
    changed |= _changed(before.epochs.counted, after.epochs.counted)
    for node in _changed(before.columns, after.columns):
        old, new = before.column(node), after.column(node)
        changed |= _changed(old.services, new.services)
        changed |= {name for name, _ in old.moves_ended ^ new.moves_ended}
    return changed


def _changed(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[Any]:
    """The keys under which these hold different objects."""
    if before is after:
        return set()
    return {key for key, value in after.items() if before.get(key) is not value} | (before.keys() - after.keys())
