"""All commands of `failc` as one group; a command is imported only when it is called."""

from collections.abc import Mapping
from typing import ClassVar

import click

from tools.cli.group import LazyGroup
from tools.failc.options import reaching


class Failc(LazyGroup):
    commands_by_name: ClassVar[Mapping[str, tuple[str, str]]] = {
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
        "standby": ("tools.failc.standby:standby", "Move away what a node holds, and let it take nothing."),
        "unstandby": ("tools.failc.standby:unstandby", "End a standby."),
        "fence": ("tools.failc.fence:fence", "Switch a node off, say that it is off, or only try how (--dry-run)."),
        "readmit": ("tools.failc.standby:readmit", "Let a node whose log has forked take part again."),
        "key": ("tools.failc.key:key", "Make the key of one node."),
        "config": ("tools.failc.config:config", "Check the configuration, apply it, print its schema."),
        "simulate": ("tools.simulator.command:simulate", "Play a scenario through the real core, in virtual time."),
    }


@click.command(cls=Failc, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
    failc config apply --reason "new address"    let a node read its file again

    Exit codes: 0 done; 1 the answer is no; 2 wrong usage or configuration; 3 could not reach or read; 4 refused for lack
    of authority. FAILC_STATE, FAILC_CONNECT and FAILC_IDENTITY stand for the options of those names.
    """
