"""Events that are signed and chained as they should be, and whose bodies are not what their kind has."""

import os
from collections.abc import Mapping
from typing import Any

from coordinator.core.startup import RULES
from protocol.canonical import INT_MAX
from protocol.kinds import Kind
from tools.attack.attacks.attack import Attack
from tools.attack.thief import Thief

WRONG: tuple[Any, ...] = (None, "x", b"x", -1, 2**53 + 1, INT_MAX, True, [], [[]], {}, {"x": []}, [None, -1, "x"])
"""In the place of each field: every other type, and numbers at the ends."""

NO_NUMBERS: tuple[Any, ...] = ("x", INT_MAX, -1, None, [], {})

REF = ["brutus", 1, 1]
GIVEN: Mapping[str, Any] = {
    "peers": {"lukretia": ["dead", 9_000, False, True, True, True], "genesis": ["alive", 50, True, True, True, True]},
    "fit": True,
}
"""What a claim says that it rests on: that the holder is dead."""

RIGHT: Mapping[Kind, Mapping[str, Any]] = {
    Kind.NODE_STARTED: {"run": bytes(8), "rules": RULES, "config": bytes(32), "clean": True, "after": None},
    Kind.NODE_PAUSED: {"late_ms": 1},
    Kind.CONFIG_APPLIED: {"number": 1, "digest": bytes(32), "text": ""},
    Kind.TAIL_CUT: {"cuts": [["lukretia", 1, 1, 9]]},
    Kind.REMOVED: {"number": 1, "digest": bytes(32), "by": "genesis", "command": b"x", "signature": b"x"},
    Kind.CONFIG_PART: {"digest": bytes(32), "index": 0, "count": 2, "text": "x"},
    Kind.LINK_UP: {"peer": "genesis", "link": "lan"},
    Kind.LINK_DOWN: {"peer": "genesis", "link": "lan"},
    Kind.JUDGED: {"peer": "genesis", "judgement": "dead", "was": "alive", "silent_ms": 1, "links": {"lan": 1}, "count": 1},
    Kind.PULSE: {"gaps": {"genesis": {"lan": 1}}, "late_ms_max": 1},
    Kind.RECOVER: {"rule": "retry", "given": GIVEN, "reason": ""},
    Kind.CLAIM: {"epoch": 1, "rule": "take-over-dead", "given": GIVEN, "reason": "", "passed_over": [["genesis", ""]]},
    Kind.UP: {"epoch": 1, "durable_us": 1, "act_us": 1, "announce_us": 1, "reason": ""},
    Kind.RELEASE: {"epoch": 1, "rule": "x", "to": "RECOVER", "cause": "operator", "given": GIVEN, "reason": ""},
    Kind.DOWN: {"epoch": 1, "to": "RECOVER", "cause": "operator", "reason": ""},
    Kind.FAIL: {"rule": "x", "cause": "operator", "given": GIVEN, "reason": ""},
    Kind.RECLAIM: {"epoch": 1, "rule": "reclaim", "given": GIVEN, "reason": "", "rivals": ["genesis"]},
    Kind.RESTART: {"count": 1, "reason": ""},
    Kind.ACTION_STARTED: {"action": 0, "word": "up", "epoch": 1},
    Kind.ACTION_FINISHED: {
        "action": 0, "word": "down", "epoch": 1, "outcome": "failed", "took_us": 1, "text": "", "output": b"",
    },
    Kind.CHECK_FAILED: {"check": 0, "text": "", "good": True},
    Kind.CHECK_PASSED: {"check": 0, "text": ""},
    Kind.CARRIER_LOST: {"interface": "eth0"},
    Kind.CARRIER_BACK: {"interface": "eth0"},
    Kind.COMMAND: {"command": b"x", "signature": b"x", "target": "genesis"},
    Kind.UNHOLD: {"ends": [REF]},
    Kind.MOVE_BEGUN: {"target": "genesis", "epoch": 1, "for_ms": 0},
    Kind.MOVE_ENDED: {"move": REF, "why": ""},
    Kind.FENCED: {"node": "lukretia", "epoch": 1, "by": "operator", "run": bytes(8)},
    Kind.LAST_WORD: {"word": b"x", "signature": b"x", "node": "lukretia", "epoch": 1},
    Kind.SPLIT_SEEN: {"nodes": ["genesis"], "epochs": {"genesis": 1}},
    Kind.SPLIT_RESOLVED: {"winner": "genesis"},
    Kind.FORK_SEEN: {"node": "lukretia", "incarnation": 1, "number": 1, "ours": [b"x", b"x"], "theirs": [b"x", b"x"]},
    Kind.FORK_PART: {"digest": bytes(32), "index": 0, "count": 2, "data": b"x"},
    Kind.READMITTED: {"node": "lukretia"},
    Kind.VOTE: {"candidate": "lukretia", "epoch": 1, "voters": 1, "run": bytes(8), "counter": 1},
    Kind.FENCE_REQUESTED: {"node": "lukretia", "run": bytes(8), "by": "claim"},
    Kind.FENCE_RESULT: {"node": "lukretia", "run": bytes(8), "ok": True, "by": "claim", "level": 1, "text": ""},
    Kind.GAP_DECLARED: {
        "incarnation": 1, "number": 1, "id": bytes(32), "held": ["web"],
        "services": {"web": {"epoch": 1, "wish": "", "lowered": REF}},
        "holds": {"web": [REF]}, "unheld": [REF], "moves": [["web", "genesis", 1, 0, REF]], "moves_ended": [REF],
        "fenced": [["web", "lukretia", 1, REF, bytes(8)]], "last_words": [["web", "lukretia", 1, REF, bytes(8)]],
        "forked": {"lukretia": REF}, "nonces": [[bytes(16), 1]],
    },
}  # fmt: skip


ANY: Mapping[str, Any] = {"node": "lukretia", "incarnation": 1, "number": 1, "epoch": 1, "reason": "", "refs": [REF]}
"""For a kind that has no body, or is newer than this table."""


async def claims(thief: Thief) -> None:
    for epoch in NO_NUMBERS:
        thief.say(Kind.CLAIM, "web", {**RIGHT[Kind.CLAIM], "epoch": epoch})


async def configurations(thief: Thief) -> None:
    digest, text = thief.policy.digest, thief.policy.text
    wrong: list[tuple[Any, Any, Any]] = [("x", digest, text), (2, [], text), (None, None, None), (INT_MAX, digest, "x")]
    for number, name, said in [*wrong, (2, digest, b"x")]:
        thief.say(Kind.CONFIG_APPLIED, "", {"number": number, "digest": name, "text": said})


async def pieces(thief: Thief) -> None:
    """Pieces of files that are never complete, each of another one; and of one whose hash is that of the common file."""
    for number in range(200):
        digest = thief.policy.digest if number % 2 else os.urandom(32)
        for index, count in ((0, 40), (1, 40), (39, 40), (0, 1)):
            thief.write(Kind.CONFIG_PART, "", {"digest": digest, "index": index, "count": count, "text": "x" * 900})
    thief.push(thief.feed[-400:])


async def last_words(thief: Thief) -> None:
    raw, signature = thief.word("web", 1)
    for epoch in NO_NUMBERS:
        thief.say(Kind.LAST_WORD, "web", {"word": raw, "signature": signature, "node": "lukretia", "epoch": epoch})
    thief.say(Kind.LAST_WORD, "web", {"word": 5, "signature": [], "node": {}, "epoch": 1})


async def gaps(thief: Thief) -> None:
    """Each the first event of an incarnation, as only such a one counts."""
    for wrong in ({"services": {"web": {"epoch": "x", "wish": ""}}}, {"fenced": [["x"]]}, {"moves": {"web": 5}}):
        thief.begin()
        thief.say(Kind.GAP_DECLARED, "", {**RIGHT[Kind.GAP_DECLARED], **wrong})


async def starts(thief: Thief) -> None:
    right = RIGHT[Kind.NODE_STARTED]
    for field in right:
        for wrong in WRONG:
            thief.say(Kind.NODE_STARTED, "", {**right, field: wrong})


async def everything(thief: Thief) -> None:
    """Each kind, each field, each wrong value, and each field missing."""
    for kind in Kind:
        right = RIGHT.get(kind, ANY)
        service = "" if kind in (Kind.NODE_STARTED, Kind.CONFIG_APPLIED, Kind.GAP_DECLARED, Kind.JUDGED) else "web"
        for field in right:
            bodies = [{**right, field: wrong} for wrong in WRONG] + [{k: v for k, v in right.items() if k != field}]
            thief.push([thief.write(kind, service, body) for body in bodies])
        thief.push([thief.write(kind, service, {**right, "more": 1})])
        await thief.drained()


async def clocks(thief: Thief) -> None:
    for wall_ms, boot_ms in [(INT_MAX, 1), (1, INT_MAX), (0, 0), (INT_MAX, INT_MAX)]:
        thief.say(Kind.PULSE, "", RIGHT[Kind.PULSE], wall_ms=wall_ms, boot_ms=boot_ms)


async def strange_words(thief: Thief) -> None:
    """Kinds and services that no node knows, and names that would write on a terminal."""
    strange = [("x" * 64, "\x1b[2J\n"), ("\u202e", "web\0")]
    for kind, service in [("vote", "web"), ("voters-changed", ""), ("fence-result", "web"), *strange]:
        thief.say(kind, service, {"node": "lukretia", "epoch": INT_MAX, "text": "\x1b]0;x\x07\n" * 9})


async def deep_and_wide(thief: Thief) -> None:
    nest: Any = 1
    for _ in range(6):
        nest = [nest]
    fields: list[dict[str, Any]] = [{"given": nest}, {"reason": "\u00e4" * 30_000}, {"given": {"peers": [[]] * 4000}}]
    bodies = [{**RIGHT[Kind.CLAIM], **changed} for changed in fields] + [{f"{n:05}": 0 for n in range(4096)}]
    for body in bodies:
        thief.say(Kind.CLAIM, "web", body)


MALFORMED = (
    Attack("45", "claim web with an epoch that is not a number", claims),
    Attack("45", "config-applied with wrong types", configurations),
    Attack("own", "pieces of files that are never complete", pieces, unnamed="a file may be on its way"),
    Attack("45", "last-word with wrong types", last_words),
    Attack("45", "gap with wrong types", gaps, fresh=True),
    Attack("45", "node-started with wrong types", starts),
    Attack("45", "every kind, every field wrong or missing", everything, fresh=True),
    Attack("53", "clocks of 2^63-1", clocks, unnamed="clocks are labels"),
    Attack("own", "unknown kinds, names with escape sequences", strange_words, unnamed="a later version may know the kind"),
    Attack("own", "bodies deep, wide and large", deep_and_wide),
)
