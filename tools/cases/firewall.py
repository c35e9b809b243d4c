"""nftables with translation, and conntrackd: an established connection lives through a failover of the firewall."""

import time
from itertools import pairwise

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.programs import module

SERVER, SERVER_HOST, PORT = "10.78.0.50", 50, 7000
INNER, OUTER = "10.77.0.100", "10.78.0.100"
TOLD_S = 1.0
"""A connection is told to the other node within this time after it began."""


def start(stage: Stage) -> None:
    """Two firewalls; a server outside, and a client inside that reaches it by the inner address and holds a connection."""
    stage.services(late if stage.without("the connections before the addresses") else str)
    server = stage.lab.guest("server", SERVER_HOST, "direct")
    server.start([*module("tools.cases.stream"), "serve", str(PORT)], stage.lab.folder / "server.log")
    stage.lab.client.ip(f"route add 10.78.0.0/24 via {INNER}")
    for name in (MASTER, SLAVE):
        stage.copy(name)
        mirror(stage, name)
        launch(stage, name)
    stage.lab.start()
    stage.until_up("gate", MASTER)
    arguments = [str(stage.lab.folder / "stream.records"), SERVER, str(PORT)]
    stage.lab.client.start([*module("tools.cases.stream"), *arguments], stage.lab.folder / "stream.log")
    stage.lab.wait_until(lambda: len(answers(stage)) > 5, "the connection stands", 10)
    time.sleep(TOLD_S)


def late(text: str) -> str:
    """The script behind the addresses, as if it took half a second."""
    first, second, *rest = text.split("[[services.gate.actions]]\n")[1:]
    return "[[services.gate.actions]]\n".join([text.split("[[services.gate.actions]]\n")[0], second, *rest, "\n" + first])


def mirror(stage: Stage, name: str) -> None:
    """The file of genesis has the addresses the other way round, as the example says."""
    folder = stage.disk(name, "/etc/failover")
    if name == SLAVE:
        own, other = "IPv4_address 10.78.0.11\n        IPv4_D", "IPv4_Destination_Address 10.78.0.12"
        text = (folder / "conntrackd.conf").read_text()
        text = text.replace(own, own.replace(".11", ".12")).replace(other, other.replace(".12", ".11"))
        (folder / "conntrackd.conf").write_text(text)
    if stage.without("the connections before the addresses"):
        script = folder / "connections"
        script.write_text(script.read_text().replace("    tell -c", "    sleep 0.5; tell -c"))


def launch(stage: Stage, name: str) -> None:
    """What a boot does: forwarding, the rules, conntrackd."""
    stage.furnish(name)
    for setting in ("ipv4.ip_forward=1", "netfilter.nf_conntrack_tcp_loose=0"):
        stage.run(name, "sysctl", "-q", "-w", f"net.{setting}")
    stage.run(name, "nft", "-f", "/etc/failover/firewall.nft")
    if stage.without("conntrackd"):
        stage.run(name, "sh", "-c", "printf '#!/bin/sh\\n' > /etc/failover/connections")
    else:
        stage.run(name, "conntrackd", "-C", "/etc/failover/conntrackd.conf", "-d")


def answers(stage: Stage) -> list[int]:
    """When the round trips were answered. Raises CaseFailed where the connection broke."""
    records = stage.lab.folder / "stream.records"
    lines = [line for line in records.read_text().splitlines(keepends=True) if line.endswith("\n")] if records.exists() else []
    if lines and lines[-1].startswith("-"):
        raise CaseFailed(f"the connection broke: {lines[-1][1:].strip()}")
    return [int(line) for line in lines]


def gap_ms(stage: Stage, began_ns: int) -> float:
    """Waits until round trips go on for half a second after a stop; the longest time between two of them."""
    stage.lab.wait_until(lambda: sum(at > time.monotonic_ns() - 500_000_000 for at in answers(stage)) > 15, "it goes on", 20)
    times = [at for at in answers(stage) if at > began_ns - 100_000_000]
    return max((after - before) / 1e6 for before, after in pairwise(times))


def planned(stage: Stage) -> None:
    """The connection lives through planned moves there and back."""
    start(stage)
    holder = MASTER
    for _ in range(stage.moves):
        holder, began_ns = stage.other(holder), time.monotonic_ns()
        stage.move("gate", holder)
        time.sleep(TOLD_S)
        stage.found.planned_ms.append(gap_ms(stage, began_ns))
    stage.found.kept.append("a translated connection lives through each move (of its round trips: 20 ms is none)")


def crashed(stage: Stage) -> None:
    """The connection lives through a loss of power."""
    start(stage)
    stage.lab.prober.start()
    began_ns = time.monotonic_ns()
    stage.lab.power_off(MASTER)
    stage.until_up("gate", SLAVE)
    time.sleep(TOLD_S)
    stage.found.crash_ms.append(gap_ms(stage, began_ns))
    stage.found.kept.append("and through a crash")


FIREWALL = Case(
    "firewall",
    (
        Trial("planned", planned, "conntrackd", r"the connection broke"),
        Trial("crashed", crashed, "the connections before the addresses", r"the connection broke: Connection reset"),
    ),
    ("nft:nftables", "conntrackd:conntrackd", "sysctl:procps"),
    "all is slow until it is over; masqueraded connections break (47); a stateful filter's table could be replicated (46)",
)
