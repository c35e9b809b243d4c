"""A unit of systemd that is active while the service is up.

    action = UnitAction("web.service", workshop.units)
    await action.up(order)          # StartUnit, and its job is waited for; then the unit's state decides

That a job is done says little: a unit may have ended again, or never have become active. So the state is asked afterwards.
"""

from actions.action import DONE, Ending, Order, Result, Seen, failed
from actions.units import Refused, Units, UnitState

UP, DOWN = frozenset({"active", "reloading"}), frozenset({"inactive", "failed"})
"""What is neither, such as `activating` in a unit that restarts itself, cannot be relied on."""

NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"


class UnitAction:
    def __init__(self, unit: str, units: Units) -> None:
        self._unit, self._units = unit, units

    async def up(self, order: Order) -> Result:
        try:
            return await self._start()
        except Refused as refused:
            return failed(f"{self._unit}: {refused}")

    async def down(self, order: Order) -> Result:
        try:
            return await self._stop()
        except Refused as refused:
            if refused.name == NO_SUCH_UNIT:
                return DONE
            return failed(f"{self._unit}: {refused}")

    async def reclaim(self, order: Order) -> Result:
        """A unit that is active stays as it is: it never went away."""
        return await self.up(order)

    async def probe(self, order: Order) -> Seen:
        try:
            state = await self._units.state(self._unit)
        except Refused:
            return Seen.UNKNOWN
        if state.active in UP:
            return Seen.UP
        return Seen.DOWN if _is_down(state) else Seen.UNKNOWN

    async def _start(self) -> Result:
        before = await self._units.state(self._unit)
        if before.active in UP:
            return DONE
        if before.load != "loaded":
            return failed(f"{self._unit} cannot be started: {before.load}")
        result = await self._units.job("StartUnit", self._unit)
        after = await self._units.state(self._unit)
        if after.active in UP:
            return DONE
        text = await self._told("start", result, after)
        return failed(text) if _is_down(after) else Result(Ending.UNKNOWN, text)

    async def _stop(self) -> Result:
        if _is_down(await self._units.state(self._unit)):
            return DONE
        result = await self._units.job("StopUnit", self._unit)
        after = await self._units.state(self._unit)
        if _is_down(after):
            return DONE if after.active == "inactive" else Result(Ending.DONE, await self._told("stop", result, after))
        return failed(await self._told("stop", result, after))

    async def _told(self, what: str, result: str, state: UnitState) -> str:
        why = await self._units.why(state)
        return f"{self._unit}: the {what} job is {result}, and it is {state}" + (f": {why}" if why else "")


def _is_down(state: UnitState) -> bool:
    return state.active in DOWN and not state.job
