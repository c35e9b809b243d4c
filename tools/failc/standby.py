"""Signed orders about a node and everything on it: standby, which stands until it is taken back, and re-admission.

failc standby lukretia --reason "new kernel"
failc unstandby lukretia
failc readmit lukretia --reason "the cloned machine is gone"
"""

from typing import Any

import click

from tools.failc.giving import order_of
from tools.failc.options import reasoning
from tools.failc.ordering import ordering
from tools.failc.signing import Order


@click.command()
@click.argument("node")
@reasoning(required=True)
@ordering
def standby(node: str, reason: str, **how: Any) -> int:
    """Move away what NODE holds, and let it take nothing until `unstandby`.

    Each service goes to its next candidate; one that no other node can take goes down, and failc says so first. The order
    stands over restarts and over a lost disk, wherever a node has read it. It may be given for a dead node, for the day when
    it is back. A hold does not stop it: a held service goes down and stays down.

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


@click.command()
@click.argument("node")
@reasoning(required=True)
@ordering
def readmit(node: str, reason: str, **how: Any) -> int:
    """Let NODE take part again, whose log has forked: two machines had its key, or an old disk came back.

    Find the other machine first, and take its key away: while both run, the fork is seen again. Then remove the log of NODE
    (`log.db` in its state folder), start it, and give this order. The evidence of the fork stays in the log.

    \b
    failc readmit lukretia --reason "the cloned machine is gone"
    """
    return order_of(Order("readmit", "", node, reason), how)
