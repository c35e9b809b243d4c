"""Reading other people's logs: live ones, copies, read-only folders, and files that are no logs."""

import shutil
import socket
from pathlib import Path

import pytest

from store.journal import Journal
from store.reading import read
from store.refusals import LogUnreadable
from tests.store.authors import Author


async def test_a_live_log_is_read_with_what_is_still_in_its_wal(tmp_path: Path):
    me = Author("lukretia")
    journal = await Journal.open(tmp_path, me.node, me.identity)
    await journal.append([me.write() for _ in range(7)])
    assert [row.number for row in read(tmp_path).rows] == list(range(1, 8))
    await journal.append([me.write()])
    assert len(read(tmp_path / "log.db").rows) == 8
    await journal.close()


async def test_a_copy_of_a_crashed_nodes_files_is_read_whole(tmp_path: Path):
    """As after a power loss: the WAL still holds the events, and nothing was closed."""
    me = Author("lukretia")
    journal = await Journal.open(tmp_path, me.node, me.identity)
    await journal.append([me.write() for _ in range(7)])
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("log.db", "log.db-wal"):
        shutil.copyfile(tmp_path / name, copy / name)
    await journal.close()
    assert len(read(copy).rows) == 7


@pytest.mark.parametrize("content", [b"", b"no database at all " * 200])
def test_what_is_no_log_is_refused_with_words(tmp_path: Path, content: bytes):
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(LogUnreadable, match="cannot be read as a log"):
        read(tmp_path)


def test_a_living_node_is_asked_by_its_folder_and_not_by_its_socket(tmp_path: Path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        for source in (path, Path(f"unix://{path}"), Path("unix:///nowhere/control.sock"), Path("http://127.0.0.1:1291")):
            with pytest.raises(LogUnreadable, match="a living node is asked by its state folder") as refused:
                read(source)
            assert str(refused.value).startswith(f"{source}: ")


def test_a_missing_log_is_refused_with_words(tmp_path: Path):
    with pytest.raises(LogUnreadable, match="there is no log; name a state folder"):
        read(tmp_path / "nowhere")
