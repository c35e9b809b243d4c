"""PostgreSQL, a synchronous pair: no acknowledged row is lost in a crash, and the crashed primary comes back as standby."""

import re
import time

from tools.cases import database
from tools.cases.case import Case, Trial
from tools.cases.database import ADDRESS, OF_APP
from tools.cases.findings import CaseFailed
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.cases.written import Writer
from tools.lab.place import LabError
from tools.lab.power_strip import PowerStrip

CLIENT = f"hostaddr={ADDRESS} user=app password={OF_APP} dbname=postgres sslmode=disable gssencmode=disable"
LATE = "table inet late { chain in { type filter hook input priority -300; tcp sport 5432 drop; }; }\n"
LATE_S = 0.2
"""What the primary sends does not arrive at the standby for so long before the crash: replication is late in real networks."""
OUTAGE_MS_MAX = 3000
TERM_S = 3.7
"""A node that has started votes for no other for a term: lease, `down_timeout`, and some. A crash before waits for the rest."""
REJOINED = "/var/log/postgresql/rejoin.log"
FIRST = ("-f", "/etc/failover/db.sql")


class Pair:
    """Both servers, the master's primary and in step with its standby; a client that writes; a power strip behind each node."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.votes_s = stage, time.monotonic()
        self.strips = {name: PowerStrip(stage.lab, name) for name in (MASTER, SLAVE)}
        for strip in self.strips.values():
            stage.closing.callback(strip.close)
        stage.services(self._with_strips)
        database.create(stage, *FIRST)
        database.make_standby(stage, SLAVE)
        stage.run(MASTER, "/etc/failover/db", "trust")
        for name in (MASTER, SLAVE):
            self._switch_off(name)
        stage.lab.start()
        stage.until_up("db", MASTER)
        self.until_in_step(SLAVE)
        self.writer = Writer(stage.lab.client, CLIENT, "entry", stage.lab.folder)
        self.until_acknowledged()

    def _with_strips(self, text: str) -> str:
        """A machine of the laboratory has no management board."""
        for name, strip in self.strips.items():
            text = re.sub(rf"\[\[nodes\.{name}\.fence]]\nagent .*\noptions .*\n", strip.level, text)
        return text

    def _switch_off(self, name: str) -> None:
        """What this control leaves out of the script."""
        place, changed = self.stage.node(name).running, self.stage.node(name).running.read("/etc/failover/db")
        if self.stage.without("the waiting"):
            changed = changed.replace("wait_for_us && ", "")
        if self.stage.without("the rejoin") and name == MASTER:
            changed = re.sub(r"setsid .* rejoin .*&", ":", changed)
        place.run("sh", "-c", "cat > /etc/failover/db", text=changed)

    def until_in_step(self, name: str) -> None:
        """Until this node's server is a standby that may be promoted."""
        stage = self.stage
        try:
            stage.lab.wait_until(lambda: self._may(name) == "in sync", "", 10 if stage.off else 40)
        except LabError:
            raise CaseFailed(f"{name} does not come back as standby: {self._last_words(name)}") from None
        database.until_followed(stage, stage.other(name), "async" if stage.without("the waiting") else "sync")

    def _may(self, name: str) -> str:
        file = self.stage.disk(name, "/var/lib/postgresql") / "failover.may"
        return file.read_text().strip() if file.exists() else ""

    def _last_words(self, name: str) -> str:
        return self.stage.run(name, "sh", "-c", f"tail -n 1 {REJOINED} 2>&1 || true").strip() or f"{REJOINED} is empty"

    def until_acknowledged(self) -> None:
        """Until rows that are written from now on are stored."""
        now_ns = time.monotonic_ns()
        try:
            self.stage.lab.wait_until(lambda: len(self.writer.acknowledged(now_ns)) > 5, "", 20)
        except LabError:
            raise CaseFailed(f"no row is acknowledged: {self.writer.last_words()}") from None

    def crash(self, victim: str) -> str:
        """The primary loses its power while its standby is some rows behind. Returns who follows, with every row."""
        stage, heir = self.stage, self.stage.other(victim)
        time.sleep(max(0.0, self.votes_s - time.monotonic()))
        stage.node(heir).running.run("nft", "-f", "-", text=LATE)
        time.sleep(LATE_S)
        began_ns = time.monotonic_ns()
        stage.lab.power_off(victim)
        stage.run(heir, "nft", "delete", "table", "inet", "late")
        stage.until_up("db", heir)
        self.until_acknowledged()
        outage_ms = (self.writer.acknowledged(began_ns)[0].told_ns - began_ns) / 1e6
        stage.found.crash_ms.append(outage_ms)
        if outage_ms > OUTAGE_MS_MAX:
            raise CaseFailed(f"the first row after the crash of {victim} was acknowledged {outage_ms:.0f} ms later")
        self.none_is_lost(heir)
        return heir

    def none_is_lost(self, holder: str) -> None:
        wanted = [it.number for it in self.writer.acknowledged()]
        stored = set(database.rows_at(self.stage, holder, "select word from entry"))
        if gone := [number for number in wanted if number not in stored]:
            raise CaseFailed(f"{len(gone)} of {len(wanted)} acknowledged rows are gone: {', '.join(gone[:10])}")

    def power_on(self, name: str) -> None:
        """The boot of a machine. Nothing starts its server but the script."""
        self.stage.lab.power_on(name)
        database.boot(self.stage, name)
        self.stage.lab.start(name)
        self.votes_s = time.monotonic() + TERM_S


def crashed(stage: Stage) -> None:
    """One primary after the other loses its power; the other one goes on with every row that was acknowledged."""
    pair, holder = Pair(stage), MASTER
    crashes = max(1, stage.crashes)
    for _ in range(crashes):
        victim, holder = holder, pair.crash(holder)
        pair.power_on(victim)
        pair.until_in_step(victim)
    pair.none_is_lost(holder)
    stage.found.kept.append(f"0 of {len(pair.writer.acknowledged())} acknowledged rows lost in {crashes} crashes")


def rejoined(stage: Stage) -> None:
    """The crashed primary has rows that nobody was told are stored. It comes back as standby, without them; then moves."""
    pair = Pair(stage)
    holder = pair.crash(MASTER)
    pair.power_on(MASTER)
    pair.until_in_step(MASTER)
    if "rewinding from last common checkpoint" not in stage.node(MASTER).running.read(REJOINED):
        raise CaseFailed(f"{MASTER} had nothing to rewind: this shows nothing")
    stage.found.kept.append("the crashed primary is rewound, and comes back as standby")
    for _ in range(stage.moves):
        began_ns, holder = time.monotonic_ns(), stage.other(holder)
        stage.move("db", holder)
        pair.until_acknowledged()
        stage.found.planned_ms.append(pair.writer.gap_ms(began_ns))
        pair.none_is_lost(holder)
        pair.until_in_step(stage.other(holder))


def fenced(stage: Stage) -> None:
    """The primary's machine stands still. It is switched off by its agent, and then the other one is promoted."""
    pair = Pair(stage)
    strip = pair.strips[MASTER]
    strip.broken = stage.without("the device")
    stage.node(MASTER).freeze()
    stage.until_up("db", SLAVE, 8 if stage.off else 30)
    pair.until_acknowledged()
    pair.none_is_lost(SLAVE)
    if stage.node(MASTER).place is not None:
        raise CaseFailed(f"{MASTER} is not switched off")
    stage.found.kept.append(f"a primary that stands still is fenced ({'; '.join(strip.log()[-2:])})")


POSTGRESQL = Case(
    "postgresql",
    (
        Trial("crashed", crashed, "the waiting", r"\d+ of \d+ acknowledged rows are gone", ("umpire",)),
        Trial("rejoined", rejoined, "the rejoin", rf"{MASTER} does not come back as standby", ("umpire",)),
        Trial("fenced", fenced, "the device", rf"db is not up at {SLAVE}: .*{MASTER} is switched off", ("umpire",)),
    ),
    (*database.PROGRAMS, "nft:nftables"),
    "updates are replicated late, or dearly; starting anew is often laborious (45)",
    crashes=(10, 50),
)
