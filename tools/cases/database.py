"""PostgreSQL of Debian on the stage: one server is made, the other is copied from it; and what clients see of them.

What is done here is what the pages of the examples say is done once, and at each boot.
"""

from typing import NamedTuple

from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError, Place

PROGRAMS = (
    "/usr/lib/postgresql/15/bin/postgres:postgresql-15",
    "/usr/lib/postgresql/15/bin/psql:postgresql-client-15",
    "setpriv:util-linux",
)
BIN, DATA, LOG = "/usr/lib/postgresql/15/bin", "/var/lib/postgresql/failover", "/var/log/postgresql/failover.log"
PASSES = f"{DATA}.pass"
ADDRESS = "10.77.0.100"
OF_STANDBY, OF_APP = "standbys-secret", "apps-secret"
ROLES = (
    f"alter role standby password '{OF_STANDBY}'",
    f"create role app login password '{OF_APP}'",
    "create table entry (word text)",
    "grant select, insert on entry to app",
)


class Client(NamedTuple):
    """A machine on one side, with psql. It never asks again."""

    place: Place

    def write(self, word: str) -> str:
        """ "" where the server said that the row is stored, else why it did not."""
        told, complaint = self._ask(f"insert into entry values ('{word}')")
        return "" if told == ["INSERT 0 1"] else complaint or f"it said {told}"

    def read(self) -> list[str]:
        """All rows, in their order. Raises CaseFailed where there is no answer."""
        rows, complaint = self._ask("select word from entry order by ctid")
        if complaint:
            raise CaseFailed(f"no answer to SELECT: {complaint}")
        return rows

    def _ask(self, sql: str) -> tuple[list[str], str]:
        given = ["timeout", "5", "env", f"PGPASSWORD={OF_APP}", "PGCONNECT_TIMEOUT=2"]
        psql = [f"{BIN}/psql", "-X", "-At", "-h", ADDRESS, "-U", "app", "-d", "postgres", "-c", sql]
        done = self.place.order(do="run", argv=[*given, *psql])
        said = str(done["err"]).strip().splitlines() or [f"no answer within 5 s (exit {done['code']})"]
        return str(done["out"]).splitlines(), said[-1].strip() if done["code"] else ""


def as_postgres(stage: Stage, name: str, program: str, *arguments: str) -> str:
    """Runs one of the programs of PostgreSQL there, as the user postgres."""
    become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env")
    return stage.run(name, *become, "env", f"PGPASSFILE={PASSES}", f"{BIN}/{program}", *arguments)


def rows_at(stage: Stage, name: str, sql: str) -> list[str]:
    """What the server there answers by its socket. Raises LabError where it does not."""
    return as_postgres(stage, name, "psql", "-X", "-At", "-c", sql).splitlines()


def create(stage: Stage, *first: str) -> None:
    """Both machines, with the files of the example; the server of the master, and that of the slave as its copy. Neither runs.

    `first`: what psql is told before anything else."""
    for name in (MASTER, SLAVE):
        stage.copy(name)
        mirror(stage, name)
        boot(stage, name)
    as_postgres(stage, MASTER, "initdb", "-D", DATA, "--data-checksums", "--no-sync", "--auth=peer")
    stage.run(MASTER, "sh", "-c", f"echo \"include '/etc/failover/db.conf'\" >> {DATA}/postgresql.conf")
    as_postgres(stage, MASTER, "pg_ctl", "-s", "-D", DATA, "-l", LOG, "start")
    as_postgres(stage, MASTER, "psql", "-X", "-q", *first)
    for sql in ROLES:
        rows_at(stage, MASTER, sql)
    as_postgres(stage, SLAVE, "pg_basebackup", "-h", "10.78.0.11", "-U", "standby", "-D", DATA, "-c", "fast", "--no-sync")
    as_postgres(stage, MASTER, "pg_ctl", "-s", "-D", DATA, "stop")


def mirror(stage: Stage, name: str) -> None:
    """The file of genesis has its own name and the other one's addresses, as the example says."""
    file = stage.disk(name, "/etc/failover") / "db.conf"
    if name == SLAVE:
        text = file.read_text().replace("10.78.0.12,10.77.0.12", "10.78.0.11,10.77.0.11")
        file.write_text(text.replace(f"'{MASTER}'", f"'{SLAVE}'"))


def boot(stage: Stage, name: str) -> None:
    """A machine that has power: what the package does at a boot, and the password of the other server."""
    stage.furnish(name)
    stage.run(name, "install", "-d", "-o", "postgres", "-g", "postgres", "/run/postgresql")
    password = f"*:*:*:standby:{OF_STANDBY}\n"
    stage.node(name).running.run("install", "-o", "postgres", "-m", "600", "/dev/stdin", PASSES, text=password)


def make_standby(stage: Stage, name: str) -> None:
    """From its next start on it is one, until it is promoted."""
    stage.run(name, "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "touch", f"{DATA}/standby.signal")


def until_followed(stage: Stage, name: str, state: str = "async") -> None:
    """Until a standby gets what this primary writes; `sync`: and is waited for."""
    question = "select sync_state from pg_stat_replication where state = 'streaming'"
    try:
        stage.lab.wait_until(lambda: rows_at(stage, name, question) == [state], "", 20)
    except LabError as error:
        raise CaseFailed(f"no standby follows {name}: {rows_at(stage, name, question)}") from error
