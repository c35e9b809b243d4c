"""A check by the state of a unit of systemd: one run, and what it found.

    check = UnitCheck("web.service")
    found = await check.run({}, timeout_s=1)

A bus or a systemd that does not answer says nothing about the service: such a run counts neither way.
"""

import asyncio
from collections.abc import Mapping

from actions.checks.kind import Found, Unasked
from actions.unit_action import UP
from actions.units import Refused, Units
from protocol.moment import lasting


class UnitCheck:
    def __init__(self, unit: str) -> None:
        self._unit, self._units = unit, Units()

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Raises Unasked."""
        try:
            async with asyncio.timeout(timeout_s):
                state = await self._units.state(self._unit)
                if state.active in UP:
                    return Found(True)
                why = await self._units.why(state)
        except TimeoutError:
            raise Unasked(f"systemd does not answer within {lasting(timeout_s * 1000)}") from None
        except (OSError, Refused) as error:
            raise Unasked(f"systemd cannot be asked: {error}") from None
        return Found(False, f"{self._unit} is {state}" + (f": {why}" if why else ""))

    async def close(self) -> None:
        self._units.close()
