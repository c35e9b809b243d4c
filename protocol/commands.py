"""What an operator orders, as canonical bytes under an OpenSSH signature.

The bytes are canonical msgpack; the signature is an SSHSIG over them in the namespace below, made by `ssh-keygen`,
an agent or `protocol.sshsig`, and stands with them in the log. docs/formats/command.md.

    signed = sign_command(command, key)                         # failc: `key` from a file or an agent
    signed = open_command(raw, blob, operators, cluster)        # faild: raises Refused
    check_expiry(signed.command, wall_ms)                       # only at the door, where there is a wall clock
"""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol import sshsig
from protocol.canonical import NotCanonical, pack, unpack
from protocol.refusals import Reason, Refused
from protocol.sshkey import SshKey

NAMESPACE = "failover-command@v1"

WORDS = ("fail", "recover", "reclaim", "move", "hold", "unhold", "apply")

COMMAND_BYTES_MAX = 4096
"""A reason is a sentence. What is larger belongs into a ticket system."""


@dataclass(frozen=True, slots=True)
class Command:
    cluster: bytes
    operator: str
    word: str
    service: str
    """Empty for `apply`, which is about the whole configuration."""
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
        """Raises NotCanonical for anything that `encode` would not have written."""
        value = unpack(raw)
        kinds = (bytes, str, str, str, str, str, int, int, int, bytes)
        if type(value) is not list or tuple(type(item) for item in value) != kinds:
            raise NotCanonical("not the fields of a command")
        command = cls(*value)
        if command.word not in WORDS or len(command.nonce) != 16 or len(command.cluster) != 32:
            raise NotCanonical(f"not a command: {command.word!r}")
        if command.for_ms < 0 or command.epoch < 0 or command.expires_ms < 0:
            raise NotCanonical("a command's numbers count from 0")
        return command


@dataclass(frozen=True, slots=True)
class SignedCommand:
    command: Command
    raw: bytes
    signature: bytes
    """The SSHSIG blob (not armoured)."""


def sign_command(command: Command, key: SshKey) -> SignedCommand:
    """Raises UnusableKey where an agent refuses."""
    raw = command.encode()
    return SignedCommand(command, raw, sshsig.sign(key, raw, NAMESPACE))


def open_command(raw: bytes, signature: bytes, operators: Mapping[str, str], cluster: bytes) -> SignedCommand:
    """`operators`: name to "ssh-ed25519 AAAA...". Raises Refused; looks neither at the expiry nor at what the operator may."""
    if len(raw) > COMMAND_BYTES_MAX:
        raise Refused(Reason.OVERSIZED, f"a command of {len(raw)} bytes; at most {COMMAND_BYTES_MAX}")
    try:
        command = Command.decode(raw)
    except NotCanonical as error:
        raise Refused(Reason.NOT_CANONICAL, str(error)) from None
    if command.cluster != cluster:
        raise Refused(Reason.WRONG_CLUSTER, "a command for another cluster")
    if command.operator not in operators:
        raise Refused(Reason.UNKNOWN_KEY, f"no operator {command.operator!r} in the configuration")
    sshsig.verify(operators[command.operator], raw, signature, NAMESPACE)
    return SignedCommand(command, raw, signature)


def check_expiry(command: Command, wall_ms: int) -> None:
    """Raises Refused with EXPIRED. Asked once, at the door; an admitted command is never judged by a clock."""
    if wall_ms > command.expires_ms:
        raise Refused(Reason.EXPIRED, f"expired {wall_ms - command.expires_ms} ms ago; sign it anew (are both clocks right?)")
