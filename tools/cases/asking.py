"""A client of a web, name or mail server: 200 requests a second, each by its own socket, none tried again; what came of each.

A request is lost when its full answer (status 200, as long as its Content-Length says) is not there within 250 ms: a resent SYN
comes after a second, so it hides no loss. Requests leave on schedule whether or not the last was answered. One line a request:
when it was due (monotonic, ns), how long it took (us), how late it left (us), and the first line of the answer, or `-` and why
there was none.

A name server is asked by UDP for the TXT record of `here`, a zone that the stage adds: the name of the node. A mail server
greets with its name.

    python -m tools.cases.asking RECORDS HOST PORT PATH EVERY_MS http|dns|smtp
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TextIO

from tools.lab import wire

LIMIT_S = 0.25
QUESTION = b"\x12\x91\0\0\0\x01\0\0\0\0\0\0" + b"\x04here\0\0\x10\0\x01"
Ask = Callable[[str, int, str], Awaitable[str]]


async def fetch(host: str, port: int, path: str) -> str:
    """The first line of the answer. Raises OSError, or ValueError where it is no whole answer with status 200."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head, found, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        with contextlib.suppress(OSError):
            writer.close()
    lines = head.decode("latin-1").split("\r\n")
    if not found or " 200 " not in lines[0]:
        raise ValueError(lines[0] or "closed before it answered")
    told = next((line.split(":")[1] for line in lines if line.lower().startswith("content-length:")), "-1")
    if int(told) not in (-1, len(body)):
        raise ValueError("broke off")
    return body.decode("latin-1").strip().partition("\n")[0]


async def ask_name(host: str, port: int, path: str) -> str:
    """Which name server answers. Raises OSError, or ValueError where it says something else."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((host, port))
        await loop.sock_sendall(sock, QUESTION)
        answer = await loop.sock_recv(sock, 512)
    record = answer[len(QUESTION) :]
    if answer[:2] != QUESTION[:2] or len(record) < 14:
        raise ValueError(f"code {answer[3] & 15}")
    return record[13 : 13 + record[12]].decode("latin-1")


async def greet(host: str, port: int, path: str) -> str:
    """Which mail server greets, by the first part of its name. Raises OSError, or ValueError where it says something else."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        said = (await reader.readline()).decode("latin-1").strip()
        writer.write(b"QUIT\r\n")
        await reader.read(-1)
    finally:
        with contextlib.suppress(OSError):
            writer.close()
    if not said.startswith("220 "):
        raise ValueError(said or "closed before it greeted")
    return said.split()[1].partition(".")[0]


ASK = {"http": fetch, "dns": ask_name, "smtp": greet}


async def one(out: TextIO, due_ns: int, ask: Ask, host: str, port: int, path: str) -> None:
    began_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout(LIMIT_S):
            word = await ask(host, port, path)
    except TimeoutError:
        word = "-no answer in 250 ms"
    except OSError as error:
        word = f"-{os.strerror(error.errno) if error.errno else type(error).__name__}"
    except ValueError as error:
        word = f"-{error}"
    took_us, late_us = (time.monotonic_ns() - began_ns) // 1000, (began_ns - due_ns) // 1000
    out.write(f"{due_ns} {took_us} {late_us} {word}\n")


async def main(records: str, host: str, port: str, path: str, every_ms: str, scheme: str) -> None:
    wire.be_punctual()
    due_ns, every_ns, running = time.monotonic_ns(), int(every_ms) * 1_000_000, set()
    with open(records, "a", buffering=1) as out:
        while True:
            while due_ns <= time.monotonic_ns():
                task = asyncio.create_task(one(out, due_ns, ASK[scheme], host, int(port), path))
                running.add(task)
                task.add_done_callback(running.discard)
                due_ns += every_ns
            await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
