"""A configuration that is too long for one event goes into the log in pieces, and is put together again by every reader.

    bodies = cut(text)                          # of the config-part events; none where one event holds the text
    unread, text = taken(unread, event)         # in the fold: a text where this piece completes one
    texts = whole(events)                       # digest to text, of all that events in the order of their feeds complete
    text = text_of(event, texts)                # the text of a config-applied event, however it was written

The pieces of one file stand in one feed, the first one first; other events may stand between them. What they make is known by
its own hash: pieces that make something else make nothing. Only the newest feeds of a node may have a file that is not
complete, one each, so that pieces without end fill no reader's memory.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coordinator.state.file_v1 import TEXT_BYTES_MAX
from protocol.event import Event
from protocol.events import ConfigApplied, ConfigPart, body_of
from protocol.kinds import Kind

PART_BYTES = 48_000
"""An event has 65 535 bytes with its causes and heads."""

ALONE_BYTES_MAX = 60_000
"""A file of this size still goes into its config-applied event, as every file did at first."""

PARTS_MAX = -(-TEXT_BYTES_MAX // (PART_BYTES - 3))
"""A piece may be three bytes shorter: none ends inside a letter."""

FEEDS_MAX = 2
"""For each node: the newest incarnation, and the one before it, which may still be arriving."""

Feed = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Unread:
    """A file whose last piece is not here yet."""

    digest: bytes
    count: int
    texts: tuple[str, ...]


def cut(text: str) -> list[ConfigPart]:
    """The bodies of the pieces, in their order; none where the text goes into one event."""
    raw = text.encode()
    if len(raw) <= ALONE_BYTES_MAX:
        return []
    texts, begin = list[str](), 0
    while begin < len(raw):
        end = min(begin + PART_BYTES, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # inside a letter
            end -= 1
        texts.append(raw[begin:end].decode())
        begin = end
    digest = hashlib.sha256(raw).digest()
    return [ConfigPart(digest=digest, index=index, count=len(texts), text=piece) for index, piece in enumerate(texts)]


def taken(unread: Mapping[Feed, Unread], event: Event) -> tuple[Mapping[Feed, Unread], str | None]:
    """What is incomplete after this event, and the file that it completes."""
    feed = (event.node, event.incarnation)
    others = {known: file for known, file in unread.items() if known != feed}
    part = body_of(event)
    if not isinstance(part, ConfigPart) or not _is_piece(part):
        return others, None
    before = unread.get(feed) if part.index else Unread(part.digest, part.count, ())
    if before is None or (before.digest, before.count, len(before.texts)) != (part.digest, part.count, part.index):
        return others, None
    file = Unread(part.digest, part.count, (*before.texts, part.text))
    if part.index + 1 < part.count:
        return _newest({**others, feed: file}, event.node), None
    whole = "".join(file.texts)
    return others, whole if hashlib.sha256(whole.encode()).digest() == part.digest else None


def _is_piece(part: ConfigPart) -> bool:
    return part.index < part.count <= PARTS_MAX and len(part.text.encode()) <= PART_BYTES


def _newest(unread: Mapping[Feed, Unread], node: str) -> Mapping[Feed, Unread]:
    kept = sorted((feed for feed in unread if feed[0] == node), reverse=True)[:FEEDS_MAX]
    return {feed: file for feed, file in unread.items() if feed[0] != node or feed in kept}


def whole(events: Iterable[Event]) -> dict[bytes, str]:
    """Digest to file, for the files that these events hold; events of one feed come in their order."""
    unread: Mapping[Feed, Unread] = {}
    found: dict[bytes, str] = {}
    for event in events:
        text = _own_text(event) if event.kind == Kind.CONFIG_APPLIED else None
        if event.kind == Kind.CONFIG_PART:
            unread, text = taken(unread, event)
        if text is not None:
            found[hashlib.sha256(text.encode()).digest()] = text
    return found


def text_of(applied: Event, texts: Mapping[bytes, str]) -> str | None:
    """The file of a config-applied event: its own text, or what `whole` found under its digest."""
    body = body_of(applied)
    if not isinstance(body, ConfigApplied):
        return None
    return body.text or texts.get(body.digest)


def _own_text(applied: Event) -> str | None:
    body = body_of(applied)
    return body.text if isinstance(body, ConfigApplied) and body.text else None
