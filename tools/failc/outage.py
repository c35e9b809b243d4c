"""Whether an order leaves a service without an owner: then it is said, and asked first where a person sits.

    why = nobody_left("web", "lukretia", status)        # "" where another candidate can take it
    ask_first("fail web", {"web": why}, yes=False)      # on a terminal; raises Trouble for a no
"""

import sys
from collections.abc import Mapping
from typing import Any

from protocol.printable import printable
from tools.cli.trouble import NO, Trouble


def nobody_left(name: str, node: str, status: dict[str, Any]) -> str:
    """Why no other candidate would take this service, as far as the status tells; empty where one would."""
    service = status["services"][name]
    if service["held"]:
        return f"it is on hold, and no node takes it until `failc unhold {name}`"
    others = [other for other in service["states"] if other != node]
    if not others:
        return f"{node} is its only candidate"
    out = {other: _why_not(service, other, status) for other in others}
    return "" if "" in out.values() else "; ".join(out.values())


def _why_not(service: dict[str, Any], node: str, status: dict[str, Any]) -> str:
    known, state = status["nodes"].get(node), service["states"][node]
    if known is None or known["liveness"] == "dead":
        return f"{node} is dead"
    if known.get("standby"):
        return f"{node} is in standby"
    if state in ("FAIL", "INDOUBT", "STOPPING"):
        return f"{node} is in {state}"
    return "" if known["fit"] else f"{node} is not fit"


def ask_first(what: str, without: Mapping[str, str], yes: bool) -> None:
    """`without`: each service that no node would have, and why. Raises Trouble where the person says no."""
    if not without:
        return
    said = "; ".join(f"no node has {name} then: {why}" for name, why in without.items())
    if yes or not sys.stdin.isatty():
        print(printable(f"{what}: {said}"), file=sys.stderr)
        return
    import click

    if not click.confirm(printable(f"{what}: {said}. Order it all the same?"), err=True):
        raise Trouble(f"{what}: not ordered", NO)
