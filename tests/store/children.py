"""Programs that the store's tests run as processes of their own: one is killed, one gets a disk that fills up.

    python tests/store/children.py KIND FOLDER
"""

import asyncio
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from store.journal import Journal, Written
from store.refusals import JournalRefused
from tests.store.authors import CLUSTER, Author, keyring


async def _open(folder: Path, me: Author) -> Journal:
    return await Journal.open(folder, me.node, me.identity, keyring=keyring(me), cluster=CLUSTER)


async def append_for_ever(folder: Path) -> None:
    """Prints the number of each event that is acknowledged, several appends in flight, until it is killed."""
    me = Author("lukretia")
    (folder / "key").write_bytes(me.identity.public)
    journal = await _open(folder, me)
    while True:
        for written in await asyncio.gather(*(journal.append([me.write()]) for _ in range(3))):
            print(written.entries[-1].event.number, flush=True)


async def fill_the_disk(folder: Path) -> None:
    """Appends until the disk is full, goes on when it is not, and looks at what is there."""
    reserve = folder / "reserve"
    reserve.write_bytes(bytes(64 << 10))
    await _until_refused_and_back(folder, lambda: reserve.unlink(), "SQLITE_FULL")


async def fail_the_writes(folder: Path) -> None:
    """The same with writes that fail otherwise (EFBIG): an I/O error, after which the handle must be replaced."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, resource.RLIM_INFINITY))
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    await _until_refused_and_back(folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, unlimited), "SQLITE_IOERR")


async def _until_refused_and_back(folder, make_room, error: str) -> None:
    me = Author("lukretia")
    journal = await _open(folder, me)
    acknowledged, why = 0, ""
    while not why:
        try:
            written = await journal.append([me.write(body={"text": "x" * 1000}) for _ in range(5)])
            acknowledged = written.entries[-1].event.number
        except JournalRefused as refused:
            why = refused.why
            del me.entries[-5:]
    assert error in why, why
    assert "nothing of this was written" in why, why
    assert journal.heads()[0].number == acknowledged == len(me.entries)
    assert len(await journal.read("lukretia", 1, 1, 1 << 20)) == acknowledged
    for _ in range(3):  # it refuses again, with words, and stays sound
        refusal = (await asyncio.gather(journal.append([me.write(body={"text": "x" * 30_000})]), return_exceptions=True))[0]
        assert isinstance(refusal, JournalRefused), refusal
        del me.entries[-1:]
    make_room()
    written = await journal.append([me.write()])
    assert isinstance(written, Written)
    await journal.close()
    again = await _open(folder, me)
    assert [entry.raw for entry in await again.load()] == [entry.raw for entry in me.entries]
    await again.close()
    print("sound", acknowledged)


KINDS = {"append-for-ever": append_for_ever, "fill-the-disk": fill_the_disk, "fail-the-writes": fail_the_writes}

if __name__ == "__main__":
    asyncio.run(KINDS[sys.argv[1]](Path(sys.argv[2])))
