"""haproxy: two directors in front of two real servers; a client stays with its server when the director changes."""

import sys
import time
from pathlib import Path

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.requests import Requests
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError, Place
from tools.lab.programs import module

LOST_MAX = 20
SERVERS = {"first": 21, "second": 22}
CLIENTS = ("10.77.0.211", "10.77.0.212", "10.77.0.213")
"""Clients by their addresses: each is to stay with its server. The first and the third have one, the second the other."""
NEWCOMERS = tuple(f"10.77.0.{host}" for host in range(214, 250))
"""Clients that have asked nothing yet."""
URL = "http://10.77.0.100/"
SOCKET = "/run/haproxy.sock"
RUNNING = "2"
"""How `show servers state` writes that a server is up (haproxy, Management Guide, 9.3)."""

ASK = f"""
import socket, sys
with socket.socket(socket.AF_UNIX) as one:
    one.connect({SOCKET!r})
    one.sendall(sys.argv[1].encode() + b"\\n")
    print(b"".join(iter(lambda: one.recv(65536), b"")).decode())
"""

SITE = """
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 80;
        location = /health {{ return 200 "ready\\n"; }}
        location / {{ return 200 "$http_x_director {name}\\n"; }}
    }}
}}
"""


def start(stage: Stage) -> dict[str, Place]:
    """Two directors, two real servers; returns the places of the servers."""
    stage.services()
    servers = {name: stage.lab.guest(name, host) for name, host in SERVERS.items()}
    for name, place in servers.items():
        folder = stage.lab.folder / name
        folder.mkdir()
        (folder / "nginx.conf").write_text(SITE.format(folder=folder, name=name))
        place.run("nginx", "-c", str(folder / "nginx.conf"))
    stage.lab.client.ip(*(f"address add {address}/24 dev eth0" for address in CLIENTS))
    for name in (MASTER, SLAVE):
        stage.copy(name)
        alter(stage, stage.disk(name, "/etc/failover") / "haproxy.cfg")
        launch(stage, name)
    stage.lab.start()
    stage.until_up("front", MASTER)
    return servers


def alter(stage: Stage, file: Path) -> None:
    """What a control takes away."""
    text = file.read_text()
    if stage.without("the directors' common table"):
        text = text.replace("expire 30m peers directors", "expire 30m")
    if stage.without("health checks"):
        text = text.replace(" check inter 200ms fall 2 rise 2", "")
    file.write_text(text.replace("global\n", f"global\n    stats socket {SOCKET}\n"))


def told(stage: Stage, name: str, question: str) -> str:
    """What this director answers by its control socket, which the example has no need of."""
    return stage.run(name, sys.executable, "-c", ASK, question)


def until_taught(stage: Stage, name: str) -> None:
    """Until this director takes both servers for well and, where there is one table, knows to which one each client belongs."""
    wanted = [] if stage.without("the directors' common table") else [f"key={client} " for client in CLIENTS]

    def taught() -> bool:
        rows = [line.split() for line in told(stage, name, "show servers state servers").splitlines()]
        well = [row[3] for row in rows if len(row) > 5 and row[3] in SERVERS and row[5] == RUNNING]
        table = told(stage, name, "show table servers")
        return set(well) == set(SERVERS) and all(key in table for key in wanted)

    try:
        stage.lab.wait_until(taught, "", 20)
    except LabError:
        raise CaseFailed(f"{name} knows {told(stage, name, 'show table servers')}") from None


def launch(stage: Stage, name: str) -> None:
    """What a boot does: the setting, and haproxy."""
    stage.furnish(name)
    stage.run(name, "sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")
    if name == MASTER or not stage.without("haproxy on both nodes"):
        stage.run(name, "haproxy", "-D", "-L", name, "-p", "/run/haproxy.pid", "-f", "/etc/failover/haproxy.cfg")


def moved(stage: Stage) -> None:
    """Requests at 200 a second while the directors change, and while one loses its power."""
    start(stage)
    stage.lab.prober.start()
    asking = stage.requests(URL)
    stage.measure_moves("front", asking, LOST_MAX)
    stage.measure_crashes("front", asking, launch)


def served(stage: Stage, client: str) -> tuple[str, str]:
    """The director and the server that answer this client. Raises CaseFailed where none does."""
    done = stage.lab.client.order(do="run", argv=[*module("tools.cases.get"), URL, client])
    director, _, server = str(done["out"]).strip().partition(" ")
    if done["code"] or not server:
        raise CaseFailed(f"the client {client} gets {done['out'] or done['err']}")
    return director, server


def until_both_serve(stage: Stage) -> None:
    """Until the director takes both servers for well: of new clients, which it sends to them by turns, two are with both."""
    for first, second in zip(NEWCOMERS[::2], NEWCOMERS[1::2], strict=True):
        stage.lab.client.ip(*(f"address add {client}/24 dev eth0" for client in (first, second)))
        if {served(stage, client)[1] for client in (first, second)} == set(SERVERS):
            return
        time.sleep(0.3)
    raise CaseFailed("the director does not send new clients to both servers")


def sticky(stage: Stage) -> None:
    """Each client stays with its server when the director loses its power.

    The first and the third, which are with one server, ask first: a director that takes the servers by turns sends them to two.
    """
    start(stage)
    until_both_serve(stage)
    before = {client: served(stage, client)[1] for client in CLIENTS}
    if set(before.values()) != set(SERVERS):
        raise CaseFailed(f"the clients are not on both servers: {before}")
    until_taught(stage, SLAVE)
    stage.lab.power_off(MASTER)
    stage.until_up("front", SLAVE)
    for client in (CLIENTS[0], CLIENTS[2], CLIENTS[1]):
        director, server = served(stage, client)
        if (director, server) != (SLAVE, before[client]):
            raise CaseFailed(f"{client} was with {before[client]}, and {director} sends it to {server}")
    stage.found.kept.append("each client stays with its server")


def server_lost(stage: Stage) -> None:
    """A real server drops from the network: its clients get the other one."""
    servers = start(stage)
    asking = stage.requests(URL)
    stage.until_answered(asking, MASTER)
    gone = asking.since(0)[-1].word.split()[1]
    servers[gone].ip("link set eth0 down")
    left = next(name for name in SERVERS if name != gone)
    try:
        stage.lab.wait_until(lambda: is_served_by(asking, left), "", 4 if stage.off else 20)
    except LabError:
        raise CaseFailed(f"{gone} is gone, and its client gets: {asking.last_words()}") from None
    lost = sum(it.is_lost for it in asking.since(0))
    stage.found.kept.append(f"a real server that drops out is replaced after {lost} lost requests")


def is_served_by(asking: Requests, server: str) -> bool:
    return {it.word.split()[-1] for it in asking.since(0)[-20:]} == {server}


BALANCER = Case(
    "balancer",
    (
        Trial("moved", moved, "haproxy on both nodes", r"requests lost in one move to genesis: .*refused"),
        Trial("sticky", sticky, "the directors' common table", rf"was with (\w+), and {SLAVE} sends it to (?!\1)\w"),
        Trial("server lost", server_lost, "health checks", r"is gone, and its client gets: (?:no answer|HTTP/1.1 503)"),
    ),
    ("haproxy:haproxy", "nginx:nginx-light", "sysctl:procps"),
    "firewalls or directors in a pair, as load balancers for a cluster (48)",
)
