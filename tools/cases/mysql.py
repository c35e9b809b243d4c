"""MariaDB by GTID: the role moves and comes back; a server that is behind, and one that has diverged, are refused the role."""

import time

from tools.cases import mariadb
from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed
from tools.cases.mariadb import OF_APP, replication, rows_at, sql
from tools.cases.requests import Requests
from tools.cases.stage import MASTER, SLAVE, Stage

LOST_MAX = 60
"""Three seconds of rows."""
URL = f"mysql://app:{OF_APP}@10.77.0.100/"
LATER_S = 1.0
"""Some twenty rows."""
WITNESSES = ("umpire",)
NOT_THERE = rf"{MASTER} writes, and [1-9]\d* rows that {SLAVE} has acknowledged are not there"
NOT_SENT = """
table inet trial {
    chain replication {
        type filter hook output priority filter;
        oifname "eth1" tcp sport 3306 drop
    }
}
"""
"""What a server sends to the one that follows it is lost; the nodes hear each other."""


def start(stage: Stage) -> Requests:
    """Both servers, lukretia's writes and is followed; a client adds rows."""
    stage.services(with_device)
    for name in (MASTER, SLAVE):
        stage.copy(name)
        alter(stage, name)
    mariadb.create(stage)
    stage.lab.start()
    stage.until_up("db", MASTER)
    mariadb.until_followed(stage, MASTER)
    asking = stage.requests(URL)
    stage.until_answered(asking, MASTER)
    return asking


def with_device(text: str) -> str:
    """A machine of the laboratory has its watchdog elsewhere."""
    return text.replace("/dev/watchdog", mariadb.DEVICE)


def alter(stage: Stage, name: str) -> None:
    """What a control takes away."""
    script = stage.disk(name, "/etc/failover") / "db"
    text = script.read_text()
    if stage.without("the end of writing"):
        text = text.replace("    here 'SET GLOBAL read_only = 1' ;;", "    ;;")
    if stage.without("the refusal"):
        text = text.replace("        level_with $theirs\n", "        :\n").replace("        alone\n", "        :\n")
    script.write_text(text)


def acknowledged(asking: Requests, name: str = "") -> set[int]:
    """The numbers of the rows that the client was told are stored; by this node, if named."""
    words = [it.word.split() for it in asking.since(0) if not it.is_lost]
    return {int(number) for node, number in words if node == (name or node)}


def moved(stage: Stage) -> None:
    """Rows, twenty a second, while the role moves there and back, and while its owner loses its power."""
    asking = start(stage)
    stage.lab.prober.start()
    stage.measure_moves("db", asking, LOST_MAX)
    if missing := acknowledged(asking) - rows_at(stage, str(stage.lab.owner(SLAVE, "db"))):
        raise CaseFailed(f"{len(missing)} acknowledged rows are gone after planned moves: {sorted(missing)[:10]}")
    for _ in range(stage.crashes):
        if stage.lab.owner(SLAVE, "db") != MASTER:
            stage.move("db", MASTER)
        stage.until_answered(asking, MASTER)
        stage.measure_crash(asking, MASTER)
        come_back(stage)
    missing = acknowledged(asking) - rows_at(stage, str(stage.lab.owner(SLAVE, "db")))
    stage.found.kept.append(f"of {len(acknowledged(asking))} acknowledged rows {len(missing)} were lost in crashes")


def come_back(stage: Stage) -> None:
    """lukretia's power is back. It follows genesis; where it has rows that genesis never got, it is rebuilt."""
    boot(stage, MASTER)
    if until_it_follows(stage):
        rebuild(stage)


def boot(stage: Stage, name: str) -> None:
    stage.lab.power_on(name)
    mariadb.launch(stage, name)
    stage.lab.start(name)


def until_it_follows(stage: Stage) -> bool:
    """Until lukretia follows genesis, or is told that it cannot; whether it has diverged."""

    def refused() -> bool:
        return replication(stage, MASTER, "Last_IO_Errno") == "1236"

    stage.lab.wait_until(lambda: refused() or replication(stage, MASTER, "Slave_IO_Running") == "Yes", "it follows", 30)
    return refused()


def rebuild(stage: Stage) -> None:
    """What its page says is done with a server that has diverged."""
    stage.run(MASTER, "/etc/failover/rebuild", MASTER)
    mariadb.until_followed(stage, SLAVE)


def must_be_refused(stage: Stage, asking: Requests, words: str) -> None:
    """Giving lukretia the role fails with these words, and genesis has it again. Raises CaseFailed where lukretia got it."""
    before = acknowledged(asking, SLAVE)
    said = stage.lab.failc(SLAVE, "move", "db", MASTER, accept=range(256))
    if state(stage) == "UP":
        gone = before - rows_at(stage, MASTER)
        raise CaseFailed(f"{MASTER} writes, and {len(gone)} rows that {SLAVE} has acknowledged are not there: {said}")
    stage.until_up("db", SLAVE)
    stage.until_answered(asking, SLAVE)
    reason = stage.lab.service(MASTER, "db")["reason"]
    if words not in f"{said} {reason}":
        raise CaseFailed(f"{MASTER} is refused, but not with the words {words!r}: {said} {reason}")


def behind(stage: Stage) -> None:
    """lukretia comes back, and lacks rows of genesis: it is refused the role, and has it when the rows are there."""
    asking = start(stage)
    stage.move("db", SLAVE)
    stage.until_answered(asking, SLAVE)
    stage.lab.power_off(MASTER)
    time.sleep(LATER_S)
    boot(stage, MASTER)
    mariadb.until_followed(stage, SLAVE)
    sql(stage, MASTER, "STOP SLAVE; CHANGE MASTER TO master_delay = 3600; START SLAVE")
    mariadb.until_followed(stage, SLAVE)
    time.sleep(LATER_S)
    must_be_refused(stage, asking, "we are behind")
    sql(stage, MASTER, "STOP SLAVE; CHANGE MASTER TO master_delay = 0; START SLAVE")
    mariadb.until_followed(stage, SLAVE)
    take_back(stage, asking)
    if missing := acknowledged(asking) - rows_at(stage, MASTER):
        raise CaseFailed(f"{MASTER} has the role again, and {len(missing)} acknowledged rows are not there")
    stage.found.kept.append("a server that is behind is refused the role, and has it with every row when it is level")


def alone(stage: Stage) -> None:
    """Both die, and lukretia, which died first, comes back first: it is refused, since genesis wrote after it."""
    asking = start(stage)
    stage.move("db", SLAVE)
    stage.until_answered(asking, SLAVE)
    mariadb.until_followed(stage, SLAVE)
    stage.lab.power_off(MASTER)
    time.sleep(LATER_S)
    stage.lab.power_off(SLAVE)
    written = acknowledged(asking, SLAVE)
    boot(stage, MASTER)
    stage.lab.wait_until(lambda: state(stage) in ("UP", "FAIL"), f"{MASTER} has tried it", 30)
    if state(stage) == "UP":
        gone = written - rows_at(stage, MASTER)
        raise CaseFailed(f"{MASTER} writes, and {len(gone)} rows that {SLAVE} has acknowledged are not there")
    if "nothing is heard" not in (reason := stage.lab.service(MASTER, "db")["reason"]):
        raise CaseFailed(f"{MASTER} is refused, but not since nothing is heard of {SLAVE}: {reason}")
    boot(stage, SLAVE)
    stage.until_up("db", SLAVE)
    if missing := written - rows_at(stage, SLAVE):
        raise CaseFailed(f"{SLAVE} has the role again, and {len(missing)} rows that it has acknowledged are not there")
    stage.found.kept.append("of two that died, the one that wrote last has the role, whichever is back first")


def state(stage: Stage) -> str:
    """What lukretia says of itself."""
    return str(stage.lab.service(MASTER, "db")["states"][MASTER])


def take_back(stage: Stage, asking: Requests) -> None:
    stage.lab.failc(SLAVE, "recover", "db", MASTER)
    stage.move("db", MASTER)
    stage.until_answered(asking, MASTER)


def diverged(stage: Stage) -> None:
    """lukretia dies with rows that it has acknowledged and genesis never got. It is refused until it is rebuilt."""
    asking = start(stage)
    stage.node(MASTER).running.run("nft", "-f", "-", text=NOT_SENT)
    stage.lab.wait_until(lambda: len(acknowledged(asking, MASTER) - rows_at(stage, SLAVE)) > 5, "rows that are not sent", 20)
    stage.lab.power_off(MASTER)
    stage.until_answered(asking, SLAVE)
    lost = acknowledged(asking, MASTER) - rows_at(stage, SLAVE)
    boot(stage, MASTER)
    if not until_it_follows(stage):
        raise CaseFailed(f"{MASTER} has {len(lost)} rows that {SLAVE} has not, and follows it")
    must_be_refused(stage, asking, "diverged")
    rebuild(stage)
    take_back(stage, asking)
    here = rows_at(stage, MASTER)
    if missing := acknowledged(asking, SLAVE) - here:
        raise CaseFailed(f"{MASTER} has the role again, and {len(missing)} rows of {SLAVE} are not there")
    if lost & here:
        raise CaseFailed(f"{MASTER} was rebuilt, and has {len(lost & here)} rows that only it had")
    stage.found.kept.append(f"one that has diverged is refused until it is rebuilt ({len(lost)} unsent rows are gone)")


MYSQL = Case(
    "mysql",
    (
        Trial("moved", moved, "the end of writing", r"db did not move to genesis: .*still writes", WITNESSES),
        Trial("behind", behind, "the refusal", NOT_THERE, WITNESSES),
        Trial("alone", alone, "the refusal", NOT_THERE, WITNESSES),
        Trial("diverged", diverged, "the refusal", NOT_THERE, WITNESSES),
    ),
    (*mariadb.PROGRAMS, "nft:nftables"),
    "replication is not instant, or dear; recovery is much more complicated than failover (45)",
)
