"""A command line of several commands, of which only the one that is called is loaded; and how its errors end.

    class Failc(LazyGroup):
        commands_by_name = {"status": ("tools.failc.status:status", "Who owns what, and why."), ...}

    sys.exit(run(failc, "failc", sys.argv[1:]))

A command answers in well under 100 ms because nothing is imported that it does not need: aiohttp, pydantic and rich
together take three times as long as everything else. The exit codes are those of design.md section 12.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import ClassVar

import click

from tools.cli.trouble import USAGE, ended, say


class LazyGroup(click.Group):
    """Knows its commands by name, and imports one when it is called."""

    commands_by_name: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Name to where it lives, and the line that `--help` shows without loading it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_by_name:
            return None
        module, _, attribute = self.commands_by_name[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands_by_name and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.commands_by_name, n=1)
            ctx.fail(f'no command "{args[0]}"' + (f'; did you mean "{near[0]}"?' if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.commands_by_name.items()])


def run(group: click.Command, name: str, arguments: list[str], instead: str) -> int:
    """Runs one command; errors become one line on stderr. Returns the exit code."""
    return ended(name, lambda: _called(group, name, arguments), instead)


def _called(group: click.Command, name: str, arguments: list[str]) -> int:
    try:
        return group.main(arguments, prog_name=name, standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else name
        return say(name, f"{error.format_message().rstrip('.')}; see: {command} --help", USAGE)
    except click.ClickException as error:
        return say(name, error.format_message(), error.exit_code)
    except click.Abort:
        raise KeyboardInterrupt from None
