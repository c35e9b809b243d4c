"""A unit of systemd, with a real systemd as process 1 of each node: started, stopped and looked at over its bus."""

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.requests import Requests
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab import systemd

LOST_MAX = 200
URL = "http://10.77.0.100/"


def start(stage: Stage) -> Requests:
    stage.services(without_check if stage.without("the check") else unit_first if stage.without("the address first") else str)
    for name in (MASTER, SLAVE):
        stage.copy(name)
        (stage.disk(name, "/var/www/site") / "index.html").write_text(f"{name}\n")
        launch(stage, name)
    stage.lab.start()
    stage.until_up("site", MASTER, 10 if stage.off else 30)
    return stage.requests(URL)


def without_check(text: str) -> str:
    return text.split("[[services.site.checks]]")[0]


def unit_first(text: str) -> str:
    mark = "[[services.site.actions]]\n"
    head, address, rest = text.split(mark)
    unit, checks = rest.split("[[services.site.checks]]")
    return f"{head}{mark}{unit}{mark}{address}[[services.site.checks]]{checks}"


def launch(stage: Stage, name: str) -> None:
    """The boot of a machine: systemd, with the unit of the example."""
    stage.furnish(name)
    folder = stage.lab.folder / f"{stage.lab.folder.name}-{name}"
    text = (stage.example / "site.service").read_text().replace("[Unit]\n", systemd.OWN)
    systemd.furnish(folder, {"site.service": text})
    stage.afterwards.append(lambda: stage.lab.wait_until(lambda: systemd.remove_group(folder), f"{folder.name} is gone", 20))
    systemd.boot(stage.node(name).running, folder)
    stage.lab.wait_until(lambda: answers(stage, name), f"systemd of {name} answers: see {folder}/log", 30)


def answers(stage: Stage, name: str) -> bool:
    done = stage.node(name).running.order(do="run", argv=["systemctl", "is-active", "default.target"])
    return str(done["out"]).strip() == "active"


def moved(stage: Stage) -> None:
    """Requests at 200 a second while the unit stops on one node and starts on the other, and in a loss of power."""
    asking = start(stage)
    stage.lab.prober.start()
    stage.measure_moves("site", asking, LOST_MAX)
    stage.measure_crashes("site", asking, launch)


def died(stage: Stage) -> None:
    """All processes of the unit are killed: systemd says that it has failed, and the service goes to the other node."""
    asking = start(stage)
    stage.until_answered(asking, MASTER)
    stage.kill(MASTER, "nginx")
    try:
        stage.until_up("site", SLAVE, 5 if stage.off else 30)
    except CaseFailed as failure:
        raise CaseFailed(f"the unit has died at {MASTER}, and site stays there: {failure}") from failure
    stage.until_answered(asking, SLAVE)
    stage.found.kept.append("a unit that fails is found by the check")


SYSTEMD = Case(
    "systemd",
    (
        Trial("moved", moved, "the address first", r"site is not up at lukretia.*site\.service"),
        Trial("died", died, "the check", rf"the unit has died at {MASTER}, and site stays there"),
    ),
    ("nginx:nginx-light", "dbus-daemon:dbus-daemon", "/usr/lib/systemd/systemd:systemd", "busctl:systemd"),
    "a server that is bound to an address is started when it is there (34)",
    systemd.cannot_boot,
)
