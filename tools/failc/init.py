"""`failc init`: a folder with the configuration, one folder of secrets for each node, and the operator's key."""

import base64
import os
import secrets
from pathlib import Path

import click

from tools.cli.trouble import UNREACHABLE, USAGE, Trouble
from tools.failc.example import Example, Fitted
from tools.failc.options import indifferent
from tools.failc.template import NewNode, NewService, write


@click.command(short_help="Write the configuration and the keys of a new cluster.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, readable=False))
@click.option("--cluster", required=True, metavar="C", help="The cluster's name.")
@click.option("--node", "nodes", multiple=True, required=True, metavar="NAME=LINK:ADDR[,LINK:ADDR...]",
              help="A node with its address on each link, in order of preference for every service.")  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="NAME=LINK:ADDR[,...]",
              help="A node that owns nothing.")  # fmt: skip
@click.option("--service", "services", multiple=True, metavar="NAME=ADDR/PREFIX@IFACE[,...]",
              help="A service with its addresses.")  # fmt: skip
@click.option("--operator", default="admin", show_default=True, metavar="NAME", help="The first operator's name.")
@click.option("--example", metavar="NAME",
              help="With the services and files of this example; --service then says where one of them is.")  # fmt: skip
@indifferent
def init(
    folder: Path,
    cluster: str,
    nodes: tuple[str, ...],
    witnesses: tuple[str, ...],
    services: tuple[str, ...],
    operator: str,
    example: str | None,
) -> None:
    """Write DIR/failover.toml, DIR/NAME/node.key for each node, and an operator's key in DIR/operator/.

    Nothing that exists is overwritten. Afterwards copy failover.toml to every node, and to each node its own folder only.

    \b
    failc init /etc/failover --cluster demo \\
        --node lukretia=lan:10.77.0.11,direct:10.78.0.11 \\
        --node genesis=lan:10.77.0.12,direct:10.78.0.12 \\
        --service web=10.77.0.100/24@eth0,fd77::100/64@eth0

    A port may follow an address, lan:10.77.0.11:1291, and an IPv6 address then needs brackets: lan:[fd77::1]:1291.

    With --example web the services of examples/web, its README and its files are written as well, with the names and addresses
    of your nodes instead of its own, and with `--service shop=192.0.2.10/24@eth1` those of that service too.
    """
    wanted = [_node(text, False) for text in nodes] + [_node(text, True) for text in witnesses]
    chosen = [_service(text) for text in services]
    _refuse_twice([node.name for node in wanted], "node", "each node is one --node or one --witness")
    _refuse_twice([service.name for service in chosen], "service", "write all its addresses into one --service")
    keys = {node.name: _KeyPair() for node in wanted}
    owner = _KeyPair()
    wanted = [NewNode(node.name, node.links, node.witness, keys[node.name].node_line) for node in wanted]
    fitted = Example.named(example).fitted(wanted, chosen) if example else None
    text = _checked(cluster, wanted, [] if fitted else chosen, operator, owner.ssh_line, fitted.services if fitted else "")
    _write(folder, text, keys, owner, operator, cluster, fitted.files if fitted else {})
    _tell(folder, wanted)
    if fitted:
        _tell_example(folder, fitted)


class _KeyPair:
    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.private = Ed25519PrivateKey.generate()

    @property
    def node_line(self) -> str:
        return "ed25519:" + base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    @property
    def ssh_line(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def pkcs8(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def openssh(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _node(text: str, witness: bool) -> NewNode:
    name, equals, rest = text.partition("=")
    links = tuple((link, address) for link, _, address in (part.partition(":") for part in rest.split(",")))
    if not name or not equals or not all(link and address for link, address in links):
        option = "--witness" if witness else "--node"
        raise Trouble(f'{option} "{text}": write it as NAME=LINK:ADDR, such as lukretia=lan:10.77.0.11', USAGE)
    if len({link for link, _ in links}) < len(links):
        raise Trouble(f'"{text}": names one link twice; give each address of a node a link name of its own', USAGE)
    return NewNode(name, links, witness)


def _service(text: str) -> NewService:
    name, equals, rest = text.partition("=")
    addresses = tuple((address, interface) for address, _, interface in (part.partition("@") for part in rest.split(",")))
    if not name or not equals or not all(address and interface for address, interface in addresses):
        raise Trouble(f'--service "{text}": write it as NAME=ADDR/PREFIX@IFACE, such as web=10.77.0.100/24@eth0', USAGE)
    return NewService(name, addresses)


def _refuse_twice(names: list[str], what: str, instead: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Trouble(f'{what} "{name}" is named twice: {instead}', USAGE)


def _checked(
    cluster: str, nodes: list[NewNode], services: list[NewService], operator: str, key: str, more: str
) -> str:
    """The text of the file, after the same checks that `faild` makes. `more`: the services of an example."""
    from coordinator.config import BadConfig, parse

    text = write(cluster, secrets.token_hex(16), nodes, services, operator, key, more)
    try:
        parse(text, "failover.toml")
    except BadConfig as error:
        first = error.complaints[0]
        raise Trouble(f"{first.path}: {first.what}. {first.instead}. Nothing was written", USAGE) from None
    return text


def _write(
    folder: Path,
    text: str,
    keys: dict[str, _KeyPair],
    owner: _KeyPair,
    operator: str,
    cluster: str,
    files: dict[str, tuple[bytes, int]],
) -> None:
    taken = [path for path in (folder / name for name in ("failover.toml", "operator", *keys, *files)) if path.exists()]
    if taken:
        raise Trouble(f"{taken[0]} exists and is not overwritten: name another DIR, or move it away", USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, key in keys.items():
            (folder / name).mkdir(mode=0o700)
            _file(folder / name / "node.key", key.pkcs8(), 0o600)
        (folder / "operator").mkdir(mode=0o700)
        _file(folder / "operator" / "id_ed25519", owner.openssh(), 0o600)
        _file(folder / "operator" / "id_ed25519.pub", f"{owner.ssh_line} {operator}@{cluster}\n".encode(), 0o644)
        for name, (content, mode) in files.items():
            _file(folder / name, content, mode)
        _file(folder / "failover.toml", text.encode(), 0o644)  # last: a folder with it is whole
    except OSError as error:
        raise Trouble(f"{error.filename}: cannot be written: {error.strerror}", UNREACHABLE) from None


def _file(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)  # the umask may have taken bits away
        file.write(content)
        os.fsync(file.fileno())


def _tell(folder: Path, nodes: list[NewNode]) -> None:
    print(f"wrote {folder / 'failover.toml'}, the same for every node")
    for node in nodes:
        print(f"wrote {folder / node.name}/, the secrets of {node.name}: copy it to that node and nowhere else")
    print(f"wrote {folder / 'operator'}/, the key that signs commands: keep it where operators are")
    print(f"next: failc config check {folder / 'failover.toml'}")
    print(f"then, on each node: faild --config {folder / 'failover.toml'} --node NAME")


def _tell_example(folder: Path, fitted: Fitted) -> None:
    print(f"read {folder / 'README.md'}: what the example needs, and what is lost on a failover")
    for name in fitted.files:
        if name != "README.md":
            print(f"wrote {folder / name}: the same on every node, in /etc/failover")
    if fitted.left:
        print(f"these addresses are still those of the example: {', '.join(fitted.left)}")
