"""What the status says of the ways to switch a node off: whether its devices would do, as this node has asked them.

    FenceView(ok=False, text="level 1 (fence_ipmilan): exit 3, the device refuses the login", asked_ms=1_700_000_000_000)
"""

from typing import Any, NamedTuple

from protocol.moment import rfc3339
from protocol.printable import printable


class FenceView(NamedTuple):
    """Of one node, all of its levels together."""

    ok: bool | None
    """None where they have not been asked yet."""
    text: str
    """What is wrong, with the agents' last words; empty where nothing is."""
    asked_ms: int | None
    """When one was asked last, by the wall clock."""

    def json(self) -> dict[str, Any]:
        asked = None if self.asked_ms is None else rfc3339(self.asked_ms)
        return {"ok": self.ok, "text": printable(self.text), "asked": asked, "asked_ms": self.asked_ms}
