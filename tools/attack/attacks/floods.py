"""As much as it can: events, incarnations, heads, last words, wants, connections, datagrams."""

import asyncio
import contextlib
import os
import random

from protocol.bodies import Want, command_body, heads_body
from protocol.datagram import Inside, last_word_datagram
from protocol.event import Head
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import ShortHead
from tools.attack.attacks.attack import Attack
from tools.attack.attacks.bodies import RIGHT
from tools.attack.thief import Thief

INCARNATIONS = 1400
"""Some 1,250 heads fill an event."""


async def incarnations(thief: Thief) -> None:
    for number in range(INCARNATIONS):
        thief.begin()
        thief.say(Kind.NODE_STARTED, "", {**RIGHT[Kind.NODE_STARTED], "run": thief.run, "config": thief.policy.digest})
        if number % 50 == 0:
            await thief.drained()


async def large_events(thief: Thief) -> None:
    """More at once than the largest share, however slowly they are read."""
    while True:
        for _ in range(80):
            thief.say(Kind.PULSE, "", {**RIGHT[Kind.PULSE], "text": random.randbytes(60_000)})
        await thief.drained()


async def small_events(thief: Thief) -> None:
    """Thousands under one signature: cheap to write, dear to read."""
    while True:
        thief.push([thief.write(Kind.LINK_UP, "", {"peer": "genesis", "link": "lan"}, sign=n == 399) for n in range(400)])
        await thief.drained()


async def many_heads(thief: Thief) -> None:
    """Events that rest on thousands of feeds that no node has."""
    while True:
        heads = tuple(Head(f"n{n}", random.getrandbits(52) + 1, 1, os.urandom(32)) for n in range(900))
        thief.say(Kind.PULSE, "", RIGHT[Kind.PULSE], heads=heads)
        await thief.drained()
        await asyncio.sleep(0.02)


async def random_incarnations(thief: Thief) -> None:
    """In heads and heartbeats, of the thief and of others: each would be asked for, and remembered."""
    while True:
        names = ("lukretia", "genesis", thief.name)
        heads = [Head(names[n % 3], random.getrandbits(52) + 1, 9, os.urandom(32)) for n in range(4000)]
        thief.frame(Frame.HEADS, heads_body(heads))
        thief.lies["heads"] = {name: ShortHead(random.getrandbits(52) + 1, 9, os.urandom(8)) for name in names}
        await thief.drained()
        await asyncio.sleep(0.05)


async def last_words(thief: Thief) -> None:
    """Each of a higher epoch than the one before: each would be written down by every node that hears it."""
    epoch = 0
    while True:
        for _ in range(50):
            epoch += 1
            raw, signature = thief.word("web", epoch)
            thief.frame(Frame.LAST_WORD, signature + raw)
        for session in thief.sessions:
            session.datagram(last_word_datagram(raw, signature))
        await thief.drained()
        await asyncio.sleep(0.02)


async def heartbeats(thief: Thief) -> None:
    """Two thousand a second, each different."""
    while True:
        for _ in range(20):
            thief.frame(Frame.HEARTBEAT, thief.heartbeat())
        await thief.drained()
        await asyncio.sleep(0.01)


async def wants(thief: Thief) -> None:
    while True:
        for node in ("lukretia", "genesis"):
            for incarnation in {feed[1] for feed in thief.known if feed[0] == node}:
                for first in range(1, 40):
                    thief.frame(Frame.WANT, Want(node, incarnation, first).encode())
        await thief.drained()
        await asyncio.sleep(0.01)


async def commands(thief: Thief) -> None:
    while True:
        for copy in thief.copied(Kind.COMMAND):
            for signature in (copy.event.body["signature"], os.urandom(300), b""):
                thief.frame(Frame.COMMAND, command_body(copy.event.body["command"], signature))
        await thief.drained()
        await asyncio.sleep(0.01)


async def connections(thief: Thief) -> None:
    """Many at once, half open, with and without TLS."""
    writers: list[asyncio.StreamWriter] = []
    try:
        while True:
            for session in thief.sessions:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(*session.address)
                    writer.write(thief.contexts.dial(session.victim).outgoing() if len(writers) % 2 else b"\x16\x03\x01")
                    writers.append(writer)
            for writer in writers[:-300]:
                writer.transport.abort()
            del writers[:-300]
            await asyncio.sleep(0.005)
    finally:
        for writer in writers:
            writer.transport.abort()


async def datagrams(thief: Thief) -> None:
    while True:
        for session in thief.sessions:
            for _ in range(40):
                session.sealed(Inside.HEARTBEAT, os.urandom(200))
                session.datagram(os.urandom(400))
        await asyncio.sleep(0.01)


async def claims(thief: Thief) -> None:
    """Claims of web, one after the other, for as long as it is let."""
    while True:
        thief.say(Kind.CLAIM, "web", {**RIGHT[Kind.CLAIM], "epoch": thief.epoch() + 1})
        await asyncio.sleep(0.02)


FLOODS = (
    Attack("46", f"{INCARNATIONS} incarnations", incarnations, fresh=True, flood=True),
    Attack("51", "events of 60 KB, as fast as it can", large_events, fresh=True, flood=True),
    Attack("51", "small events, 400 under one signature", small_events, fresh=True, flood=True),
    Attack("51", "events with 900 heads of no node", many_heads, fresh=True, flood=True),
    Attack("51", "heads of random incarnations", random_incarnations, fresh=True, flood=True),
    Attack("51", "last words into the victims' own feeds", last_words, fresh=True, flood=True),
    Attack("own", "fifty claims a second", claims, fresh=True, flood=True),
    Attack("own", "two thousand heartbeats a second", heartbeats, unnamed="none of them is wrong", flood=True),
    Attack("own", "wants without end", wants, unnamed="a peer may ask", flood=True),
    Attack("own", "commands, true ones and forged ones", commands, flood=True),
    Attack("own", "half-open connections", connections, flood=True),
    Attack("own", "datagrams of rubbish", datagrams, flood=True),
)
