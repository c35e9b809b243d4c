"""A takeover certificate as a file: a claim and the votes that it names, each with the signature that proves it.

    data = encode(claim, votes)         # one text for one certificate, docs/formats/takeover.md
    takeover = decode(data)             # raises NotTakeover with a sentence; looks at no signature
    takeover.claimed.epoch, takeover.votes[0].event

Claims and votes carry signatures of their own. A vote that a new incarnation carries stands in its `gap`, which may be
covered by the signature of a later event: so each proof is a run of events up to the first that is signed.
Whose keys prove it, and whether it is enough, is another question: `tools.audit.takeover_check`.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from protocol.canonical import NotCanonical, pack, unpack
from protocol.event import Event, Ref
from protocol.events import Claim, Gap, Vote, body_of
from protocol.forks import RUN_ENTRIES_MAX, Branch, flat_of, is_chain, run_of

HEADER = "failover/takeover/v1"
FAMILY = "failover/takeover/"

BYTES_MAX = 1 << 20
"""Sixteen votes and a claim take 20 KiB; a `gap` of a large cluster with what stands behind it takes 100 KiB."""

VOTES_MAX = 64
"""A cluster has sixteen nodes at most. Votes that stand there twice are a finding, and not an endless file."""

LINE = 76


class NotTakeover(ValueError):
    """These bytes are no takeover certificate. The text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An event, and what stands behind it up to the first signature."""

    run: Branch

    @property
    def event(self) -> Event:
        return self.run[0].event

    @property
    def ref(self) -> Ref:
        return self.event.ref

    @property
    def is_chain(self) -> bool:
        return is_chain(self.run)


@dataclass(frozen=True, slots=True)
class Takeover:
    claim: Proof
    claimed: Claim
    """The body of the claim."""
    votes: tuple[Proof, ...]

    @property
    def node(self) -> str:
        return self.claim.event.node

    @property
    def service(self) -> str:
        return self.claim.event.service


@dataclass(frozen=True, slots=True)
class Given:
    """One vote: for whom, for which epoch, and the number of the set of voters by which it was given."""

    candidate: str
    epoch: int
    voters: int


def votes_in(event: Event, service: str) -> list[Given]:
    """The votes for this service that an event gives or carries, the newest first."""
    body = body_of(event)
    if isinstance(body, Vote):
        return [Given(body.candidate, body.epoch, body.voters)] if event.service == service else []
    if isinstance(body, Gap) and service in body.services:
        rows: list[tuple[int, str, int]] = [vote[:3] for vote in body.services[service].votes]  # type: ignore[misc]
        return [Given(candidate, epoch, voters) for epoch, candidate, voters in rows]
    return []


def encode(claim: Branch, votes: Sequence[Branch]) -> bytes:
    """The file. Raises NotTakeover where no reader would take it."""
    inside = base64.b64encode(pack([list(flat_of(claim)), [list(flat_of(vote)) for vote in votes]])).decode()
    lines = [HEADER, *(inside[at : at + LINE] for at in range(0, len(inside), LINE))]
    data = ("\n".join(lines) + "\n").encode()
    decode(data)
    return data


def decode(data: bytes) -> Takeover:
    """The certificate that `data` is; raises NotTakeover for anything that `encode` would not have written."""
    claim, votes = _parts(_inside(data))
    event, claimed = claim[0].event, body_of(claim[0].event)
    if not isinstance(claimed, Claim):
        raise NotTakeover(f"its first event is no claim: {event.kind}")
    wrong = next((vote[0].event for vote in votes if not isinstance(body_of(vote[0].event), Vote | Gap)), None)
    if wrong is not None:
        raise NotTakeover(f"{wrong.ref} stands among its votes, and is no vote: {wrong.kind}")
    return Takeover(Proof(claim), claimed, tuple(Proof(vote) for vote in votes))


def _inside(data: bytes) -> bytes:
    if len(data) > BYTES_MAX:
        raise NotTakeover(f"it has more than {BYTES_MAX} bytes, which no certificate has")
    first, _, rest = data.partition(b"\n")
    if first != HEADER.encode():
        if first == HEADER.encode() + b"\r":
            raise NotTakeover("its lines end in CR and LF: it was changed on its way")
        if first.startswith(FAMILY.encode()):
            raise NotTakeover(f"its first line names another version; this program reads {HEADER}")
        raise NotTakeover(f"its first line is not {HEADER}")
    try:
        inside = base64.b64decode(rest.replace(b"\n", b""), validate=True)
    except binascii.Error:
        raise NotTakeover("what follows its first line is not base64: it was cut off or changed") from None
    lines = base64.b64encode(inside)
    if rest != b"".join(lines[at : at + LINE] + b"\n" for at in range(0, len(lines), LINE)):
        raise NotTakeover(f"what follows its first line is not base64 in lines of {LINE}: it was cut off or changed")
    return inside


def _parts(inside: bytes) -> tuple[Branch, list[Branch]]:
    try:
        value = unpack(inside)
    except NotCanonical as error:
        raise NotTakeover(f"it was cut off or changed: {error}") from None
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], list)):
        raise NotTakeover("it is not a claim and a list of votes")
    claim, votes = value
    if len(votes) > VOTES_MAX:
        raise NotTakeover(f"it has more than {VOTES_MAX} votes, and a cluster has fewer nodes")
    return _run(claim), [_run(vote) for vote in votes]


def _run(flat: object) -> Branch:
    if not isinstance(flat, list) or not all(isinstance(item, bytes) for item in flat) or len(flat) > 2 * RUN_ENTRIES_MAX:
        raise NotTakeover(f"a proof in it is not a list of at most {RUN_ENTRIES_MAX} events with their signatures")
    run = run_of(flat)
    if run is None:
        raise NotTakeover("a proof in it holds something that is not the encoding of an event")
    if any(entry.signature for entry in run[:-1]) or len(run[-1].signature or b"") != 64:
        raise NotTakeover("a proof in it does not end with its one signature, of 64 bytes")
    return run
