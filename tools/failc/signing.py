"""From what an operator wants to a signed command: the node that is asked says who acts, and the operator's key signs it.

    order = Order("move", "web", "genesis", "rack work", for_ms=0)
    signed = sign(ask, cluster, order)          # {"command", "signature"}, or Already where nothing is to be done
"""

import base64
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from tools.cli.trouble import NO, USAGE, Trouble

if TYPE_CHECKING:
    from tools.failc.asking import Node

EXPIRES_MS = 30_000
"""A signed command that was not given by then is no longer what its operator wants. A node takes none that is good for more
than a minute: so much may two clocks differ, in either direction."""


TYPED = {"fail-everywhere": ("fail", "--everywhere"), "is-off": ("fence", "--confirmed")}
"""Words that are typed as an option of another one."""


class Order(NamedTuple):
    word: str
    service: str
    node: str = ""
    reason: str = ""
    for_ms: int = 0
    epoch: int = 0
    """Only while the service's epoch is this; 0 for any."""
    digest: bytes = b""

    @property
    def what(self) -> str:
        """As it is typed."""
        word, *option = TYPED.get(self.word, (self.word,))
        return " ".join((word, self.service or self.node, *option))


class Already(str):
    """What was ordered is so, in a sentence: nothing is signed, and nothing is written."""


def sign(ask: "Node", cluster: dict[str, Any], order: Order) -> dict[str, str] | Already:
    """The command as it is sent. Raises Trouble where no key here may sign, or where the node says that it cannot be."""
    from protocol.commands import Act, Command, sign_command
    from protocol.keys import UnusableKey
    from protocol.names import Ref
    from tools.failc.identity import operator

    name, key = operator(cluster)
    found = _resolved(ask, order)
    if found["already"]:
        return Already(found["already"])
    command = Command(
        cluster=bytes.fromhex(cluster["cluster_id"]),
        operator=name,
        word=order.word,
        service=order.service,
        node=order.node,
        reason=order.reason,
        for_ms=order.for_ms,
        epoch=found["epoch"] or (0 if found["run"] else order.epoch),
        expires_ms=time.time_ns() // 1_000_000 + EXPIRES_MS,
        nonce=os.urandom(16),
        acts=tuple(Act(*act) for act in found["acts"]),
        run=bytes.fromhex(found["run"]),
        digest=order.digest,
        ends=tuple(Ref(*ref) for ref in found["ends"]),
    )
    try:
        signed = sign_command(command, key)
    except UnusableKey as error:
        raise Trouble(str(error), USAGE) from None
    return {"command": _text(signed.raw), "signature": _text(signed.signature)}


def _resolved(ask: "Node", order: Order) -> dict[str, Any]:
    query = urlencode({"word": order.word, "service": order.service, "node": order.node, "digest": order.digest.hex()})
    code, found = ask.ask("GET", f"/resolve?{query}")
    if code != 200:
        raise Trouble(f"{order.what}: refused: {found.get('text') or found.get('error') or f'answered {code}'}", NO)
    known = found.get("service_epoch")
    if order.epoch and known not in (None, order.epoch):
        text = f"old-epoch: the command is for epoch {order.epoch}, {order.service} is at {known}"
        raise Trouble(f"{order.what}: refused: {text}", NO)
    return found


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
