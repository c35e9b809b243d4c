"""Rules about `with`, `apart` and `after`: each names somebody, none waits for itself, and what is asked for can be.

Why a circle is refused: decision 0085.
"""

from collections.abc import Iterator, Mapping

from coordinator.config.complaints import Finding
from coordinator.config.positions import Path
from coordinator.config.reading import Reading, nearest
from coordinator.config.relation_shape import together
from coordinator.config.shape import ServiceShape

Findings = Iterator[Finding]

HERE = "@here"
KEYS = ("with", "apart", "after")


def named(reading: Reading) -> Findings:
    known = reading.names("services")
    for name, service in reading.file.services.items():
        for key in KEYS:
            for index, other in enumerate(_others(service, key)):
                path: Path = ("services", name, key, index)
                if other == name:
                    yield Finding(path, "is the service itself", "Take it out")
                elif other not in known:
                    what = f'"{other}" is not a service of this file'
                    extra = "; after another on its own node: NAME@here" if "@" in other else ""
                    yield Finding(path, what, nearest(other, [each for each in known if each != name]) + extra)
                elif other in _others(service, key)[:index]:
                    yield Finding(path, f"{other} stands here twice", "Name each once")


def circles(reading: Reading) -> Findings:
    """What waits for itself would never come up."""
    services = reading.file.services
    told: set[frozenset[str]] = set()
    for name in services:
        way = _way_back(name, services)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            first = way[1] if len(way) > 1 else name
            key = "with" if first in _others(services[name], "with") else "after"
            what = f"waits for itself: {' -> '.join((*way, name))}"
            yield Finding(("services", name, key), what, "Take one of these out")


def _way_back(name: str, services: Mapping[str, ServiceShape]) -> tuple[str, ...]:
    """The shortest way from a service to itself along `with` and `after`; empty where there is none."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    for way in ways:
        for other in _waits_for(services, way[-1]):
            if other == name and len(way) > 1:
                return way
            if other not in seen and other != name:
                seen.add(other)
                ways.append((*way, other))
    return ()


def _waits_for(services: Mapping[str, ServiceShape], name: str) -> list[str]:
    service = services.get(name)
    return [] if service is None else [*_others(service, "with"), *_others(service, "after")]


def possible(reading: Reading) -> Findings:
    """What can be nowhere at once."""
    services = reading.file.services
    for name, service in services.items():
        yield from _placed(name, service, services)
        beside = _beside(name, services)
        for one in sorted(beside):
            for index, other in enumerate(_others(services[one], "apart")):
                if other in beside and name == min(each for each in beside if {one, other} <= _beside(each, services)):
                    what = f"{other} must run beside {one}, by with or after @here of {name}"
                    yield Finding(("services", one, "apart", index), what, "Take one of both out")


def _placed(name: str, service: ServiceShape, services: Mapping[str, ServiceShape]) -> Findings:
    for index, other in enumerate(together(service)):
        theirs = services.get(other)
        if theirs is not None and theirs.nodes != service.nodes:
            what = f"{other} has other candidates, or in another order"
            yield Finding(("services", name, "with", index), what, f"Write the same nodes in both: {', '.join(theirs.nodes)}")
        elif theirs is not None and theirs.split_winner != service.split_winner:
            what = f"{other} has split_winner = \"{theirs.split_winner}\", so after a split one would win here and one there"
            yield Finding(("services", name, "with", index), what, "Write the same split_winner in both")
    for index, written in enumerate(service.after):
        theirs = services.get(written.removesuffix(HERE))
        if written.endswith(HERE) and theirs is not None and not set(theirs.nodes) & set(service.nodes):
            what = f"{written.removesuffix(HERE)} may be on none of its nodes"
            yield Finding(("services", name, "after", index), what, "Give both a candidate in common")


def _beside(name: str, services: Mapping[str, ServiceShape]) -> set[str]:
    """The services that are on the node of this one, itself included."""
    found, left = {name}, [name]
    while left:
        service = services[left.pop()]
        near = [*together(service), *(each.removesuffix(HERE) for each in service.after if each.endswith(HERE))]
        fresh = [other for other in near if other in services and other not in found]
        found.update(fresh)
        left += fresh
    return found


def _others(service: ServiceShape, key: str) -> list[str]:
    """The names under a key, without where they are to be."""
    if key == "after":
        return [each.removesuffix(HERE) for each in service.after]
    return together(service) if key == "with" else service.apart


RULES = (named, circles, possible)
