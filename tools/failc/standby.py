"""Standby: one signed order for a node and everything on it, which stands until it is taken back.

failc standby lukretia --reason "new kernel"
failc unstandby lukretia
"""

from typing import Any

import click

from tools.failc.options import reasoning
from tools.failc.ordering import order_of, ordering
from tools.failc.signing import Order


@click.command()
@click.argument("node")
@reasoning(required=True)
@ordering
def standby(node: str, reason: str, **how: Any) -> int:
    """Move away what NODE holds, and let it take nothing until `unstandby`.

    Each service goes to its next candidate; one that no other can take is down, and this is said first. It stands over restarts
    and over a lost disk, wherever a node has read it; it may be said of a dead node, for the day when it is back. A hold does
    not stop it: a held service goes down and stays down.

    \b
    failc standby lukretia --reason "new kernel"
    """
    return order_of(Order("standby", "", node, reason), how)


@click.command()
@click.argument("node")
@reasoning(required=False)
@ordering
def unstandby(node: str, reason: str, **how: Any) -> int:
    """Let NODE take services again; whether it does is decided as always, by preference and `failback`.

    \b
    failc unstandby lukretia
    """
    return order_of(Order("unstandby", "", node, reason), how)
