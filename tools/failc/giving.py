"""Giving a signed order: what it waits for, and what is printed.

    return order_of(Order("fail", "web", "", "new kernel"), how)        # `how`: the options of `ordering`
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from protocol.moment import lasting
from protocol.printable import printable
from tools.cli.trouble import DONE, NO, REFUSED, UNREACHABLE, USAGE, Trouble
from tools.failc import outcome
from tools.failc.asking import Node, connect
from tools.failc.outage import ask_first, nobody_left
from tools.failc.signing import Already, Order, sign

HOW: Mapping[str, Any] = {"as_json": False, "epoch": 0, "timeout_ms": 30_000, "no_wait": False, "yes": False}
"""What the options are where none is given."""

ANEW_MAX = 5
"""How often a command is signed again because its service changed hands between the question and the answer."""

ANEW_S = 0.1
"""What the acting node knows already has reached the node that is asked by then."""


def order_of(order: Order, how: Mapping[str, Any]) -> int:
    """Sign it, give it, wait for its outcome, say what became of it. Returns the exit code."""
    ask = connect()
    order = order._replace(epoch=how["epoch"])
    about = {"word": order.word, "service": order.service or None, "node": order.node or None}
    began = time.monotonic()
    try:
        expected, said = _admitted(ask, order, how["yes"])
    except Trouble as refused:
        if how["as_json"] and refused.code != UNREACHABLE:  # else it is not known whether it was admitted
            print(json.dumps(about | {"admitted": False, "ok": False, "text": refused.message}))
        raise
    result = about | {"admitted": True, "text": said}
    if how["no_wait"]:
        return _tell(result | {"outcome": None, "waited_ms": 0}, f"{order.what}: {said}", how)
    ended = outcome.wait(ask, expected, how["timeout_ms"] / 1000)
    waited_ms = round((time.monotonic() - began) * 1000)
    result |= {"outcome": ended.text, "ok": ended.good, "waited_ms": waited_ms}
    _tell(result, f"{order.service or order.node}: {ended.text} ({lasting(waited_ms)})", how)
    return DONE if ended.good else NO


def _admitted(ask: Node, order: Order, yes: bool) -> tuple[outcome.Expected, str]:
    """What to wait for, and what the node said. Raises Trouble where the order is refused."""
    cluster = ask.get("/cluster")
    _known(cluster, order.service, order.node)
    status = outcome.about(ask, order.service)
    ask_first(order.what, _without(order, status), yes)
    for left in reversed(range(ANEW_MAX)):
        expected = outcome.expect(order.word, order.service, order.node, status)
        given = sign(ask, cluster, order)
        if isinstance(given, Already):
            return expected, given
        try:
            return expected, _give(ask, order.what, given)
        except OldEpoch:
            if not left or order.epoch:
                raise
            time.sleep(ANEW_S)
            status = outcome.about(ask, order.service)
    raise AssertionError("the last try returns or raises")


def _without(order: Order, status: dict[str, Any]) -> dict[str, str]:
    """The services that no node has when this is done, though one has it now, each with the reason."""
    if order.word not in ("fail", "standby"):
        return {}
    services = status["services"]
    names = [order.service] if order.service else list(services)
    held = {name: services[name]["owner"] for name in names if services[name]["owner"]}
    taken = {name: owner for name, owner in held.items() if owner == (order.node or owner)}
    return {name: why for name, owner in taken.items() if (why := nobody_left(name, owner, status))}


def _known(cluster: dict[str, Any], service: str, node: str) -> None:
    if service and service not in cluster["services"]:
        raise Trouble(
            f"no service {service} in {cluster['cluster']}: {', '.join(cluster['services']) or 'there is none'}", USAGE
        )
    if node and node not in cluster["nodes"]:
        raise Trouble(f"no node {node} in {cluster['cluster']}: {', '.join(cluster['nodes'])}", USAGE)


class OldEpoch(Trouble):
    """What was signed is no longer so: another node holds it, or it has been claimed again."""


def _give(ask: Node, what: str, signed: dict[str, str]) -> str:
    """The node's answer. Raises Trouble where it refuses."""
    code, answer = ask.post("/command", signed)
    if code == 202:
        return str(answer["text"])
    text = answer.get("text") or answer.get("error") or f"answered {code}"
    kinds = {403: REFUSED, 409: NO, 400: USAGE, 413: USAGE}
    if answer.get("refused") == "old-epoch":
        raise OldEpoch(f"{what}: refused: {text}", NO)
    raise Trouble(f"{what}: refused: {text}", kinds.get(code, UNREACHABLE))


def _tell(result: dict[str, Any], line: str, how: Mapping[str, Any]) -> int:
    print(json.dumps(result) if how["as_json"] else printable(line))
    return DONE
