"""The signers of the simulated world: believers by default, real Ed25519 where signatures are the point.

A believer signs with fixed bytes that name signer and domain, and checks only those: a run costs no curve arithmetic, but
a message that was never signed, or signed for another domain or by another node, is still refused.
"""

import hashlib
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.keys import NodeKeyring
from protocol.messages import Domain, Keyring, Signer
from protocol.refusals import Reason, Refused
from protocol.signing import Identity


class Believer:
    """Signs for one node with bytes that any node could write."""

    def __init__(self, node: str) -> None:
        self._node = node

    def sign(self, domain: Domain, raw: bytes) -> bytes:
        return belief(self._node, domain)


class Believers:
    """A keyring that looks at the name and the domain only."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._beliefs = {(node, domain): belief(node, domain) for node in nodes for domain in Domain}

    def verify(self, signer: str, domain: Domain, raw: bytes, signature: bytes) -> None:
        if signature != self._beliefs.get((signer, domain)):
            raise Refused(Reason.BAD_SIGNATURE, f"not what {signer} signs {domain} with")


class Keys:
    """Every node's signer, and the keyring that all of them share."""

    def __init__(self, nodes: Iterable[str], real: bool) -> None:
        names = tuple(nodes)
        self._identities = {name: Identity(name, private_key(name)) for name in names}
        self.real = real
        self.keyring: Keyring = NodeKeyring(self.public()) if real else Believers(names)

    def signer(self, node: str) -> Signer:
        return self._identities[node] if self.real else Believer(node)

    def public(self) -> dict[str, bytes]:
        return {name: identity.public for name, identity in self._identities.items()}


def private_key(name: str) -> Ed25519PrivateKey:
    """The same for the same name: any node could make it, and it guards nothing."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"failover simulator {name}".encode()).digest())


def belief(node: str, domain: Domain) -> bytes:
    return hashlib.sha512(f"{node} {domain}".encode()).digest()
