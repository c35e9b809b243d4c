"""A split ends: how long until exactly one owner answers everything, and whether the survivor announced itself."""

import json
import time

from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Rig
from tools.lab import outage
from tools.lab.addresses import SERVICE_V4, SERVICE_V6
from tools.lab.measure import Measure
from tools.lab.watchers import FAMILIES

SPLIT_S = 1.0
ANNOUNCED_S = 1.0
"""Without an announcement the client's entry stays wrong for 5 to 27 s (peers, measured); a second tells them apart."""
ADDRESS = {4: SERVICE_V4, 6: SERVICE_V6}


def split_healed(rig: Rig) -> list[Figure]:
    """The client is on the loser's side, so it comes back only if the survivor speaks up."""
    alone: dict[int, list[float]] = {family: [] for family in FAMILIES}
    announced = 0
    for _ in range(rig.plan.heals):
        before = rig.measure()
        rig.lab.cut(MASTER)
        before.until_answered_by(SLAVE)
        time.sleep(SPLIT_S)
        measure = rig.measure()
        rig.lab.heal(MASTER)
        announced += _is_announced(rig, measure)
        measure.until_answered_by(MASTER)
        for family in FAMILIES:
            alone[family].append(_alone_after_ms(measure, family))
        rig.serve(MASTER)
    share = 100 * announced / rig.plan.heals
    return [
        *(Figure(f"split healed: one owner answers all after, IPv{f}", "ms", tuple(alone[f]), 150) for f in FAMILIES),
        Figure("split healed: survivor announced", "%", (share,), 100, f"{announced} of {rig.plan.heals} heals", at_least=True),
    ]


def _is_announced(rig: Rig, measure: Measure) -> bool:
    """Whether the client's own entries, of both families, name the survivor within a second."""
    while time.monotonic_ns() - measure.began_ns < ANNOUNCED_S * 1e9:
        if all(_entry(rig, family) == rig.lab.nodes[MASTER].mac for family in FAMILIES):
            return True
        time.sleep(0.02)
    return False


def _entry(rig: Rig, family: int) -> str | None:
    shown = json.loads(rig.lab.client.run("ip", "-json", "neigh", "show", ADDRESS[family], "dev", "eth0") or "[]")
    return next((entry.get("lladdr") for entry in shown), None)


def _alone_after_ms(measure: Measure, family: int) -> float:
    """From the heal to the last answer that the loser gave, or the end of the client's last silence."""
    lab, start = measure.lab, measure.began_ns
    client, bystander = ([a for a in w.answers(start) if a.family == family] for w in (lab.prober, lab.asker))
    loser = lab.nodes[SLAVE].mac
    wrong = [answer.received_ns for answer in client + bystander if answer.mac == loser and answer.received_ns > start]
    return (max([start, *wrong, *_silences(client, start, lab.prober.every_ms)]) - start) / 1e6


def _silences(client: list[outage.Answer], start: int, every_ms: float) -> list[int]:
    """The ends of all silences longer than three questions."""
    after = [answer.received_ns for answer in client if answer.received_ns >= start]
    return [end for begin, end in zip([start, *after], after) if end - begin > 3 * every_ms * 1e6]
