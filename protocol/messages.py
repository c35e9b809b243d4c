"""The messages that nodes exchange, and `Verified`: a message whose signer is proved.

    raw = heartbeat.encode()
    signature = signer.sign(Domain.HEARTBEAT, raw)
    verified = open_signed(Heartbeat, raw, signature, keyring)      # the only way to a Verified

Each kind is signed under a domain of its own, so that none can be taken for another. `keyring` is anything with
`verify(signer, domain, raw, signature)`; the simulator brings one that believes where signatures are not the point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from protocol.canonical import NotCanonical, pack, pack_ordered, read, unpack
from protocol.domains import Domain as Domain
from protocol.event import NAME_MAX, NUMBER_MAX, Entry, Head
from protocol.lease_words import NO_LEASE_WORDS, LeaseWords
from protocol.refusals import Reason, Refused

RUN_BYTES = 8
"""A run is named by so many random bytes."""


class Signer(Protocol):
    """Signs for this node."""

    def sign(self, domain: Domain, raw: bytes) -> bytes: ...


class Keyring(Protocol):
    """Knows the public keys of the nodes."""

    def verify(self, signer: str, domain: Domain, raw: bytes, signature: bytes) -> None:
        """Returns, or raises Refused with UNKNOWN_KEY or BAD_SIGNATURE."""


class Heard(NamedTuple):
    """What a sender last heard of one peer: the peer's run and counter, and how long ago in ms."""

    run: bytes
    counter: int
    ago_ms: int


class ShortHead(NamedTuple):
    """A head in a heartbeat: the newest incarnation of a feed, with the first 8 bytes of the id."""

    incarnation: int
    number: int
    id8: bytes


@dataclass(frozen=True, slots=True)
class Heartbeat:
    DOMAIN: ClassVar[Domain] = Domain.HEARTBEAT

    cluster: bytes
    node: str
    run: bytes
    """8 random bytes, drawn when this faild started."""
    counter: int
    """Grows by one with every heartbeat of a run; the same on every link and transport."""
    fit: bool
    """Whether the node may take a service: it can append, has a living guard, and is not on its way out."""
    config: bytes
    """The first 8 bytes of the configuration's hash."""
    vote: int
    """The number of its newest vote event, 0 while no service of ours votes."""
    heads: Mapping[str, ShortHead]
    heard: Mapping[str, Heard]
    refused: tuple[str, ...]
    """Nodes whose fork the sender has seen and refuses: shown to people. What a node yields to is the proof in the feeds."""
    claiming: tuple[str, ...] = ()
    """Services of which a claim of the sender is on its way to its disk: peers that have given one up for it go on waiting."""
    leases: LeaseWords = NO_LEASE_WORDS
    """Of services under `majority`; empty where there is none."""
    unstored: tuple[str, ...] = ()
    """Nodes of whose feed `heads` names more than is on the sender's disk: what it forgets if it stops now."""
    unable: tuple[str, ...] = ()
    """Services for which the sender is not fit, though it is for others: a gate refuses, or it does not see the arbiter."""
    evidence: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Service to the number that its script gave here, and how many ms ago it was asked: of those that the sender has not."""

    def encode(self) -> bytes:
        """Ten times a second on each node: so it sorts its two maps itself."""
        heads, heard = self.heads, self.heard
        return pack_ordered(
            [
                self.node,
                self.run,
                self.counter,
                self.fit,
                self.config,
                self.vote,
                {node: heads[node] for node in sorted(heads)},
                {node: heard[node] for node in sorted(heard)},
                self.refused,
                self.cluster,
                *self._more(),
            ]
        )

    def _more(self) -> list[Any]:
        """What is mostly empty: as far as the last place that says something."""
        if self.evidence:
            numbers = {service: self.evidence[service] for service in sorted(self.evidence)}
            return [self.claiming, self.leases.packed(), self.unstored, self.unable, numbers]
        if self.unable:
            return [self.claiming, self.leases.packed(), self.unstored, self.unable]
        if self.unstored:
            return [self.claiming, self.leases.packed(), self.unstored]
        if self.leases:
            return [self.claiming, self.leases.packed()]
        return [self.claiming] if self.claiming else []

    @classmethod
    def decode(cls, raw: bytes, before: "Heartbeat | None" = None) -> "Heartbeat":
        """Raises NotCanonical for anything that `encode` would not have written: it is encoded again and compared.

        `before`: an earlier heartbeat of any node. What is equal in both is taken from there: it was looked at then, and a
        comparison of the two sees at once that nothing has changed.
        """
        value, claiming, leases, unstored, unable, evidence = _and_more(read(raw, tuples=True))
        node, run, counter, fit, config, vote, heads, heard, refused, cluster = _parts(value, HEARTBEAT_FIELDS)
        names = (node, *heard, *refused, *claiming, *unstored, *unable, *evidence)
        numbers = (number for numbers in evidence.values() for number in numbers)
        _check([(cluster, 32), (run, RUN_BYTES), (config, 8)], (counter, counter - 1, vote, *numbers), names)
        if before is not None and heads == before.heads:
            heads = before.heads
        else:
            _check((), (), heads)
            heads = {name: _short_head(head) for name, head in heads.items()}
        heard = {name: _heard(item) for name, item in heard.items()}
        heartbeat = cls(
            cluster, node, run, counter, fit, config, vote, heads, heard, refused, claiming, leases, unstored, unable,
            evidence,
        )  # fmt: skip
        if heartbeat.encode() != raw:
            raise NotCanonical("not canonical msgpack: another encoding of the same heartbeat")
        return heartbeat


HEARTBEAT_FIELDS = (str, bytes, int, bool, bytes, int, dict, dict, tuple, bytes)


@dataclass(frozen=True, slots=True)
class LastWord:
    """Signed together with a claim: said when its actions are down, by faild with the last of them, or by its guard."""

    DOMAIN: ClassVar[Domain] = Domain.LAST_WORD

    cluster: bytes
    node: str
    run: bytes
    service: str
    epoch: int

    def encode(self) -> bytes:
        return pack([self.cluster, self.node, self.run, self.service, self.epoch])

    @classmethod
    def decode(cls, raw: bytes) -> "LastWord":
        word = cls(*_fields(raw, (bytes, str, bytes, str, int)))
        _check([(word.cluster, 32), (word.run, RUN_BYTES)], [word.epoch - 1], [word.node, word.service])
        return word


M = TypeVar("M", Heartbeat, LastWord)


@dataclass(frozen=True, slots=True)
class Verified(Generic[M]):
    """A message, and the proof that its node said it. Only `open_signed` and `open_heartbeat` make one from bytes."""

    message: M
    raw: bytes
    signature: bytes


def open_signed(kind: type[M], raw: bytes, signature: bytes, keyring: Keyring, cluster: bytes) -> Verified[M]:
    """Raises Refused with the reason; the cluster is looked at before the signature, which costs more."""
    try:
        message = kind.decode(raw)
    except NotCanonical as error:
        raise Refused(Reason.NOT_CANONICAL, str(error)) from None
    return _proved(message, raw, signature, keyring, cluster)


def open_heartbeat(
    raw: bytes, signature: bytes, keyring: Keyring, cluster: bytes, before: Heartbeat | None
) -> Verified[Heartbeat]:
    """The same for the message that comes all the time; `before` as in `Heartbeat.decode`."""
    try:
        message = Heartbeat.decode(raw, before)
    except NotCanonical as error:
        raise Refused(Reason.NOT_CANONICAL, str(error)) from None
    return _proved(message, raw, signature, keyring, cluster)


def _proved(message: M, raw: bytes, signature: bytes, keyring: Keyring, cluster: bytes) -> Verified[M]:
    if message.cluster != cluster:
        raise Refused(Reason.WRONG_CLUSTER, f"a {type(message).__name__} of another cluster")
    if not signature:
        raise Refused(Reason.UNSIGNED, f"a {type(message).__name__} without a signature")
    keyring.verify(message.node, message.DOMAIN, raw, signature)
    return Verified(message, raw, signature)


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive entries of one feed that end in a valid signature: safe to store, count and pass on."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        return self.entries[0]

    @property
    def head(self) -> Head:
        return self.entries[-1].head


def open_batch(
    pairs: list[tuple[bytes, bytes | None]], keyring: Keyring, cluster: bytes, always_signed: frozenset[str]
) -> Batch:
    """Read entries as they came over a link. What stands behind the last signature is left out.

    Raises Refused where an entry is not canonical, of another cluster, out of order, unsigned or wrongly signed.
    """
    entries: list[Entry] = []
    attested = 0
    for raw, signature in pairs:
        try:
            entry = Entry.read(raw, signature)
        except NotCanonical as error:
            raise Refused(Reason.NOT_CANONICAL, str(error)) from None
        _follows(entries[-1] if entries else None, entry, cluster)
        if signature:
            keyring.verify(entry.event.node, Domain.EVENT, entry.id, signature)
            attested = len(entries) + 1
        elif entry.event.kind in always_signed:
            raise Refused(Reason.UNSIGNED, f"{entry.event.kind} {entry.ref} without a signature")
        entries.append(entry)
    if not attested:
        raise Refused(Reason.UNSIGNED, "no entry of the batch is signed")
    return Batch(tuple(entries[:attested]))


def _follows(last: Entry | None, entry: Entry, cluster: bytes) -> None:
    if entry.event.cluster != cluster:
        raise Refused(Reason.WRONG_CLUSTER, f"event {entry.ref} of another cluster")
    if last is None:
        return
    same_feed = (entry.event.node, entry.event.incarnation) == (last.event.node, last.event.incarnation)
    if not same_feed or entry.event.number != last.event.number + 1 or entry.event.previous != last.id:
        raise Refused(Reason.GARBAGE, f"{entry.ref} does not follow {last.ref}")


def _short_head(item: Any) -> ShortHead:
    """An idle cluster reads hundreds of these, and of the next kind, a second."""
    if type(item) is tuple and len(item) == 3:
        incarnation, number, id8 = item
        if type(incarnation) is type(number) is int and 0 <= incarnation <= NUMBER_MAX >= number >= 0 and _is_eight(id8):
            return ShortHead(incarnation, number, id8)
    raise NotCanonical("a head of this message is not [incarnation, number, 8 bytes]")


def _heard(item: Any) -> Heard:
    if type(item) is tuple and len(item) == 3:
        run, counter, ago_ms = item
        if type(counter) is type(ago_ms) is int and 0 <= counter <= NUMBER_MAX >= ago_ms >= 0 and _is_eight(run):
            return Heard(run, counter, ago_ms)
    raise NotCanonical("what this message says of a peer is not [8 bytes, counter, milliseconds]")


def _is_eight(value: Any) -> bool:
    return type(value) is bytes and len(value) == 8


def _check(sized: Sequence[tuple[bytes, int]], counts: Iterable[int], names: Iterable[Any]) -> None:
    """Bytes have their length, counts go from 0 to 2^53, names are neither empty nor a page."""
    for data, size in sized:
        if len(data) != size:
            raise NotCanonical("a field of this message has another length")
    for count in counts:
        if not 0 <= count <= NUMBER_MAX:
            raise NotCanonical("a count of this message is out of range")
    for name in names:
        if type(name) is not str or not 0 < len(name) <= NAME_MAX:
            raise NotCanonical(f"a name in this message is empty or longer than {NAME_MAX} characters")


def _and_more(fields: Any) -> tuple[Any, tuple[Any, ...], LeaseWords, tuple[Any, ...], tuple[Any, ...], Mapping[str, Any]]:
    """The fields of every heartbeat, and what `Heartbeat._more` wrote behind them."""
    count = len(HEARTBEAT_FIELDS)
    if type(fields) is not tuple or len(fields) <= count:
        return fields, (), NO_LEASE_WORDS, (), (), {}
    said = (*fields[count:], None, None, None, None)[: max(5, len(fields) - count)]
    claiming, leases, unstored, unable, evidence, *further = said
    lists = {type(unstored), type(unable)} <= {tuple, type(None)} and type(claiming) is tuple
    if further or not lists or not _are_numbers(evidence):
        what = "[claiming, leases, unstored, unable, evidence]"
        raise NotCanonical(f"what stands behind the fields of every heartbeat is not {what}")
    words = NO_LEASE_WORDS if leases is None else LeaseWords.read(leases)
    return fields[:count], claiming, words, unstored or (), unable or (), evidence or {}


def _are_numbers(evidence: Any) -> bool:
    if evidence is None:
        return True
    rows = evidence.items() if type(evidence) is dict else [(None, None)]
    return all(type(name) is str and type(row) is tuple and tuple(map(type, row)) == (int, int) for name, row in rows)


def _fields(raw: bytes, kinds: tuple[type, ...]) -> Sequence[Any]:
    return _parts(unpack(raw), kinds)


def _parts(value: Any, kinds: tuple[type, ...]) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or tuple(map(type, value)) != kinds:
        raise NotCanonical("not the fields of this message")
    return value
