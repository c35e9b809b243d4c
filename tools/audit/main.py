"""`failaudit`: the history, run again. One group; a command is imported only when it is called."""

import difflib
import importlib
import sys

import click

from tools.audit.options import trusting
from tools.failc.trouble import NO, UNREACHABLE, USAGE, Trouble

COMMANDS: dict[str, tuple[str, str]] = {
    "verify": ("tools.audit.verify:verify", "Signatures, chains, gaps, forks, lawfulness, authority."),
    "who": ("tools.audit.who:who", "Who owned a service at a moment, and by which claim."),
    "why": ("tools.audit.why:why", "The causal chain of an ownership, in sentences."),
    "timeline": ("tools.audit.timeline:timeline", "Every event as one line."),
    "splits": ("tools.audit.splits:splits", "Every time that two nodes held one service."),
    "replay": ("tools.audit.replay:replay", "The whole state at a moment."),
    "diff": ("tools.audit.replay:diff", "What changed between two moments."),
}


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
@click.version_option(package_name="failover", message="failaudit %(version)s")
@trusting
def failaudit() -> None:
    """Ask the signed history of a cluster who owned what, why, and on whose authority.

    A SOURCE is a state folder (a living node's as well) or a log.db file; several are merged. Without one it is
    /var/lib/failover. The keys to trust come from the cluster's own failover.toml: --config FILE, else
    /etc/failover/failover.toml.

    \b
    failaudit verify                                is this history sound and lawful?
    failaudit who web --at "5m ago" DIR             who owned web, by which claim
    failaudit why web DIR                           the causal chain, in sentences
    failaudit timeline DIR DIR2                     every event, from both copies

    Exit codes: 0 done; 1 the answer is no or something was found; 2 wrong usage or configuration; 3 could not read, or no
    keys to trust.
    """


def main() -> None:
    """The entry point of `failaudit`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; errors become one line on stderr. Returns the exit code."""
    try:
        return failaudit.main(arguments, prog_name="failaudit", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USAGE
    except Trouble as trouble:
        return _say(trouble.format_message(), trouble.code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "failaudit"
        return _say(f"{error.format_message().rstrip('.')}; see: {command} --help", USAGE)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return NO
    except PermissionError as error:
        return _say(f"{error.filename}: permission denied; ask somebody who may, or name a copy", UNREACHABLE)


def _say(text: str, code: int) -> int:
    print(f"failaudit: {text}", file=sys.stderr)
    return code
