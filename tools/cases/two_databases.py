"""One fault, two files: two PostgreSQL servers under `serve` take a row each; under `majority` the second row is refused.

The switches fall into two: lukretia and the bystander on one side, genesis, the client and the witness on the other.
"""

import re

from tools.cases import database
from tools.cases.case import Case, Trial
from tools.cases.database import Client
from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError
from tools.lab.watchdog import Watchdog

DEVICE = "/run/watchdog"
BEFORE, HERE, THERE = "before the cut", f"told to {MASTER}", f"told to {SLAVE}"
SECOND_TRIES = 2


def start(stage: Stage, file: str) -> tuple[Client, Client]:
    """Both servers, lukretia's promoted and followed; a client on lukretia's side, and one on that of genesis."""
    stage.services(without_majority if stage.without("the majority") else with_device, file)
    database.create(stage, "-c", "create role standby replication login")
    for name in (MASTER, SLAVE):
        database.make_standby(stage, name)
        database.as_postgres(stage, name, "pg_ctl", "-s", "-D", database.DATA, "-l", database.LOG, "start")
    if file != "naive.toml":
        for name in (MASTER, SLAVE):
            stage.run(name, "touch", DEVICE)
            watchdog = Watchdog(stage.node(name), DEVICE, stage.lab.folder)
            stage.closing.callback(watchdog.close)
    stage.lab.start()
    stage.until_up("db", MASTER)
    database.until_followed(stage, MASTER)
    near, far = Client(stage.lab.bystander), Client(stage.lab.client)
    must_write(near, BEFORE)
    return near, far


def with_device(text: str) -> str:
    """A machine of the laboratory has its watchdog elsewhere."""
    return text.replace("/dev/watchdog", DEVICE)


def without_majority(text: str) -> str:
    return re.sub(r'partition = "majority"\nlease .*\n', 'partition = "serve"\n', with_device(text))


def must_write(client: Client, word: str) -> None:
    if complaint := client.write(word):
        raise CaseFailed(f"the row '{word}' is refused: {complaint}")


def split(stage: Stage) -> None:
    stage.lab.split(MASTER, "bystander")


def until_also_up(stage: Stage, name: str) -> None:
    """Until this node says that it has it up, whatever the other one says."""
    try:
        stage.lab.wait_until(lambda: stage.lab.service(name, "db")["states"][name] == "UP", "", 30)
    except LabError:
        raise CaseFailed(f"db is not up at {name}: {stage.lab.service(name, 'db')['reason']}") from None


def naive(stage: Stage) -> None:
    """Both links are cut. Each side has a primary, which acknowledges a row; when the cut is mended, one of them is gone."""
    near, far = start(stage, "naive.toml")
    stage.lab.wait_until(lambda: database.rows_at(stage, SLAVE, "select word from entry") == [BEFORE], "it is replicated", 20)
    if not stage.without("the cut"):
        split(stage)
        until_also_up(stage, SLAVE)
    must_write(near, HERE)
    must_write(far, THERE)
    here, there = near.read(), far.read()
    if here == there:
        raise CaseFailed(f"both sides read the same rows: {here}")
    if (here, there) != ([BEFORE, HERE], [BEFORE, THERE]):
        raise CaseFailed(f"{MASTER} has {here}, and {SLAVE} has {there}")
    stage.found.kept.append("under `serve` each side acknowledges a row, and SELECT shows it on that side alone")
    stage.lab.split()
    stage.lab.wait_until(lambda: stage.lab.service(SLAVE, "db")["owners"] == [MASTER], f"{SLAVE} gives way", 20)
    stage.lab.wait_until(lambda: not far.write("behind the cut"), f"{MASTER} serves all", 20)
    if THERE in far.read():
        raise CaseFailed(f"the row '{THERE}' has come back")
    stage.found.kept.append("when the cut is mended, one of the two is gone")


def majority(stage: Stage) -> None:
    """The same fault with a third vote. From the first row that genesis acknowledges, lukretia acknowledges none."""
    near, far = start(stage, "failover.toml")
    split(stage)
    last = until_taken_over(stage, near, far)
    for _ in range(SECOND_TRIES):
        if not (complaint := near.write(HERE)):
            raise CaseFailed(f"{MASTER} acknowledges '{HERE}' behind '{THERE}', which {SLAVE} has: both are primary")
    stage.found.kept.append(f"under `majority` the second row is refused: {complaint.rpartition('failed: ')[2]}")
    stage.lab.split()
    stage.lab.wait_until(lambda: not near.write("behind the cut"), f"{SLAVE} serves all", 20)
    rows = near.read()
    if THERE not in rows:
        raise CaseFailed(f"the row '{THERE}', which {SLAVE} has acknowledged, is gone: {rows}")
    lost = [word for word in last if word not in rows]
    stage.found.kept.append(f"of {len(last)} rows of {MASTER}'s last lease {len(lost)} are gone (asynchronous)")


def until_taken_over(stage: Stage, near: Client, far: Client) -> list[str]:
    """Both sides write until genesis acknowledges a row; what lukretia has acknowledged since the cut."""
    acknowledged: list[str] = []

    def taken_over() -> bool:
        word = f"{HERE}, {len(acknowledged)}"
        if not near.write(word):
            acknowledged.append(word)
        return not far.write(THERE)

    try:
        stage.lab.wait_until(taken_over, "", 60)
    except LabError:
        raise CaseFailed(f"db is not up at {SLAVE}: {stage.lab.service(SLAVE, 'db')['reason']}") from None
    return acknowledged


TWO_DATABASES = Case(
    "two-databases",
    (
        Trial("naive", naive, "the cut", r"both sides read the same rows"),
        Trial("majority", majority, "the majority", rf"{MASTER} acknowledges .* behind .*: both are primary", ("umpire",)),
    ),
    (*database.PROGRAMS, "nft:nftables"),
    "who is cut off goes on: both systems offer the service (14, 22); a database needs more than that (45)",
)
