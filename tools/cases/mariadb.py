"""MariaDB of Debian on the stage: two servers that begin alike and boot read-only, as the page of the example says."""

from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError
from tools.lab.watchdog import Watchdog

PROGRAMS = ("mariadbd:mariadb-server", "mariadb-install-db:mariadb-server", "mariadb-dump:mariadb-client")
DATA, DEVICE, CONFIGURATION = "/var/lib/mysql", "/run/watchdog", "/etc/mysql/mariadb.conf.d"
OF_APP, OF_REPLICATION = "apps-secret", "replications-secret"
SMALL = "innodb_log_file_size = 8M\ninnodb_buffer_pool_size = 32M\nsocket = /run/mysqld/mysqld.sock\n"
"""What the machines of the laboratory have besides."""
FIRST = (
    "SET sql_log_bin = 0",
    f"CREATE USER replication IDENTIFIED BY '{OF_REPLICATION}'",
    "GRANT REPLICATION SLAVE, BINLOG MONITOR, RELOAD, SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON *.* TO replication",
    "CREATE DATABASE failover",
    "CREATE TABLE failover.writer (epoch BIGINT, node TEXT, since TIMESTAMP)",
    "CREATE DATABASE app",
    "CREATE TABLE app.entry (number INT)",
    f"CREATE USER app IDENTIFIED BY '{OF_APP}'",
    "GRANT SELECT, INSERT ON app.* TO app",
)
"""Made before there is a log, and so alike on both."""


def create(stage: Stage) -> None:
    """Both machines with their servers; that of genesis is a copy of the other."""
    for name in (MASTER, SLAVE):
        secret = stage.disk(name, "/etc/failover") / "replication.cnf"
        secret.write_text(f"[client]\nuser = replication\npassword = {OF_REPLICATION}\n")
        secret.chmod(0o600)
        text = (stage.example / "failover.cnf").read_text()
        if name == SLAVE:
            text = text.replace("server_id         = 1", "server_id         = 2").replace(MASTER, SLAVE)
        (stage.disk(name, CONFIGURATION) / "99-failover.cnf").write_text(text + SMALL)
        machine(stage, name)
    stage.run(MASTER, "mariadb-install-db", "--user=mysql", f"--datadir={DATA}", "--skip-test-db")
    serve(stage, MASTER)
    sql(stage, MASTER, "; ".join(FIRST))
    stage.run(MASTER, "mariadb-admin", "shutdown")
    stage.run(SLAVE, "cp", "-a", f"{stage.disk(MASTER, '/mysql')}/.", DATA)
    for name in (MASTER, SLAVE):
        serve(stage, name)


def machine(stage: Stage, name: str) -> None:
    """A machine with a disk for the databases, which is its own also where MariaDB runs outside; and with a watchdog."""
    stage.furnish(name)
    data = stage.disk(name, "/mysql")
    place = stage.node(name).running
    place.run("mount", "--bind", str(data), DATA)
    place.run("chown", "mysql:", DATA)
    place.run("install", "-d", "-o", "mysql", "/run/mysqld")
    place.run("touch", DEVICE)
    stage.closing.callback(Watchdog(stage.node(name), DEVICE, stage.lab.folder).close)


def serve(stage: Stage, name: str) -> None:
    """Starts the server, and waits until it answers."""
    place, log = stage.node(name).running, stage.lab.folder / f"{name}.mariadb.log"
    pid = place.start(["mariadbd", "--user=mysql"], log)

    def answers() -> bool:
        if place.exit_code(pid) is not None:
            raise CaseFailed(f"mariadbd of {name} has ended: {log.read_text()[-800:]}")
        return bool(place.order(do="run", argv=["mariadb", "-N", "-e", "SELECT 1"])["code"] == 0)

    stage.lab.wait_until(answers, f"mariadbd of {name} answers: see {log}", 30)


def launch(stage: Stage, name: str) -> None:
    """What a boot does."""
    machine(stage, name)
    serve(stage, name)


def sql(stage: Stage, name: str, statement: str) -> list[str]:
    """What the server there answers to its root, line by line. Raises LabError where it refuses."""
    return stage.run(name, "mariadb", "-N", "-e", statement).splitlines()


def rows_at(stage: Stage, name: str) -> set[int]:
    return {int(line) for line in sql(stage, name, "SELECT number FROM app.entry")}


def replication(stage: Stage, name: str, field: str) -> str:
    """A field of what the server there says of the one that it follows; "" where it follows none."""
    lines = stage.run(name, "mariadb", "-e", r"SHOW SLAVE STATUS\G").splitlines()
    return next((line.partition(": ")[2].strip() for line in lines if line.strip().startswith(f"{field}:")), "")


def until_followed(stage: Stage, name: str) -> None:
    """Until the other server gets what this one writes."""
    other = stage.other(name)
    try:
        stage.lab.wait_until(lambda: replication(stage, other, "Slave_IO_Running") == "Yes", "", 30)
    except LabError:
        error = replication(stage, other, "Last_IO_Error")
        raise CaseFailed(f"{other} does not follow {name}: {error or 'no error'}") from None
