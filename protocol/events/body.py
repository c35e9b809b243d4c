"""A body of one kind: the class that every kind's dataclass is made from."""

from typing import ClassVar

from protocol.events.shapes import Shaped


class Body(Shaped):
    """`KIND` names the event kind, `SERVICE` says whether such an event is about a service (or about a node)."""

    __slots__ = ()
    KIND: ClassVar[str] = ""
    SERVICE: ClassVar[bool] = True
