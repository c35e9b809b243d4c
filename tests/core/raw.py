"""A body of any kind with any content, as a node that keeps no rules would write it."""

from collections.abc import Mapping
from typing import Any

from protocol.events import Body


class Raw(Body):
    """In the place of a kind's class, for `FeedWriter.write`."""

    __slots__ = ("KIND", "body")

    def __init__(self, kind: str, body: Mapping[str, Any]) -> None:
        self.KIND, self.body = str(kind), body  # type: ignore[misc]

    def to_body(self) -> dict[str, Any]:
        return dict(self.body)
