"""Rules about what is asked of a candidate. A rule takes a `Reading` and yields what it finds."""

from collections.abc import Iterator

from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.positions import Path
from coordinator.config.reading import Reading
from coordinator.config.relation_shape import together
from coordinator.config.shape import ServiceShape
from coordinator.policy import EVIDENCE

Findings = Iterator[Finding]

MS_MIN = 10


def scripts(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        for key, table in (("gate", service.gate), ("evidence", service.evidence)):
            if table is None:
                continue
            path = ("services", name, key)
            if not table.script.startswith("/"):
                yield Finding((*path, "script"), "is no absolute path", f'Write one such as "/etc/failover/{key}"')
            for limit in ("every", "timeout"):
                if getattr(table, limit) < MS_MIN:
                    yield Finding((*path, limit), "is shorter than 10ms", 'Write one such as "2s"')


def preferences(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        if service.prefer == EVIDENCE:
            yield from _by_evidence(("services", name), service)


def _by_evidence(path: Path, service: ServiceShape) -> Findings:
    if service.evidence is None:
        instead = 'Write evidence = { script = "/etc/failover/lag" }, or prefer = "order"'
        yield Finding((*path, "prefer"), "compares numbers, and no script gives one", instead)
    elif service.evidence.max_age < service.evidence.every:
        what = f"{spoken(service.evidence.max_age)} is shorter than every ({spoken(service.evidence.every)})"
        yield Finding((*path, "evidence", "max_age"), what, 'Write one such as "1m"')
    if service.failback != "manual":
        what = "is not manual: the numbers say who takes it, and nobody who has it gives one to compare"
        yield Finding((*path, "failback"), what, 'Write failback = "manual", and give it back by failc move')
    if together(service):
        what = "needs the candidates in one order, and prefer = \"evidence\" makes another"
        yield Finding((*path, "with"), what, 'Write prefer = "evidence" at the other service, and this one follows it')
    if service.evidence_window < MS_MIN:
        yield Finding((*path, "evidence_window"), "is shorter than 10ms", 'Write one such as "2s"')


RULES = (scripts, preferences)
