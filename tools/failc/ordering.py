"""The options that every command takes that changes something.

    @ordering
    def hold(service: str, **how: Any) -> int: ...          # `how` is for `giving.order_of`
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tools.failc.options import reaching

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
    return _ordering(command, of_a_service=True)


def ordering_of_a_node(command: F) -> F:
    """The same, for a command that names no service: what is asked of services is taken, means nothing, and is not shown."""
    return _ordering(command, of_a_service=False)


def _ordering(command: F, of_a_service: bool) -> F:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the outcome."),
        click.option("--epoch", type=click.IntRange(min=0), default=0, metavar="N", hidden=not of_a_service,
                     help="Only while the service's epoch is N."),
        click.option("--timeout", "timeout_ms", type=Span(), default="30s", show_default=True,
                     help="How long to wait for the outcome."),
        click.option("--yes", is_flag=True, hidden=not of_a_service,
                     help="Do not ask first where no node would have the service."),
        click.option("--no-wait", is_flag=True, help="Return as soon as the node has admitted the command."),
    ):  # fmt: skip
        command = option(command)
    return reaching(command)
