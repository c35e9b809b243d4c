"""`failaudit check FILE`: whether a certificate proves what it says, by the cluster's configuration alone.

A file from somewhere else is read within bounds: a plain file, no more of it than a certificate can have, and no more
signatures than a cluster has nodes, with some to spare.
"""

import os
import stat
from pathlib import Path

import click

from protocol.takeover import BYTES_MAX, NotTakeover, Takeover, decode
from tools.audit.clock import show
from tools.audit.evidence import trusted
from tools.audit.options import answering, settings
from tools.audit.showing import print_json, print_lines
from tools.audit.takeover_check import Verdict, checked
from tools.cli.trouble import UNREACHABLE, Trouble

WRITTEN = "name a file that `failaudit prove takeover` has written"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@answering
def check(file: Path) -> int:
    """Does this takeover certificate prove its claim? By the keys and voters of --config, without any log.

    \b
    failaudit prove takeover db 7 --out db-7.takeover /var/lib/failover
    failaudit check db-7.takeover --config failover.toml

    Exit 0: a majority of the voters has voted for this claim, and no other node could own the service when it was made.
    Exit 1 with what is wrong: duplicate, too-few, stranger, signature, epoch. Exit 3: it is no certificate, or cannot be read.
    """
    policy = trusted()
    verdict = checked(read(file), policy)
    if settings().json:
        print_json(verdict.as_json())
    else:
        print_lines(_lines(verdict))
    return 0 if verdict.ok else 1


def read(path: Path) -> Takeover:
    """Trouble(3) where there is no certificate."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Trouble(f"{path}: not a file; {WRITTEN}", UNREACHABLE)
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; {WRITTEN}", UNREACHABLE) from None
    try:
        return decode(data)
    except NotTakeover as error:
        raise Trouble(f"{path}: not a takeover certificate: {error}", UNREACHABLE) from None


def _lines(verdict: Verdict) -> list[str]:
    takeover = verdict.takeover
    event = takeover.claim.event
    votes = f"{len(verdict.voters)} of {verdict.of} voters"
    lines = [f"{objection.fault}: {objection.text}" for objection in verdict.objections]
    lines.append(f"claim  {takeover.claim.ref}: {takeover.node} claims {event.service} with epoch {takeover.claimed.epoch}")
    lines += [f"vote   {vote.ref}, {show(vote.event.wall_ms)} by its own clock" for vote in takeover.votes]
    proved = f"{takeover.node} claimed {event.service} under epoch {takeover.claimed.epoch} by the votes of {votes}"
    return [*lines, f"proved: {proved}" if verdict.ok else f"not proved: {votes} count"]
