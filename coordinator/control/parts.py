"""The status, built in several turns of the event loop: a thousand services take it longer than a heartbeat may wait.

    known = await status_in_parts(view, wall_ms)            # the same as `status(view, wall_ms)`
    known = await status_in_parts(view, wall_ms, "web")     # of the services only this one

All parts are of one moment: the state is never changed, only replaced, and what was seen at first is asked to the end.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from coordinator.control.enforcement import enforcement
from coordinator.control.status import outline, service
from coordinator.control.view import NodeView
from coordinator.policy import Policy
from coordinator.state.model import State
from protocol.event import Event, Ref

PART_S = 0.003
"""So long in one turn: some fifty services."""


@dataclass(frozen=True)
class _Moment:
    """Implements `coordinator.control.view.StateView`."""

    me: str
    policy: Policy
    state: State
    sentence: Callable[[str], str]
    refused_because: Callable[[str], str]
    number: Callable[[str, str], tuple[int, int] | None]
    no_number_because: Callable[[str], str]
    event: Callable[[Ref | None], Event | None]

    @classmethod
    def of(cls, view: NodeView) -> Self:
        asked = view.refused_because, view.number, view.no_number_because
        return cls(view.me, view.policy, view.state, view.sentence, *asked, view.event)


async def status_in_parts(view: NodeView, wall_ms: int, only: str | None = None) -> dict[str, Any]:
    """Without a service that the configuration does not have."""
    moment, peers, gate = _Moment.of(view), view.peers(), view.gate()
    whole = outline(view, wall_ms, peers)
    names = [name for name in moment.policy.services if only in (None, name)]
    services, until_s = dict[str, Any](), time.monotonic() + PART_S
    for name in names:
        services[name] = service(moment, name, peers) | enforcement(moment.policy.services[name], moment.me, gate)
        if time.monotonic() >= until_s:
            await asyncio.sleep(0)
            until_s = time.monotonic() + PART_S
    return whole | {"services": services}
