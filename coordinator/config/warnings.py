"""What is allowed and deserves a second look: `failc config check` says it, nothing refuses it."""

from collections.abc import Iterator

from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.reading import Reading


def findings(reading: Reading) -> Iterator[Finding]:
    yield from _timing(reading)
    yield from _services(reading)
    yield from _two_nodes(reading)
    if not reading.file.operators:
        yield Finding((), "names no operator", "Until [operators.NAME] has a key, no command can be given")


def _timing(reading: Reading) -> Iterator[Finding]:
    timing = reading.file.timing
    if timing.indoubt < 3 * timing.heartbeat:
        what = f"indoubt {spoken(timing.indoubt)} is shorter than 3 heartbeats (3 x {spoken(timing.heartbeat)})"
        yield Finding(("timing", "indoubt"), what, "Two lost packets raise a doubt")
    if timing.dead < 4 * timing.heartbeat:
        what = f"dead {spoken(timing.dead)} is shorter than 4 heartbeats (4 x {spoken(timing.heartbeat)})"
        yield Finding(("timing", "dead"), what, "On one lossy link expect needless moves")


def _services(reading: Reading) -> Iterator[Finding]:
    nodes = reading.file.nodes
    if not reading.file.services:
        yield Finding((), "names no service", "The cluster keeps its feeds and owns nothing")
    for name, service in reading.file.services.items():
        if len(service.nodes) == 1:
            instead = "No other node can take over: name a second candidate"
            yield Finding(("services", name, "nodes"), f"only {service.nodes[0]} may own it", instead)
        if service.on_isolation == "release" and len(nodes) == 2:
            what = "with two nodes and no witness, the death of one isolates the other, which then releases as well"
            yield Finding(("services", name, "on_isolation"), what, "Add a witness, or accept that outage")
        for node in service.nodes:
            if len(nodes[node].links) == 1:
                what = f"{node} has one link, so a single cable splits the cluster"
                yield Finding(("nodes", node, "links"), what, "Add a second link on other hardware")


def _two_nodes(reading: Reading) -> Iterator[Finding]:
    """Said once, at the first of them: of two nodes neither can know whether the other is dead or cut off."""
    nodes = reading.file.nodes
    two = [
        name
        for name, service in reading.file.services.items()
        if len(nodes) == 2 == len(service.nodes) and service.partition == "serve"
        and not (service.fence and all(nodes[node].fence for node in service.nodes))
    ]  # fmt: skip
    if two:
        whose = two[0] if len(two) == 1 else f"{two[0]} and {len(two) - 1} more"
        what = f"of two nodes that cannot reach each other each owns {whose}"
        instead = (
            "Right for addresses, DNS and web servers; what must never run twice needs a third voter (a witness on any "
            'small host) and partition = "majority", or [[nodes.NAME.fence]]'
        )
        yield Finding(("services", two[0]), what, instead)
