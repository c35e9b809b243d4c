"""A corpus of tampered logs: each is found, with its own kind, node and number; a clean log gives nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from protocol.event import Entry, Head, Ref, encode
from protocol.forks import cut
from protocol.kinds import Kind
from protocol.messages import Domain
from protocol.signing import Identity
from store.journal import Journal
from store.refusals import LogUnsound
from store.verify_log import Row, look
from tests.store.authors import CLUSTER, Author
from tests.store.logs import Logs, write_logs


@pytest.fixture
async def logs(tmp_path: Path) -> Logs:
    return await write_logs(tmp_path)


async def refusal(logs: Logs) -> str:
    """What faild says when it is started on lukretia's log; empty where it starts."""
    me = logs.lukretia
    try:
        journal = await Journal.open(logs.path(), me.node, me.identity, keyring=logs.keyring, cluster=CLUSTER)
    except LogUnsound as unsound:
        return str(unsound)
    await journal.close()
    return ""


async def test_a_clean_log_gives_no_finding_and_opens(logs: Logs):
    assert logs.verify().findings == []
    assert logs.verify("lukretia", "genesis").findings == []
    assert await refusal(logs) == ""


async def test_every_feed_is_summed_up_with_its_tail_that_nobody_else_attests(logs: Logs):
    feeds = logs.verify().feeds
    assert {node: (feed.events, feed.head.number, feed.unattested) for node, feed in feeds.items()} == {
        "lukretia": (9, 9, 1),
        "genesis": (5, 5, 1),
    }


CHANGES: dict[str, Any] = {
    "node": "Lukretia",
    "incarnation": 2,
    "number": 17,
    "previous": bytes(31) + b"\1",
    "wall_ms": 1,
    "boot_ms": 1,
    "kind": str(Kind.RECLAIM),
    "service": "mail",
    "body": {"epoch": 99},
    "causes": (Ref("genesis", 1, 1),),
    "heads": (Head("genesis", 1, 1, bytes(32)),),
    "cluster": bytes(32),
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("number", [2, 4, 9])
async def test_an_edit_of_any_field_is_found_at_its_event(logs: Logs, field: str, number: int):
    """Number 2 is covered by the chain alone, 4 is signed by itself, 9 is the last."""
    old = logs.lukretia.entries[number - 1]
    edited = Entry.of(replace(old.event, **{field: CHANGES[field]}), old.signature)
    logs.sql("UPDATE events SET bytes = ? WHERE node = 'lukretia' AND number = ?", edited.raw, number)
    found = logs.found()
    expected = {"chain"} if field in ("node", "incarnation", "number") or number == 2 else {"signature"}
    assert expected <= {kind for kind, node, at in found if (node, at) == ("lukretia", number)}
    assert {at for _, _, at in found} <= {number, number + 1}
    assert f"lukretia 1/{number}" in await refusal(logs)
    assert "move log.db" in await refusal(logs)


@pytest.mark.parametrize("bit", range(0, 8 * 200, 61))
async def test_a_flipped_bit_anywhere_is_found_at_its_event(logs: Logs, bit: int):
    raw = bytearray(logs.lukretia.entries[3].raw)
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    logs.sql("UPDATE events SET bytes = ? WHERE node = 'lukretia' AND number = 4", bytes(raw))
    assert 4 in {at for _, node, at in logs.found() if node == "lukretia"}
    assert "lukretia 1/4" in await refusal(logs)


@pytest.mark.parametrize("number", [3, 4])
async def test_a_flipped_bit_in_a_signature_is_found(logs: Logs, number: int):
    signature = bytearray(logs.lukretia.entries[number - 1].signature or b"")
    signature[7] ^= 1
    logs.sql("UPDATE events SET signature = ? WHERE node = 'lukretia' AND number = ?", bytes(signature), number)
    assert logs.found() == {("signature", "lukretia", number)}


async def test_a_dropped_event_is_a_gap(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number = 5")
    assert logs.found() == {("gap", "lukretia", 5)}
    assert "gap: lukretia 1/5" in await refusal(logs)


async def test_a_feed_that_does_not_begin_is_a_gap(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'genesis' AND number <= 2")
    assert logs.found() == {("gap", "genesis", 1)}


async def test_a_truncated_feed_is_found_where_a_peer_knew_more(logs: Logs):
    """genesis 1/5 knew lukretia up to 8; no other node has attested what comes behind that."""
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 6")
    assert logs.found() == {("truncated", "lukretia", 7)}
    assert await refusal(logs) == "", "a shorter but sound log is completed from the peers, not refused"


async def test_a_journal_says_which_feeds_its_own_disk_knows_to_be_longer(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 6")
    me = logs.lukretia
    journal = await Journal.open(logs.path(), me.node, me.identity, keyring=logs.keyring, cluster=CLUSTER)
    assert [(finding.kind.value, finding.node, finding.number) for finding in journal.remarks] == [("truncated", "lukretia", 7)]
    await journal.close()


@pytest.mark.parametrize(("node", "last", "kept"), [("lukretia", 5, 4), ("lukretia", 2, 0), ("genesis", 1, 0)])
async def test_a_feed_that_was_cut_inside_a_commit_goes_on_at_its_last_signature(logs: Logs, node: str, last: int, kept: int):
    """No signature answers for what stands behind it: it is named while it is there, and cut off at the next start."""
    logs.sql("DELETE FROM events WHERE node = ? AND number > ?", node, last)
    assert ("signature", node, kept + 1) in logs.found()
    me = logs.lukretia
    journal = await Journal.open(logs.path(), me.node, me.identity, keyring=logs.keyring, cluster=CLUSTER)
    assert [entry.event.number for entry in await journal.load() if entry.event.node == node] == list(range(1, kept + 1))
    assert [head.number for head in journal.heads() if head.node == node] == ([kept] if kept else [])
    assert node in {finding.node for finding in journal.remarks}
    written = [entry for entry in (logs.lukretia if node == "lukretia" else logs.genesis).entries[kept:] if entry]
    assert (await journal.append(written)).entries == tuple(written), "and it is completed"
    await journal.close()
    assert logs.found() == set()


async def test_an_end_that_must_be_signed_is_refused_without_its_signature(logs: Logs):
    logs.sql("UPDATE events SET signature = NULL WHERE node = 'lukretia' AND number = 9")
    assert "signature: lukretia 1/9" in await refusal(logs)


async def test_a_feed_that_is_missing_as_a_whole_is_truncated(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'genesis'")
    assert logs.found() == {("truncated", "genesis", 1)}


async def test_a_source_that_holds_the_tail_heals_a_truncated_one(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 6")
    assert logs.verify("lukretia", "genesis").findings == []


async def test_the_tail_that_nobody_attests_yet_is_no_finding(logs: Logs):
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 8")
    assert logs.found() == set()


async def test_reordered_events_are_found(logs: Logs):
    third, fourth = logs.lukretia.entries[2:4]
    logs.put(third, 4)
    logs.put(fourth, 3)
    assert logs.found() == {("chain", "lukretia", 3), ("chain", "lukretia", 4)}


async def test_a_duplicated_event_is_found(logs: Logs):
    logs.sql("UPDATE events SET number = number + 100 WHERE node = 'lukretia' AND number > 3")
    logs.sql("UPDATE events SET number = number - 99 WHERE number > 100")
    logs.put(logs.lukretia.entries[2], 4)
    assert ("chain", "lukretia", 4) in logs.found()


async def test_an_event_spliced_in_from_another_feed_is_found(logs: Logs):
    logs.put(logs.genesis.entries[2])
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number = 3")
    logs.sql("UPDATE events SET node = 'lukretia' WHERE node = 'genesis' AND number = 3")
    assert ("chain", "lukretia", 3) in logs.found()


async def test_a_tail_spliced_in_from_another_history_does_not_follow(logs: Logs):
    """The same node, well signed, but from a history that never had our event 4."""
    other = Author("lukretia", identity=logs.lukretia.identity)
    for _ in range(9):
        other.signed(Kind.PULSE, body={"late_ms_max": 1})
    for entry in other.entries[4:]:
        logs.put(entry)
    assert ("chain", "lukretia", 5) in logs.found()


async def test_an_event_of_another_cluster_is_found(logs: Logs):
    foreign = Author("lukretia", cluster=bytes(32), identity=logs.lukretia.identity)
    foreign.entries = logs.lukretia.entries[:8]
    logs.put(foreign.signed(Kind.NODE_STOPPED))
    assert logs.found() == {("cluster", "lukretia", 9)}


async def test_an_event_signed_again_with_another_nodes_key_is_found(logs: Logs):
    entry = logs.lukretia.sign(logs.lukretia.entries[8], key=logs.genesis.identity)
    logs.put(entry)
    assert logs.found() == {("key", "lukretia", 9)}


async def test_an_event_signed_again_with_a_key_that_nobody_knows_is_found(logs: Logs):
    logs.put(logs.lukretia.sign(logs.lukretia.entries[3], key=Identity.fresh("mallory")))
    assert logs.found() == {("signature", "lukretia", 4)}


async def test_a_feed_written_again_as_a_whole_with_another_key_is_found(logs: Logs):
    forged = Author("genesis")
    for _ in range(5):
        logs.put(forged.signed())
    assert ("key", "genesis", 1) in logs.found()


async def test_a_feed_whose_node_has_no_key_is_found(logs: Logs):
    stranger = Author("mallory")
    logs.put(stranger.signed())
    assert logs.found() == {("key", "mallory", 1)}


@pytest.mark.parametrize(("number", "named"), [(9, 9), (4, 4)])
async def test_a_signature_that_is_missing_is_a_finding(logs: Logs, number: int, named: int):
    logs.sql("UPDATE events SET signature = NULL WHERE node = 'lukretia' AND number = ?", number)
    assert logs.found() == {("signature", "lukretia", named)}


async def test_a_feed_without_any_signature_is_not_a_clean_one(logs: Logs):
    logs.sql("UPDATE events SET signature = NULL WHERE node = 'genesis'")
    assert ("signature", "genesis", 1) in logs.found()


async def test_a_twin_in_another_encoding_is_found(logs: Logs):
    """The same values in another byte string: the number as a 64-bit integer."""
    raw = logs.lukretia.entries[1].raw
    at = raw.index(msgpack.packb("number")) + len(msgpack.packb("number"))
    twin = raw[:at] + b"\xcf" + (2).to_bytes(8, "big") + raw[at + 1 :]
    assert msgpack.unpackb(twin) == msgpack.unpackb(raw)
    logs.sql("UPDATE events SET bytes = ? WHERE node = 'lukretia' AND number = 2", twin)
    assert logs.found() == {("encoding", "lukretia", 2)}


@pytest.mark.parametrize("value", ["text", 7, None, b"", b"\x80"])
async def test_a_row_that_holds_no_event_is_found_and_never_a_crash(logs: Logs, value: object):
    row = Row("lukretia", 1, 1, value, None)
    assert [(finding.kind.value, finding.number) for finding in look([row]).findings] == [("encoding", 1)]
    strange = Row(None, "x", 1.5, logs.lukretia.entries[0].raw, 7)
    assert look([strange]).findings


def _second_history(logs: Logs) -> Author:
    """lukretia goes on twice from its event 6: signed with its own key."""
    twin = Author("lukretia", identity=logs.lukretia.identity)
    twin.entries = logs.lukretia.entries[:6]
    for _ in range(4):
        twin.signed(Kind.PULSE, body={"late_ms_max": 5})
    return twin


async def test_a_fork_between_two_copies_is_found_at_its_first_event(logs: Logs):
    for entry in _second_history(logs).entries:
        logs.put(entry, node="genesis")
    assert logs.found("lukretia", "genesis") == {("fork", "lukretia", 7)}


async def test_of_a_fork_the_branch_that_others_attest_is_played(logs: Logs):
    twin = _second_history(logs)
    for entry in twin.entries:
        logs.put(entry, node="genesis")
    entries = {entry.ref: entry.id for entry in logs.verify("lukretia", "genesis").entries}
    assert entries[logs.lukretia.entries[7].ref] == logs.lukretia.entries[7].id
    assert [ref.number for ref in entries if ref.node == "lukretia"] == list(range(1, 11))


async def test_a_history_written_again_with_the_nodes_own_key_is_found_by_what_peers_attest(logs: Logs):
    """Threat level T2: root on the node rewrites what genesis has already seen, in every copy that there is."""
    for entry in _second_history(logs).entries:
        logs.put(entry)
    logs.sql("DELETE FROM events WHERE node = 'lukretia' AND number > 10")
    assert ("fork", "lukretia", 8) in logs.found()


async def test_the_evidence_in_a_fork_seen_event_is_enough(logs: Logs):
    ours, theirs = logs.lukretia.entries[8], Author("lukretia", identity=logs.lukretia.identity)
    theirs.entries = logs.lukretia.entries[:8]
    twin = theirs.signed(Kind.NODE_STOPPING)
    body = {
        "node": "lukretia",
        "incarnation": 1,
        "number": 9,
        "ours": [ours.raw, ours.signature],
        "theirs": [twin.raw, twin.signature],
    }
    seen = logs.genesis.signed(Kind.FORK_SEEN, body=body)
    logs.put(seen)
    assert logs.found() == {("fork", "lukretia", 9)}


@pytest.mark.parametrize("lost", [None, 0, 1])
async def test_so_are_the_pieces_before_it_where_none_of_them_is_another(logs: Logs, lost: int | None):
    ours, theirs = logs.lukretia.entries[8], Author("lukretia", identity=logs.lukretia.identity)
    theirs.entries = logs.lukretia.entries[:8]
    twin = theirs.signed(Kind.PULSE, body={"text": "x" * 60_000})
    digest, pieces = cut((ours,), (twin,))
    assert len(pieces) == 2
    for at, piece in enumerate(pieces):
        part = {"digest": digest, "index": at, "count": len(pieces), "data": b"z" if at == lost else piece}
        logs.put(logs.genesis.signed(Kind.FORK_PART, body=part))
    body = {"node": "lukretia", "incarnation": 1, "number": 9, "ours": [], "theirs": [], "digest": digest}
    logs.put(logs.genesis.signed(Kind.FORK_SEEN, body=body))
    assert logs.found() == ({("fork", "lukretia", 9)} if lost is None else set())


async def test_a_tampered_copy_is_found_beside_a_clean_one_and_named(logs: Logs):
    old = logs.lukretia.entries[1]
    logs.put(Entry.of(replace(old.event, wall_ms=1)), node="genesis")
    merged = logs.verify("lukretia", "genesis")
    assert [(finding.kind.value, finding.number) for finding in merged.findings] == [("chain", 2)]
    assert "in genesis" in merged.findings[0].text
    assert merged.entries[6].raw == old.raw, "the copy that the chain attests is the one that is played"


async def test_an_event_signature_is_no_heartbeats(logs: Logs):
    """Signatures are made under a domain: one of another kind over the same bytes proves nothing."""
    entry = logs.lukretia.entries[8]
    logs.put(entry.signed(logs.lukretia.identity.sign(Domain.HEARTBEAT, entry.id)))
    assert logs.found() == {("signature", "lukretia", 9)}


async def test_without_a_keyring_a_signature_that_is_there_counts_and_the_chain_is_still_checked(logs: Logs):
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in logs.lukretia.entries]
    assert look(rows).findings == []
    rows[1] = rows[1]._replace(raw=encode(replace(logs.lukretia.entries[1].event, wall_ms=1)))
    assert [(finding.kind.value, finding.number) for finding in look(rows).findings] == [("chain", 2)]


async def test_old_signatures_beyond_the_limit_are_proved_by_the_chain_alone(logs: Logs):
    rows = [Row(*entry.ref, entry.raw, entry.signature) for entry in logs.lukretia.entries]
    rows[2] = rows[2]._replace(signature=bytes(64))
    assert look(rows, logs.keyring, CLUSTER, signatures_max=3).findings == []
    assert [finding.number for finding in look(rows, logs.keyring, CLUSTER).findings] == [3]
