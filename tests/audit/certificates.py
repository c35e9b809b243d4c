"""Takeover certificates as they are, and as somebody with some of the keys would like them to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from protocol.event import Entry, Event, Ref
from protocol.forks import Branch
from protocol.kinds import Kind
from protocol.messages import Domain
from protocol.takeover import decode, encode
from tests.audit.elections import STOOD_STILL, feed, majority
from tests.audit.worlds import Answer, Played, audit
from tools.simulator.keys import Keys


@dataclass
class Bench:
    """The certificate of genesis's claim of epoch 2, by its own vote and carthage's, and a folder for others."""

    world: Played
    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Bench":
        return cls(majority(STOOD_STILL + "at 14s expect web owner=lukretia", folder), folder)

    @cached_property
    def good(self) -> bytes:
        answer = self.world.audit("prove", "takeover", "web", "2", as_json=False, nodes=("genesis",))
        assert answer.code == 0, answer.err
        return answer.out.encode()

    @property
    def claim(self) -> Branch:
        return decode(self.good).claim.run

    @property
    def votes(self) -> list[Branch]:
        """carthage's, then genesis's."""
        return [vote.run for vote in decode(self.good).votes]

    def event(self, node: str, number: int) -> Entry:
        return next(entry for entry in feed(self.world, node) if entry.event.number == number)

    def check(self, data: bytes, *words: str, config: Path | None = None) -> Answer:
        """`failaudit check` in a folder with the configuration and nothing else of this cluster."""
        file, there = self.folder / "a.takeover", self.folder / "failover.toml"
        file.write_bytes(data)
        there.write_bytes((config or self.world.config).read_bytes())
        return audit("check", str(file), "--config", str(there), *words)


Make = Callable[[Bench], bytes]


def signed(event: Event, by: str = "") -> Branch:
    """The event alone, signed by its author, or with another node's key."""
    entry, by = Entry.of(event), by or event.node
    return (entry.signed(Keys([by], real=True).signer(by).sign(Domain.EVENT, entry.id)),)


def changed(run: Branch, by: str = "", **fields: Any) -> Branch:
    """Another event in its place, signed anew."""
    return signed(replace(run[0].event, **fields), by)


def vote_of(bench: Bench, node: str, **body: Any) -> Branch:
    """What a node might sign: genesis's vote in its name, with another body."""
    event = bench.votes[1][0].event
    return signed(replace(event, node=node, body={**event.body, **body}))


def naming(bench: Bench, votes: Sequence[Branch]) -> bytes:
    """A claim that names these votes, and they with it."""
    causes = tuple(cause for cause in bench.claim[0].event.causes if not _is_vote(bench, cause))
    claim = changed(bench.claim, causes=(*causes, *dict.fromkeys(vote[0].ref for vote in votes)))
    return encode(claim, votes)


def _is_vote(bench: Bench, cause: Ref) -> bool:
    return any(entry.ref == cause and entry.event.kind == Kind.VOTE for entry in feed(bench.world, cause.node))
