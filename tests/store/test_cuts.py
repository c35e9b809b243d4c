"""What was cut out of a log's file is known when it is opened; a crash, a lost disk and a rollback show no cut."""

from pathlib import Path

import pytest

from protocol.kinds import Kind
from store.cuts import Cut, cuts
from store.journal import Journal
from store.survey import Survey
from store.verify_log import Row, look
from tests.store.authors import CLUSTER, Author
from tests.store.logs import Logs, write_logs


@pytest.fixture
async def logs(tmp_path: Path) -> Logs:
    return await write_logs(tmp_path)


async def found(logs: Logs) -> tuple[Cut, ...]:
    """What lukretia's daemon would find."""
    me = logs.lukretia
    journal = await Journal.open(logs.path(), me.node, me.identity, keyring=logs.keyring, cluster=CLUSTER)
    await journal.close()
    return journal.cuts


async def test_a_whole_log_has_no_cut(logs: Logs):
    assert await found(logs) == ()


async def test_the_end_of_the_own_feed_that_a_peer_knew_was_cut(logs: Logs):
    """genesis 1/5 knew it up to 8; that there was a ninth, no other node has said."""
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 6")
    assert await found(logs) == (Cut("lukretia", 1, 7, 8),)


async def test_the_end_of_a_peers_feed_that_the_own_feed_rests_on_was_cut(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'genesis' AND number > 3")
    assert await found(logs) == (Cut("genesis", 1, 3, 4),), "genesis 1/3 is not signed itself"


async def test_a_peers_feed_that_is_gone_as_a_whole_was_cut(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'genesis'")
    assert await found(logs) == (Cut("genesis", 1, 1, 4),)


async def test_an_end_without_its_signature_was_cut(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 7")
    assert await found(logs) == (Cut("lukretia", 1, 7, 8),)


async def test_what_nobody_has_signed_proves_no_cut(logs: Logs):
    logs.sql("DELETE FROM events WHERE number > 3")
    assert await found(logs) == (Cut("genesis", 1, 3, 3),), "who knew lukretia further has not signed it"


async def test_what_a_third_node_has_told_of_and_never_sent_is_no_cut(logs: Logs):
    third = Author("stella")
    third.signed()
    logs.put(logs.genesis.signed(heads=[third.head]))
    assert await found(logs) == ()


async def test_a_new_disk_that_got_an_older_incarnation_back_has_no_cut(logs: Logs):
    """What the old disk had held of others is not here yet; the new incarnation rests on nothing."""
    again = Author("lukretia", incarnation=2, identity=logs.lukretia.identity)
    again.signed(Kind.NODE_STARTED)
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in [*logs.lukretia.entries, *again.entries]]
    assert cuts(Survey(look(rows, logs.keyring, CLUSTER).entries), (), "lukretia") == ()


async def test_a_log_restored_as_a_whole_has_no_cut(logs: Logs):
    """It is one moment of itself; the peers know better, and say so."""
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in [*logs.lukretia.entries[:3], *logs.genesis.entries[:2]]]
    assert cuts(Survey(look(rows, logs.keyring, CLUSTER).entries), (), "lukretia") == ()


async def test_what_was_cut_is_a_finding_also_when_it_is_here_again(logs: Logs):
    logs.put(logs.lukretia.signed(Kind.TAIL_CUT, body={"cuts": [["genesis", 1, 2, 4]]}))
    (finding,) = logs.verify().findings
    assert (finding.kind.value, finding.node, finding.incarnation, finding.number) == ("truncated", "genesis", 1, 2)
    assert "events 2 to 4 had been cut out of the log of lukretia" in finding.text


@pytest.mark.parametrize("listed", [None, 7, [7], [["genesis", 1]], [["genesis", "1", 2, 3]]])
async def test_a_cut_that_is_not_of_the_format_says_nothing(logs: Logs, listed: object):
    logs.put(logs.lukretia.signed(Kind.TAIL_CUT, body={"cuts": listed}))
    assert logs.verify().findings == []
