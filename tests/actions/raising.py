"""The order in which an address that has a gate comes up: shut, add, open, announce.

    results = await up_gated(gate, web, actions, lease_ends_ms)

A raw ARP frame passes the gate, so neighbours can be told of an address that does not answer, and their packets would go
nowhere while the old owner could still answer them. So they are told last, and not at all where the gate stays shut.
"""

from collections.abc import Callable, Sequence

from actions.action import Ending, Result, failed
from actions.address_action import AddressAction
from actions.gate.elements import Gated
from actions.gate.gate import Answer, Gate


async def up_gated(
    gate: Gate, addresses: Gated, actions: Sequence[AddressAction], lease_ends_ms: Callable[[], int]
) -> list[Result]:
    """One result for each action, or fewer: up to the first address that could not be added. `lease_ends_ms` is asked when all
    addresses are here: the lease may have been renewed meanwhile. Raises NoGate and OSError as `Gate.shut` does."""
    gate.shut(addresses)
    results = []
    for action in actions:
        results.append(await action.put())
        if results[-1].ending is not Ending.DONE:
            return results
    answer = gate.open(addresses, lease_ends_ms())
    if answer is not Answer.DONE:
        return [await action.undone(failed(f"the gate stays shut: {answer.value}")) for action in actions]
    return [action.tell() for action in actions]
