"""A log that was tampered with: `failaudit verify` names node, number and what; `faild` refuses it and says how to recover."""

import json
import shutil
import signal
import sqlite3
from dataclasses import replace

from protocol.event import Entry, decode


def sql(node, *statement):
    with sqlite3.connect(node.state / "log.db") as connection:
        return connection.execute(*statement).fetchall()


def own(node, number):
    ((raw, signature),) = sql(node, "SELECT bytes, signature FROM events WHERE node = ? AND number = ?", (node.name, number))
    return Entry.read(raw, signature)


def write(node, number, raw, signature=None):
    sql(node, "UPDATE events SET bytes = ?, signature = ? WHERE node = ? AND number = ?", (raw, signature, node.name, number))


def edit(node):
    entry = own(node, 3)
    write(node, 3, Entry.of(replace(entry.event, wall_ms=1)).raw, entry.signature)


def flip_a_bit(node):
    entry = own(node, 3)
    write(node, 3, entry.raw[:-1] + bytes([entry.raw[-1] ^ 1]), entry.signature)


def strip_the_claim(node):
    (number,) = next(
        (number,)
        for number, raw in sql(node, "SELECT number, bytes FROM events WHERE node = ? ORDER BY number", (node.name,))
        if Entry.read(raw, None).event.kind == "claim"
    )
    write(node, number, own(node, number).raw)


def reorder(node):
    one, other = own(node, 3), own(node, 4)
    write(node, 3, other.raw, other.signature)
    write(node, 4, one.raw, one.signature)


def splice(node):
    """An event of an earlier place, written again over a later one: well signed, and not there."""
    entry = own(node, 2)
    write(node, 4, entry.raw, entry.signature)


def hole(node):
    sql(node, "DELETE FROM events WHERE node = ? AND number = 3", (node.name,))


def foreign(node):
    entry = own(node, 3)
    write(node, 3, Entry.of(replace(entry.event, cluster=bytes(32))).raw, entry.signature)


TAMPERED = {
    edit: (3, "chain"),
    flip_a_bit: (3, None),
    strip_the_claim: (None, "signature"),
    reorder: (3, "chain"),
    splice: (4, "chain"),
    hole: (3, "gap"),
    foreign: (3, "cluster"),
}


def test_each_is_named_refused_and_recovered_as_the_refusal_says(cluster):
    """Tampered while the node was down; then the way that the refusal names is taken, and the history is whole again."""
    lukretia = cluster.nodes["lukretia"]
    assert lukretia.stop() == 0
    cluster.until_up("genesis")
    sound = (lukretia.state / "log.db").read_bytes()
    for tamper, (number, kind) in TAMPERED.items():
        for path in lukretia.state.glob("log.db*"):
            path.unlink()
        (lukretia.state / "log.db").write_bytes(sound)
        tamper(lukretia)
        is_named(cluster, number, kind)
        is_refused(lukretia)
    assert cluster.web("genesis")["owner"] == "genesis", "a node that does not start does no harm"
    for path in lukretia.state.glob("log.db*"):
        path.rename(lukretia.state / f"evidence-{path.name}")
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "the history is whole again")


def is_named(cluster, number, kind):
    done = cluster.audit("verify", "--json", at=["lukretia"])
    assert done.code == 1
    found = [item for item in done.json["findings"] if item["node"] == "lukretia"]
    assert number in (None, *(item["number"] for item in found))
    assert kind in (None, *(item["kind"] for item in found))
    assert all(item["text"] for item in found)


def is_refused(node):
    assert node.start().ended() == 3
    said = node.said().splitlines()[-1]
    assert f"{node.state / 'log.db'}: " in said
    assert f": {node.name} " in said
    assert "To recover: move log.db, log.db-wal and log.db-shm away" in said
    assert "Traceback" not in node.said()


def test_a_file_that_is_no_log(cluster):
    lukretia = cluster.nodes["lukretia"]
    lukretia.stop()
    (lukretia.state / "log.db").write_bytes(b"no database " * 1000)
    for name in ("log.db-wal", "log.db-shm"):
        (lukretia.state / name).unlink(missing_ok=True)
    done = cluster.audit("verify", at=["lukretia"])
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert lukretia.start().ended() == 3
    assert "cannot be opened as a log: file is not a database. To recover: move log.db, " in lukretia.said()
    assert "Traceback" not in lukretia.said()


def test_an_older_copy_of_the_disk_is_completed_from_the_peers(cluster):
    """Sound, but short: the peer has the rest, no number is used twice, and no node cries fork."""
    lukretia = cluster.nodes["lukretia"]
    with sqlite3.connect(lukretia.state / "log.db") as living, sqlite3.connect(cluster.folder / "older.db") as copy:
        living.backup(copy)
    cluster.failc("move", "web", "genesis")
    cluster.until_up("genesis")
    lukretia.kill()
    for path in lukretia.state.glob("log.db*"):
        path.unlink()
    (cluster.folder / "older.db").rename(lukretia.state / "log.db")
    cluster.start("lukretia")
    cluster.until_up("genesis")
    assert cluster.failc("move", "web", "lukretia").code == 0
    cluster.until(lambda: cluster.audit("verify").code == 0, "nothing is wrong with it")
    assert cluster.audit("verify", at=["lukretia"]).code == 0
    assert cluster.alarms("genesis") == []


def test_a_log_that_was_cut_anywhere_is_completed_from_the_peers(cluster):
    """Also in the middle of a commit, behind the last signature: short, and sound up to there."""
    lukretia = cluster.nodes["lukretia"]
    for last in (7, 6, 5, 4):
        for word in ("hold", "unhold"):  # what genesis writes names the newest event of lukretia
            cluster.failc(word, "web", at="genesis")
        cluster.until(lambda last=last: known(lukretia, "genesis") > last, "its own log tells that the others have seen more")
        lukretia.kill()
        cluster.until_up("genesis")
        sql(lukretia, "DELETE FROM events WHERE node = ? AND number > ?", (lukretia.name, last))
        cluster.start("lukretia")
        cluster.until_up("lukretia")
        cluster.until(lambda: cut_is_told(cluster), "what was cut is told, and nothing else is wrong with it")


def known(node, author):
    """How far `author` knew the feed of this node, by its own events in this log."""
    rows = sql(node, "SELECT bytes FROM events WHERE node = ?", (author,))
    return max((head.number for (raw,) in rows for head in decode(raw).heads if head.node == node.name), default=0)


def cut_is_told(cluster) -> bool:
    """What was cut out stays a finding: the node that started with it says so for good."""
    done = cluster.audit("verify", "--json", at=["lukretia"])
    findings = done.json["findings"] if done.code in (0, 1) else []
    told = any("cut out of the log" in item["text"] for item in findings)
    return told and all(item["kind"] == "truncated" for item in findings)


def test_a_lost_disk_is_filled_again_by_the_peers_and_history_is_no_news(cluster):
    """Every other node has answered what it has of this feed, so it goes on; the script hears of nothing old."""
    lukretia = cluster.nodes["lukretia"]
    lukretia.kill()
    cluster.until_up("genesis")
    for path in lukretia.state.glob("log.db*"):
        path.unlink()
    (lukretia.web / "told").unlink()
    cluster.start("lukretia")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "nothing is wrong with it")
    cluster.until(lambda: "up 3" in lukretia.told(), "its script is told")
    assert [word for word in lukretia.told() if not word.startswith(("status", "stop", "recover"))] == ["start 3", "up 3"]


def test_a_lost_disk_with_the_peers_away_goes_on_in_a_new_incarnation(cluster):
    """It cannot be known what it had written: it declares a gap, and no node cries fork when the peer is back."""
    lukretia = cluster.nodes["lukretia"]
    cluster.nodes["genesis"].stop()
    cluster.until_up("lukretia", at=["lukretia"])
    lukretia.kill()
    for path in lukretia.state.glob("log.db*"):
        path.unlink()
    cluster.start("lukretia")
    cluster.until_up("lukretia", at=["lukretia"])
    cluster.start("genesis")
    cluster.until_up("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "nothing is wrong with it")
    assert len({event["incarnation"] for event in events(cluster) if event["node"] == "lukretia"}) == 2
    cluster.until(lambda: [cluster.alarms(name) for name in cluster.names] == [[], []], "no alarm is left")


def events(cluster):
    return [json.loads(line) for line in cluster.audit("timeline", "--json").out.splitlines()]


def test_a_state_folder_that_is_removed_under_a_node_is_told_and_its_end_says_nothing_that_is_not_so(cluster):
    """The socket is gone with the folder: `failc` says that a faild runs. A stop then writes nothing, and does not say so."""
    lukretia = cluster.nodes["lukretia"]
    shutil.rmtree(lukretia.state)
    done = cluster.failc("status")
    assert (done.code, done.out) == (3, "")
    assert "a faild runs whose socket was removed, with its state folder or alone; restart it" in done.err
    assert lukretia.serves()
    lukretia.process.send_signal(signal.SIGTERM)
    lukretia.process.wait(30)
    assert not lukretia.serves()
    said = lukretia.said()
    assert "removed or replaced under faild" in said
    assert "is over" not in said
    assert "Traceback" not in said
    cluster.until_up("genesis", at=["genesis"])
    done = cluster.failc("status")
    assert "no faild listens there; start faild" in done.err


def test_a_log_that_is_removed_under_a_node_is_an_alarm_and_the_peers_have_the_feeds(cluster):
    lukretia = cluster.nodes["lukretia"]
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (lukretia.state / name).unlink()
    cluster.failc("hold", "web", "--no-wait")
    cluster.until(lambda: cluster.status("lukretia")["unfit_because"] == "its disk refuses to write", "it is noticed")
    assert any("removed or replaced under faild" in alarm["text"] for alarm in cluster.status("lukretia")["alarms"])
    lukretia.kill()
    cluster.start("lukretia")
    cluster.until(lambda: cluster.audit("verify").code == 0, "the feeds are whole again")
