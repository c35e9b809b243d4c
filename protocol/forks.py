"""The proof of a fork: two branches of one feed that begin with different events of one name, each up to its next signature.

    flat = flat_of(run)             # as it stands in fork-seen: [bytes, signature or empty, bytes, signature or empty, ...]
    run = run_of(flat)              # the entries again; None where it is no run
    disputed(ours, theirs)          # whether they dispute one name, apart from whose signatures they carry

An entry that only the chain covers proves nothing alone: so each run ends with the first entry that is signed itself.
"""

from collections.abc import Sequence
from itertools import pairwise

from protocol.canonical import NotCanonical
from protocol.event import Entry

RUNS_BYTES_MAX = 48 << 10
"""Of both sides together: with causes and heads they fit into one event."""

RUN_ENTRIES_MAX = 64

Branch = tuple[Entry, ...]


def to_signature(entries: Sequence[Entry]) -> Branch:
    """From the first one to the first that is signed itself; empty where none is."""
    signed = next((at for at, entry in enumerate(entries, 1) if entry.signature), 0)
    return tuple(entries[:signed])


def fits(ours: Branch, theirs: Branch) -> bool:
    long = max(len(ours), len(theirs)) > RUN_ENTRIES_MAX
    return not long and sum(len(entry.raw) + 64 for entry in (*ours, *theirs)) <= RUNS_BYTES_MAX


def flat_of(run: Branch) -> list[bytes]:
    return [item for entry in run for item in (entry.raw, entry.signature or b"")]


def run_of(flat: Sequence[bytes]) -> Branch | None:
    try:
        return tuple(Entry.read(raw, signature or None) for raw, signature in zip(flat[::2], flat[1::2], strict=True)) or None
    except (NotCanonical, ValueError):
        return None


def disputed(ours: Branch, theirs: Branch) -> bool:
    """Both begin with one name and are not the same, each is a chain, and each ends in a signature."""
    return ours[0].ref == theirs[0].ref and ours[0].id != theirs[0].id and _is_chain(ours) and _is_chain(theirs)


def _is_chain(run: Branch) -> bool:
    follows = all(later.event.previous == entry.id and later.head.feed == entry.head.feed for entry, later in pairwise(run))
    return follows and run[-1].signature is not None
