"""Rules about services: candidates, policy, actions and checks. A rule takes a `Reading` and yields what it finds."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.kinds.kind import Kind
from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.positions import Path
from coordinator.config.reading import Reading, nearest
from coordinator.config.shape import ActionShape, CheckShape, NodeShape, ServiceShape
from coordinator.policy import DOWN_AT_ONCE
from protocol import endpoints

Findings = Iterator[Finding]


def candidates(reading: Reading) -> Findings:
    known = reading.names("nodes")
    for name, service in reading.file.services.items():
        if not service.nodes:
            yield Finding(("services", name, "nodes"), "names no node", "Write the candidates, the master first")
        for index, node in enumerate(service.nodes):
            path = ("services", name, "nodes", index)
            if node not in known:
                yield Finding(path, f'"{node}" is not a node of this cluster', nearest(node, known))
            elif node in service.nodes[:index]:
                yield Finding(path, f'"{node}" stands here twice', "Name each candidate once")
            elif _is_witness(reading, node):
                what = f'"{node}" is a witness, and a witness owns nothing'
                yield Finding(path, what, f"Take it out here, or take witness out of [nodes.{node}]")


def _is_witness(reading: Reading, name: str) -> bool:
    node: NodeShape | None = reading.file.nodes.get(name)
    return node is not None and node.witness


ANNOUNCE_MS_MIN = 1000
"""An announcement is a broadcast, and takes a second with its repeats."""


def policies(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        path = ("services", name, "partition")
        if service.partition == "majority" and (few := _too_few(reading)):
            yield Finding(path, *few)
        if service.partition == "majority":
            yield from _unenforced(reading, name, service)
        if service.partition == "arbiter":
            yield from _unended(name, service)
        yield from _lease(reading, name, service)
        if service.announce_every < ANNOUNCE_MS_MIN:
            what = f"{spoken(service.announce_every)} is shorter than {spoken(ANNOUNCE_MS_MIN)}, and each is a broadcast"
            yield Finding(("services", name, "announce_every"), what, 'Write one such as "1m"')


def _unenforced(reading: Reading, name: str, service: ServiceShape) -> Findings:
    """Under a lease nothing may be up that nothing ends when `faild` hangs, or its machine does."""
    slow = list[tuple[int, str]]()
    for index, action in enumerate(service.actions):
        kinds = {kind.name for kind in action.kinds} - DOWN_AT_ONCE
        if beyond := kinds & BEYOND_THE_GUARD:
            what = f"{min(beyond)} under {service.partition}: the guard cannot take it down"
            why = "so nothing ends it at the end of the lease"
            instead = 'Put it into a service with partition = "serve"'
            yield Finding(("services", name, "actions", index), f"{what}, {why}", instead)
        elif kinds:
            slow.append((index, min(kinds)))
    watchdog = reading.file.watchdog
    if not slow or (watchdog is not None and watchdog.device != "none"):
        return
    nodes = reading.file.nodes
    spared = [node for node in service.nodes if node in nodes and not (service.fence and nodes[node].fence)]
    if spared:
        index, kind = slow[0]
        what = f"{kind} under {service.partition}, with neither a watchdog nor a fence of {spared[0]}"
        why = "where its stop hangs, nothing ends it at the end of the lease"
        instead = f"Write [watchdog] with device, or [[nodes.{spared[0]}.fence]]; addresses alone need neither"
        yield Finding(("services", name, "actions", index), f"{what}: {why}", instead)


def _unended(name: str, service: ServiceShape) -> Findings:
    """The guard is told no lease that an arbiter keeps: under it nothing may be up but what the kernel ends."""
    for index, action in enumerate(service.actions):
        if kinds := {kind.name for kind in action.kinds} - DOWN_AT_ONCE:
            what = f"{' and '.join(sorted(kinds))} under arbiter: with faild hung, nothing ends it at the end of the lease"
            instead = 'Keep to addresses, which the kernel ends, or write partition = "majority" or "serve"'
            yield Finding(("services", name, "actions", index), what, instead)


BEYOND_THE_GUARD = frozenset({"dns"})
"""Kinds of which something stays up, and that the guard cannot take down: it has no key."""

VOTERS_MIN = 3


def _too_few(reading: Reading) -> tuple[str, str] | None:
    """Why these voters cannot keep what `majority` promises, and what to do."""
    voters = [name for name in reading.names("nodes") if (node := reading.file.nodes.get(name)) is None or node.voter]
    if len(voters) >= VOTERS_MIN:
        return None
    named = f"only {' and '.join(voters)} vote{'' if len(voters) > 1 else 's'}" if voters else "no node votes"
    what = f"{named}, and two voters cannot be safe: a majority of two is both, so the loss of one stops the service"
    instead = "Add a witness on any small host: [nodes.NAME] with witness = true; it owns nothing, and its vote counts"
    return what, instead


def _lease(reading: Reading, name: str, service: ServiceShape) -> Findings:
    heartbeat = reading.file.timing.heartbeat
    written = "lease" in service.model_fields_set
    if written and service.lease < 3 * heartbeat:
        what = f"lease {spoken(service.lease)} is shorter than 3 heartbeats (3 x {spoken(heartbeat)})"
        yield Finding(("services", name, "lease"), what, "Raise it or send more often")


def actions(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        if not service.actions and "actions" not in reading.raw["services"][name]:
            instead = f'Write [[services.{name}.actions]] with address = "10.77.0.100/24" and interface = "eth0"'
            yield Finding(("services", name), "has no action, so owning it would do nothing", instead)
        for index, action in enumerate(service.actions):
            yield from _action(("services", name, "actions", index), action)


def _action(path: Path, action: ActionShape) -> Findings:
    said = action.kinds
    if len(said) != 1:
        what = f"has {' and '.join(kind.name for kind in said)} in one action" if said else "says nothing to do"
        yield Finding(path, what, f"Write exactly one of {', '.join(ACTIONS)} in each action")
    else:
        yield from _odd(path, said[0], action.written)
        yield from _foreign(path, said[0], action.written, list(ACTIONS.values()))
    if action.timeout == 0:
        yield Finding((*path, "timeout"), "is nothing", 'Write how long it may take, such as "20s"')


def _odd(path: Path, kind: Kind, written: Mapping[str, Any]) -> Findings:
    for key, what, instead in kind.odd(written):
        yield Finding((*path, key), what, instead)


def _foreign(path: Path, kind: Kind, written: Mapping[str, Any], kinds: Sequence[Kind]) -> Findings:
    """Settings that are another kind's."""
    own = {setting.key for setting in kind.settings}
    for key in written.keys() - own:
        owner = next(other for other in kinds if key in {setting.key for setting in other.settings})
        yield Finding((*path, key), f"belongs to {owner.spoken}", "Take it out here")


def addresses_once(reading: Reading) -> Findings:
    """An address belongs to one service, and no node uses it for its links."""
    seen: dict[object, str] = {
        endpoints.address(endpoints.endpoint(text, endpoints.PORT)[0]): f"a link address of {name}"
        for name, node in reading.file.nodes.items()
        for text in node.links.values()
    }
    for name, service in reading.file.services.items():
        for index, action in enumerate(service.actions):
            written = action.written
            try:
                address = ipaddress.ip_interface(written.get("address", "")).ip
            except ValueError:
                continue
            interface = written.get("interface")
            where: object = (address, interface) if address.is_link_local else address  # another on each interface
            if where in seen:
                path = ("services", name, "actions", index, "address")
                yield Finding(path, f"{address} is already {seen[where]}", "A service address belongs to one service only")
            seen.setdefault(where, f"an address of service {name}")


def checks(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        for index, check in enumerate(service.checks):
            yield from _check(("services", name, "checks", index), check)


def _check(path: Path, check: CheckShape) -> Findings:
    said = check.kinds
    if len(said) != 1:
        what = f"has {' and '.join(kind.name for kind in said)} in one check" if said else "says nothing to look at"
        yield Finding(path, what, f"Write exactly one of {', '.join(CHECKS)} in each check")
    for kind in said:
        yield from _odd(path, kind, check.written)
    if len(said) == 1:
        yield from _foreign(path, said[0], check.written, list(CHECKS.values()))
    for key in ("every", "timeout"):
        if getattr(check, key) < 10:
            yield Finding((*path, key), "is shorter than 10ms", 'Write one such as "1s"')
    if check.jitter > check.every:
        what = f"{spoken(check.jitter)} is longer than every ({spoken(check.every)})"
        yield Finding((*path, "jitter"), what, "Each run would wait for the one before")


RULES = (candidates, policies, actions, addresses_once, checks)
