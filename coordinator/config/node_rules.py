"""Rules about the cluster, its timing and its nodes. A rule takes a `Reading` and yields what it finds; it reads no file."""

import itertools
import re
from collections.abc import Iterator

from coordinator.config import keys
from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.reading import Reading
from protocol import endpoints

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
        yield Finding(("timing", "drift"), "is more than 10%", 'Write "1%": a quartz clock is a hundred times better')


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


def link_names(reading: Reading) -> Findings:
    for name, node in reading.file.nodes.items():
        for link in node.links:
            if not NAME.fullmatch(link):
                yield Finding(("nodes", name, "links", link), f'"{link}" is not a name', "Use letters, digits and dashes")
        if not reading.links(name):
            yield Finding(("nodes", name, "links"), "has no link", 'Write links = { lan = "10.77.0.11" }')


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
            if whole and not any(link in reading.links(other) for other in reading.file.nodes if other != name):
                instead = f"Give another node an address on it, or name it as theirs: {_known(ends, link)}"
                yield Finding(("nodes", name, "links", link), f'link "{link}" has no other end', instead)
            elif version != next(iter(versions.values())):
                what = f'link "{link}" is IPv{next(iter(versions.values()))} elsewhere and IPv{version} here'
                yield Finding(("nodes", name, "links", link), what, "Both ends of a link have one family")
    for one, other in itertools.combinations(reading.file.nodes, 2):
        if not reading.links(one) & reading.links(other):
            what = f"has no link in common with {one}"
            yield Finding(("nodes", other, "links"), what, "Give both an address under one link name")


def link_hosts(reading: Reading) -> Findings:
    """A link ends at one host, in the spelling of its own family."""
    for name, link, (host, _) in _endpoints(reading):
        found, path = endpoints.address(host), ("nodes", name, "links", link)
        if str(found) == "255.255.255.255":
            yield Finding(path, f"{found} is heard by all hosts", "Write the address of this node on this link")
        elif found.version == 6 and found.ipv4_mapped:
            what = f"{found} is an IPv4 address written as IPv6"
            yield Finding(path, what, f'Write "{found.ipv4_mapped}"')


def _known(ends: dict[str, dict[str, int]], link: str) -> str:
    return ", ".join(name for name, nodes in ends.items() if name != link and len(nodes) > 1) or "there is none yet"


def _endpoints(reading: Reading) -> Iterator[tuple[str, str, tuple[str, int]]]:
    for name, node in reading.file.nodes.items():
        for link, text in node.links.items():
            yield name, link, endpoints.endpoint(text, endpoints.PORT)


RULES = (names, cluster_id, node_count, timing, node_keys, link_names, link_addresses, link_ends, link_hosts)
