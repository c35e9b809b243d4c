"""`faild`: the daemon of one node, in the foreground.

    faild --config /etc/failover/failover.toml --node lukretia --state /var/lib/failover

Prints `ready` once its feed is complete, its links listen and it has decided once. SIGTERM releases what it holds and
ends; SIGHUP reads the configuration again, and swaps it or changes nothing. Exit: 0 ended as asked; 1 a service is stuck,
and still up here; 2 wrong usage or configuration; 3 could not reach or read; 70 a bug.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from actions import rlimit
from coordinator.config import DEFAULT, Checked, Complaint
from coordinator.daemon import undumped
from coordinator.daemon.config_file import look
from coordinator.daemon.log_format import OneLine
from coordinator.daemon.log_output import Output
from coordinator.daemon.loop_timing import Turns
from coordinator.policy import Policy
from protocol.output import flush, give_up_output, is_about_output
from protocol.printable import printable

STATE = Path("/var/lib/failover")

LACKS_TOLD = 20
"""One mistake may stand in a thousand services."""

EPILOG = """SIGTERM: release what is held, then end. Where a down action fails, faild
         tells its peers first, so that none takes the service over.
SIGHUP:  read the configuration again, and swap it or change nothing.

Exit codes: 0 ended as asked; 1 a service is stuck and still up here;
2 wrong usage or configuration; 3 could not reach or read; 70 a bug.

Example: faild --config demo/failover.toml --node lukretia
"""


def main() -> None:
    gc.disable()  # until `_settle_down`: what a start loads stays, and to walk it again and again is a tenth of the start
    try:
        code = _main(sys.argv[1:])
        flush()
    except OSError as error:
        if not is_about_output(error):
            raise
        give_up_output()
        print(f"faild: cannot write its output: {error.strerror}", file=sys.stderr)
        code = 3
    sys.exit(code)


def _main(argv: list[str]) -> int:
    options = _options(argv)
    early: list[int] = []
    _hide()
    signal.signal(signal.SIGHUP, lambda number, _: early.append(number))  # by default it would end us
    try:
        checked = look(options.config, options.node, options.secrets)
    except OSError as error:
        print(f"faild: {options.config}: {error.strerror}. Name the configuration with --config", file=sys.stderr)
        return 3
    for complaint in checked.complaints:
        print(complaint, file=sys.stderr)
    if checked.policy is None:
        return 2
    if options.check:
        return _checked(options, checked)
    rlimit.more()
    output = Output()
    output.setFormatter(OneLine("%(asctime)s.%(msecs)03dZ %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[output])
    _lacking(checked)
    with asyncio.Runner(loop_factory=Turns.loop) as runner:
        return runner.run(_run(options, checked.policy, checked.exposed, early, output))


def _hide() -> None:
    try:
        undumped.hide()
    except OSError as error:
        text = f"faild: its memory, with the node's key, may be read and dumped ({error.strerror}): let it call prctl(2)"
        print(text, file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")

    def print_help(self, file: Any = None) -> None:
        """By `print`, since argparse says nothing where it cannot write."""
        print(self.format_help(), end="", flush=True)


class _Version(argparse.Action):
    """The version is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import importlib.metadata

        print(f"faild {importlib.metadata.version('failover')}", flush=True)
        parser.exit(0)


def _options(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="faild",
        description="One node of a failover cluster, in the foreground. Prints `ready` when it takes part.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=DEFAULT, help="the cluster's file (default: %(default)s)")
    parser.add_argument(
        "--node", default=socket.gethostname().split(".")[0], help="which node this is (default: the host's name)"
    )
    parser.add_argument(
        "--state", type=Path, default=STATE, help="folder for the log and the control socket (default: %(default)s)"
    )
    parser.add_argument(
        "--secrets", type=Path, help="folder with node.key (default: the node's name, beside the configuration)"
    )
    look_only = "look at the configuration, the key, and what this node's services need here; and end"
    parser.add_argument("--check", action="store_true", help=look_only)
    parser.add_argument("--version", action=_Version, nargs=0, help="print it, and end")
    options = parser.parse_args(argv)
    options.secrets = options.secrets or options.config.parent / options.node
    return options


def _lacking(checked: Checked) -> None:
    """What this machine lacks: the other services are to run all the same, and it may come later."""
    log = logging.getLogger("failover.config")
    for complaint in checked.lacks[:LACKS_TOLD]:
        log.error("%s", complaint)
    if more := checked.lacks[LACKS_TOLD:]:
        log.error("and %d more: faild --check --node ... tells them all", len(more))


def _checked(options: argparse.Namespace, checked: Checked) -> int:
    for complaint in checked.lacks:
        print(complaint, file=sys.stderr)
    for warning in (*checked.warnings, *checked.exposed):
        print(f"{warning} (warning)", file=sys.stderr)
    if checked.lacks:
        return 2
    print(f"{options.config}: sound, and the key in {options.secrets} is that of {options.node}")
    return 0


async def _run(
    options: argparse.Namespace, policy: Policy, exposed: Sequence[Complaint], early: list[int], output: Output
) -> int:
    """`exposed`: files that others can change. `early`: SIGHUPs that came before there was a node to take them."""
    from coordinator.daemon.folders import Folders
    from coordinator.daemon.node import Node
    from coordinator.services.sweep import StillUp
    from protocol.keys import UnusableKey
    from store.refusals import JournalRefused

    try:
        options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        output.complain(f"faild: {options.state}: {error.strerror}. Name a folder for the log with --state")
        return 3
    folders = Folders(options.config.absolute(), options.state.absolute(), options.secrets.absolute())
    try:
        node = await Node.start(options.node, policy, folders, output.say)
    except (UnusableKey, JournalRefused, StillUp, OSError) as error:
        output.complain(f"faild: {printable(_words(error))}")
        return 2 if isinstance(error, UnusableKey) else 3
    node.exposed(exposed)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.stop)
    loop.add_signal_handler(signal.SIGHUP, node.reload)
    if early:
        node.reload()
    _settle_down()
    try:
        stuck = await node.ended()
    finally:
        await node.close()
    _leave(1 if stuck else 0)


def _leave(code: int) -> NoReturn:
    """Everything of ours has ended and is written. Python would wait for threads that ask a name server, for 12 s and more."""
    logging.shutdown()
    os._exit(code)


def _words(error: Exception) -> str:
    """An error of the system about a file says no more than its name and what is wrong: the rest is the same for all."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}. Let the user of faild do it, or name another --state"
    return str(error)


def _settle_down() -> None:
    """What is there now stays: the collector need not walk it again in the middle of a failover. It is not collected before:
    a hundredth of it is garbage, and to find that out takes 40 ms, in which peers answer."""
    gc.freeze()
    gc.enable()
