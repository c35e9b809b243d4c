"""What travels between simulated nodes: the bytes that production frames would carry, without the frames."""

from dataclasses import dataclass

from protocol.bodies import Removal, Reply
from protocol.commands import SignedCommand
from protocol.event import Head

Pairs = tuple[tuple[bytes, bytes | None], ...]
"""Entries as they travel: bytes and signature."""


@dataclass(frozen=True, slots=True)
class BeatMail:
    raw: bytes
    signature: bytes
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class EntriesMail:
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class WantMail:
    node: str
    incarnation: int
    first: int


@dataclass(frozen=True, slots=True)
class HeadsMail:
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class CommandMail:
    command: SignedCommand


@dataclass(frozen=True, slots=True)
class ReplyMail:
    reply: Reply


@dataclass(frozen=True, slots=True)
class WordMail:
    raw: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class RemovedMail:
    """What a node is shown that is not in the sender's file: it comes without a connection of the link."""

    removal: Removal


Mail = RemovedMail | BeatMail | EntriesMail | WantMail | HeadsMail | CommandMail | ReplyMail | WordMail
