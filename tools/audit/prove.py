"""`failaudit prove`: evidence for others, as one file that needs no log to be checked. A group: more proofs will follow."""

from collections.abc import Mapping
from typing import ClassVar

import click

from tools.audit.options import trusting
from tools.cli.group import LazyGroup


class Prove(LazyGroup):
    commands_by_name: ClassVar[Mapping[str, tuple[str, str]]] = {
        "takeover": ("tools.audit.prove_takeover:takeover", "That a majority of the voters has voted for a claim."),
    }


@click.command(cls=Prove, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@trusting
def prove() -> None:
    """Write evidence for others: one file, which `failaudit check` verifies without any log.

    \b
    failaudit prove takeover db 7 --out db-7.takeover /var/lib/failover
    failaudit check db-7.takeover --config failover.toml
    """
