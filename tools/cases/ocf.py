"""An agent of resource-agents, `heartbeat:nginx`: started, stopped and looked at by faild as Pacemaker would."""

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.requests import Requests
from tools.cases.stage import MASTER, SLAVE, Stage

LOST_MAX = 1000
"""The agent itself takes some tenths of a second to stop and to start nginx, and longer on a busy machine."""
URL = "http://10.77.0.100/"


def start(stage: Stage) -> Requests:
    stage.services(without_check if stage.without("the check") else wrong_file if stage.without("its file") else str)
    for name in (MASTER, SLAVE):
        stage.copy(name)
        (stage.disk(name, "/var/www/site") / "index.html").write_text(f"{name}\n")
        stage.furnish(name)
    stage.lab.start()
    stage.until_up("site", MASTER, 10 if stage.off else 30)
    return stage.requests(URL)


def without_check(text: str) -> str:
    return text.split("[[services.site.checks]]")[0]


def wrong_file(text: str) -> str:
    return text.replace("nginx.conf", "other.conf")


def moved(stage: Stage) -> None:
    """Requests at 200 a second while the agent stops nginx on one node and starts it on the other, and in a loss of power."""
    asking = start(stage)
    stage.lab.prober.start()
    stage.measure_moves("site", asking, LOST_MAX)
    stage.measure_crashes("site", asking, Stage.furnish)


def died(stage: Stage) -> None:
    """nginx is killed, all of it: the agent's monitor says that it does not run, and the service goes to the other node."""
    asking = start(stage)
    stage.until_answered(asking, MASTER)
    stage.kill(MASTER, "nginx")
    try:
        stage.until_up("site", SLAVE, 5 if stage.off else 30)
    except CaseFailed as failure:
        raise CaseFailed(f"nginx has died at {MASTER}, and site stays there: {failure}") from failure
    stage.until_answered(asking, SLAVE)
    stage.found.kept.append("the agent's monitor finds a dead nginx")


OCF = Case(
    "ocf",
    (
        Trial("moved", moved, "its file", r"site is not up at lukretia.*other\.conf"),
        Trial("died", died, "the check", rf"nginx has died at {MASTER}, and site stays there"),
    ),
    ("nginx:nginx-light", "/usr/lib/ocf/resource.d/heartbeat/nginx:resource-agents"),
    "a server that is bound to an address is started when it is there (34)",
)
