"""A client of MariaDB that writes a row twenty times a second, each over a connection of its own, by the program `mariadb`.

A row is acknowledged when the program has printed who has it, within a second; none is tried again. One line a row, as
`asking.py` writes them: when it was due (monotonic, ns), how long it took (us), how late it left (us), and `NODE NUMBER`, or
`-` and why not.

    python -m tools.cases.inserting RECORDS HOST USER PASSWORD
"""

import asyncio
import os
import sys
import time
from typing import TextIO

EVERY_NS = 50_000_000
LIMIT_S = 1.0
SQL = "INSERT INTO entry VALUES ({}); SELECT @@report_host"


async def write(number: int, host: str, user: str) -> str:
    """Who has it. Raises ValueError with the client's words where nobody says so."""
    command = ["mariadb", "-N", "--connect-timeout=1", f"--host={host}", f"--user={user}", "app", "-e", SQL.format(number)]
    pipe = asyncio.subprocess.PIPE
    client = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(LIMIT_S):
            said, complaint = await client.communicate()
    except TimeoutError:
        client.kill()
        await client.wait()
        raise ValueError(f"no answer in {LIMIT_S:.0f} s") from None
    if client.returncode or not said.strip():
        raise ValueError((complaint.decode().strip() or "no answer").splitlines()[-1])
    return said.decode().strip()


async def one(out: TextIO, due_ns: int, number: int, host: str, user: str) -> None:
    began_ns = time.monotonic_ns()
    try:
        word = f"{await write(number, host, user)} {number}"
    except ValueError as error:
        word = f"-{error}"
    took_us, late_us = (time.monotonic_ns() - began_ns) // 1000, (began_ns - due_ns) // 1000
    out.write(f"{due_ns} {took_us} {late_us} {word}\n")


async def main(records: str, host: str, user: str, password: str) -> None:
    os.environ["MYSQL_PWD"] = password
    due_ns, number, running = time.monotonic_ns(), 0, set()
    with open(records, "a", buffering=1) as out:
        while True:
            while due_ns <= time.monotonic_ns():
                number += 1
                task = asyncio.create_task(one(out, due_ns, number, host, user))
                running.add(task)
                task.add_done_callback(running.discard)
                due_ns += EVERY_NS
            await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
