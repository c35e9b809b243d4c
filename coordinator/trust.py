"""Whose keys prove a history: those of the file, and for nodes that it does not name those of the files before it.

    keys = known_keys(policy, rows)         # rows of one or more logs
    NodeKeyring(keys)

A node that was removed has signed what others rest on; without its key no log that holds its feed could be opened or verified.
Its key stands in the configurations that the file's own nodes have applied and signed. The file comes first; after it those
that count, since an administrator has signed them or two nodes have lived by them; and what one node alone has lived by comes
last, each time the oldest that names the node. One stolen key gives no removed node another key.
"""

from collections.abc import Iterable, Mapping, Sequence

from coordinator.policy import Policy
from coordinator.state.authorization import opened
from coordinator.state.configurations import with_policy
from coordinator.state.model import State
from coordinator.state.pieces import whole
from coordinator.state.stored_file import read_policy
from protocol.commands import Command
from protocol.event import Entry
from protocol.events import Commanded, ConfigApplied, body_of
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Keyring
from store.verify_log import Row, look


def known_keys(policy: Policy, rows: Iterable[Row], nodes: Iterable[str] | None = None) -> Mapping[str, bytes]:
    """Node name to public key. As in the file, where the rows have no feed of another node. `nodes`: those of the rows, where
    that is known without a look at each."""
    keys = {name: node.key for name, node in policy.nodes.items()}
    if all(node in keys for node in ((row.node for row in rows) if nodes is None else nodes)):
        return keys
    signed = [row for row in rows if row.node in keys]
    sound = look(signed, NodeKeyring(keys), policy.cluster_id)
    return keys_named(policy, [entry for entry in sound.entries if entry.id in sound.attested])


def keys_named(policy: Policy, attested: Sequence[Entry]) -> Mapping[str, bytes]:
    """The same from entries that are proved and of the file's own nodes; only those of NAMING kinds matter."""
    keys = {name: node.key for name, node in policy.nodes.items()}
    texts = whole(entry.event for entry in attested)
    applied = _applied(attested)
    files = {digest: read for digest, text in texts.items() if (read := read_policy(text)) is not None}
    counting = _lived_by_two(applied) | _signed(policy, attested)
    found: dict[str, bytes] = {}
    for digest in sorted(files, key=lambda digest: (digest not in counting, _age(applied, digest), digest)):
        for name, node in files[digest].nodes.items():
            found.setdefault(name, node.key)
    return {**found, **keys}


Applied = tuple[str, ConfigApplied]
"""The node that applied a file, and what it wrote of it."""


def _applied(entries: Iterable[Entry]) -> list[Applied]:
    """Without those whose body is not of the format: they name no key."""
    read = ((entry.event.node, body_of(entry.event)) for entry in entries if entry.event.kind == Kind.CONFIG_APPLIED)
    return [(node, body) for node, body in read if isinstance(body, ConfigApplied)]


NAMING = frozenset({Kind.CONFIG_APPLIED, Kind.CONFIG_PART, Kind.COMMAND})


def _lived_by_two(applied: Iterable[Applied]) -> set[bytes]:
    lived: dict[bytes, set[str]] = {}
    for node, body in applied:
        lived.setdefault(body.digest, set()).add(node)
    return {digest for digest, nodes in lived.items() if len(nodes) > 1}


def _signed(policy: Policy, attested: Iterable[Entry]) -> set[bytes]:
    """The files that an administrator of this one has signed."""
    commands = [body for entry in attested if isinstance(body := body_of(entry.event), Commanded)]
    read = [opened(policy, body.command, body.signature) for body in commands]
    return {command.digest for command in read if isinstance(command, Command) and command.word == "apply"}


def _age(applied: Iterable[Applied], digest: bytes) -> int:
    """The lowest number under which it was applied."""
    return min((body.number for _, body in applied if body.digest == digest), default=0)


def beginning(policy: Policy, entries: Iterable[Entry], keyring: Keyring | None = None) -> State:
    """What an auditor goes by before the first event: the file that was named, and those that two nodes or more have lived by.

    A file of one node alone is a label for every other, until an administrator's signed word makes it more: a thief of its
    key may have written it. `keyring`: who proves signatures inside events, where that is not the keys of these files.
    """
    lived: dict[bytes, dict[str, int]] = {}
    told = [entry.event for entry in entries if entry.event.kind in (Kind.CONFIG_APPLIED, Kind.CONFIG_PART)]
    for event in told:
        body = body_of(event)
        if isinstance(body, ConfigApplied):
            lived.setdefault(body.digest, {}).setdefault(event.node, body.number)
    texts = whole(told)
    state = State.begin(policy, keyring=keyring)
    for digest, nodes in lived.items():
        if digest in texts and (len(nodes) > 1 or digest == policy.digest):
            state = with_policy(state, digest, texts[digest], min(nodes.values()))
    return state
