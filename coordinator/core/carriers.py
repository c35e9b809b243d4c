"""The carriers of this node's interfaces: where one is lost, the services that need it go elsewhere until it stands again.

carriers.changed(CarrierChanged(...))       # the input: the event of each service that needs it
carriers.tick()                             # with each heartbeat: one that has stood for a while is back
"""

from collections.abc import Mapping

from coordinator.core.context import NOTHING_ELSE, Context, News
from coordinator.core.inputs import CarrierChanged
from coordinator.core.services import Services
from coordinator.policy import ServicePolicy
from coordinator.state.model import ServiceState
from protocol.events import CarrierBack, CarrierLost

CARRIER_HOLD_DEADS = 2
"""A carrier counts as back when it stood for so many times `dead`: a cable that is being plugged in bounces."""


class Carriers:
    def __init__(self, context: Context, services: Services) -> None:
        self.context, self.services = context, services
        self._up: dict[str, bool] = {}
        self._up_ms: dict[str, int] = {}
        self._without: list[str] = []
        """Services that lost a carrier here, as our own events tell, and the services of our column that say so."""
        self._without_by: Mapping[str, ServiceState] | None = None

    def changed(self, given: CarrierChanged) -> News:
        self._up[given.interface] = given.up
        if given.up:
            self._up_ms[given.interface] = self.context.now_ms
        elif self.context.joined:
            self._lost(given.interface)
        return NOTHING_ELSE

    def tell(self) -> None:
        """At the start of a feed: which are lost."""
        for interface, up in sorted(self._up.items()):
            if not up:
                self._lost(interface)

    def tell_of(self, service: ServicePolicy) -> None:
        """An interface that the service needs only now may have lost its carrier long ago."""
        for interface in service.interfaces:
            if not self._up.get(interface, True):
                self._lost(interface)

    def _lost(self, interface: str) -> None:
        context = self.context
        for name, job in self.services.jobs.items():
            if interface in job.policy.interfaces and interface not in context.column.service(name).carrier_lost:
                context.write(name, CarrierLost(interface=interface), ())

    def tick(self) -> None:
        """A carrier that came back counts when it has stood for a while: no flapping with the cable."""
        context, jobs = self.context, self.services.jobs
        hold_ms = CARRIER_HOLD_DEADS * context.policy.timing.dead_ms
        services = context.column.services
        if self._without_by is not services:  # a thousand services are not looked at with every heartbeat
            self._without_by = services
            self._without = [name for name, service in services.items() if service.carrier_lost]
        for name in [name for name in self._without if name in jobs]:
            for interface, lost in context.column.service(name).carrier_lost.items():
                up_ms = self._up_ms.get(interface, context.now_ms)
                stands = self._up.get(interface, False) and context.now_ms - up_ms >= hold_ms
                if stands or interface not in jobs[name].policy.interfaces:
                    context.write(name, CarrierBack(interface=interface), (lost,))
