"""The options that every command takes, before or after its name: which node to ask, and who asks.

@click.command()
@reaching
def status() -> None:
    ask = settings()            # the options, then the environment, then the defaults
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from protocol.printable import printable

STATE = Path("/var/lib/failover")
"""The default state folder of `faild`."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """What was given; None where it was not."""

    state: str | None = None
    connect: str | None = None
    identity: str | None = None

    def target(self) -> tuple[Path | None, str]:
        """The state folder to talk to, or None and a URL. An option beats the environment, the later option the earlier."""
        if self.connect is None and self.state is None:
            self.connect, self.state = os.environ.get("FAILC_CONNECT"), os.environ.get("FAILC_STATE")
        if self.connect:
            return None, self.connect
        return Path(self.state) if self.state else STATE, ""

    def key_file(self) -> Path | None:
        name = self.identity or os.environ.get("FAILC_IDENTITY")
        return Path(name).expanduser() if name else None


def settings() -> Settings:
    return click.get_current_context().ensure_object(Settings)


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    given = ctx.ensure_object(Settings)
    if parameter.name in ("state", "connect"):
        given.state = given.connect = None
    setattr(given, str(parameter.name), value)


def reaching(command: F) -> F:
    """Adds --state, --connect and --identity."""
    return _reaching(command, hidden=False)


def indifferent(command: F) -> F:
    """The same for a command that asks no node: whoever gives them everywhere may, and `--help` does not offer them."""
    return _reaching(command, hidden=True)


def _reaching(command: F, hidden: bool) -> F:
    told = {"expose_value": False, "callback": _remember, "is_eager": False, "hidden": hidden}
    for option in (
        click.option("--identity", metavar="FILE", help="Your OpenSSH private key.", **told),  # type: ignore[arg-type]
        click.option("--connect", metavar="URL", help="Ask there instead of the socket in DIR.", **told),  # type: ignore[arg-type]
        click.option("--state", metavar="DIR", help=f"State folder of the faild to ask [{STATE}].", **told),  # type: ignore[arg-type]
    ):
        command = option(command)
    return command


def reasoning(required: bool) -> Callable[[F], F]:
    """Adds --reason: a sentence for whoever reads the log, so it is one line and, where it must be there, not blank."""

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
