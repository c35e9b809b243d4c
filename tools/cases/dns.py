"""bind9: the address, looked for anew or on lo; the secondary becomes primary, and back; a name that leads to the owner."""

import re
import time

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError

LOST_MAX = 20
OWN = {MASTER: "10.77.0.11", SLAVE: "10.77.0.12"}
ADDRESS, ON_LO = "10.77.0.100", "10.77.0.105"
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="
HERE = 'zone "here" { type primary; file "/var/lib/bind/here.zone"; };\n'
"""By which the client sees who answers: bind9 answers questions for its own name three times a second at most."""
KEY = 'key "failover" {{ algorithm hmac-sha256; secret "{}"; }};\n'


def start(stage: Stage, *services: str, scans: bool = False) -> None:
    """Both nodes with these services of the example alone. `scans`: bind9 as it comes, and no script that tells it anything."""
    stage.services(lambda text: chosen(text, services, told=not scans and not stage.without("the rescan")))
    for name in OWN:
        stage.copy(name)
        furnish(stage, name, scans and not stage.without("the kernel's word"))
        launch(stage, name)
    stage.lab.start()


def chosen(text: str, services: tuple[str, ...], told: bool) -> str:
    """The tables of these services, without the script that tells the server of an address unless it is to be `told`."""
    tables = re.split(r"(?=^\[\[?services\.)", text, flags=re.MULTILINE)
    kept = "".join(it for it in tables if re.match(rf"\[\[?services\.(?:{'|'.join(services)})\b", it))
    if not told:
        kept = re.sub(r"\[\[services\.ns\.actions\]\]\nscript.*\n.*\n", "", kept)
    return kept


def furnish(stage: Stage, name: str, scans: bool) -> None:
    """What its page says is to be copied, and how: the key for bind9 and for faild, the zone, the role."""
    failover, bind, zones = (stage.disk(name, folder) for folder in ("/etc/failover", "/etc/bind", "/var/lib/bind"))
    text = (failover / "named.conf").read_text() + HERE
    (zones / "here.zone").write_text(f"$TTL 0\n@ SOA here. here. 1 60 60 60 0\n  NS here.\n  A 127.0.0.1\n  TXT {name}\n")
    if scans:
        text = re.sub(r".*interface-.*\n", "", text)
    (failover / "named.conf").write_text(text)
    (bind / "failover.key").write_text(KEY.format(SECRET))
    (failover / "dns.key").write_text(KEY.format(SECRET[::-1].strip("=") + "==" if stage.without("the right key") else SECRET))
    (failover / "dns.key").chmod(0o600)
    (zones / "example.zone").write_text((failover / "example.zone").read_text())
    (zones / "role.conf").touch()


def launch(stage: Stage, name: str) -> None:
    """What a boot does: the address on lo, and the name server, as secondary until faild says otherwise."""
    stage.furnish(name)
    place = stage.node(name).running
    for setting in ("all.arp_announce=2", "eth0.arp_ignore=1"):
        place.run("sysctl", "-q", "-w", f"net.ipv4.conf.{setting}")
    place.ip(f"address add {ON_LO}/32 dev lo")
    place.run("chown", "-R", "root:bind", "/etc/bind/failover.key", "/var/lib/bind")
    place.run("chmod", "-R", "g+rwX", "/var/lib/bind")
    place.run("install", "-d", "-o", "bind", "/run/named")
    if not (stage.disk(name, "/var/lib/bind") / "role.conf").stat().st_size:
        place.run("env", f"FAILOVER_NODE={name}", "/etc/failover/role", "stop")
    if not (stage.disk(name, "/etc/bind") / "rndc.key").exists():
        place.run("rndc-confgen", "-a", "-c", "/etc/bind/rndc.key", "-u", "bind")
    command = ["named", "-f", "-n", "1", "-u", "bind", "-c", "/etc/failover/named.conf"]
    place.start(command, stage.lab.folder / f"{name}.named.log")


def dig(stage: Stage, server: str, *question: str) -> str:
    """What the client gets; "" where it gets nothing in a second."""
    done = stage.lab.client.order(do="run", argv=["dig", "+short", "+time=1", "+tries=1", f"@{server}", *question])
    return " ".join(line for line in str(done["out"]).splitlines() if not line.startswith(";")).replace('"', "")


def who(stage: Stage, server: str) -> str:
    return dig(stage, server, "here", "TXT")


def update(stage: Stage, name: str, address: str) -> str:
    """A signed update by the service address; "" where it was done, else what nsupdate says."""
    words = f"server {ADDRESS}\nzone example\nupdate add {name} 5 A {address}\nsend\n"
    done = stage.lab.client.order(do="run", argv=["nsupdate", "-y", f"hmac-sha256:failover:{SECRET}"], input=words)
    return str(done["err"] or done["out"]).strip() if done["code"] else ""


def moved(stage: Stage) -> None:
    """Questions at 200 a second while the address moves, and while its owner loses its power."""
    start(stage, "ns")
    stage.until_up("ns", MASTER)
    stage.lab.prober.start()
    asking = stage.requests(f"dns://{ADDRESS}:53/")
    stage.measure_moves("ns", asking, LOST_MAX)
    stage.measure_crashes("ns", asking, launch, comes_back=False)


def by_itself(stage: Stage) -> None:
    """As bind9 comes: it hears of a new address from the kernel, and no script has anything to do."""
    start(stage, "ns", scans=True)
    stage.until_up("ns", MASTER, 5 if stage.off else 30)
    stage.move("ns", SLAVE)
    try:
        stage.lab.wait_until(lambda: who(stage, ADDRESS) == SLAVE, "", 4)
    except LabError:
        raise CaseFailed(f"ns is at {SLAVE}, and the client is answered by: {who(stage, ADDRESS) or 'nobody'}") from None
    stage.found.kept.append("bind9 finds an address by itself")


def on_lo(stage: Stage) -> None:
    """The address is on lo of both nodes; one answers ARP for it. No server is told anything."""
    start(stage, "lo")
    stage.until_up("lo", MASTER)
    stage.lab.wait_until(lambda: who(stage, ON_LO) == MASTER, f"{MASTER} answers", 20)
    if stage.without("the announcement"):
        stage.run(SLAVE, "sed", "-i", "/arping/s/arping.*/;;/", "/etc/failover/answer")
    stage.move("lo", SLAVE)
    try:
        stage.lab.wait_until(lambda: who(stage, ON_LO) == SLAVE, "", 3)
    except LabError:
        raise CaseFailed(f"lo is at {SLAVE}, and the client is answered by: {who(stage, ON_LO) or 'nobody'}") from None
    stage.found.kept.append("an address on lo moves, and no server is told")


def promoted(stage: Stage) -> None:
    """The secondary becomes primary, takes updates, and gives the role back with all that was changed."""
    services = ("ns",) if stage.without("the role") else ("ns", "primary")
    start(stage, *services)
    for service in services:
        stage.until_up(service, MASTER)
    if not stage.off:
        must_update(stage, MASTER, "one.example", "192.0.2.1")
        until_known(stage, SLAVE, "one.example", "192.0.2.1")
    stage.lab.power_off(MASTER)
    for service in services:
        stage.until_up(service, SLAVE)
    must_update(stage, SLAVE, "two.example", "192.0.2.2")
    stage.lab.power_on(MASTER)
    launch(stage, MASTER)
    stage.lab.start(MASTER)
    until_known(stage, MASTER, "two.example", "192.0.2.2")
    stage.move("ns", MASTER)
    stage.until_up("primary", MASTER)
    must_update(stage, MASTER, "three.example", "192.0.2.3")
    until_known(stage, SLAVE, "three.example", "192.0.2.3")
    stage.found.kept.append("the secondary is promoted, and gives the role back with every record")


def must_update(stage: Stage, server: str, name: str, address: str) -> None:
    if said := update(stage, name, address):
        raise CaseFailed(f"{server} refuses the update of {name}: {said}")


def until_known(stage: Stage, server: str, name: str, address: str) -> None:
    try:
        stage.lab.wait_until(lambda: dig(stage, OWN[server], name, "A") == address, "", 30)
    except LabError:
        raise CaseFailed(f"{server} does not know {name}: {dig(stage, OWN[server], name, 'A') or 'nothing'}") from None


def record(stage: Stage) -> None:
    """A name that leads to the owner: a signed update at each move."""
    start(stage, "ns", "primary", "www")
    stage.until_up("primary", MASTER)
    stage.until_up("www", MASTER, 5 if stage.off else 30)
    seen = [dig(stage, ADDRESS, "www.example", "A")]
    began = time.monotonic()
    stage.move("www", SLAVE)
    seen.append(dig(stage, ADDRESS, "www.example", "A"))
    if seen != list(OWN.values()):
        raise CaseFailed(f"www.example leads to {seen}")
    took_ms = (time.monotonic() - began) * 1000
    stage.found.kept.append(f"a record leads to the new owner after {took_ms:.0f} ms (and its 5 s at who remembers it)")


DNS = Case(
    "dns",
    (
        Trial("moved", moved, "the rescan", rf"does not answer dns://{ADDRESS}:53/: no answer"),
        Trial("by itself", by_itself, "the kernel's word", r"answered by: nobody|ns is not up"),
        Trial("on lo", on_lo, "the announcement", rf"lo is at {SLAVE}, and the client is answered by: {MASTER}"),
        Trial("promoted", promoted, "the role", rf"{SLAVE} refuses the update"),
        Trial("record", record, "the right key", r"www is not up at lukretia"),
    ),
    ("named:bind9", "dig:bind9-dnsutils", "nsupdate:bind9-dnsutils", "arping:iputils-arping", "sysctl:procps"),
    "questions are slow until it is over, transfers break; a server must be restarted, or have its address on lo (26, 27)",
)
