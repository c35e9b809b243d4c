"""The proof of a fork: two branches of one feed that begin with different events of one name, each up to its next signature.

    flat = flat_of(run)             # as it stands in fork-seen: [bytes, signature or empty, bytes, signature or empty, ...]
    run = run_of(flat)              # the entries again; None where it is no run
    disputed(ours, theirs)          # whether they dispute one name, apart from whose signatures they carry
    pieces = cut(ours, theirs)      # bodies of fork-part, where both together are too long for fork-seen
    runs_of(joined(data, digest))   # both sides again

An entry that only the chain covers proves nothing alone: so each run ends with the first entry that is signed itself.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from protocol.canonical import NotCanonical, pack, unpack
from protocol.event import Entry

RUNS_BYTES_MAX = 48 << 10
"""Limit for both sides together: with causes and heads they fit into one event."""

RUN_ENTRIES_MAX = 64

BRANCH_BYTES_MAX = 256 << 10
"""Limit for one side in pieces: four events of the largest size. To check both costs as much as to take in one large batch."""

PART_BYTES = 48_000

PARTS_MAX = -(-2 * (BRANCH_BYTES_MAX + RUN_ENTRIES_MAX * 16) // PART_BYTES)
"""Beside its bytes and signatures an entry takes some more in the encoding of both sides."""

Branch = tuple[Entry, ...]


def to_signature(entries: Sequence[Entry]) -> Branch:
    """From the first one to the first that is signed itself; empty where none is."""
    signed = next((at for at, entry in enumerate(entries, 1) if entry.signature), 0)
    return tuple(entries[:signed])


def fits(ours: Branch, theirs: Branch) -> bool:
    return not _is_long(ours, theirs) and _bytes(ours) + _bytes(theirs) <= RUNS_BYTES_MAX


def fits_in_pieces(ours: Branch, theirs: Branch) -> bool:
    return not _is_long(ours, theirs) and max(_bytes(ours), _bytes(theirs)) <= BRANCH_BYTES_MAX


def _is_long(ours: Branch, theirs: Branch) -> bool:
    return max(len(ours), len(theirs)) > RUN_ENTRIES_MAX


def _bytes(run: Branch) -> int:
    return sum(len(entry.raw) + 64 for entry in run)


def cut(ours: Branch, theirs: Branch) -> tuple[bytes, list[bytes]]:
    """The digest of both sides together, and their pieces in order."""
    whole = pack([flat_of(ours), flat_of(theirs)])
    pieces = [whole[begin : begin + PART_BYTES] for begin in range(0, len(whole), PART_BYTES)]
    return hashlib.sha256(whole).digest(), pieces


def joined(pieces: Sequence[bytes], digest: bytes) -> bytes:
    """What the pieces make, where it has this digest; else nothing."""
    whole = b"".join(pieces)
    return whole if hashlib.sha256(whole).digest() == digest else b""


def runs_of(whole: bytes) -> tuple[Branch | None, Branch | None]:
    try:
        ours, theirs = unpack(whole)
        sides = [side for side in (ours, theirs) if isinstance(side, list) and len(side) <= 2 * RUN_ENTRIES_MAX]
        flat = [all(isinstance(item, bytes) for item in side) for side in sides]
        return (run_of(sides[0]), run_of(sides[1])) if flat == [True, True] else (None, None)
    except (NotCanonical, TypeError, ValueError):
        return None, None


def flat_of(run: Branch) -> tuple[bytes, ...]:
    return tuple(item for entry in run for item in (entry.raw, entry.signature or b""))


def run_of(flat: Sequence[bytes]) -> Branch | None:
    try:
        return tuple(Entry.read(raw, signature or None) for raw, signature in zip(flat[::2], flat[1::2], strict=True)) or None
    except (NotCanonical, ValueError):
        return None


def disputed(ours: Branch, theirs: Branch) -> bool:
    """Both begin with one name and are not the same, each is a chain, and each ends in a signature."""
    return ours[0].ref == theirs[0].ref and ours[0].id != theirs[0].id and is_chain(ours) and is_chain(theirs)


def is_chain(run: Branch) -> bool:
    """Whether each entry follows the one before it, and the last one is signed itself."""
    follows = all(later.event.previous == entry.id and later.head.feed == entry.head.feed for entry, later in pairwise(run))
    return follows and run[-1].signature is not None
