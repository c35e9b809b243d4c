"""Whose keys prove a history: those of the file, and for nodes that it does not name those of the files before it.

    keys = known_keys(policy, rows)         # rows of one or more logs
    NodeKeyring(keys)

A node that was removed has signed what others rest on; without its key no log that holds its feed could be opened or verified.
Its key stands in the configurations that the file's own nodes have applied and signed. The file comes first, and the oldest
configuration that names a node after it: nobody can give a known node another key by applying something.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coordinator.core.configurations import read_policy, with_policy
from coordinator.core.model import State
from coordinator.core.pieces import text_of, whole
from coordinator.policy import Policy
from protocol.event import Entry
from protocol.events import ConfigApplied, body_of
from protocol.keys import NodeKeyring
from protocol.kinds import Kind
from protocol.messages import Keyring
from store.soundness import Row, look


def known_keys(policy: Policy, rows: Iterable[Row]) -> Mapping[str, bytes]:
    """Node name to public key. As in the file, where the rows have no feed of another node."""
    keys = {name: node.key for name, node in policy.nodes.items()}
    if all(row.node in keys for row in rows):
        return keys
    signed = [row for row in rows if row.node in keys]
    sound = look(signed, NodeKeyring(keys), policy.cluster_id)
    attested = [entry for entry in sound.entries if entry.id in sound.attested]
    texts = whole(entry.event for entry in attested)
    found: dict[str, bytes] = {}
    for entry in sorted((entry for entry in attested if entry.event.kind == Kind.CONFIG_APPLIED), key=_age):
        for name, key in _named(entry, texts):
            found.setdefault(name, key)
    return {**found, **keys}


def _age(entry: Entry) -> tuple[Any, ...]:
    number = entry.event.body.get("number")
    return (number if isinstance(number, int) else 0, *entry.ref)


def _named(entry: Entry, texts: Mapping[bytes, str]) -> list[tuple[str, bytes]]:
    text = text_of(entry.event, texts)
    policy = read_policy(text) if isinstance(text, str) else None
    return [(name, node.key) for name, node in policy.nodes.items()] if policy else []


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
