"""The text of a new failover.toml: every key that one is likely to change, with a comment that says what it costs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NewNode:
    name: str
    links: tuple[tuple[str, str], ...]
    """Link name and address, as they are written into the file."""
    witness: bool
    public: str = ""


@dataclass(frozen=True, slots=True)
class NewService:
    name: str
    addresses: tuple[tuple[str, str], ...]
    """Address with prefix, and interface."""


HEAD = """\
# The configuration of cluster "{cluster}": one file, the same on every node.
# Check a change before you copy it:   failc config check failover.toml
# Every key is explained in docs/configuration.md; durations are whole numbers with ms, s, m or h.

cluster = {cluster_text}
id      = "{id}"   # random; keeps two clusters of one name apart

# Who is alive. A peer that is silent on every link for `indoubt` is in doubt, for `dead` it is dead and its services move.
# Shorter moves sooner and mistakes a busy moment for a death; keep indoubt >= 3 and dead >= 4 heartbeats.
[timing]
heartbeat = "100ms"
indoubt   = "300ms"
dead      = "500ms"
drift     = "1%"      # how far two clocks may run apart

# The nodes. Each link is one network path: give every pair two that share no cable, no switch and no power.
# The port is 1291 (TCP and UDP) unless written, "10.77.0.11:1291" or "[fd77::1]:1291".
"""

SERVICE = """\

[services.{name}]
nodes        = {nodes}   # in order of preference: the first is the master
failback     = "auto"       # auto: at once; manual: only when told; "10m": after so long without trouble
partition    = "serve"      # cut off from each other, both sides go on serving; on heal one announces again
split_winner = "preference" # which one: preference (the order above) or incumbent (who had it first)
on_isolation = "keep"       # an owner that hears no other node: keep, or release
restarts     = 0            # in place, before another node is tried
retry        = "1m"         # how long a failed action or check keeps a node out, doubled each time; or "never"
"""

NO_SERVICE = """\

# What one node at a time owns. Nothing yet; remove the # signs and write your own:
# [services.web]
# nodes = {nodes}   # in order of preference: the first is the master
# [[services.web.actions]]
# address   = "10.77.0.100/24"
# interface = "eth0"
"""

MORE = """
# Further actions run in this order, and in reverse on the way down:
# [[services.{name}.actions]]
# script  = "/etc/failover/{name}"   # called with start, stop, reclaim, ... and FAILOVER_* in its environment
# timeout = "20s"

# Checks run while the service is up; `fall` failures in a row move it:
# [[services.{name}.checks]]
# tcp   = "127.0.0.1:80"
# every = "1s"
# fall  = 3
# rise  = 2
"""

OPERATOR = """
# Who may command: observe, operate (with services = [...]) or admin. The key is the content of an id_ed25519.pub.
[operators.{name}]
key  = "{key}"
role = "admin"

# Who is told by SNMP:
# [[traps]]
# to        = "netwatcher.example:162"
# version   = "2c"
# community = "public"
"""


def write(
    cluster: str, id: str, nodes: Iterable[NewNode], services: Iterable[NewService], operator: str, key: str, more: str = ""
) -> str:
    """`more`: services that are written already; without them and without `services` a comment shows how one looks."""
    nodes, services = list(nodes), list(services)
    candidates = f"[{', '.join(_text(node.name) for node in nodes if not node.witness)}]"
    parts = [HEAD.format(cluster=cluster, cluster_text=_text(cluster), id=id)]
    parts += [_node(node) for node in nodes]
    for service in services:
        parts += [SERVICE.format(name=_key(service.name), nodes=candidates), *_addresses(service)]
    none = f"\n{more}" if more else NO_SERVICE.format(nodes=candidates)
    parts.append(MORE.format(name=_key(services[0].name)) if services else none)
    parts.append(OPERATOR.format(name=_key(operator), key=key))
    return "".join(parts)


def _node(node: NewNode) -> str:
    links = ", ".join(f"{_key(link)} = {_text(address)}" for link, address in node.links)
    witness = "witness = true   # stores the feeds, owns nothing\n" if node.witness else ""
    return f'[nodes.{_key(node.name)}]\nkey   = "{node.public}"\nlinks = {{ {links} }}\n{witness}'


def _addresses(service: NewService) -> Iterator[str]:
    for address, interface in service.addresses:
        head = f"[[services.{_key(service.name)}.actions]]"
        yield f"{head}\naddress   = {_text(address)}\ninterface = {_text(interface)}\n"


def _text(value: str) -> str:
    """A TOML string; what it may not hold is escaped."""
    escaped = "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in value)
    return f'"{escaped}"'


def _key(name: str) -> str:
    return name if name and all(char.isascii() and (char.isalnum() or char in "-_") for char in name) else _text(name)
