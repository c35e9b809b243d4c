"""Operators' commands in the simulated world: really signed, by an admin that `simulate` makes for itself.

The reducer judges every command by the keys in the configuration of the feed, so belief would not do here. `armed`
rewrites the configuration's text: the nodes' keys become the simulator's, and the admin is added as an operator.
"""

import hashlib
import re

from coordinator.config import parse
from coordinator.core.commands import Resolved, Wanted
from coordinator.policy import Policy
from coordinator.state import stored_file
from protocol.commands import Command, SignedCommand, sign_command
from protocol.keys import key_text
from protocol.sshkey import FileKey
from tools.simulator.keys import Keys, private_key

LEASED = re.compile(r'^partition\s*=\s*"(majority|arbiter)"', re.MULTILINE)

ADMIN = "simulator"
KEY = FileKey(private_key("the admin"))

EXPIRES_MS = 1 << 52
"""What every command says, and what the wall clocks show that judge it: none expires here."""


def armed(policy: Policy) -> Policy:
    """The same configuration with keys that the simulator has: parsed again from its text, so that an auditor agrees."""
    text = policy.text
    for name, public in Keys(policy.nodes, real=True).public().items():
        text = text.replace(key_text(policy.nodes[name].key), key_text(public))
    if ADMIN not in policy.operators:
        text += f'\n[operators.{ADMIN}]\nkey = "{KEY.public}"\nrole = "admin"\n'
    return parsed(text)


def parsed(text: str, name: str = "the simulated configuration") -> Policy:
    """As faild reads it, and `partition = "majority"` or `"arbiter"` as well, also with what faild refuses there."""
    return stored_file.read(text) if LEASED.search(text) else parse(text, name)


def order(policy: Policy, nth: str, wanted: Wanted, found: Resolved, for_ms: int = 0) -> SignedCommand:
    """A signed command. `nth` makes its nonce: the same run orders with the same nonces."""
    command = Command(
        cluster=policy.cluster_id,
        operator=ADMIN,
        word=wanted.word,
        service=wanted.service,
        node=wanted.node,
        reason=f"order {nth} of the simulation",
        for_ms=for_ms,
        epoch=found.epoch,
        expires_ms=EXPIRES_MS,
        nonce=hashlib.sha256(f"order {nth}".encode()).digest()[:16],
        acts=found.acts,
        run=found.run,
        digest=wanted.digest,
        ends=found.ends,
    )
    return sign_command(command, KEY)
