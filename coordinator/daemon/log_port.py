"""The log as the shell needs it (`coordinator.shell.ports.Log`): the journal, whose reading takes a turn of another thread."""

from collections.abc import Callable, Sequence

from coordinator.daemon.tasks import Tasks
from coordinator.shell.ports import Stored
from protocol.event import Entry, Head, Ref
from store.journal import Journal, Written
from store.refusals import JournalRefused


class LogPort:
    def __init__(self, journal: Journal, look: Callable[[], None], tasks: Tasks) -> None:
        """`look` is called after each commit: how much room is left may be another."""
        self._journal = journal
        self._look = look
        self._tasks = tasks

    def order(self, entries: Sequence[Entry], tell: Callable[[Stored | JournalRefused], None]) -> None:
        def told(result: Written | JournalRefused) -> None:
            self._look()
            tell(result)

        self._journal.order(entries, told)

    def fetch(self, first: Ref, limit: int, tell: Callable[[Sequence[Entry]], None]) -> None:
        async def read() -> None:
            tell([Entry.read(*pair) for pair in await self._journal.read(*first, limit)])

        self._tasks.begin(read())

    def heads(self) -> tuple[Head, ...]:
        return self._journal.heads()
