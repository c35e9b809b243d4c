"""The commands that change something about one service. Each is signed, given to one node, and its outcome waited for.

failc fail web --reason "new kernel"
failc recover web
failc move web genesis --for 2h
"""

from typing import Any

import click

from tools.failc.giving import order_of
from tools.failc.options import reasoning
from tools.failc.ordering import Span, ordering
from tools.failc.signing import Order


@click.command()
@click.argument("service")
@click.argument("node", required=False, default="")
@click.option("--everywhere", is_flag=True, help="On every node: none takes it until `recover SERVICE`.")
@reasoning(required=True)
@ordering
def fail(service: str, node: str, everywhere: bool, reason: str, **how: Any) -> int:
    """Take SERVICE down on NODE (or where it is up), and keep it down there until an operator says recover.

    Another candidate takes SERVICE over. The order lasts across restarts and reboots: maintenance includes them. For a node
    that is dead or stuck it is your signed word that SERVICE is down there, and another node may take it. A dead node begins
    in RECOVER when it is back: give the order again then, if it is to stay down there. Where no other node can take it, failc
    says so, and on a terminal asks first.

    With --everywhere one order takes SERVICE down wherever it is. It stands, also for nodes that are away now, until
    `recover SERVICE`.

    \b
    failc fail web --reason "new kernel"
    failc fail web lukretia --reason "disk is dying"
    failc fail web --everywhere --reason "the data are wrong"
    """
    if everywhere and node:
        raise click.UsageError("--everywhere is for every node: leave the node out")
    if everywhere:
        return order_of(Order("fail-everywhere", service, "", reason), how)
    return order_of(Order("fail", service, node, reason), how)


@click.command()
@click.argument("service")
@click.argument("node", required=False, default="")
@reasoning(required=False)
@ordering
def recover(service: str, node: str, reason: str, **how: Any) -> int:
    """Let NODE (or every node in FAIL) take SERVICE again: FAIL becomes RECOVER.

    Whether it then takes the service is decided as always, by preference and `failback`.

    \b
    failc recover web
    failc recover web lukretia --reason "new disk"
    """
    return order_of(Order("recover", service, node, reason), how)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def reclaim(service: str, reason: str, **how: Any) -> int:
    """Let the owner announce SERVICE again, with a new epoch: for neighbours that remember the wrong owner.

    \b
    failc reclaim web --reason "the router still asks genesis"
    """
    return order_of(Order("reclaim", service, "", reason), how)


@click.command()
@click.argument("service")
@click.argument("node")
@click.option(
    "--for", "for_ms", type=Span(), default=0, metavar="TIME", help="Then preference rules again; else when NODE gives it up."
)
@reasoning(required=False)
@ordering
def move(service: str, node: str, for_ms: int, reason: str, **how: Any) -> int:
    """Move SERVICE to NODE now; while the move lasts, NODE comes first in the order of preference.

    The move ends when NODE gives the service up, or after --for. It is refused while NODE is not fit. Where NODE has the
    service already, it stays there.

    \b
    failc move web genesis --reason "rack work"
    failc move web genesis --for 2h
    """
    return order_of(Order("move", service, node, reason, for_ms), how)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def hold(service: str, reason: str, **how: Any) -> int:
    """Freeze SERVICE where it is until unhold: no claims, no failback, no consequences of checks.

    While SERVICE is on hold no node takes it over, also when its owner dies.

    \b
    failc hold web --reason "changing the switch"
    """
    return order_of(Order("hold", service, "", reason), how)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def unhold(service: str, reason: str, **how: Any) -> int:
    """End all holds of SERVICE.

    \b
    failc unhold web
    """
    return order_of(Order("unhold", service, "", reason), how)
