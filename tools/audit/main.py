"""`failaudit`: the history, run again. One group; a command is imported only when it is called."""

import gc
import sys
from collections.abc import Mapping
from typing import ClassVar

import click

from tools.audit.options import trusting
from tools.cli import group
from tools.cli.group import LazyGroup


class Failaudit(LazyGroup):
    commands_by_name: ClassVar[Mapping[str, tuple[str, str]]] = {
        "verify": ("tools.audit.verify:verify", "Signatures, chains, gaps, forks, lawfulness, authority."),
        "who": ("tools.audit.who:who", "Who owned a service at a moment, and by which claim."),
        "why": ("tools.audit.why:why", "The causal chain of an ownership, in sentences."),
        "timeline": ("tools.audit.timeline:timeline", "Every event as one line."),
        "splits": ("tools.audit.splits:splits", "Every time that two nodes held one service."),
        "replay": ("tools.audit.replay:replay", "The whole state at a moment."),
        "prove": ("tools.audit.prove:prove", "Evidence for others, as one file: `prove takeover`."),
        "check": ("tools.audit.check:check", "Does such a file prove what it says? Needs no log."),
        "diff": ("tools.audit.replay:diff", "What changed between two moments."),
    }


@click.command(cls=Failaudit, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
    failaudit prove takeover db 7 --out FILE DIR    a majority voted for this claim: evidence for others
    failaudit check FILE                            is that so? without any log

    Exit codes: 0 done; 1 the answer is no or something was found; 2 wrong usage or configuration; 3 could not read, no
    event, or no keys to trust.
    """


def main() -> None:
    """The entry point of `failaudit`."""
    gc.disable()  # it holds a history, ends, and makes no cycles worth a walk through all of it
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command. Returns the exit code."""
    return group.run(failaudit, "failaudit", arguments, instead="name a copy")
