"""The end of a log cut out by hand: it is completed from the peer, and that it was cut stays in the history."""

import json
import sqlite3

from protocol.event import decode


def sql(node, statement, *values):
    with sqlite3.connect(node.state / "log.db") as connection:
        return connection.execute(statement, values).fetchall()


def known(node, author, of):
    """How far `author` knew the feed of `of`, by its own events in this log."""
    rows = sql(node, "SELECT bytes FROM events WHERE node = ?", author)
    return max(head.number for (raw,) in rows for head in decode(raw).heads if head.node == of)


def test_a_tail_that_was_cut_is_here_again_and_the_cut_stays_in_the_history(cluster):
    lukretia = cluster.nodes["lukretia"]
    assert lukretia.stop() == 0
    cluster.until_up("genesis")
    last = known(lukretia, "lukretia", of="genesis")
    sql(lukretia, "DELETE FROM events WHERE node = 'genesis' AND number >= ?", last - 1)
    found = cluster.audit("verify", "--json", at=["lukretia"]).json["findings"]
    assert "truncated" in {item["kind"] for item in found if item["node"] == "genesis"}
    for _ in range(2):
        cluster.start("lukretia")
        cluster.until_up("lukretia")
        assert lukretia.stop() == 0
        cluster.until_up("genesis")
    (told,) = map(json.loads, cluster.audit("timeline", "--kind", "tail-cut", "--json", at=["lukretia"]).out.splitlines())
    assert told["node"] == "lukretia", "said once, and not at every start"
    assert f"to {last}" in told["text"]
    done = cluster.audit("verify", "--json", at=["lukretia", "genesis"])
    (finding,) = done.json["findings"]
    assert (done.code, finding["kind"], finding["node"]) == (1, "truncated", "genesis")
    assert finding["number"] <= last
    assert "had been cut out of the log of lukretia when it started" in finding["text"]
