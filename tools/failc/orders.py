"""The commands that change something. Each is signed, given to one node, and its outcome waited for.

failc fail web --reason "new kernel"
failc recover web
failc move web genesis --for 2h
"""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from protocol.printable import printable
from tools.cli.trouble import DONE, NO, REFUSED, UNREACHABLE, USAGE, Trouble
from tools.failc import outcome
from tools.failc.asking import Node, connect
from tools.failc.options import reaching, reasoning
from tools.failc.signing import Already, Order, sign

F = TypeVar("F", bound=Callable[..., Any])


class Span(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """A duration with its unit, in ms."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from coordinator.config.durations import BadQuantity, milliseconds

        try:
            return value if isinstance(value, int) else milliseconds(value)
        except BadQuantity as error:
            self.fail(f"{error.what}. {error.instead}", param, ctx)


def ordering(command: F) -> F:
    """Adds what every command takes that changes something."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object about what became of it."),
        click.option("--epoch", type=click.IntRange(min=0), default=0, metavar="N",
                     help="Only while the service's epoch is N."),
        click.option("--timeout", "timeout_ms", type=Span(), default="30s", show_default=True,
                     help="How long to wait for the outcome."),
        click.option("--no-wait", is_flag=True, help="Return when the node has admitted it."),
    ):  # fmt: skip
        command = option(command)
    return reaching(command)


@click.command()
@click.argument("service")
@click.argument("node", required=False, default="")
@reasoning(required=True)
@ordering
def fail(service: str, node: str, reason: str, **how: Any) -> int:
    """Take SERVICE down on NODE (or where it is up), and keep it down there until somebody says recover.

    Another candidate takes it over. It lasts across restarts and reboots: maintenance includes them. For a node that is
    dead or stuck it is your signed word that SERVICE is down there, and another may take it. A dead one begins in RECOVER
    when it is back: say it again then, if it is to stay down there.

    \b
    failc fail web --reason "new kernel"
    failc fail web lukretia --reason "disk is dying"
    """
    return _order("fail", service, node, reason, how)


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
    return _order("recover", service, node, reason, how)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def reclaim(service: str, reason: str, **how: Any) -> int:
    """Let the owner announce SERVICE again, with a new epoch: for neighbours that remember the wrong owner.

    \b
    failc reclaim web --reason "the router still asks genesis"
    """
    return _order("reclaim", service, "", reason, how)


@click.command()
@click.argument("service")
@click.argument("node")
@click.option(
    "--for", "for_ms", type=Span(), default=0, metavar="TIME", help="Then preference rules again; else until it gives up."
)
@reasoning(required=False)
@ordering
def move(service: str, node: str, for_ms: int, reason: str, **how: Any) -> int:
    """Move SERVICE to NODE now: for as long, it comes first in the order of preference.

    It ends when NODE gives the service up, or after --for. Refused while NODE is not fit. Where NODE has it already, it
    stays there.

    \b
    failc move web genesis --reason "rack work"
    failc move web genesis --for 2h
    """
    return _order("move", service, node, reason, how, for_ms)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def hold(service: str, reason: str, **how: Any) -> int:
    """Freeze SERVICE where it is until unhold: no claims, no failback, no consequences of checks.

    While it is held nobody takes it over, also when its owner dies.

    \b
    failc hold web --reason "changing the switch"
    """
    return _order("hold", service, "", reason, how)


@click.command()
@click.argument("service")
@reasoning(required=False)
@ordering
def unhold(service: str, reason: str, **how: Any) -> int:
    """End all holds of SERVICE.

    \b
    failc unhold web
    """
    return _order("unhold", service, "", reason, how)


ANEW_MAX = 5
"""How often a command is signed again because its service changed hands between the question and the answer."""

ANEW_S = 0.1
"""What the acting node knows already has reached the node that is asked by then."""


def _order(word: str, service: str, node: str, reason: str, how: dict[str, Any], for_ms: int = 0) -> int:
    ask = connect()
    about = {"word": word, "service": service, "node": node or None}
    began = time.monotonic()
    try:
        expected, said = _admitted(ask, Order(word, service, node, reason, for_ms, how["epoch"]))
    except Trouble as refused:
        if how["as_json"] and refused.code != UNREACHABLE:  # else nobody knows whether it was admitted
            print(json.dumps(about | {"admitted": False, "ok": False, "text": refused.message}))
        raise
    result = about | {"admitted": True, "text": said}
    if how["no_wait"]:
        return _tell(result | {"outcome": None, "waited_ms": 0}, f"{word} {service}: {said}", how)
    ended = outcome.wait(ask, expected, how["timeout_ms"] / 1000)
    waited_ms = round((time.monotonic() - began) * 1000)
    result |= {"outcome": ended.text, "ok": ended.good, "waited_ms": waited_ms}
    _tell(result, f"{service}: {ended.text} ({waited_ms} ms)", how)
    return DONE if ended.good else NO


def _admitted(ask: Node, order: Order) -> tuple[outcome.Expected, str]:
    """What to wait for, and what the node said. Raises Trouble where the order is refused."""
    cluster = ask.get("/cluster")
    _known(cluster, order.service, order.node)
    for left in reversed(range(ANEW_MAX)):
        expected = outcome.expect(order.word, order.service, order.node, ask.get("/status"))
        given = sign(ask, cluster, order)
        if isinstance(given, Already):
            return expected, given
        try:
            return expected, _give(ask, order.what, given)
        except OldEpoch:
            if not left or order.epoch:
                raise
            time.sleep(ANEW_S)
    raise AssertionError("the last try returns or raises")


def _known(cluster: dict[str, Any], service: str, node: str) -> None:
    if service not in cluster["services"]:
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


def _tell(result: dict[str, Any], line: str, how: dict[str, Any]) -> int:
    print(json.dumps(result) if how["as_json"] else printable(line))
    return DONE
