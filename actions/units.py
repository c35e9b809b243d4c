"""Units of systemd over D-Bus: their states, and jobs that are waited for.

    units = Units()                                     # connects to the system bus when it is first needed
    state = await units.state("web.service")            # load, active, sub, as systemctl prints them
    result = await units.job("StartUnit", "web.service")    # "done", or what systemd says instead
    units.close()

Raises OSError where the bus or systemd cannot be asked, Refused where systemd says no. A job goes on when the one who ordered
it is cancelled: what became of it, a state tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Sequence
from typing import Any, NamedTuple

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from protocol.printable import printable

SYSTEMD = "org.freedesktop.systemd1"
MANAGER, MANAGER_PATH = f"{SYSTEMD}.Manager", "/org/freedesktop/systemd1"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"

JOBS = f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'"

WORDS_MAX = 200
"""Of what systemd says in a sentence of ours."""


class Refused(Exception):
    """An error that systemd answers, in its words. `name` is its kind, such as org.freedesktop.systemd1.NoSuchUnit."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(printable(text)[:WORDS_MAX])
        self.name = name


class UnitState(NamedTuple):
    load: str
    """loaded, not-found, masked, bad-setting or error."""
    active: str
    """active, reloading, activating, deactivating, inactive or failed; later versions have more."""
    sub: str
    path: str
    job: int
    """The number of a job that waits or runs; 0 where there is none."""

    def __str__(self) -> str:
        return f"{self.active} ({self.sub})" if self.load == "loaded" else f"{self.load}, {self.active}"


class Units:
    def __init__(self) -> None:
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._orders = 0
        """How many wait for the end of a job, or for its name."""
        self._jobs: dict[str, asyncio.Future[str]] = {}
        """The path of each job that is waited for, or ended while the name of one was not known yet."""

    async def state(self, unit: str) -> UnitState:
        (listed,) = await self._ask("ListUnitsByNames", "as", [[unit]])
        _, _, load, active, sub, _, path, job, _, _ = listed[0]
        return UnitState(load, active, sub, path, job)

    async def job(self, method: str, unit: str) -> str:
        """`method` is StartUnit or StopUnit. A job in the other direction that waits for this unit is replaced."""
        self._orders += 1
        path = ""
        try:
            (path,) = await self._ask(method, "ss", [unit, "replace"])
            return await self._end_of(path)
        finally:
            self._orders -= 1
            self._jobs.pop(path, None)
            if not self._orders:
                self._jobs.clear()

    async def why(self, state: UnitState) -> str:
        """What systemd notes of a service's end, such as exit-code or timeout; empty where it notes nothing."""
        with contextlib.suppress(Refused):
            found = await self._ask("Get", "ss", [f"{SYSTEMD}.Service", "Result"], state.path, f"{BUS}.Properties")
            return str(found[0].value).replace("success", "")
        return ""

    def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    def _end_of(self, path: str) -> asyncio.Future[str]:
        return self._jobs.setdefault(path, asyncio.get_running_loop().create_future())

    async def _ask(
        self, member: str, signature: str, body: Sequence[Any], path: str = MANAGER_PATH, interface: str = MANAGER
    ) -> list[Any]:
        return await _call(await self._connected(), SYSTEMD, path, interface, member, signature, body)

    async def _connected(self) -> MessageBus:
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                self._bus = await self._connect()
            return self._bus

    async def _connect(self) -> MessageBus:
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await bus.connect()
            bus.add_message_handler(self._heard)
            await _call(bus, BUS, BUS_PATH, BUS, "AddMatch", "s", [JOBS])
            await _call(bus, SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe", "", [])
        except BaseException as error:
            bus.disconnect()
            if isinstance(error, OSError | asyncio.CancelledError | Refused):
                raise
            raise OSError(errno.ENOTCONN, f"the system bus: {error}") from None
        self._watching = asyncio.create_task(self._watch(bus))
        return bus

    async def _watch(self, bus: MessageBus) -> None:
        """When the bus is gone, no signal will come any more."""
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        for job in self._jobs.values():
            if not job.done():
                job.set_exception(OSError(errno.ECONNRESET, "the connection to the system bus has ended"))

    def _heard(self, message: Message) -> None:
        """A job may have ended before its name has reached who ordered it."""
        if message.message_type is MessageType.SIGNAL and message.member == "JobRemoved" and self._orders:
            _, path, _, result = message.body
            job = self._end_of(path)
            if not job.done():
                job.set_result(result)


async def _call(
    bus: MessageBus, destination: str, path: str, interface: str, member: str, signature: str, body: Sequence[Any]
) -> list[Any]:
    message = Message(
        destination=destination, path=path, interface=interface, member=member, signature=signature, body=list(body)
    )
    try:
        reply = await bus.call(message)
    except (EOFError, DBusError) as error:
        raise OSError(errno.ECONNRESET, f"the system bus: {error}") from None
    if reply is None:
        raise OSError(errno.ECONNRESET, "the system bus has not answered")
    if reply.message_type is MessageType.ERROR:
        raise Refused(reply.error_name or "", str(reply.body[0]) if reply.body else reply.error_name or "an error")
    return list(reply.body)
