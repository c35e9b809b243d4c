"""`failc fence NODE`: a node is switched off by its devices, or an operator says that it is off; or a trial, without switching.

failc fence genesis --dry-run
failc fence genesis --reason "it hangs, and takes no login"
failc fence genesis --confirmed --reason "I have pulled its plug"
"""

from pathlib import Path
from typing import Any

import click

from tools.failc.giving import order_of
from tools.failc.options import reasoning
from tools.failc.ordering import ordering_of_a_node
from tools.failc.signing import Order

DEFAULT = Path("/etc/failover/failover.toml")


@click.command()
@click.argument("node")
@click.option("--dry-run", is_flag=True, help="Switch nothing: ask each device with `monitor` and `status`.")
@click.option("--confirmed", is_flag=True, help="Ask no device: say that NODE is off.")
@click.option("--config", "file", type=click.Path(path_type=Path), default=DEFAULT, help=f"--dry-run: the file [{DEFAULT}].")
@reasoning(required=False)
@ordering_of_a_node
def fence(node: str, dry_run: bool, confirmed: bool, file: Path, reason: str, **how: Any) -> int:
    """Switch NODE off by the devices of [[nodes.NODE.fence]], whatever it is doing.

    The faild that is asked runs them, level by level, and writes into its log what became of it. Exit 0 only where the devices
    of one level say that the power is off. Whatever NODE held counts as over then, and others take it. Only an administrator
    may; no node fences itself. It takes as long as the devices do: see --timeout.

    A --reason is needed, except with --dry-run.

    With --confirmed no device is asked: it is your signed word that NODE, which is dead, is off. What it held counts as over,
    and where it is not off, both run.

    With --dry-run nothing is switched, and no faild is asked: this command runs each agent itself, with what FILE says, and
    prints whether each device would do, secrets hidden. Exit 0: each device of each level answers; 1: one does not; 2: the file
    must be changed; 3: it cannot be read.

    \b
    failc fence genesis --dry-run
    failc fence genesis --reason "it hangs, and takes no login"
    failc fence genesis --confirmed --reason "I have pulled its plug"
    """
    if dry_run and confirmed:
        raise click.UsageError("--dry-run switches nothing, and --confirmed asks no device: give one of them")
    if dry_run:
        from tools.failc.fence_trial import rehearse

        return rehearse(node, file, how["as_json"])
    if not reason.strip():
        raise click.UsageError("say why, for those who read the log later: --reason TEXT")
    return order_of(Order("is-off" if confirmed else "fence", "", node, reason), how)
