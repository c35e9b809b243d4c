"""Rules about those outside: operators, who may command, and the receivers of traps."""

from collections.abc import Iterator

from coordinator.config import keys
from coordinator.config.complaints import Finding
from coordinator.config.positions import Path
from coordinator.config.reading import Reading, nearest
from coordinator.config.shape import OperatorShape, TrapShape
from protocol import endpoints

Findings = Iterator[Finding]


def operators(reading: Reading) -> Findings:
    seen: dict[str, str] = {}
    for name, operator in reading.file.operators.items():
        path: Path = ("operators", name)
        try:
            key = keys.operator_key(operator.key)
        except keys.BadKey as error:
            yield Finding((*path, "key"), error.what, error.instead)
        else:
            if key in seen:
                yield Finding((*path, "key"), f"is also the key of {seen[key]}", "Each operator needs a key of their own")
            seen.setdefault(key, name)
        yield from _role(path, operator, reading.names("services"))


def _role(path: Path, operator: OperatorShape, known: tuple[str, ...]) -> Findings:
    if operator.role == "operate" and operator.services is None:
        instead = f"Write services = {list(known)}".replace("'", '"')
        yield Finding((*path, "role"), "operate needs the services that may be operated", instead)
    if operator.role != "operate" and operator.services is not None:
        what = f"services mean nothing for {operator.role}"
        yield Finding((*path, "services"), what, 'Take them out, or write role = "operate"')
    for index, service in enumerate(operator.services or ()):
        if service not in known:
            what = f'"{service}" is not a service of this cluster'
            yield Finding((*path, "services", index), what, nearest(service, known))


TRAP_KEYS = {"2c": {"community"}, "3": {"user", "auth", "priv", "secret_file"}}
"""What belongs to which version of SNMP."""


def traps(reading: Reading) -> Findings:
    for index, trap in enumerate(reading.file.traps):
        yield from _trap(("traps", index), trap)


def _trap(path: Path, trap: TrapShape) -> Findings:
    own = TRAP_KEYS[trap.version]
    needed = {"2c": {"community"}, "3": {"user"}}[trap.version]
    written = {key for key in ("community", "user", "auth", "priv", "secret_file") if getattr(trap, key) is not None}
    if trap.version == "3" and (trap.auth or trap.priv):
        needed = {"user", "auth", "secret_file"}
    for key in sorted(needed - written):
        example = TrapShape.model_fields[key].examples or [""]
        yield Finding((*path, "version"), f"version {trap.version} needs {key}", f'Write {key} = "{example[0]}"')
    for key in sorted(written - own):
        yield Finding(
            (*path, key), f"{key} is not for version {trap.version}", f"Take it out, or write {', '.join(sorted(own))}"
        )


def receivers(reading: Reading) -> Findings:
    """A trap goes to a name or an address."""
    for index, trap in enumerate(reading.file.traps):
        odd = endpoints.odd_host(trap.to)
        if odd:
            yield Finding(("traps", index, "to"), odd.what, odd.instead)


RULES = (operators, traps, receivers)
