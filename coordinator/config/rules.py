"""What the values of failover.toml say about each other: one rule, one function, all in the table at the end.

Each rule takes a `Reading` and yields what it finds; none raises, none reads a file, none knows about lines.
"""

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator

from coordinator.config import endpoints, keys
from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.reading import Reading
from coordinator.config.shape import TABLES, NodeShape, ServiceShape, TrapShape

NODES_MIN, NODES_MAX = 2, 16
"""Sixteen nodes is what heartbeats with all heads still carry in one datagram."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""Names stand in file names, environment variables and host names."""

RESERVED = {"none", "operator"}
"""`owner=none` is a word of scenarios, and `operator/` the folder of the operator's keys."""

HEARTBEAT_MS = (10, 60_000)
DEAD_MS_MAX = 3_600_000

Findings = Iterator[Finding]


def names(reading: Reading) -> Findings:
    for table in ("nodes", "services", "operators"):
        for name in reading.names(table):
            if not NAME.fullmatch(name):
                what = f'"{name}" is not a name'
                yield Finding((table, name), what, "Use letters, digits, dashes, dots; begin with a letter or digit")
            elif name in RESERVED:
                yield Finding((table, name), f'"{name}" has a meaning of its own', "Choose another name")
    cluster = reading.file.cluster
    if not NAME.fullmatch(cluster):
        yield Finding(("cluster",), f'"{cluster}" is not a name', "Use letters, digits, dashes and dots")


def cluster_id(reading: Reading) -> Findings:
    if not re.fullmatch("[0-9a-f]{32}", reading.file.id):
        instead = "Copy the line that failc init wrote, or take the output of: openssl rand -hex 16"
        yield Finding(("id",), "is not 32 hex digits in lower case", instead)


def node_count(reading: Reading) -> Findings:
    count = len(reading.names("nodes"))
    if isinstance(reading.raw.get("nodes"), dict) and not NODES_MIN <= count <= NODES_MAX:
        instead = f"Write {NODES_MIN} to {NODES_MAX} tables [nodes.NAME]"
        yield Finding(("nodes",), f"has {count} node{'' if count == 1 else 's'}", instead)


def timing(reading: Reading) -> Findings:
    timing = reading.file.timing
    heartbeat, indoubt, dead = timing.heartbeat, timing.indoubt, timing.dead
    least, most = HEARTBEAT_MS
    if not least <= heartbeat <= most:
        yield Finding(("timing", "heartbeat"), f"{spoken(heartbeat)} is out of range", f"Write {least}ms to {spoken(most)}")
    if indoubt < 2 * heartbeat:
        what = f"{spoken(indoubt)} is shorter than 2 heartbeats (2 x {spoken(heartbeat)})"
        yield Finding(("timing", "indoubt"), what, "One lost packet would raise a doubt: raise it or send more often")
    if indoubt >= dead:
        what = f"{spoken(indoubt)} is not shorter than dead ({spoken(dead)})"
        yield Finding(("timing", "indoubt"), what, "A peer is in doubt before it is dead: lower it or raise dead")
    if dead > DEAD_MS_MAX:
        yield Finding(("timing", "dead"), f"{spoken(dead)} is out of range", f"Write at most {spoken(DEAD_MS_MAX)}")
    if timing.drift > 100_000:
        yield Finding(("timing", "drift"), "is more than 10%", 'Write "1%": quartz is a hundred times better')


def node_keys(reading: Reading) -> Findings:
    seen: dict[bytes, str] = {}
    for name, node in reading.file.nodes.items():
        try:
            key = keys.node_key(node.key)
        except keys.BadKey as error:
            yield Finding(("nodes", name, "key"), error.what, error.instead)
            continue
        if key in seen:
            what = f"is also the key of {seen[key]}"
            yield Finding(("nodes", name, "key"), what, "Each node needs its own: one could speak for the other")
        seen.setdefault(key, name)


def link_addresses(reading: Reading) -> Findings:
    seen: dict[tuple[object, int], str] = {}
    for name, link, (host, port) in _endpoints(reading):
        where = (endpoints.address(host), port)
        if where in seen:
            what = f"{host} port {port} is also the address of {seen[where]}"
            yield Finding(("nodes", name, "links", link), what, "Each node has its own address on each link")
        seen.setdefault(where, f"{name} on link {link}")


def link_ends(reading: Reading) -> Findings:
    """A link is a pair of addresses: it needs two ends, of one family."""
    ends: dict[str, dict[str, int]] = {}
    for name, link, (host, _) in _endpoints(reading):
        ends.setdefault(link, {})[name] = endpoints.address(host).version
    whole = set(reading.file.nodes) == set(reading.names("nodes"))
    for link, versions in ends.items():
        for name, version in versions.items():
            if len(versions) == 1 and whole:
                instead = f"Give another node an address on it, or name it as theirs: {_known(ends, link)}"
                yield Finding(("nodes", name, "links", link), f'link "{link}" has no other end', instead)
            elif version != next(iter(versions.values())):
                what = f'link "{link}" is IPv{next(iter(versions.values()))} elsewhere and IPv{version} here'
                yield Finding(("nodes", name, "links", link), what, "Both ends of a link have one family")
    for one, other in itertools.combinations(reading.file.nodes, 2):
        if not any(one in versions and other in versions for versions in ends.values()):
            what = f"has no link in common with {one}"
            yield Finding(("nodes", other, "links"), what, "Give both an address under one link name")


def _known(ends: dict[str, dict[str, int]], link: str) -> str:
    return ", ".join(name for name, nodes in ends.items() if name != link and len(nodes) > 1) or "there is none yet"


def _endpoints(reading: Reading) -> Iterator[tuple[str, str, tuple[str, int]]]:
    for name, node in reading.file.nodes.items():
        for link, text in node.links.items():
            yield name, link, endpoints.endpoint(text, endpoints.PORT)


def link_names(reading: Reading) -> Findings:
    for name, node in reading.file.nodes.items():
        for link in node.links:
            if not NAME.fullmatch(link):
                yield Finding(("nodes", name, "links", link), f'"{link}" is not a name', "Use letters, digits and dashes")
        if not node.links:
            yield Finding(("nodes", name, "links"), "has no link", 'Write links = { lan = "10.77.0.11" }')


def candidates(reading: Reading) -> Findings:
    known = reading.names("nodes")
    for name, service in reading.file.services.items():
        if not service.nodes:
            yield Finding(("services", name, "nodes"), "names no node", "Write the candidates, the master first")
        for index, node in enumerate(service.nodes):
            path = ("services", name, "nodes", index)
            if node not in known:
                yield Finding(path, f'"{node}" is not a node of this cluster', _nearest(node, known))
            elif node in service.nodes[:index]:
                yield Finding(path, f'"{node}" stands here twice', "Name each candidate once")
            elif _is_witness(reading, node):
                what = f'"{node}" is a witness, and a witness owns nothing'
                yield Finding(path, what, f"Take it out here, or take witness out of [nodes.{node}]")


def _is_witness(reading: Reading, name: str) -> bool:
    node: NodeShape | None = reading.file.nodes.get(name)
    return node is not None and node.witness


def _nearest(name: str, known: tuple[str, ...]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known) or 'none'}"


def policies(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        if service.partition != "serve":
            what = f'"{service.partition}" is not in this release, which has no leases and no votes'
            yield Finding(("services", name, "partition"), what, 'Write "serve", and know that both sides of a split serve')
        yield from _lease(reading, name, service)


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
            path = ("services", name, "actions", index)
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


def _address(path: tuple[str | int, ...], text: str, interface: str | None) -> Findings:
    try:
        found = ipaddress.ip_interface(text)
        endpoints.address(str(found.ip))
    except endpoints.BadEndpoint as error:
        yield Finding((*path, "address"), error.what, 'Write one such as "10.77.0.100/24"')
    except ValueError:
        yield Finding((*path, "address"), f'"{text}" is not an address', 'Write one such as "10.77.0.100/24"')
    else:
        if "/" not in text:
            instead = f'Write "{text}/{24 if found.version == 4 else 64}", with the prefix of its network'
            yield Finding((*path, "address"), f'"{text}" has no prefix', instead)
    if interface is None:
        yield Finding((*path, "address"), "has no interface", 'Write interface = "eth0" beside it')
    elif not re.fullmatch(r"[^\s/:%]{1,15}", interface) or interface in (".", ".."):
        yield Finding((*path, "interface"), f'"{interface[:40]}" is not an interface name', 'Write one such as "eth0"')


def _program(path: tuple[str | int, ...], program: str) -> Findings:
    if not program.startswith("/"):
        yield Finding(path, f'"{program[:60]}" is not an absolute path', 'Write it in full, such as "/etc/failover/web"')


def addresses_once(reading: Reading) -> Findings:
    """An address belongs to one service, and is none that a node uses for its links."""
    seen: dict[object, str] = {
        endpoints.address(host): f"a link address of {name}" for name, _, (host, _) in _endpoints(reading)
    }
    for name, service in reading.file.services.items():
        for index, action in enumerate(service.actions):
            try:
                address = ipaddress.ip_interface(action.address or "").ip
            except ValueError:
                continue
            if address in seen:
                path = ("services", name, "actions", index, "address")
                yield Finding(path, f"{address} is already {seen[address]}", "A service address belongs to one service only")
            seen.setdefault(address, f"an address of service {name}")


def checks(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        for index, check in enumerate(service.checks):
            path = ("services", name, "checks", index)
            kinds = [kind for kind in ("tcp", "exec") if getattr(check, kind) is not None]
            if len(kinds) != 1:
                what = "has tcp and exec in one check" if kinds else "says nothing to look at"
                yield Finding(path, what, "Write exactly one of tcp, exec in each check")
            if check.exec is not None:
                yield from _program((*path, "exec"), check.exec[0] if check.exec else "")
            for key in ("every", "timeout"):
                if getattr(check, key) < 10:
                    yield Finding((*path, key), "is shorter than 10ms", 'Write one such as "1s"')


def operators(reading: Reading) -> Findings:
    seen: dict[str, str] = {}
    for name, operator in reading.file.operators.items():
        path = ("operators", name)
        try:
            key = keys.operator_key(operator.key)
        except keys.BadKey as error:
            yield Finding((*path, "key"), error.what, error.instead)
        else:
            if key in seen:
                yield Finding((*path, "key"), f"is also the key of {seen[key]}", "Each operator needs a key of their own")
            seen.setdefault(key, name)
        if operator.role == "operate" and operator.services is None:
            instead = f"Write services = {list(reading.names('services'))}".replace("'", '"')
            yield Finding((*path, "role"), "operate needs the services that may be operated", instead)
        if operator.role != "operate" and operator.services is not None:
            what = f"services mean nothing for {operator.role}"
            yield Finding((*path, "services"), what, 'Take them out, or write role = "operate"')
        for index, service in enumerate(operator.services or ()):
            if service not in reading.names("services"):
                what = f'"{service}" is not a service of this cluster'
                yield Finding((*path, "services", index), what, _nearest(service, reading.names("services")))


TRAP_KEYS = {"2c": {"community"}, "3": {"user", "auth", "priv", "secret_file"}}


def traps(reading: Reading) -> Findings:
    for index, trap in enumerate(reading.file.traps):
        yield from _trap(("traps", index), trap)


def _trap(path: tuple[str | int, ...], trap: TrapShape) -> Findings:
    own = TRAP_KEYS[trap.version]
    needed = {"2c": {"community"}, "3": {"user"}}[trap.version]
    written = {key for key in ("community", "user", "auth", "priv", "secret_file") if getattr(trap, key) is not None}
    if trap.version == "3" and (trap.auth or trap.priv):
        needed = {"user", "auth", "secret_file"}
    for key in sorted(needed - written):
        example = TABLES["traps", "#"].model_fields[key].examples or [""]
        yield Finding((*path, "version"), f"version {trap.version} needs {key}", f'Write {key} = "{example[0]}"')
    for key in sorted(written - own):
        yield Finding(
            (*path, key), f"{key} is not for version {trap.version}", f"Take it out, or write {', '.join(sorted(own))}"
        )


RULES: tuple[Callable[[Reading], Findings], ...] = (
    names,
    cluster_id,
    node_count,
    timing,
    node_keys,
    link_names,
    link_addresses,
    link_ends,
    candidates,
    policies,
    actions,
    addresses_once,
    checks,
    operators,
    traps,
)


def findings(reading: Reading) -> Findings:
    """What all rules find."""
    for rule in RULES:
        yield from rule(reading)
