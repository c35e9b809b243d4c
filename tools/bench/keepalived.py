"""keepalived in the same laboratory, where it is installed: the peer that most people would choose.

VRRP 3, one instance for each family, preemption on (its default), the master's priority changed by a tracked file, which is
its way to move on purpose. At its default of one advertisement a second, and at 50 ms.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable

from tools.bench.figures import Figure
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.lab.addresses import SERVICE_V4, SERVICE_V6
from tools.lab.lab import Lab
from tools.lab.measure import Measure
from tools.lab.watchers import FAMILIES

INTERVALS = {"1 s": "1", "50 ms": "0.05"}
SETTLED_S = 0.5
DEADLINE_S = 40.0
PRIORITY = {MASTER: 150, SLAVE: 100}
LOWERED, USUAL = "-100", "0"
CONFIG = """
global_defs {{
    vrrp_version 3
}}
track_file wish {{
    file "{wish}"
    weight 1
    init_file 0
}}
vrrp_instance four {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int {interval}
    virtual_ipaddress {{
        {v4}/24 dev eth0
    }}
    track_file {{
        wish
    }}
}}
vrrp_instance six {{
    state BACKUP
    interface eth0
    virtual_router_id 52
    priority {priority}
    advert_int {interval}
    virtual_ipaddress {{
        fe80::6464/64 dev eth0
        {v6}/64 dev eth0
    }}
    track_file {{
        wish
    }}
}}
"""

Samples = defaultdict[tuple[str, int], list[float]]


def keepalived(plan: Plan) -> list[Figure]:
    """Planned moves and power losses; nothing where keepalived is not installed."""
    if shutil.which("keepalived") is None:
        return []
    return [figure for name, interval in INTERVALS.items() for figure in _measured(plan, name, interval)]


def _measured(plan: Plan, name: str, interval: str) -> list[Figure]:
    samples: Samples = defaultdict(list)
    with Lab((MASTER, SLAVE)) as lab:
        lab.prober.start()
        lab.asker.start()
        for node in PRIORITY:
            _launch(lab, node, interval)
        _until(lab, MASTER)
        for _ in range(plan.rounds):
            _round(lab, samples, "move", lambda: _wish(lab, LOWERED), lambda: _wish(lab, USUAL))
        for _ in range(plan.rounds):
            _round(lab, samples, "power", lambda: lab.power_off(MASTER), lambda: _back(lab, interval))
    what = {"move": "planned move: outage", "done": "planned move: new owner answers after", "power": "power loss: outage"}
    return [
        Figure(f"keepalived, {name}: {words}, IPv{family}", "ms", tuple(samples[key, family]), None)
        for key, words in what.items()
        for family in FAMILIES
    ]


def _round(lab: Lab, samples: Samples, key: str, harm: Callable[[], object], mend: Callable[[], object]) -> None:
    measure = Measure(lab)
    harm()
    measure.until_answered_by(SLAVE, DEADLINE_S)
    for family, seen in measure.seen().items():
        samples[key, family].append(seen.outage_ms)
        if key == "move":
            samples["done", family].append(measure.first_answer_ms(SLAVE, family) or 0.0)
    mend()
    _until(lab, MASTER)


def _until(lab: Lab, name: str) -> None:
    Measure(lab).until_answered_by(name, DEADLINE_S)
    time.sleep(SETTLED_S)
    lab.prober.forget()
    lab.asker.forget()


def _wish(lab: Lab, priority: str) -> None:
    (lab.folder / f"{MASTER}.wish").write_text(priority)


def _back(lab: Lab, interval: str) -> None:
    lab.power_on(MASTER)
    _launch(lab, MASTER, interval)


def _launch(lab: Lab, name: str, interval: str) -> None:
    folder = lab.folder
    wish, config = folder / f"{name}.wish", folder / f"{name}.conf"
    wish.write_text(USUAL)
    config.write_text(CONFIG.format(wish=wish, priority=PRIORITY[name], interval=interval, v4=SERVICE_V4, v6=SERVICE_V6))
    pids = ["-p", str(folder / f"{name}.pid"), "-r", str(folder / f"{name}.vrrp"), "-c", str(folder / f"{name}.checkers")]
    for pid in pids[1::2]:
        # Left by a run that lost its power: keepalived would think that it runs already.
        (folder / pid).unlink(missing_ok=True)
    command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(config), *pids]
    lab.nodes[name].running.start(command, lab.nodes[name].log)
