"""A scripted peer: it writes what the story says, chained and signed with its real key, and sends what it is told to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.policy import Policy
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.kinds import ALWAYS_SIGNED, Kind
from protocol.messages import Domain, Heard, Heartbeat, LastWord, ShortHead
from tests.transcripts.files import identity

GIVEN: Mapping[str, Any] = {"peers": {}, "fit": True}

DECIDED: Mapping[str, Mapping[str, Any]] = {
    Kind.CLAIM: {"rule": "take-over-free", "given": GIVEN, "reason": "no node has held it yet"},
    Kind.RECLAIM: {"rule": "reclaim", "given": GIVEN, "reason": "another node held it: announce again"},
    Kind.RELEASE: {"to": "RECOVER", "cause": "rival", "reason": "a reason of its own"},
    Kind.DOWN: {"to": "RECOVER", "cause": "rival", "reason": "a reason of its own"},
    Kind.FAIL: {"rule": "operator-fail", "cause": "operator", "given": GIVEN, "reason": "an operator said fail"},
    Kind.RECOVER: {"rule": "operator-recover", "given": GIVEN, "reason": "an operator said recover"},
    Kind.PULSE: {"gaps": {}, "late_ms_max": 0},
    Kind.ACTION_FINISHED: {"action": 0, "word": "down", "outcome": "failed"},
}
"""What a body needs besides what the story says."""


@dataclass
class Peer:
    name: str
    policy: Policy
    life: int = 1
    incarnation: int = 1
    entries: list[Entry] = field(default_factory=list)
    sent: int = 0
    """How many of its events it has sent."""
    counter: int = 0
    knows: dict[str, Entry] = field(default_factory=dict)
    """The newest event that it has of each other node."""
    told: dict[str, Head] = field(default_factory=dict)
    deaf_to: set[str] = field(default_factory=set)
    """Whose messages do not reach it."""
    run: bytes = b""
    heard: dict[str, tuple[bytes, int, int]] = field(default_factory=dict)
    """Of each node the newest heartbeat that reached it: its run, its counter, and when that was."""
    older: list[Entry] = field(default_factory=list)
    """What it has written in replaced incarnations."""

    def __post_init__(self) -> None:
        self._key = identity(self.name)
        self._name_run()

    def _name_run(self) -> None:
        self.run = f"{self.name} {self.life}".encode()[-8:].rjust(8)

    # --- its feed -------------------------------------------------------------------------------------------------------

    def restart(self, new_feed: bool) -> None:
        """Another life of its faild. `new_feed`: its disk is new, and it begins its feed anew."""
        self.life, self.counter = self.life + 1, 0
        self._name_run()
        if new_feed:
            self.older += self.entries
            self.incarnation, self.entries, self.sent, self.told = self.incarnation + 1, [], 0, {}

    def write(self, kind: str, service: str, fields: Mapping[str, Any], causes: tuple[Ref, ...] = ()) -> Entry:
        body = {**DECIDED.get(kind, {}), **fields}
        last = self.entries[-1] if self.entries else None
        heads = {node: entry.head for node, entry in sorted(self.knows.items())}
        news = tuple(head for node, head in heads.items() if self.told.get(node) != head)
        self.told |= heads
        event = Event(
            self.policy.cluster_id, self.name, self.incarnation, len(self.entries) + 1, last.id if last else NO_PREVIOUS,
            1, 1, str(kind), service, body, causes, news,
        )  # fmt: skip
        entry = Entry.of(event)
        if kind in ALWAYS_SIGNED:
            entry = self._signed(entry)
        self.entries.append(entry)
        return entry

    def _signed(self, entry: Entry) -> Entry:
        return entry.signed(self._key.sign(Domain.EVENT, entry.id))

    def unsent(self) -> list[tuple[bytes, bytes | None]]:
        """What it has not sent yet, the last one signed."""
        if self.sent >= len(self.entries):
            raise ValueError(f"{self.name} has written nothing that it has not sent")
        self.entries[-1] = self._signed(self.entries[-1])
        fresh, self.sent = self.entries[self.sent :], len(self.entries)
        return [(entry.raw, entry.signature) for entry in fresh]

    def reads(self, entry: Entry) -> None:
        """It has this event of another node, and names the newest that it has."""
        known = self.knows.get(entry.event.node)
        if known is None or known.ref < entry.ref:
            self.knows[entry.event.node] = entry

    def forget(self, number: int) -> None:
        """Its disk went back in time: it has written nothing from this number on."""
        self.entries = self.entries[: number - 1]
        self.sent = min(self.sent, number - 1)

    def start_events(self, clean: bool, number: int) -> None:
        after = None
        if self.older and not self.entries:
            last = self.older[-1].event
            after = [last.incarnation, last.number]
            self.write(Kind.GAP_DECLARED, "", {"incarnation": last.incarnation, "number": last.number, "id": self.older[-1].id})
        elif self.entries:
            after = [self.incarnation, len(self.entries)]
        started = {"run": self.run, "rules": 2, "config": self.policy.digest, "clean": clean, "after": after}
        self.write(Kind.NODE_STARTED, "", started)
        if self.life == 1 or not after or self.older:
            self.apply(self.policy, number)

    def apply(self, policy: Policy, number: int, causes: tuple[Ref, ...] = ()) -> None:
        self.policy = policy
        self.write(Kind.CONFIG_APPLIED, "", {"number": number, "digest": policy.digest, "text": policy.text}, causes)

    # --- its messages ---------------------------------------------------------------------------------------------------

    def heartbeat(
        self, now_ms: int, fit: bool, claiming: tuple[str, ...], refused: tuple[str, ...], heads: Mapping[str, ShortHead]
    ) -> tuple[bytes, bytes]:
        """It echoes the newest heartbeat of each node that reached it."""
        self.counter += 1
        known = {node: entry.head for node, entry in self.knows.items()}
        if self.entries:
            known[self.name] = self.entries[-1].head
        short = {node: ShortHead(head.incarnation, head.number, head.id[:8]) for node, head in known.items()}
        heard = {node: Heard(run, counter, now_ms - at_ms) for node, (run, counter, at_ms) in self.heard.items()}
        beat = Heartbeat(
            self.policy.cluster_id, self.name, self.run, self.counter, fit, self.policy.digest[:8], 0,
            {**short, **heads}, heard, refused, claiming,
        )  # fmt: skip
        raw = beat.encode()
        return raw, self._key.sign(Domain.HEARTBEAT, raw)

    def last_word(self, service: str, epoch: int) -> tuple[bytes, bytes]:
        raw = LastWord(self.policy.cluster_id, self.name, self.run, service, epoch).encode()
        return raw, self._key.sign(Domain.LAST_WORD, raw)
