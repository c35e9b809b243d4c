"""Rules about services: candidates, policy, actions and checks. A rule takes a `Reading` and yields what it finds."""

import ipaddress
import re
from collections.abc import Iterator

from coordinator.config import endpoints
from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.positions import Path
from coordinator.config.reading import Reading, nearest
from coordinator.config.shape import ActionShape, CheckShape, NodeShape, ServiceShape

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
        if service.partition != "serve":
            what = f'"{service.partition}" is not in this release, which has no leases and no votes'
            yield Finding(("services", name, "partition"), what, 'Write "serve", and know that both sides of a split serve')
        yield from _lease(reading, name, service)
        if service.announce_every < ANNOUNCE_MS_MIN:
            what = f"{spoken(service.announce_every)} is shorter than {spoken(ANNOUNCE_MS_MIN)}, and each is a broadcast"
            yield Finding(("services", name, "announce_every"), what, 'Write one such as "1m"')


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
    kinds = [kind for kind in ("address", "script", "notify") if getattr(action, kind) is not None]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)} in one action" if kinds else "says nothing to do"
        yield Finding(path, what, "Write exactly one of address, script, notify in each action")
    elif kinds == ["address"]:
        yield from _address(path, action.address or "", action.interface)
    else:
        yield from _program((*path, kinds[0]), getattr(action, kinds[0]))
        if action.interface is not None:
            yield Finding((*path, "interface"), "belongs to an address", "Take it out here")
    if action.timeout == 0:
        yield Finding((*path, "timeout"), "is nothing", 'Write how long it may take, such as "20s"')


def _address(path: Path, text: str, interface: str | None) -> Findings:
    try:
        found = ipaddress.ip_interface(text)
        endpoints.address(str(found.ip))
    except endpoints.BadEndpoint as error:
        yield Finding((*path, "address"), error.what, 'Write one such as "10.77.0.100/24"')
    except ValueError:
        yield Finding((*path, "address"), *_no_address(text))
    else:
        if "/" not in text:
            instead = f'Write "{text}/{24 if found.version == 4 else 64}", with the prefix of its network'
            yield Finding((*path, "address"), f'"{text}" has no prefix', instead)
    if interface is None:
        yield Finding((*path, "address"), "has no interface", 'Write interface = "eth0" beside it')
    elif not re.fullmatch(r"[^\s/:%]{1,15}", interface) or interface in (".", ".."):
        yield Finding((*path, "interface"), f'"{interface[:40]}" is not an interface name', 'Write one such as "eth0"')


def _no_address(text: str) -> tuple[str, str]:
    """What is wrong with it, and what to write."""
    host, slash, _ = text.partition("/")
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return f'"{text}" is not an address', 'Write one such as "10.77.0.100/24"'
    most, usual = (32, 24) if found.version == 4 else (128, 64)
    what = f'"{text}" has no prefix of IPv{found.version}' if slash else f'"{text}" is not an address'
    return what, f'Write a number from 1 to {most} behind the slash, such as "{host}/{usual}"'


def one_hosts(reading: Reading) -> Findings:
    """A service address belongs to one host, and can be reached from another machine."""
    for name, service in reading.file.services.items():
        for index, action in enumerate(service.actions):
            try:
                address = ipaddress.ip_interface(action.address or "")
            except ValueError:
                continue
            wrong = _nobodys(address)
            if wrong:
                yield Finding(("services", name, "actions", index, "address"), *wrong)


def _nobodys(address: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> tuple[str, str] | None:
    """What the kernel would take and no client could use."""
    ip, network = address.ip, address.network
    several = network.prefixlen < network.max_prefixlen - 1  # one or two addresses are all hosts: RFC 3021, RFC 6164
    if ip.is_loopback:
        return f"{ip} is a loopback address of every machine", "Write an address of the network that clients are in"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return f"{ip} is an IPv4 address written as IPv6", f'Write "{ip.ipv4_mapped}/24", with the prefix of its network'
    if network.prefixlen == 0:
        return f'"{address}" makes a network of all addresses there are', f'Write the prefix of its network, such as "{ip}/24"'
    if str(ip) == "255.255.255.255":
        return f"{ip} is the broadcast address of every network", 'Write one such as "10.77.0.100/24"'
    inside = f'Write an address inside it, such as "{network[several]}/{network.prefixlen}"'
    if several and ip == network.network_address:
        return f"{ip} is the address of the network {network} itself", inside
    if several and ip.version == 4 and ip == network.broadcast_address:
        return f"{ip} is the broadcast address of {network}, which all its hosts hear", inside
    return None


def hosts(reading: Reading) -> Findings:
    """What a check connects to has a name or an address."""
    for name, service in reading.file.services.items():
        for index, check in enumerate(service.checks):
            odd = endpoints.odd_host(check.tcp) if check.tcp is not None else None
            if odd:
                yield Finding(("services", name, "checks", index, "tcp"), odd.what, odd.instead)


def _program(path: Path, program: str) -> Findings:
    if not program.startswith("/"):
        yield Finding(path, f'"{program[:60]}" is not an absolute path', 'Write it in full, such as "/etc/failover/web"')


def addresses_once(reading: Reading) -> Findings:
    """An address belongs to one service, and no node uses it for its links."""
    seen: dict[object, str] = {
        endpoints.address(endpoints.endpoint(text, endpoints.PORT)[0]): f"a link address of {name}"
        for name, node in reading.file.nodes.items()
        for text in node.links.values()
    }
    for name, service in reading.file.services.items():
        for index, action in enumerate(service.actions):
            try:
                address = ipaddress.ip_interface(action.address or "").ip
            except ValueError:
                continue
            where: object = (address, action.interface) if address.is_link_local else address  # another on each interface
            if where in seen:
                path = ("services", name, "actions", index, "address")
                yield Finding(path, f"{address} is already {seen[where]}", "A service address belongs to one service only")
            seen.setdefault(where, f"an address of service {name}")


def checks(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        for index, check in enumerate(service.checks):
            yield from _check(("services", name, "checks", index), check)


def _check(path: Path, check: CheckShape) -> Findings:
    kinds = [kind for kind in ("tcp", "exec") if getattr(check, kind) is not None]
    if len(kinds) != 1:
        what = "has tcp and exec in one check" if kinds else "says nothing to look at"
        yield Finding(path, what, "Write exactly one of tcp, exec in each check")
    if check.exec is not None:
        yield from _program((*path, "exec"), check.exec[0] if check.exec else "")
    for key in ("every", "timeout"):
        if getattr(check, key) < 10:
            yield Finding((*path, key), "is shorter than 10ms", 'Write one such as "1s"')


RULES = (candidates, policies, actions, addresses_once, checks, one_hosts, hosts)
