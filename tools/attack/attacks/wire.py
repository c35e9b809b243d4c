"""What is said in heartbeats, heads and frames, and stands in no feed."""

import asyncio
import os

from protocol.bodies import heads_body, signed_body
from protocol.canonical import INT_MAX
from protocol.datagram import Inside, last_word_datagram
from protocol.event import Head
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import Heard, ShortHead
from tools.attack.attacks.attack import Attack
from tools.attack.attacks.bodies import RIGHT
from tools.attack.thief import Session, Thief

HONEST = ("lukretia", "genesis")


def _heads(thief: Thief, **lies: ShortHead) -> dict[str, ShortHead]:
    true = {node: thief.newest(node) for node in (*HONEST, thief.name)}
    known = {node: ShortHead(head.incarnation, head.number, head.id[:8]) for node, head in true.items() if head}
    return known | lies


async def head_of_your_own_feed(thief: Thief) -> None:
    """While a node starts it asks what others have of its feed."""
    while True:
        for incarnation in (INT_MAX - 1, 2**62, 2**53, 2**52):
            far = {node: ShortHead(incarnation, 7, os.urandom(8)) for node in HONEST}
            thief.lies["heads"] = _heads(thief, **far)
            thief.greets = tuple(Head(node, incarnation, 7, os.urandom(32)) for node in HONEST)
            thief.frame(Frame.HEADS, heads_body(thief.greets))
            await asyncio.sleep(0.15)


async def longer_feed_of_yours(thief: Thief) -> None:
    """More of the present incarnation than its author has written: it would wait for what never comes."""
    while True:
        known = [head for node in HONEST if (head := thief.newest(node))]
        longer = {head.node: ShortHead(head.incarnation, head.number + 5, os.urandom(8)) for head in known}
        thief.lies["heads"] = _heads(thief, **longer)
        await asyncio.sleep(0.1)


async def head_never_delivered(thief: Thief) -> None:
    """Its own newest head is not here and never comes, and it says that it runs another configuration."""
    thief.delivers = False
    thief.lies["config"] = os.urandom(8)
    while True:
        thief.lies["heads"] = _heads(thief, **{thief.name: ShortHead(thief.incarnation, len(thief.feed) + 9, os.urandom(8))})
        await asyncio.sleep(0.1)


async def newer_incarnation_never_delivered(thief: Thief) -> None:
    thief.delivers = False
    thief.lies["heads"] = _heads(thief, **{thief.name: ShortHead(INT_MAX - 1, INT_MAX - 1, os.urandom(8))})


async def refused(thief: Thief) -> None:
    thief.lies["refused"] = HONEST


async def changing_configuration(thief: Thief) -> None:
    while True:
        thief.lies["config"] = os.urandom(8)
        await asyncio.sleep(0.1)


async def wild_counters(thief: Thief) -> None:
    """A counter at the end, then those before it; echoes of counters that no node has sent."""
    thief.counter = INT_MAX - 10**6
    while True:
        thief.lies["heard"] = {s.victim: Heard(s.heard.run, INT_MAX - 1, 0) for s in thief.sessions if s.heard}
        await asyncio.sleep(0.1)


async def many_runs(thief: Thief) -> None:
    while True:
        thief.lies["run"] = thief.run = os.urandom(8)
        await asyncio.sleep(0.05)


async def many_names(thief: Thief) -> None:
    """A heartbeat as full as a frame allows, of nodes that there are not."""
    names = {f"n{n:03}": ShortHead(2**52, 2**52, os.urandom(8)) for n in range(400)}
    thief.lies["heads"] = _heads(thief, **names)
    thief.lies["vote"] = 2**62


async def the_dead_live(thief: Thief) -> None:
    """What the holder said last, relayed for ever: it would not be dead."""
    while True:
        for node, body in thief.overheard.items():
            for session in thief.sessions:
                if session.victim != node:
                    session.frame(Frame.RELAYED, body)
                    session.sealed(Inside.RELAYED, body)
        await asyncio.sleep(0.05)


async def in_others_names(thief: Thief) -> None:
    """Heartbeats that carry an honest name and the thief's signature."""
    while True:
        for node in HONEST:
            body = thief.heartbeat(node=node, fit=False)
            thief.frame(Frame.HEARTBEAT, body)
            thief.frame(Frame.RELAYED, body)
        await asyncio.sleep(0.05)


async def last_words_in_clear(thief: Thief) -> None:
    """The holder's, with the thief's signature; and its own, for what it never held."""
    while True:
        for session in thief.sessions:
            if session.heard is None:
                continue
            word, signature = thief.word("web", thief.epoch(), node="lukretia", run=session.heard.run)
            session.datagram(last_word_datagram(word, signature))
            session.frame(Frame.LAST_WORD, signed_body(word, signature))
            word, signature = thief.word("web", thief.epoch())
            session.datagram(last_word_datagram(word, signature))
        await asyncio.sleep(0.05)


async def silence(thief: Thief) -> None:
    """Connected, and not a word: it is in no one's way."""
    thief.incarnation = 0


async def now_and_then(thief: Thief) -> None:
    """Alive, dead, alive: each turn with another fitness."""
    incarnation = thief.incarnation
    while True:
        thief.incarnation = 0 if thief.incarnation else incarnation
        thief.lies["fit"] = not thief.lies.get("fit", True)
        await asyncio.sleep(0.65)


async def second_hello(thief: Thief) -> None:
    while True:
        for session in thief.sessions:
            session.frame(Frame.HELLO, thief.hello(session.sealer))
            session.raw(b"\xff\xff\xff\xff")
        await asyncio.sleep(0.1)


async def stopped_and_talking(thief: Thief) -> None:
    thief.say(Kind.NODE_STOPPED, "", {})
    thief.say(Kind.CLAIM, "web", {**RIGHT[Kind.CLAIM], "epoch": thief.epoch() + 1})


def _at_every_door(session: Session) -> None:
    session.frame(Frame.PONG, bytes(9))
    session.frame(Frame.WANT, b"\xc0")


async def rubbish_in_frames(thief: Thief) -> None:
    thief.at_hello = _at_every_door
    while True:
        for kind in Frame:
            if kind is not Frame.HELLO:
                thief.frame(kind, os.urandom(8))
        await asyncio.sleep(0.02)


SPOKEN = (
    Attack("48", "heads of your own feed that nothing proves", head_of_your_own_feed),
    Attack("48", "more of your own feed than you wrote", longer_feed_of_yours),
    Attack("§2", "another digest and a head never delivered", head_never_delivered),
    Attack("§2", "an incarnation of 2^63-2 never delivered", newer_incarnation_never_delivered),
    Attack("49", "`refused` in the heartbeat", refused, unnamed="display only"),
    Attack("own", "another configuration with every heartbeat", changing_configuration),
    Attack("own", "counters at their end, echoes of the future", wild_counters),
    Attack("own", "a new run twenty times a second", many_runs, unnamed="who starts again has a new one"),
    Attack("own", "heads of four hundred nodes that there are not", many_names),
    Attack("own", "the dead holder's heartbeats relayed for ever", the_dead_live, unnamed="a relay repeats until it is heard"),
    Attack("own", "heartbeats in others' names", in_others_names),
    Attack("own", "last words in clear, forged", last_words_in_clear),
    Attack("own", "silence", silence, unnamed="there is nothing to name"),
    Attack("own", "alive and dead by turns", now_and_then, unnamed="a bad cable does the same"),
    Attack("own", "a second hello, again and again", second_hello),
    Attack("own", "stopped, and goes on talking", stopped_and_talking),
    Attack("own", "rubbish in every kind of frame", rubbish_in_frames),
)
