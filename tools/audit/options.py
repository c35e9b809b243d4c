"""The options that every command takes, before or after its name, and what stands beside them: logs, a service, times.

    @click.command()
    @auditing("[SERVICE] [SOURCE]...")
    def who(words: tuple[str, ...], at: str) -> None:
        asked = asked_for(words)        # asked.service, asked.times, asked.sources, in whatever order they were written
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from tools.audit.clock import looks_like_time

DEFAULT_SOURCE = Path("/var/lib/failover")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    config: Path | None = None
    json: bool = False
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a command line, told apart: a folder or file that exists, or a URL, is a source, whatever its place."""

    service: str
    times: tuple[str, ...]
    sources: tuple[Path, ...]


def settings() -> Settings:
    return click.get_current_context().ensure_object(Settings)


def asked_for(words: tuple[str, ...], service: bool = False, times: int = 0) -> Asked:
    """Raises UsageError where the command needs a service or times and gets none."""
    left = list(words)
    found = [word for word in left if looks_like_time(word) and not Path(word).exists()][:times]
    if len(found) < times:
        raise click.UsageError(f"{times} times are needed, like 2026-11-23T02:31:07Z, 02:31:07 or \"5m ago\"")
    left = [word for word in left if word not in found]
    name = ""
    if service:
        if not left:
            raise click.UsageError("name a service, as in: failaudit who web /var/lib/failover")
        name = next((word for word in left if not is_source(word)), left[0])
        left.remove(name)
    sources = [*settings().sources, *left] or [str(DEFAULT_SOURCE)]
    return Asked(name, tuple(found), tuple(Path(source) for source in sources))


def is_source(word: str) -> bool:
    """Also a URL, which is refused with words of its own."""
    return Path(word).exists() or "://" in word


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    given = ctx.ensure_object(Settings)
    if parameter.name == "config" and value is not None:
        given.config = Path(value)
    elif parameter.name == "as_json" and value:
        given.json = True
    elif parameter.name == "source":
        given.sources.extend(value)


TOLD: dict[str, Any] = {"expose_value": False, "callback": _remember}


def answering(command: F) -> F:
    """Adds --config (or --policy) and --json: what a command takes that reads no log."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON.", **TOLD),
        click.option(
            "--config", "--policy", "config", metavar="FILE", help="The cluster's own file: the keys to trust.", **TOLD
        ),
    ):
        command = option(command)
    return command


def trusting(command: F) -> F:
    """Adds --config (or --policy), --json and --source."""
    source = click.option(
        "--source", "--state", "source", metavar="SOURCE", multiple=True, help="One more log, as a SOURCE argument.", **TOLD
    )
    return answering(source(command))


def auditing(words: str) -> Callable[[F], F]:
    """A command of the auditor: the common options and its words."""

    def add(command: F) -> F:
        return trusting(click.argument("words", nargs=-1, metavar=words)(command))

    return add
