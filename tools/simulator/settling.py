"""After the accidents: everything is mended, and within a stated time exactly one node must own each service.

    settle(world, say)          # raises Unsettled with what is not as it must be

The bound counts what the rules let a node wait for: the start's grace, `dead` for each candidate that could be passed
over and for how long it then is, a carrier that must stand, the retry of a stuck service, and a failback's time.
"""

from collections.abc import Callable

from coordinator.core.service_timers import PASSED_MS
from coordinator.policy import ARBITER
from coordinator.state import ownership
from coordinator.state.model import ServicePhase, ServiceState
from tools.simulator.network_faults import FAIR
from tools.simulator.related import unsettled
from tools.simulator.world import World

LOOK_EVERY_MS = 100
STUCK_RETRY_MS = 10_000
QUIET_MS = 3_000
BETWEEN_ORDERS_MS = 500


class Unsettled(AssertionError):
    """The world was mended, time has passed, and something is still not as it must be."""


def bound_ms(world: World) -> int:
    """How long the mended world may take until each service has one owner and all feeds are everywhere."""
    timing = world.policy.timing
    longest = max((service.failback_ms or 0) for service in world.policy.services.values())
    timeout = max(action.timeout_ms for service in world.policy.services.values() for action in service.actions)
    leased = [service.lease_ms for service in world.policy.services.values() if service.partition == ARBITER]
    asked_ms = 4 * max(leased, default=0)
    return asked_ms + STUCK_RETRY_MS + 4 * PASSED_MS + 2 * timeout + longest + timing.dead_ms * (4 + len(world.hosts)) + 5_000


def settle(world: World, say: Callable[[str], None]) -> None:
    mend(world)
    _one_file(world)
    say("everything is mended")
    world.run_until_ms(world.now_ms + QUIET_MS)
    deadline_ms = world.now_ms + bound_ms(world)
    while (_other_files(world) or _absent(world)) and world.now_ms < deadline_ms:  # else an order is refused, or not read
        world.start(*world.hosts)
        _one_file(world)
        world.run_until_ms(world.now_ms + (QUIET_MS if _absent(world) else LOOK_EVERY_MS))
    _release_operators_hands(world, say)
    deadline_ms = world.now_ms + bound_ms(world)
    wrong = _wrong(world)
    while wrong and world.now_ms < deadline_ms:
        world.start(*world.hosts)  # one that was being stopped when everything was mended has ended by now
        world.run_until_ms(world.now_ms + LOOK_EVERY_MS)
        _one_file(world)
        wrong = _wrong(world)
    if wrong:
        raise Unsettled(f"{bound_ms(world)} ms after everything was mended: {'; '.join(wrong)}")


def mend(world: World) -> None:
    """Every accident ends; every machine runs."""
    world.network.set_weather(FAIR)
    world.network.heal_all()
    world.power.trouble.clear()
    world.arbiter.mend()
    for host in world.hosts.values():
        host.disk.slow_us = 0
        host.disk.release()
        host.failing_checks.clear()
        host.refusing_gates.clear()
        host.evidence.clear()
        host.works.took_us = lambda order: 0
        for service in world.policy.services:
            host.works.mend(service)
        for interface in sorted(host.lost_carrier):
            host.carrier(interface, True)
        host.thaw()
        if host.guard.mute:
            host.kill_guard()  # as faild does with one that confirms nothing
        host.start()
        host.restore_guard()


def _one_file(world: World) -> None:
    """Every node gets the file of the beginning; again, where a node could not take it just then, or where one was removed by
    an order: that the others run the old file again does not end it, and a signature does."""
    removed = {name for name, host in world.hosts.items() if host.faild and ownership.removed(host.faild.core.state, name)}
    for name, host in world.hosts.items():
        running = host.faild.core.policy if host.faild else host.file
        if host.file != world.policy or running != world.policy or (removed and name not in removed):
            host.apply(world.policy)


def _release_operators_hands(world: World, say: Callable[[str], None]) -> None:
    """Holds and standby end, a log that forked is done with, and whatever failed may serve again; one order after the other, as
    people give them."""
    for node in [name for name in world.hosts if _has_forked(world, name)]:
        say(f"readmit {node}")
        world.order("readmit", "", node)
        world.run_until_ms(world.now_ms + BETWEEN_ORDERS_MS)
    for service in world.policy.services:
        say(f"unhold {service}")
        world.order("unhold", service)
        say(f"recover {service} everywhere")
        world.order("recover", service)
        world.run_until_ms(world.now_ms + BETWEEN_ORDERS_MS)
    for node in world.hosts:
        say(f"unstandby {node}")
        world.order("unstandby", "", node)
        world.run_until_ms(world.now_ms + BETWEEN_ORDERS_MS)
    for service, policy in world.policy.services.items():
        for node in policy.nodes:
            world.run_until_ms(world.now_ms + BETWEEN_ORDERS_MS)
            if world.state(service, node) == ServicePhase.FAIL:
                say(f"recover {service} {node}")
                world.order("recover", service, node)


def _has_forked(world: World, node: str) -> bool:
    """Two old disks of a machine, one after the other, while no other disk took what was written between them."""
    return any(host.faild and ownership.forked(host.faild.core.state, node) for host in world.hosts.values())


def _wrong(world: World) -> list[str]:
    others = _other_files(world)
    found = [f"{', '.join(others)} still runs another file"] if others else []
    found += [text for service in world.policy.services for text in _service(world, service)]
    return found + _feeds(world)


def _other_files(world: World) -> list[str]:
    """Who runs another configuration than the one of the beginning."""
    return [name for name, host in world.hosts.items() if host.faild and host.faild.core.policy != world.policy]


def _absent(world: World) -> list[str]:
    """Who does not run, or is being stopped: an order that ends what others have ordered must be given where that is known."""
    return [name for name, host in world.hosts.items() if host.faild is None or host.faild.core.startup.stopping]


def _service(world: World, service: str) -> list[str]:
    owners = world.owners(service)
    states = {node: world.state(service, node) for node in world.policy.services[service].nodes}
    if len(owners) != 1 or states[owners[0]] != ServicePhase.UP:
        return [f"{service} is owned by {', '.join(owners) or 'no node'} ({states})"]
    if not world.tenures.announced(service):
        return [f"{service}: {owners[0]} has not announced it since the newest split"]
    if wrong := unsettled(world, service, owners[0]):
        return [wrong]
    policy = world.policy.services[service]
    bound = policy.needs_here or policy.apart
    if not bound and (preferred := _preferred(world, service, owners[0])):
        return [f"{service} is owned by {owners[0]}, and {preferred}, which is preferred and able, does not get it back"]
    unresolved = [
        name for name, host in world.hosts.items() if host.faild and service in host.faild.core.column.splits
    ]
    return [f"{', '.join(unresolved)} still see a split of {service}"] if unresolved else []


def _preferred(world: World, service: str, owner: str) -> str:
    """A better candidate that the owner would have to give the service back to; empty where all is as it should be."""
    faild = world.hosts[owner].faild
    policy = world.policy.services[service]
    if faild is None or policy.failback_ms is None:
        return ""
    state = faild.core.state
    order = ownership.order(state, policy)
    return next((node for node in order[: order.index(owner)] if _is_able(state.column(node).service(service))), "")


def _is_able(column: ServiceState) -> bool:
    return column.state is ServicePhase.RECOVER and not column.last_failed


def _feeds(world: World) -> list[str]:
    """Every disk holds every feed as far as its author's own disk does."""
    lacking = []
    for author, host in world.hosts.items():
        for (node, incarnation), head in host.disk.heads.items():
            if node != author:
                continue
            for other, peer in world.hosts.items():
                known = peer.disk.heads.get((node, incarnation))
                if known is None or known.number < head.number:
                    lacking.append(f"{other} lacks {node} {incarnation}/{head.number}")
    return lacking[:3]
