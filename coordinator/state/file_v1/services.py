"""What one node at a time owns: candidates, actions, checks."""

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from coordinator.policy import ActionPolicy, CheckPolicy, NodePolicy, ServicePolicy, Timing
from coordinator.state.file_v1.table import Table, Unreadable, every, need, number, table, text, words
from coordinator.state.file_v1.values import Address, duration_ms, duration_or, endpoint, host_address, positive_ms

INTERFACE = re.compile(r"[^\s/:%]{1,15}")
ANNOUNCE_MS_MIN = 1000
CHECK_MS_MIN = 10
STARTS = range(1, 1001)
RESTARTS = range(101)


def service(name: str, it: Table, nodes: Mapping[str, NodePolicy], timing: Timing) -> ServicePolicy:
    candidates = it.take("nodes", every(text))
    need(bool(candidates) and len(candidates) == len(set(candidates)), "no candidate, or one that stands twice")
    need(all(node in nodes and not nodes[node].witness for node in candidates), "a candidate that is no node or a witness")
    actions = it.take("actions", every(_action), None)
    need(actions is not None, "no action")
    lease_ms = it.take("lease", duration_ms, None)
    need(lease_ms is None or lease_ms >= 3 * timing.heartbeat_ms, "a lease shorter than 3 heartbeats")
    read = ServicePolicy(
        name=name,
        nodes=candidates,
        actions=actions or (),
        checks=it.take("checks", every(_check), ()),
        failback_ms=it.take("failback", duration_or({"auto": 0, "manual": None}), 0),
        partition=it.take("partition", words("serve"), "serve"),
        lease_ms=500 if lease_ms is None else lease_ms,
        split_winner=it.take("split_winner", words("preference", "incumbent"), "preference"),
        on_isolation=it.take("on_isolation", words("keep", "release"), "keep"),
        restarts=it.take("restarts", number(RESTARTS), 0),
        retry_ms=it.take("retry", duration_or({"never": None}), 60_000),
        announce_every_ms=it.take("announce_every", duration_ms, 60_000),
    )
    it.done()
    need(read.announce_every_ms >= ANNOUNCE_MS_MIN, "announcements more often than every second")
    return read


def _action(value: object) -> ActionPolicy:
    it = table(value)
    address, interface = it.take("address", text, None), it.take("interface", text, None)
    script, notify = it.take("script", text, None), it.take("notify", text, None)
    timeout_ms = it.take("timeout", positive_ms, 20_000)
    it.done()
    kinds = {kind: path for kind, path in {"address": address, "script": script, "notify": notify}.items() if path is not None}
    need(len(kinds) == 1, "not one thing to do")
    [(kind, what)] = kinds.items()
    if kind == "address":
        need(INTERFACE.fullmatch(interface or "") is not None and interface not in (".", ".."), "no interface")
        _service_address(what)
        return ActionPolicy(kind, MappingProxyType({"address": what, "interface": interface}), timeout_ms)
    need(interface is None and what.startswith("/"), "a program with an interface, or without an absolute path")
    return ActionPolicy(kind, MappingProxyType({"path": what}), timeout_ms)


def _service_address(written: str) -> Address:
    try:
        found = ipaddress.ip_interface(written).ip
    except ValueError as error:
        raise Unreadable(str(error)) from None
    need("/" in written, "an address without a prefix")
    return host_address(str(found))


def addresses_once(nodes: Mapping[str, NodePolicy], services: Mapping[str, ServicePolicy]) -> None:
    seen: set[object] = {host_address(host) for node in nodes.values() for host, _ in node.links.values()}
    for action in (action for service in services.values() for action in service.actions if action.kind == "address"):
        address = _service_address(action.settings["address"])
        where: object = (address, action.interface) if address.is_link_local else address  # another on each interface
        need(where not in seen, f"{address} stands twice")
        seen.add(where)


def _check(value: object) -> CheckPolicy:
    it = table(value)
    tcp, argv = it.take("tcp", lambda value: endpoint(text(value), None), None), it.take("exec", every(text), None)
    need((tcp is None) != (argv is None), "not one thing to look at")
    every_ms, timeout_ms = it.take("every", duration_ms, 1000), it.take("timeout", duration_ms, 1000)
    need(min(every_ms, timeout_ms) >= CHECK_MS_MIN, "a check that is too short")
    fall, rise = it.take("fall", number(STARTS), 3), it.take("rise", number(STARTS), 2)
    it.done()
    if tcp is not None:
        settings: dict[str, Any] = {"host": tcp[0], "port": tcp[1]}
        return CheckPolicy("tcp", MappingProxyType(settings), every_ms, timeout_ms, fall, rise)
    need("".join((argv or ())[:1]).startswith("/"), "a program without an absolute path")
    return CheckPolicy("exec", MappingProxyType({"argv": argv}), every_ms, timeout_ms, fall, rise)
