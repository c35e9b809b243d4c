"""What an operator orders, as canonical bytes under an OpenSSH signature.

The bytes are canonical msgpack; the signature is an SSHSIG over them in the namespace below, made by `ssh-keygen`,
an agent or `protocol.sshsig`, and stands with them in the log. docs/formats/command.md.

    signed = sign_command(command, key)                         # failc: `key` from a file or an agent
    signed = open_command(raw, blob, operators, cluster)        # faild: raises Refused
    check_expiry(signed.command, wall_ms)                       # only at the door, where there is a wall clock

A command of format 2 names the feeds that may act on it. One of format 1 names none: it stands in old logs, where it is
read and judged by the rules of its time, and no node acts on it any more.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from protocol import sshsig
from protocol.canonical import NotCanonical, pack, unpack
from protocol.moment import lasting
from protocol.names import NAME_MAX, Ref
from protocol.refusals import Reason, Refused
from protocol.sshkey import SshKey

NAMESPACE = "failover-command@v1"

WORDS_1 = frozenset({"fail", "recover", "reclaim", "move", "hold", "unhold", "apply"})
"""What a command of format 1 may say."""

WORDS_OF_POWER = frozenset({"fence", "is-off"})
"""`fence` switches a node off by its devices. `is-off` is an operator's word that it is off, and asks no device."""

WORDS_OF_NODES = frozenset({"standby", "unstandby", "readmit"}) | WORDS_OF_POWER
"""Words about a node and all of its services: they name no service."""

WORDS = WORDS_1 | WORDS_OF_NODES | {"fail-everywhere"}

COMMAND_BYTES_MAX = 4096
"""A reason is a sentence. Longer explanations belong in a ticket system."""

EXPIRY_AHEAD_MS_MAX = 60_000
"""A command is good for a minute: one that could be given next week is as good as a lost key."""

ACTS_MAX = 16
"""As many nodes as a cluster may have."""

ENDS_MAX = 48
"""Orders that one command may end. With their longest names they still fit beside a reason; the rest takes another command."""

NUMBER_MAX = 1 << 53
"""The largest epoch, incarnation, event number or time: every reader of JSON still holds it exactly."""


class Act(NamedTuple):
    """A feed that may take the command's effect. A node that began a new incarnation since is asked anew."""

    node: str
    incarnation: int


class Command(NamedTuple):
    cluster: bytes
    operator: str
    word: str
    service: str
    """Empty for `apply`, which is about the whole configuration, and for words about a node."""
    node: str
    """The node it is about; empty for the holder (`fail`) or for every node (`recover`, `hold`, `unhold`)."""
    reason: str
    for_ms: int
    """`move --for`: how long; 0 for no end."""
    epoch: int
    """`move`: the epoch before the holding that it asks for. A word that a node is down: the epoch of that node's claim.
    `apply`: the number of the configuration, one above all that are known.
    Else the service's epoch, for which alone the command is good; 0 for any, where the word does not need one."""
    expires_ms: int
    """Refused where it comes in after this wall-clock time; never read by a decision."""
    nonce: bytes
    acts: tuple[Act, ...] = ()
    """The feeds that may act, each once; empty in a command of format 1."""
    run: bytes = b""
    """A word that a node is down: the run of its claim. A word about a node's power: the run that ends; empty where none is
    known."""
    digest: bytes = b""
    """`apply`: SHA-256 of the file."""
    ends: tuple[Ref, ...] = ()
    """The events whose effect this command ends: `unhold` names each hold, `unstandby` each `standby`, `recover` what
    `fail --everywhere` ordered, `readmit` where the fork was seen."""

    @property
    def format(self) -> int:
        return 2 if self.acts else 1

    @property
    def is_word_of_an_end(self) -> bool:
        """Whether it says of another node that the service is down there: that node does not act itself."""
        return self.word == "fail" and bool(self.node) and self.node not in {act.node for act in self.acts}

    @property
    def ends_a_run(self) -> bool:
        """Whether it is about what one run of a node holds."""
        return self.word in WORDS_OF_POWER or (self.is_word_of_an_end and self.epoch >= 1)

    def names(self, node: str, incarnation: int) -> bool:
        """Whether this feed may take its effect."""
        return (node, incarnation) in self.acts

    def encode(self) -> bytes:
        plain = [
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
        if self.format == 1:
            return pack(plain)
        acts, ends = [list(act) for act in self.acts], [list(ref) for ref in self.ends]
        return pack([2, *plain, acts, self.run, self.digest, ends])

    @classmethod
    def decode(cls, raw: bytes) -> "Command":
        """Raises NotCanonical for anything that `encode` would not have written."""
        return _decoded(raw)


DECODED_MAX = 512
"""Commands that are remembered by their bytes: each fold of a history meets the same ones. 8 MiB at most."""


@lru_cache(maxsize=DECODED_MAX)
def _decoded(raw: bytes) -> Command:
    value = unpack(raw)
    command = _second(value) if type(value) is list and value[:1] == [2] else _first(value)
    if command.word not in (WORDS if command.acts else WORDS_1) or len(command.nonce) != 16 or len(command.cluster) != 32:
        raise NotCanonical(f"not a command: {command.word!r}")
    if command.for_ms < 0 or command.epoch < 0 or command.expires_ms < 0:
        raise NotCanonical("a command's numbers count from 0")
    return command


PLAIN = (bytes, str, str, str, str, str, int, int, int, bytes)


def _first(value: Any) -> Command:
    if type(value) is not list or tuple(type(item) for item in value) != PLAIN:
        raise NotCanonical("not the fields of a command")
    return Command(*value)


def _second(value: list[Any]) -> Command:
    if tuple(type(item) for item in value) != (int, *PLAIN, list, bytes, bytes, list):
        raise NotCanonical("not the fields of a command of format 2")
    acts = tuple(Act(*_items(item, (str, int), "a feed that acts")) for item in value[11])
    ends = tuple(Ref(*_items(item, (str, int, int), "an event that ends")) for item in value[14])
    fields: tuple[Any, ...] = (*value[1:11], acts, value[12], value[13], ends)
    command = Command(*fields)
    wrong = next((text for text, holds in _bounds(command) if not holds), None)
    if wrong:
        raise NotCanonical(wrong)
    return command


def _bounds(command: Command) -> list[tuple[str, bool]]:
    """What must hold of a command of format 2, each with its sentence."""
    nodes = [act.node for act in command.acts]
    numbers = [command.for_ms, command.epoch, command.expires_ms]
    counted = [act.incarnation for act in command.acts] + [number for ref in command.ends for number in ref[1:]]
    named = [command.operator, *nodes, *(ref.node for ref in command.ends)]
    about_a_node = bool(command.node) and not command.service
    lengths = all(len(name) <= NAME_MAX for name in (command.service, command.node))
    return [
        (f"a command names 1 to {ACTS_MAX} nodes that act, each once", 1 <= len(nodes) == len(set(nodes)) <= ACTS_MAX),
        (f"a command ends at most {ENDS_MAX} orders, each once", len(set(command.ends)) == len(command.ends) <= ENDS_MAX),
        (f"a number of a command is above {NUMBER_MAX}", all(number <= NUMBER_MAX for number in [*numbers, *counted])),
        ("incarnations and event numbers count from 1", all(number >= 1 for number in counted)),
        (f"a name has 1 to {NAME_MAX} characters", lengths and all(1 <= len(name) <= NAME_MAX for name in named)),
        ("a run has 8 bytes, a digest 32", len(command.run) in (0, 8) and len(command.digest) in (0, 32)),
        ("only a word of an end names a run", not command.run or command.ends_a_run),
        ("words about a node name it, and no service", command.word not in WORDS_OF_NODES or about_a_node),
        ("`readmit` names the fork", command.word != "readmit" or bool(command.ends)),
        ("`apply` signs the file's digest", (command.word == "apply") is bool(command.digest)),
    ]


def _items(value: Any, kinds: tuple[type, ...], what: str) -> list[Any]:
    if type(value) is not list or tuple(type(item) for item in value) != kinds:
        raise NotCanonical(f"not the fields of {what}")
    return value


class SignedCommand(NamedTuple):
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
    """Raises Refused with EXPIRED, also where it would be good for longer than a minute from now.

    Asked once, at the door; an admitted command is never judged by a clock.
    """
    if wall_ms > command.expires_ms:
        ago = lasting(wall_ms - command.expires_ms)
        raise Refused(Reason.EXPIRED, f"expired {ago} ago; sign it anew (are both clocks right?)")
    longer_ms = command.expires_ms - wall_ms - EXPIRY_AHEAD_MS_MAX
    if longer_ms > 0:
        text = f"a command is good for {lasting(EXPIRY_AHEAD_MS_MAX)} at most, and this one is for {lasting(longer_ms)} longer"
        raise Refused(Reason.EXPIRED, f"{text}: sign it anew (are both clocks right?)")
