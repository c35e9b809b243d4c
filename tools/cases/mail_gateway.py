"""postfix: mail that was taken is delivered though its gateway dies, if need be twice; where a line is dead, by another."""

import shutil
import time

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.mail_world import GATEWAY, Message, Provider
from tools.cases.stage import MASTER, SETTLED_S, SLAVE, Stage

LOST_MAX = 20
LINES = {MASTER: "10.77.0.50", SLAVE: "10.78.0.50"}
SPOOL = "/var/spool/postfix"
ANSWERS_LOST = """
table inet trial {
    chain answers {
        type filter hook output priority filter;
        oifname "eth0" tcp sport 25 drop
    }
}
"""
"""What a gateway says to its clients is lost; what it hears of them is not, nor what it says to its provider."""


def start(stage: Stage, *options: str) -> tuple[Provider, Provider]:
    """Two gateways, each with a line to a provider of its own; `options` are those of lukretia's provider."""
    stage.services(unjudged if stage.without("the check of the line") else str)
    first, second = Provider(stage, "first", "lan"), Provider(stage, "second", "direct")
    first.start(*options)
    second.start()
    for name in LINES:
        stage.copy(name)
        if stage.without("the hook"):
            (stage.disk(name, "/etc/failover") / "flush").write_text("#!/bin/sh\n")
        shutil.copy(stage.example / "main.cf", stage.disk(name, "/etc/postfix"))
        launch(stage, name)
    stage.lab.start()
    stage.until_up("relay", MASTER)
    return first, second


def unjudged(text: str) -> str:
    """Without the last check, which asks for the line."""
    return text.rpartition("[[services.relay.checks]]")[0]


def launch(stage: Stage, name: str) -> None:
    """What a boot does: postfix, with the two settings that are the node's own. The laboratory has no name server."""
    stage.furnish(name)
    own = (f"myhostname = {name}.example", f"relayhost = [{LINES[name]}]", "smtpd_peername_lookup = no")
    stage.run(name, "postconf", "-e", *own)
    if name == MASTER or not stage.without("postfix on both nodes"):
        stage.run(name, "postfix", "start")


def moved(stage: Stage) -> None:
    """The greeting, asked for 200 times a second while the address moves, and while its owner loses its power."""
    start(stage)
    stage.lab.prober.start()
    asking = stage.requests(f"smtp://{GATEWAY}:25/")
    stage.measure_moves("relay", asking, LOST_MAX)
    stage.measure_crashes("relay", asking, launch)


def until_put_off(stage: Stage) -> None:
    """Until lukretia has a message in its queue that it could not deliver."""
    spool = stage.disk(MASTER, SPOOL) / "deferred"
    stage.lab.wait_until(lambda: any(path.is_file() for path in spool.rglob("*")), f"{MASTER} puts it off", 20)


def queued(stage: Stage) -> None:
    """A gateway dies with a message that it has taken and could not deliver: it is delivered when the power is back, once."""
    first, second = start(stage, "-r", "RCPT")
    waits = Message(stage, "waits")
    waits.until(f"250 {MASTER}")
    until_put_off(stage)
    first.stop()
    first.start()
    stage.lab.power_off(MASTER)
    stage.until_up("relay", SLAVE)
    meanwhile = Message(stage, "meanwhile")
    meanwhile.until(f"250 {SLAVE}")
    second.until_arrived(meanwhile)
    if first.copies(waits) + second.copies(waits):
        raise CaseFailed(f"the message waits has come while its gateway was dead: {waits.met()}")
    began = time.monotonic()
    stage.lab.power_on(MASTER)
    launch(stage, MASTER)
    stage.lab.start(MASTER)
    first.until_arrived(waits)
    took_s = time.monotonic() - began
    stage.found.kept.append(f"mail in the queue of a dead gateway comes {took_s:.0f} s after its power is back")


def race(stage: Stage) -> None:
    """Slide 31: a gateway takes a message, and dies before its client is told. The client sends it again: it comes twice."""
    first, second = start(stage)
    go = stage.lab.folder / "go"
    message = Message(stage, "race", go)
    message.until(f"354 {MASTER}")
    if not stage.without("the lost answer"):
        stage.node(MASTER).running.run("nft", "-f", "-", text=ANSWERS_LOST)
    go.touch()
    first.until_arrived(message)
    time.sleep(SETTLED_S)
    stage.lab.power_off(MASTER)
    message.until(f"250 {SLAVE}")
    second.until_arrived(message)
    copies = first.copies(message) + second.copies(message)
    if f"250 {MASTER}" in message.met() or copies != 2:
        raise CaseFailed(f"the message race has come {copies} times, and met {message.met()}")
    stage.found.kept.append("a message whose gateway dies before it says 250 is sent again: it comes twice, and is not lost")


def line_lost(stage: Stage) -> None:
    """The line of one gateway dies: mail leaves by the other's. What was taken before goes when the line is back."""
    first, second = start(stage, "-r", "RCPT")
    waits = Message(stage, "waits")
    waits.until(f"250 {MASTER}")
    until_put_off(stage)
    first.place.ip("link set eth0 down")
    began = time.monotonic()
    try:
        stage.until_up("relay", SLAVE, 10 if stage.off else 30)
    except CaseFailed as failure:
        raise CaseFailed(f"the line of {MASTER} is dead, and relay stays there: {failure}") from failure
    took_s = time.monotonic() - began
    after = Message(stage, "after")
    after.until(f"250 {SLAVE}")
    second.until_arrived(after)
    first.stop()
    first.start()
    first.place.ip("link set eth0 up")
    stage.lab.wait_until(lambda: has_a_line(stage), f"{MASTER} has its line again", 30)
    stage.lab.failc(MASTER, "recover", "relay", MASTER)
    stage.until_up("relay", MASTER)
    first.until_arrived(waits)
    stage.found.kept.append(f"where a line is dead, the gateway with the other one has the service after {took_s:.0f} s")


def has_a_line(stage: Stage) -> bool:
    """What the check asks on lukretia."""
    command = ["env", f"FAILOVER_NODE={MASTER}", "/etc/failover/way-out"]
    return bool(stage.node(MASTER).running.order(do="run", argv=command)["code"] == 0)


GATEWAYS = Case(
    "mail-gateway",
    (
        Trial("moved", moved, "postfix on both nodes", r"requests lost in one move to genesis: .*refused"),
        Trial("queued", queued, "the hook", rf"the message waits met .*250 {MASTER}.*, and has not come"),
        Trial("race", race, "the lost answer", rf"the message race did not meet '250 {SLAVE}', but .*250 {MASTER}"),
        Trial("line lost", line_lost, "the check of the line", rf"the line of {MASTER} is dead, and relay stays there"),
    ),
    ("postfix:postfix", "smtp-sink:postfix", "curl:curl", "nft:nftables"),
    "a dialogue breaks off; a message can come twice (30, 31); two gateways can have two transports (32)",
)
