"""A client of a database: it writes one row after the other, numbered from 1, by libpq, and keeps which were acknowledged.

It holds its connection. A row that is not acknowledged within half a second is given up and never written again, and the
connection with it: whether the server has stored it is unknown. One line a row: when its answer came (monotonic, ns), its
number, and `ok`, or `-` and why there is none.

    python -m tools.cases.writing RECORDS CONNINFO TABLE
"""

import ctypes
import select
import sys
import time

LIMIT_S = 0.5
PAUSE_S, LATER_S = 0.01, 0.02
FAILED, READING, WRITING, CONNECTED = 0, 1, 2, 3
DONE = 1
"""PGRES_COMMAND_OK."""
CALLS = (
    "PQconnectPoll", "PQsocket", "PQflush", "PQisBusy", "PQconsumeInput", "PQgetResult", "PQerrorMessage", "PQfinish",
    "PQresultStatus", "PQresultErrorMessage", "PQclear",
)  # fmt: skip
"""All of which take a connection or a result, and nothing else."""


def library() -> ctypes.CDLL:
    lib = ctypes.CDLL("libpq.so.5")
    for name in ("PQconnectStart", "PQgetResult"):
        getattr(lib, name).restype = ctypes.c_void_p
    for name in ("PQerrorMessage", "PQresultErrorMessage"):
        getattr(lib, name).restype = ctypes.c_char_p
    for name in CALLS:
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    lib.PQsendQuery.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return lib


class NoAnswer(Exception):
    """In words: of libpq, of the server, or that the time was over."""


class Connection:
    """One connection; raises NoAnswer, and is of no use afterwards but to be closed."""

    def __init__(self, lib: ctypes.CDLL, conninfo: str) -> None:
        self._lib, self._until = lib, time.monotonic() + LIMIT_S
        self._it = lib.PQconnectStart(conninfo.encode())

    def open(self) -> None:
        state = WRITING
        while state != CONNECTED:
            if self._lib.PQsocket(self._it) < 0:
                raise NoAnswer(self._complaint())
            self._wait(reading=state == READING)
            state = self._lib.PQconnectPoll(self._it)
            if state == FAILED:
                raise NoAnswer(self._complaint())

    def write(self, sql: str) -> None:
        """Returns when the server has acknowledged it."""
        lib, self._until = self._lib, time.monotonic() + LIMIT_S
        if not lib.PQsendQuery(self._it, sql.encode()):
            raise NoAnswer(self._complaint())
        lib.PQflush(self._it)
        status = DONE
        while result := self._result():
            status, words = lib.PQresultStatus(result), lib.PQresultErrorMessage(result).decode()
            lib.PQclear(result)
            if status != DONE:
                raise NoAnswer(words)

    def _result(self) -> int | None:
        while self._lib.PQisBusy(self._it):
            self._wait(reading=True)
            if not self._lib.PQconsumeInput(self._it):
                raise NoAnswer(self._complaint())
        found: int | None = self._lib.PQgetResult(self._it)
        return found

    def _wait(self, reading: bool) -> None:
        sockets, left_s = [self._lib.PQsocket(self._it)], self._until - time.monotonic()
        ready = select.select(sockets if reading else [], [] if reading else sockets, [], max(0.0, left_s))
        if not any(ready):
            raise NoAnswer(f"no answer in {LIMIT_S} s")

    def _complaint(self) -> str:
        return str(self._lib.PQerrorMessage(self._it).decode())

    def close(self) -> None:
        self._lib.PQfinish(self._it)


def main(records: str, conninfo: str, table: str) -> None:
    lib, number = library(), 0
    connection: Connection | None = None
    with open(records, "a", buffering=1) as out:
        while True:
            number += 1
            try:
                if connection is None:
                    connection = Connection(lib, conninfo)
                    connection.open()
                connection.write(f"insert into {table} values ('{number}')")
                word = "ok"
            except NoAnswer as why:
                word = "-" + " ".join(str(why).split())
                if connection is not None:
                    connection.close()
                connection = None
            out.write(f"{time.monotonic_ns()} {number} {word}\n")
            time.sleep(PAUSE_S if word == "ok" else LATER_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
