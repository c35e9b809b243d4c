"""Commands that were passed on to the nodes that act, until each of these has answered.

    passing.begin(signed, ticket, nodes, now_ms)    # Forward to each
    passing.replied("genesis", reply)               # what it said
    passing.look(now_ms, living)                    # ask again, or give up on a node

The asker gets one Answer: when every named node has answered, is dead, or says nothing for PATIENCE_MS. A command is asked
again meanwhile, which its nonce makes safe: a node that has obeyed it says so again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from coordinator.core.effects import Answer, Effect, Forward, SendReply
from protocol.bodies import Reply
from protocol.commands import SignedCommand
from protocol.event import Ref
from protocol.invariant import must
from protocol.moment import lasting

AGAIN_MS = 500
"""Longer than a healthy disk needs, short for a person who waits."""

PATIENCE_MS = 8_000
"""Less than `failc` waits for an answer: so the operator reads a sentence, and not that a socket is silent."""


@dataclass(slots=True)
class Passed:
    """One command on its way."""

    signed: SignedCommand
    ticket: int
    waiting: set[str]
    began_ms: int
    again_ms: int
    said: list[tuple[str, Reply]] = field(default_factory=list)

    def answer(self) -> Answer:
        """One node of several that obeys is enough for a yes; what the others said stands beside it."""
        admitted = any(reply.admitted for _, reply in self.said)
        authority = admitted or any(reply.authority for _, reply in self.said)
        if len(self.said) == 1 and not admitted:
            return Answer(self.ticket, False, self.said[0][1].text, authority)
        told = "; ".join(f"{node}: {reply.text}" for node, reply in self.said)
        return Answer(self.ticket, admitted, told, authority)


Asker = int | tuple[str, bytes]
"""What waits for the outcome of a command: a ticket of our own socket, or a node and the nonce that it passed on."""


@dataclass(slots=True)
class Passing:
    me: str
    emit: Callable[[Effect], None]
    passed: dict[bytes, Passed] = field(default_factory=dict)
    """Nonce to the command that is on its way."""
    asked: dict[Ref, Asker] = field(default_factory=dict)
    """An event of ours to what waits for its being on the disk."""

    def wait_for(self, ref: Ref, asker: Asker) -> None:
        """What is asked is answered when this event is on the disk, or is refused there."""
        self.asked[ref] = asker

    def awaits(self, ref: Ref) -> bool:
        return ref in self.asked

    def written(self, ref: Ref, admitted: bool, text: str, authority: bool = True) -> None:
        """Answers the asker that waits for this event, if one does."""
        asker = self.asked.pop(ref, None)
        if asker is not None:
            self.tell(asker, admitted, text, authority)

    def begin(self, signed: SignedCommand, ticket: int, nodes: tuple[str, ...], now_ms: int) -> None:
        """`nodes`: all that are to answer. This one, where it acts too, answers by `tell` like the others."""
        nonce = signed.command.nonce
        must(nodes, "a command is passed on to a node at least")
        self.passed[nonce] = Passed(signed, ticket, set(nodes), now_ms, now_ms + AGAIN_MS)
        for node in nodes:
            if node != self.me:
                self.emit(Forward(node, signed))

    def tell(self, asker: Asker, admitted: bool, text: str, authority: bool = True) -> None:
        """What became of a command here, to the socket or the node that asked: exactly once."""
        if isinstance(asker, int):
            self.emit(Answer(asker, admitted, text, authority))
            return
        node, nonce = asker
        reply = Reply(nonce, admitted, authority, text)
        if node == self.me:
            self.replied(node, reply)
        else:
            self.emit(SendReply(node, reply))

    def replied(self, node: str, reply: Reply) -> None:
        """The answer of a node that was named. One from another node, or when all is over, is ignored."""
        passed = self.passed.get(reply.nonce)
        if passed is None or node not in passed.waiting:
            return
        passed.waiting.discard(node)
        passed.said.append((node, reply))
        if not passed.waiting:
            del self.passed[reply.nonce]
            self.emit(passed.answer())

    def look(self, now_ms: int, living: Callable[[str], bool]) -> None:
        """Nodes that have died say nothing any more; the others are asked again."""
        for passed in list(self.passed.values()):
            late = now_ms - passed.began_ms >= PATIENCE_MS
            for node in sorted(passed.waiting):
                if not living(node):
                    self._given_up(passed, node, f"{node} died before it answered: give the command again for a living node")
                elif late:
                    self._given_up(passed, node, f"{node} has not answered for {lasting(PATIENCE_MS)}, and may obey yet: look")
            if passed.waiting and now_ms >= passed.again_ms:
                passed.again_ms = now_ms + AGAIN_MS
                for node in sorted(passed.waiting - {self.me}):
                    self.emit(Forward(node, passed.signed, again=True))

    def _given_up(self, passed: Passed, node: str, why: str) -> None:
        self.replied(node, Reply(passed.signed.command.nonce, False, True, why))
