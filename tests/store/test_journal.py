"""The journal on a real file: order, durability, signatures, refusals."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from protocol.event import Entry
from protocol.invariant import InvariantBroken
from protocol.kinds import Kind
from protocol.messages import Domain
from store import commit
from store.commit import Outcome
from store.journal import Journal, Written, _Waiting
from store.refusals import JournalRefused, LogUnreadable
from tests.store.authors import CLUSTER, Author, keyring


@pytest.fixture
def me() -> Author:
    return Author("lukretia")


async def opened(path: Path, author: Author, *others: Author) -> Journal:
    return await Journal.open(path, author.node, author.identity, keyring=keyring(author, *others), cluster=CLUSTER)


async def test_what_was_appended_is_there_after_a_restart_signed(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    entries = [me.write() for _ in range(3)]
    written = await journal.append(entries)
    await journal.close()
    again = await opened(tmp_path, me)
    assert await again.load() == list(written.entries)
    assert [entry.raw for entry in written.entries] == [entry.raw for entry in entries]
    assert again.heads() == (entries[-1].head,)
    await again.close()


async def test_the_last_own_event_of_an_append_is_signed_and_the_others_by_the_chain(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    written = await journal.append([me.write() for _ in range(4)])
    await journal.close()
    assert [entry.signature is not None for entry in written.entries] == [False, False, False, True]
    keyring(me).verify("lukretia", Domain.EVENT, written.entries[-1].id, written.entries[-1].signature or b"")


async def test_a_claim_is_signed_by_itself_whatever_stands_behind_it(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    written = await journal.append([me.write(), me.write(Kind.CLAIM, service="web"), me.write()])
    await journal.close()
    assert [entry.signature is not None for entry in written.entries] == [False, True, True]


async def test_appends_are_written_in_the_order_in_which_they_came(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    ended: list[int] = []
    futures = []
    for number in range(1, 201):
        future = journal.append([me.write()])
        future.add_done_callback(lambda _, number=number: ended.append(number))
        futures.append(future)
    results: list[Written] = await asyncio.gather(*futures)
    assert ended == list(range(1, 201))
    assert [result.entries[0].event.number for result in results] == ended
    assert all(result.took_us > 0 for result in results)
    await journal.close()


async def test_a_cancelled_caller_does_not_stop_the_commit_nor_harm_the_next(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    for _ in range(20):
        future = journal.append([me.write()])
        await asyncio.sleep(0)
        future.cancel()
    await journal.append([me.write()])
    assert journal.heads()[0].number == 21
    await journal.close()


async def test_a_peers_entries_keep_their_own_signatures(tmp_path: Path, me: Author):
    peer = Author("genesis")
    peer.write()
    peer.signed()
    journal = await opened(tmp_path, me, peer)
    written = await journal.append([*peer.entries, me.write()])
    await journal.close()
    assert [entry.signature for entry in written.entries[:2]] == [None, peer.entries[1].signature]
    assert written.entries[2].signature is not None


async def test_a_second_different_event_at_one_number_is_refused_and_never_overwrites(tmp_path: Path, me: Author):
    peer, twin = Author("genesis"), Author("genesis")
    twin.identity = peer.identity
    ours, theirs = peer.signed(), twin.signed(Kind.NODE_STOPPING)
    journal = await opened(tmp_path, me, peer)
    await journal.append([ours])
    with pytest.raises(JournalRefused, match="genesis 1/1 is here already") as refusal:
        await journal.append([theirs])
    assert refusal.value.ours == ours
    assert refusal.value.theirs == theirs
    assert await journal.read("genesis", 1, 1, 10) == [(ours.raw, ours.signature)]
    await journal.close()


async def test_a_fork_inside_one_commit_is_refused_and_its_neighbours_are_written(tmp_path: Path, me: Author):
    peer, twin = Author("genesis"), Author("genesis")
    twin.identity = peer.identity
    ours, theirs = peer.signed(), twin.signed(Kind.NODE_STOPPING)
    journal = await opened(tmp_path, me, peer)
    futures = [journal.append([ours]), journal.append([theirs]), journal.append([me.write()])]
    first, second, third = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(first, Written)
    assert isinstance(second, JournalRefused)
    assert isinstance(third, Written)
    await journal.close()


async def test_the_same_event_again_changes_nothing(tmp_path: Path, me: Author):
    peer = Author("genesis")
    entries = [peer.signed(), peer.signed()]
    journal = await opened(tmp_path, me, peer)
    await journal.append(entries)
    again = await journal.append([*entries, peer.signed()])
    assert [entry.event.number for entry in again.entries] == [1, 2, 3]
    assert journal.heads() == (peer.head,)
    await journal.close()


@pytest.mark.parametrize("leave_out", [0, 1])
async def test_an_event_that_does_not_continue_its_feed_is_refused_whole(tmp_path: Path, me: Author, leave_out: int):
    peer = Author("genesis")
    entries = [peer.signed() for _ in range(3)]
    del entries[leave_out]
    journal = await opened(tmp_path, me, peer)
    with pytest.raises(JournalRefused, match="does not follow"):
        await journal.append(entries)
    assert await journal.read("genesis", 1, 1, 10) == []
    assert journal.heads() == ()
    await journal.close()


async def test_an_event_that_names_another_previous_one_is_refused(tmp_path: Path, me: Author):
    peer, twin = Author("genesis"), Author("genesis")
    twin.identity = peer.identity
    peer.signed()
    twin.signed(Kind.NODE_STOPPING)
    journal = await opened(tmp_path, me, peer)
    await journal.append(peer.entries)
    with pytest.raises(JournalRefused, match="another event 1"):
        await journal.append([twin.signed()])
    await journal.close()


async def test_a_feed_may_have_several_incarnations(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    later = Author("lukretia", incarnation=7, identity=me.identity)
    await journal.append([me.write(), later.write()])
    assert [head.feed for head in journal.heads()] == [("lukretia", 1), ("lukretia", 7)]
    await journal.close()


async def test_read_gives_a_piece_of_one_feed(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    written = await journal.append([me.write() for _ in range(10)])
    assert await journal.read("lukretia", 1, 4, 3) == [(entry.raw, entry.signature) for entry in written.entries[3:6]]
    assert await journal.read("genesis", 1, 1, 3) == []
    await journal.close()


async def test_close_writes_what_is_queued_and_refuses_what_comes_after(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    future = journal.append([me.write()])
    await journal.close()
    assert (await future).entries[0].event.number == 1
    with pytest.raises(JournalRefused, match="closed"):
        await journal.append([me.write()])


async def test_a_second_faild_on_one_folder_is_refused(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    with pytest.raises(JournalRefused, match="another faild"):
        await opened(tmp_path, me)
    await journal.close()
    await (await opened(tmp_path, me)).close()


async def test_a_file_that_is_no_log_is_refused_with_words(tmp_path: Path, me: Author):
    (tmp_path / "log.db").write_bytes(b"these are not the bytes of a database, at all" * 100)
    with pytest.raises(JournalRefused, match=r"log\.db"):
        await opened(tmp_path, me)


async def test_a_quiet_journal_moves_its_wal_into_the_file(tmp_path: Path, me: Author, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("store.journal.QUIET_S", 0.01)
    journal = await opened(tmp_path, me)
    await journal.append([me.write() for _ in range(50)])
    before = (tmp_path / "log.db").stat().st_size

    async def grown() -> None:
        while (tmp_path / "log.db").stat().st_size <= before:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(grown(), 10)
    await journal.close()


async def test_a_live_log_can_be_read_by_others(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    await journal.append([me.write()])
    reader = sqlite3.connect(f"{(tmp_path / 'log.db').as_uri()}?mode=ro", uri=True)
    rows = reader.execute("SELECT node, incarnation, number, bytes, signature FROM events").fetchall()
    assert [Entry.read(row[3], row[4]).ref for row in rows] == [("lukretia", 1, 1)]
    reader.close()
    await journal.close()


# --- a damaged file: what to do stands in the refusal --------------------------------------------------------------


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def junk(file: Path) -> None:
    file.write_bytes(b"no database " * 1000)


def flip(file: Path, at: int) -> None:
    raw = bytearray(file.read_bytes())
    raw[at] ^= 0x10
    file.write_bytes(raw)


def no_text(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE events SET node = CAST(x'ff' AS TEXT) WHERE number = 1")


def no_log_of_ours(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE events(what TEXT)")


DAMAGES = [cut, junk, partial(flip, at=0), partial(flip, at=100), partial(flip, at=4096), no_text, no_log_of_ours]


@pytest.mark.parametrize("damage", DAMAGES, ids=["cut", "junk", "magic", "schema", "page", "no text", "another table"])
async def test_a_damaged_file_is_refused_with_the_way_to_recover(tmp_path: Path, me: Author, damage: Callable[[Path], None]):
    journal = await opened(tmp_path, me)
    for _ in range(200):
        await journal.append([me.write()])
    await journal.close()
    file = tmp_path / "log.db"
    damage(file)
    with pytest.raises(LogUnreadable) as refused:
        await opened(tmp_path, me)
    assert str(refused.value).startswith(f"{file}: ")
    assert "To recover: move log.db, log.db-wal and log.db-shm away (keep them as evidence)" in str(refused.value)
    assert "the peers have the feeds" in str(refused.value)
    for path in tmp_path.glob("log.db*"):
        path.rename(tmp_path / f"evidence-{path.name}")
    await (await opened(tmp_path, me)).close()


async def test_a_file_that_the_system_does_not_open_is_not_to_be_moved_away(tmp_path: Path, me: Author):
    (tmp_path / "log.db").mkdir()
    with pytest.raises(LogUnreadable, match="is a folder") as refused:
        await opened(tmp_path, me)
    assert "To recover" not in str(refused.value)


@pytest.mark.parametrize("name", ["log.db", "log.db-wal"])
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_log_whose_file_was_taken_away_refuses_until_it_is_back(tmp_path: Path, me: Author, name: str, replaced: bool):
    """What is written into a file without a name is lost with the process, and nothing may be built on it."""
    journal = await opened(tmp_path, me)
    await journal.append([me.write()])
    (tmp_path / name).rename(tmp_path / "aside")
    if replaced:
        (tmp_path / name).write_bytes((tmp_path / "aside").read_bytes())
    event = me.write()
    for _ in range(2):
        with pytest.raises(JournalRefused, match="removed or replaced under faild"):
            await journal.append([event])
    assert journal.heads()[0].number == 1
    (tmp_path / "aside").rename(tmp_path / name)
    await journal.append([event])
    await journal.close()
    again = await opened(tmp_path, me)
    assert len(await again.load()) == 2
    await again.close()


async def test_a_handle_that_has_failed_is_not_replaced_by_one_of_another_file(tmp_path: Path, me: Author):
    """An empty new log would be continued in the middle of a feed."""
    journal = await opened(tmp_path, me)
    await journal.append([me.write()])
    for path in tmp_path.glob("log.db*"):
        path.unlink()
    journal._broken = True
    event = me.write()
    for _ in range(2):
        with pytest.raises(JournalRefused, match="removed or replaced"):
            await journal.append([event])
    assert not (tmp_path / "log.db").exists()
    await journal.close()


async def test_a_commit_that_ends_is_the_one_that_is_on_its_way(tmp_path: Path, me: Author):
    journal = await opened(tmp_path, me)
    other: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    other.set_result(Outcome([], {}))
    with pytest.raises(InvariantBroken, match="the one that is on its way"):
        journal._landed([], other)
    await journal.close()


async def test_a_commit_takes_no_feed_away_and_stores_all_of_a_group(tmp_path: Path, me: Author):
    """What the writer answers is what peers are told is durable: less than was ordered is a bug, never a success."""
    journal = await opened(tmp_path, me)
    await journal.append([me.write()])
    told: list[Written | JournalRefused] = []
    waiting = [_Waiting((me.write(), me.write()), told.append, 0.0)]
    with pytest.raises(InvariantBroken, match="takes no feed away"):
        journal._settle(waiting, Outcome([()], {}))
    with pytest.raises(InvariantBroken, match="2 entries were ordered, and 1 are stored"):
        journal._settle(waiting, Outcome([waiting[0].group[:1]], journal._heads))
    assert told == []
    await journal.close()


def test_our_last_event_of_a_group_is_signed(me: Author, monkeypatch: pytest.MonkeyPatch):
    """A claim without a signature would be durable here, and no peer would take it."""
    monkeypatch.setattr(commit, "_to_sign", lambda stored, fresh, me: [])
    connection = sqlite3.connect(":memory:")
    with pytest.raises(InvariantBroken, match="our last event of a group is signed"):
        commit.commit(connection, {}, [[me.write()]], me.node, me.identity)
    connection.close()
