"""The command line: one group, its commands loaded only when they are called.

A command answers in well under 100 ms because nothing is imported that it does not need: aiohttp, pydantic and rich
together take three times as long as everything else. The exit codes are those of design.md section 12.
"""

import difflib
import importlib
import sys

import click

from tools.failc.options import reaching
from tools.failc.trouble import NO, UNREACHABLE, USAGE, Trouble

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("tools.failc.init:init", "Write the configuration and the keys of a new cluster."),
    "status": ("tools.failc.status:status", "Who owns what, and why."),
    "links": ("tools.failc.links:links", "Each link to each peer: up, round trip, what was refused."),
    "watch": ("tools.failc.watch:watch", "A live view of status and events."),
    "timings": ("tools.failc.timings:timings", "The numbers in force."),
    "fail": ("tools.failc.orders:fail", "Take a service down on a node, and keep it down."),
    "recover": ("tools.failc.orders:recover", "Let a failed node take the service again."),
    "reclaim": ("tools.failc.orders:reclaim", "Announce a service again where it is up."),
    "move": ("tools.failc.orders:move", "Move a service to another node, now."),
    "hold": ("tools.failc.orders:hold", "Freeze a service where it is: no claims, no failback."),
    "unhold": ("tools.failc.orders:unhold", "End a hold."),
    "config": ("tools.failc.config:config", "Check the configuration, apply it, print its schema."),
    "simulate": ("tools.simulator.command:simulate", "Play a scenario through the real core, in virtual time."),
}
"""Name to where it lives, and the line that `failc --help` shows without loading it."""


class LazyGroup(click.Group):
    """Knows its commands by name, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f'no command "{args[0]}"' + (f'; did you mean "{near[0]}"?' if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="failover", message="failc %(version)s")
@reaching
def failc() -> None:
    """Ask and command a failover cluster.

    Asking needs only the right to open the node's control socket. Every change is signed with your own OpenSSH Ed25519
    key and stands in the log with your name and your reason.

    \b
    failc status                                 who owns what, and why
    failc fail web --reason "new kernel"         take web down where it is up
    failc recover web                            let that node have it again
    failc move web genesis --reason "load"       a planned move
    failc config apply --reason "new address"    let a node read its changed file, or refuse it

    Exit codes: 0 done; 1 the answer is no; 2 wrong usage or configuration; 3 could not reach or read; 4 refused for lack
    of authority. FAILC_STATE, FAILC_CONNECT and FAILC_IDENTITY stand for the options of those names.
    """


def main() -> None:
    """The entry point of `failc`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; errors become one line on stderr. Returns the exit code."""
    try:
        return failc.main(arguments, prog_name="failc", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USAGE
    except Trouble as trouble:
        return _say(trouble.format_message(), trouble.code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "failc"
        return _say(f"{error.format_message().rstrip('.')}; see: {command} --help", USAGE)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return NO
    except PermissionError as error:
        return _say(f"{error.filename}: permission denied; ask somebody who may, or name another file", UNREACHABLE)


def _say(text: str, code: int) -> int:
    print(f"failc: {text}", file=sys.stderr)
    return code
