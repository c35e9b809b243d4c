"""The door: a command from outside is looked at here before the core hears of it.

Signature, cluster and operator first, then the expiry by the wall clock (the only place where one is asked), then the role,
then the nonce: a command that stands in any feed, or came in a moment ago, is a replay. What the core decides is its own.
"""

import base64
import binascii
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from coordinator.control.view import Fate, NodeView
from coordinator.core.effects import Answer
from coordinator.state import authorization
from protocol.commands import COMMAND_BYTES_MAX, Command, SignedCommand, check_expiry, open_command
from protocol.refusals import Reason, Refused

BODY_BYTES_MAX = 4 * COMMAND_BYTES_MAX
"""A command and its signature in base64, with room for the JSON around them."""

RECENT_MAX = 1024
"""Nonces remembered until they are in the log; far more than operators can type while one commit lasts."""


FATES = {
    Fate.APPLIED: (202, None),
    Fate.UNCHANGED: (202, None),
    Fate.BAD: (422, "bad-file"),
    Fate.REFUSED: (409, "not-now"),
    Fate.DENIED: (403, "role"),
}
"""What became of a file, as HTTP status and as a word."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the asker is told, and the HTTP status for it: 202 admitted, 403 no authority, 409 refused by the core, 422 a bad
    configuration file."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class Door:
    view: NodeView
    counts: Counter[str] = field(default_factory=Counter)
    """Outcome to number of commands: "admitted", "not-admitted", or a reason of refusal."""
    recent: dict[bytes, None] = field(default_factory=dict)

    async def knock(self, body: object, wall_ms: int) -> Reply:
        """`body` is {"command": base64, "signature": base64}."""
        try:
            signed = self._looked_at(*_bytes(body), wall_ms)
        except Refused as refused:
            self.counts[refused.reason] += 1
            return Reply(403, {"admitted": False, "refused": str(refused.reason), "text": str(refused)})
        denied = authorization.permitted(self.view.policy, signed.command)
        if denied:
            self.counts["role"] += 1
            return Reply(403, {"admitted": False, "refused": "role", "text": denied.text})
        if signed.command.word == "apply":
            return await self._apply(signed)
        answer = await self.view.submit(signed)
        self.counts["admitted" if answer.admitted else "not-admitted"] += 1
        if answer.admitted:
            return Reply(202, {"admitted": True, "refused": None, "text": answer.text})
        return Reply(409 if answer.authority else 403, {"admitted": False, "refused": _word(answer), "text": answer.text})

    async def _apply(self, signed: SignedCommand) -> Reply:
        """The only command that is about a file here: what is wrong with it goes back to the asker, line by line."""
        applied = await self.view.apply(signed)
        status, refused = FATES[applied.fate]
        self.counts["admitted" if status == 202 else "not-admitted"] += 1
        body = {"admitted": status == 202, "refused": refused, "text": applied.text}
        return Reply(status, {**body, "changes": list(applied.changes), "complaints": list(applied.complaints)})

    def _looked_at(self, raw: bytes, signature: bytes, wall_ms: int) -> SignedCommand:
        policy = self.view.policy
        keys = {name: operator.key for name, operator in policy.operators.items()}
        signed = open_command(raw, signature, keys, policy.cluster_id)
        check_expiry(signed.command, wall_ms)
        self._not_replayed(signed.command)
        return signed

    def _not_replayed(self, command: Command) -> None:
        """A nonce of any feed, or one that is on its way into a feed."""
        if self.view.state.orders.obeyed_anywhere(command.nonce) or command.nonce in self.recent:
            raise Refused(Reason.REPLAYED, "this command was given before; sign a new one")
        self.recent[command.nonce] = None
        if len(self.recent) > RECENT_MAX:
            del self.recent[next(iter(self.recent))]


def _word(answer: Answer) -> str:
    """The reason in one word, where the core's sentence begins with one."""
    first = answer.text.partition(":")[0]
    return first if first in set(Reason) else "not-now" if answer.authority else "role"


def _bytes(body: object) -> tuple[bytes, bytes]:
    if not isinstance(body, dict):
        raise Refused(Reason.GARBAGE, 'not {"command": base64, "signature": base64}')
    try:
        raw = base64.b64decode(body.get("command", ""), validate=True)
        signature = base64.b64decode(body.get("signature") or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Refused(Reason.GARBAGE, "command and signature are not base64") from None
    if not signature:
        raise Refused(Reason.UNSIGNED, "a command without a signature; every change is signed by an operator")
    return raw, signature
