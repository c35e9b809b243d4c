"""What an operator orders, as canonical bytes under an OpenSSH signature.

The bytes are canonical msgpack; the signature is an SSHSIG over them in the namespace below, made by `ssh-keygen`,
an agent or `protocol.sshsig`, and stands with them in the log. docs/formats/command.md.
"""

from dataclasses import dataclass

from protocol.canonical import NotCanonical, pack, unpack

NAMESPACE = "failover-command@v1"

WORDS = ("fail", "recover", "reclaim", "move", "hold", "unhold")


@dataclass(frozen=True, slots=True)
class Command:
    cluster: bytes
    operator: str
    word: str
    service: str
    node: str
    """The node it is meant for, empty for the holder (`fail`) or for every node (`recover`, `hold`, `unhold`)."""
    reason: str
    for_ms: int
    """`move --for`: how long; 0 for no end."""
    epoch: int
    """Valid only while the service's epoch is this; 0 for any."""
    expires_ms: int
    """Refused at the door after this wall-clock time; never read by a decision."""
    nonce: bytes

    def encode(self) -> bytes:
        return pack(
            [
                self.cluster,
                self.operator,
                self.word,
                self.service,
                self.node,
                self.reason,
                self.for_ms,
                self.epoch,
                self.expires_ms,
                self.nonce,
            ]
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Command":
        value = unpack(raw)
        kinds = (bytes, str, str, str, str, str, int, int, int, bytes)
        if type(value) is not list or tuple(type(item) for item in value) != kinds:
            raise NotCanonical("not the fields of a command")
        command = cls(*value)
        if command.word not in WORDS or len(command.nonce) != 16:
            raise NotCanonical(f"not a command: {command.word!r}")
        return command


@dataclass(frozen=True, slots=True)
class SignedCommand:
    command: Command
    raw: bytes
    signature: bytes
    """The SSHSIG blob (not armoured)."""
