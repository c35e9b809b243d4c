"""nginx: virtual hosts by address, moved one by one; HTTPS sessions that go on; one that runs only where its address is."""

import json
import re

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError
from tools.lab.programs import module

LOST_MAX = 20
"""More requests lost in one move (100 ms of them) are no matter of a busy machine."""
CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=shop -addext subjectAltName=IP:10.77.0.100"
)
HOSTS = {"shop": "10.77.0.100", "wiki": "10.77.0.101", "desk": "10.77.0.102"}


def prepare(stage: Stage) -> None:
    """The files of both nodes, with one certificate, one ticket key, and a page in each virtual host that says whose it is."""
    here = stage.lab.folder
    stage.lab.client.run("openssl", *CERTIFICATE.split(), "-keyout", str(here / "shop.key"), "-out", str(here / "shop.pem"))
    secret = {"shop_key": (here / "shop.key").read_text(), "shop_pem": (here / "shop.pem").read_text()}
    for name in (MASTER, SLAVE):
        stage.copy(name, **secret)
        owner = "both" if not stage.without("the same ticket key") else name
        (stage.disk(name, "/etc/failover") / "tickets.key").write_bytes(owner.encode().ljust(80, b"."))
        for host in HOSTS:
            (stage.disk(name, f"/var/www/{host}") / "index.html").write_text(f"{name}\n")


def start(stage: Stage) -> None:
    stage.services()
    prepare(stage)
    for name in (MASTER, SLAVE):
        launch(stage, name)
    stage.lab.start()


def launch(stage: Stage, name: str) -> None:
    """What a boot does: the setting, and nginx."""
    stage.furnish(name)
    if not stage.without("ip_nonlocal_bind"):
        stage.run(name, "sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")
    if name == MASTER or not stage.without("nginx on both nodes"):
        try:
            stage.run(name, "nginx", "-c", "/etc/failover/nginx.conf")
        except LabError as error:
            raise CaseFailed(f"nginx does not start: {error}") from error


def page(stage: Stage, host: str) -> str:
    """The first line that a new connection gets."""
    done = stage.lab.client.order(do="run", argv=[*module("tools.cases.get"), f"http://{HOSTS[host]}/"])
    return str(done["out"]).strip() or str(done["err"]).strip()


def moved(stage: Stage) -> None:
    """Requests at 200 a second while the virtual host `shop` moves, and while its owner loses its power."""
    start(stage)
    stage.until_up("shop", MASTER)
    stage.lab.prober.start()
    asking = stage.requests("http://10.77.0.100/")
    stage.measure_moves("shop", asking, LOST_MAX)
    stage.measure_crashes("shop", asking, launch)


def one_by_one(stage: Stage) -> None:
    """`shop` goes to the node that has `wiki`, and nothing else moves."""
    start(stage)
    stage.until_up("shop", MASTER)
    stage.until_up("wiki", SLAVE)
    stage.move("shop", SLAVE)
    answers = {host: page(stage, host) for host in HOSTS}
    if answers != {"shop": SLAVE, "wiki": SLAVE, "desk": MASTER}:
        raise CaseFailed(f"after the move of shop to {SLAVE}: {answers}")
    stage.move("wiki", MASTER)
    answers = {host: page(stage, host) for host in HOSTS}
    if answers != {"shop": SLAVE, "wiki": MASTER, "desk": MASTER}:
        raise CaseFailed(f"after the move of wiki to {MASTER}: {answers}")
    stage.found.kept.append("virtual hosts move one by one")


def sessions(stage: Stage) -> None:
    """A client with a TLS session of the first node continues it with the second."""
    start(stage)
    stage.until_up("shop", MASTER)
    records, log = stage.lab.folder / "session.records", stage.lab.folder / "session.log"
    pem = str(stage.lab.folder / "shop.pem")
    stage.lab.client.start([*module("tools.cases.tls_session"), str(records), "10.77.0.100", pem], log)

    def of(name: str) -> list[bool]:
        """Whether each connection that this node answered continued the session."""
        lines = records.read_text().splitlines() if records.exists() else []
        return [it["resumed"] for it in map(json.loads, lines) if it["word"] == name]

    stage.lab.wait_until(lambda: sum(of(MASTER)) >= 3, f"the session is continued at {MASTER}: {log.read_text()[-300:]}", 20)
    stage.move("shop", SLAVE)
    stage.lab.wait_until(lambda: of(SLAVE), f"{SLAVE} answers by HTTPS", 20)
    if not of(SLAVE)[0]:
        raise CaseFailed(f"{SLAVE} did not continue the TLS session that began at {MASTER}")
    stage.found.kept.append("TLS sessions go on")


def after_the_address(stage: Stage) -> None:
    """`desk` has an nginx of its own, which cannot start before the address is there."""
    stage.services(nginx_first if stage.without("the address first") else str)
    prepare(stage)
    for name in (MASTER, SLAVE):
        stage.furnish(name)
    stage.lab.start()
    stage.until_up("desk", MASTER, 5 if stage.off else 30)
    stage.move("desk", SLAVE)
    if (said := page(stage, "desk")) != SLAVE:
        raise CaseFailed(f"desk is at {SLAVE}, and the client gets: {said}")
    stage.found.kept.append("an nginx that starts behind its address")


def died(stage: Stage) -> None:
    """nginx is killed where `desk` is: the check finds it, and the service goes to the other node."""
    stage.services(without_checks if stage.without("the check") else str)
    prepare(stage)
    for name in (MASTER, SLAVE):
        stage.furnish(name)
    stage.lab.start()
    stage.until_up("desk", MASTER)
    stage.kill(MASTER, "nginx")
    try:
        stage.until_up("desk", SLAVE, 4 if stage.off else 30)
    except CaseFailed as failure:
        raise CaseFailed(f"nginx has died at {MASTER}, and desk stays there: {failure}") from failure
    failures = stage.lab.feeds.since(0, "check-failed", MASTER)
    said = {event.body["text"] for event in failures if event.service == "desk"}
    if (answer := page(stage, "desk")) != SLAVE or said != {"http://10.77.0.102/health: Connection refused"}:
        raise CaseFailed(f"nginx has died at {MASTER}, the client gets {answer}, and the log says {said}")
    stage.found.kept.append("a dead nginx is found by the check")


def without_checks(text: str) -> str:
    return re.sub(r"\[\[services\.desk\.checks\]\]\n(?:.+\n)+", "", text)


def nginx_first(text: str) -> str:
    """The two actions of `desk` in the other order."""
    address, script = re.findall(r"\[\[services\.desk\.actions\]\]\n(?:(?!\[).+\n)+", text)
    return text.replace(address + script, script + address)


WEB = Case(
    "web",
    (
        Trial("moved", moved, "nginx on both nodes", r"requests lost in one move to genesis: .*refused"),
        Trial("one by one", one_by_one, "ip_nonlocal_bind", r"99: (?:Cannot assign requested address|Unknown error)"),
        Trial("sessions", sessions, "the same ticket key", rf"{SLAVE} did not continue the TLS session"),
        Trial("after the address", after_the_address, "the address first", r"bind\(\) to 10\.77\.0\.102:80 failed \(99"),
        Trial("died", died, "the check", rf"nginx has died at {MASTER}, and desk stays there"),
    ),
    ("nginx:nginx-light", "openssl:openssl", "sysctl:procps"),
    "single requests fail and are asked again; the SSL session is lost (35, 36); by address, host by host (33)",
)
