"""`failc key new`: the key of one node, for a node that joins, or one whose key is lost or was read by others."""

from pathlib import Path

import click

from tools.cli.trouble import UNREACHABLE, USAGE, Trouble
from tools.failc.options import indifferent


@click.group()
@indifferent
def key() -> None:
    """Make the key of one node; `failc init` has made those of a new cluster."""


@key.command()
@click.argument("node", metavar="NODE")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@indifferent
def new(node: str, folder: Path) -> None:
    """Write DIR/NODE/node.key, and print the line for [nodes.NODE] of failover.toml.

    Nothing that exists is overwritten. Copy DIR/NODE to that node and nowhere else, and put the line into failover.toml
    on every node. A node that joins is taken in by `failc config apply` on each. Another key of a node that is known
    needs a restart of each faild with the new file.

    \b
    failc key new genesis /etc/failover
    """
    from coordinator.config.node_rules import NAME
    from protocol.keys import key_text
    from protocol.signing import write_node_key

    if not NAME.fullmatch(node):
        raise Trouble(f'"{node}": write the name of a node, such as genesis', USAGE)
    path = folder / node / "node.key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        public = write_node_key(path)
    except FileExistsError:
        raise Trouble(f"{path} exists and is not overwritten: move it away, or name another DIR", USAGE) from None
    except OSError as error:
        raise Trouble(f"{error.filename}: cannot be written: {error.strerror}", UNREACHABLE) from None
    print(f"wrote {path}, the key of {node}: copy its folder to that node and nowhere else", flush=True)
    print(f'key = "{key_text(public)}"')
