"""A pair of firewalls that judge the servers behind them, and send what is for their common address to one that answers."""

from itertools import pairwise

from tools.cases.balancer import SITE
from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.requests import Requests
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError, Place

COMMON = "10.78.0.60"
SERVERS = {"first": 21, "second": 22}
PATIENCE_S = 20


def start(stage: Stage) -> tuple[dict[str, Place], Requests]:
    """Two firewalls, two servers with one address that they do not answer ARP for, and a client inside that asks."""
    stage.services(unjudged if stage.without("the judgement") else str)
    servers = {name: stage.lab.guest(name, host, "direct") for name, host in SERVERS.items()}
    for name, place in servers.items():
        folder = stage.lab.folder / name
        folder.mkdir()
        (folder / "nginx.conf").write_text(SITE.format(folder=folder, name=name).replace("$http_x_director ", ""))
        place.run("sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1")
        place.ip(f"address add {COMMON}/32 dev lo", "route add 10.77.0.0/24 via 10.78.0.100")
        place.run("nginx", "-c", str(folder / "nginx.conf"))
    stage.lab.client.ip("route add 10.78.0.0/24 via 10.77.0.100")
    for name in (MASTER, SLAVE):
        stage.copy(name)
        if stage.without("the static entry"):
            script = stage.disk(name, "/etc/failover") / "choose"
            script.write_text(script.read_text().replace("exec ip neighbour", "exec true"))
        stage.furnish(name)
        stage.run(name, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    stage.lab.start()
    stage.until_up("gate", MASTER)
    stage.until_up("app", MASTER)
    return servers, stage.requests(f"http://{COMMON}/")


def unjudged(text: str) -> str:
    return text.split("[[services.app.checks]]")[0]


def until_served(stage: Stage, asking: Requests, server: str) -> None:
    try:
        stage.lab.wait_until(lambda: asking.is_answered_by(server), "", 6 if stage.off else PATIENCE_S)
    except LabError:
        raise CaseFailed(f"{server} does not answer for {COMMON}: {asking.last_words()}") from None


def server_lost(stage: Stage) -> None:
    """The server that was chosen drops out: the firewall chooses the other one."""
    servers, asking = start(stage)
    until_served(stage, asking, "first")
    servers["first"].ip("link set eth1 down")
    until_served(stage, asking, "second")
    lost = sum(it.is_lost for it in asking.since(0))
    stage.found.kept.append(f"a server that drops out is replaced after {lost} lost requests")


def firewall_lost(stage: Stage) -> None:
    """The firewall loses its power: the other one chooses too, and the client stays with its server."""
    _, asking = start(stage)
    until_served(stage, asking, "first")
    stage.lab.power_off(MASTER)
    stage.until_up("app", SLAVE)
    until_served(stage, asking, "first")
    seen = asking.seen(0)
    times = [it.due_ns for it in asking.since(0) if not it.is_lost]
    stage.found.crash_ms.append(max((after - before) / 1e6 for before, after in pairwise(times)))
    stage.found.lost_in_crash.append(len(seen.lost))
    stage.found.kept.append("a client stays with its server when the firewall changes")


NEIGHBOURS = Case(
    "neighbours",
    (
        Trial("server lost", server_lost, "the judgement", rf"second does not answer for {COMMON}"),
        Trial("firewall lost", firewall_lost, "the static entry", rf"first does not answer for {COMMON}|app is not up"),
    ),
    ("nginx:nginx-light", "curl:curl", "sysctl:procps"),
    "a firewall sees which servers live, and moves their address by static ARP (48, 49)",
)
