"""The options that every command takes, before or after its name: which node to ask, and who asks.

@click.command()
@reaching                       # what they say is remembered: `tools.failc.settings`
def status() -> None: ...
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from protocol.printable import printable
from tools.failc.settings import STATE, settings

F = TypeVar("F", bound=Callable[..., Any])


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    settings().give(str(parameter.name), value)


def reaching(command: F) -> F:
    """Adds --state, --connect and --identity."""
    return _reaching(command, hidden=False)


def indifferent(command: F) -> F:
    """The same for a command that asks no node: the options are accepted, and `--help` does not offer them."""
    return _reaching(command, hidden=True)


def _reaching(command: F, hidden: bool) -> F:
    told = {"expose_value": False, "callback": _remember, "is_eager": False, "hidden": hidden}
    for option in (
        click.option("--identity", metavar="FILE", help="Your OpenSSH private key.", **told),  # type: ignore[arg-type]
        click.option("--connect", metavar="URL", help="Ask at this URL instead of the socket in DIR.", **told),  # type: ignore[arg-type]
        click.option("--state", metavar="DIR", help=f"State folder of the faild to ask [{STATE}].", **told),  # type: ignore[arg-type]
    ):
        command = option(command)
    return command


def reasoning(required: bool) -> Callable[[F], F]:
    """Adds --reason: a sentence for readers of the log, so it is one line and, where it must be there, not blank."""

    def in_words(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
        if required and not value.strip():
            raise click.BadParameter("it is blank; say why, for those who read the log later")
        if not value.isprintable():
            letter = next(letter for letter in value if not letter.isprintable())
            raise click.BadParameter(f"{printable(letter)} in it cannot be printed; write one line of plain text")
        return value

    words = "Why, for those who read the log later."
    default: dict[str, Any] = {"required": True} if required else {"default": ""}
    return click.option("--reason", metavar="TEXT", help=words, callback=in_words, **default)
