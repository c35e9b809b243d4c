"""`failc init --example NAME`: an example's services and files, with the names and addresses of the user's own nodes.

    example = Example.named("web")
    made = example.fitted(nodes, services)      # raises Trouble with what does not fit
    made.services                               # the text behind [operators]
    made.files                                  # what stands beside failover.toml: name to content and mode
    made.left                                   # addresses of the example that nobody replaced
"""

import ipaddress
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cli.trouble import USAGE, Trouble
from tools.failc.template import NewNode, NewService

FOLDERS = (Path(__file__).parents[2] / "examples", Path(__file__).parent / "examples")
"""In a checkout, and as installed."""

CONFIGURATION = "failover.toml"


@dataclass(frozen=True, slots=True)
class Fitted:
    services: str
    files: dict[str, tuple[bytes, int]]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    text: str
    files: dict[str, tuple[bytes, int]]

    @classmethod
    def named(cls, name: str) -> "Example":
        known = {path.parent.name: path.parent for folder in FOLDERS for path in sorted(folder.glob(f"*/{CONFIGURATION}"))}
        if name not in known:
            there = ", ".join(known) or "none on this machine"
            raise Trouble(f'there is no example "{name}": there are {there}', USAGE)
        paths = sorted(path for path in known[name].iterdir() if path.is_file() and path.suffix != ".toml")
        files = {path.name: (path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644) for path in paths}
        return cls(name, (known[name] / CONFIGURATION).read_text(), files)

    def fitted(self, nodes: Sequence[NewNode], services: Sequence[NewService]) -> Fitted:
        words = self._words(nodes, services)
        files = {name: (_put(content, words), mode) for name, (content, mode) in self.files.items()}
        begin = re.search(r"(?m)^(#.*\n)*\[services", self.text)
        text = self.text[begin.start() if begin else len(self.text) :]
        for service in services:
            text = _on_interfaces(text, service)
        text = _put(_in_headers(text, words).encode(), words).decode()
        kept = [word for word in self._addresses() if word not in words]
        return Fitted(text, files, tuple(word for word in kept if _stands_in(word, text, files)))

    def _words(self, nodes: Sequence[NewNode], services: Sequence[NewService]) -> dict[str, str]:
        """What stands in the example, and what is written instead."""
        words = dict[str, str]()
        for witness, one, more in ((False, "node", "nodes"), (True, "witness", "witnesses")):
            theirs = {name: it for name, it in self._tables("nodes").items() if it.get("witness", False) is witness}
            mine = [node for node in nodes if node.witness is witness]
            if len(mine) != len(theirs) and not (witness and not theirs):  # a witness more does no harm
                wanted = f"{len(theirs)} {one if len(theirs) == 1 else more}"
                raise Trouble(f'the example "{self.name}" is of {wanted}, and {len(mine)} are named', USAGE)
            for (name, table), node in zip(theirs.items(), mine, strict=False):
                words[name] = node.name
                for (_, old), (_, new) in zip(table["links"].items(), node.links, strict=False):
                    words[old] = _host(new)
        for service in services:
            words |= self._addresses_of(service)
        return words

    def _addresses_of(self, service: NewService) -> dict[str, str]:
        theirs = self._tables("services")
        if service.name not in theirs:
            raise Trouble(f'the example "{self.name}" has no service "{service.name}": it has {", ".join(theirs)}', USAGE)
        mine = [action for action in theirs[service.name].get("actions", []) if "address" in action]
        if len(mine) != len(service.addresses):
            has = f"{len(mine)} address{'' if len(mine) == 1 else 'es'}, and not {len(service.addresses)}"
            raise Trouble(f'the service "{service.name}" of the example has {has}: write one for each', USAGE)
        words = dict[str, str]()
        for action, (address, _) in zip(mine, service.addresses, strict=True):
            words |= {action["address"]: address, _bare(action["address"]): _bare(address)}
        return words

    def _addresses(self) -> list[str]:
        """Addresses without a length, of nodes and services, in the order of the file."""
        links = [address for table in self._tables("nodes").values() for address in table["links"].values()]
        actions = [action for table in self._tables("services").values() for action in table.get("actions", [])]
        return [*links, *(_bare(action["address"]) for action in actions if "address" in action)]

    def _tables(self, key: str) -> dict[str, Any]:
        tables: dict[str, Any] = tomllib.loads(self.text)[key]
        return tables


def _put(content: bytes, words: dict[str, str]) -> bytes:
    """All at once: what was written is not replaced again. A longer word goes first, and no word stands inside another one."""
    some = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    found = re.compile(rf"(?<![\w.:-])({some})(?![\w-]|\.\w)")
    return found.sub(lambda match: words[match[1]], content.decode()).encode() if words else content


def _in_headers(text: str, words: dict[str, str]) -> str:
    """The same in the headers of tables of a node, such as [[nodes.genesis.fence]]: a name stands behind a dot there."""
    return re.sub(r"(?m)^(\[\[?nodes\.)(\w+)\b", lambda it: it[1] + words.get(it[2], it[2]), text)


def _on_interfaces(text: str, service: NewService) -> str:
    """The interfaces of one service, in the order of its addresses; another service may have the same ones as before."""
    wanted = iter([interface for _, interface in service.addresses])
    tables = re.split(r"(?m)^(?=\[)", text)
    for at, table in enumerate(tables):
        if table.startswith(f"[[services.{service.name}.actions]]") and re.search(r"(?m)^address\b", table):
            line = re.search(r"(?m)^interface\s*=\s*", table)
            end = line.end() if line else len(table)
            tables[at] = table[:end] + json.dumps(next(wanted)) + "\n" + table[end:].partition("\n")[2]
    return "".join(tables)


def _stands_in(word: str, text: str, files: dict[str, tuple[bytes, int]]) -> bool:
    return word in text or any(word.encode() in content for content, _ in files.values())


def _bare(address: str) -> str:
    return address.partition("/")[0]


def _host(address: str) -> str:
    """A link's address without its port."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address.rpartition(":")[0].strip("[]")
