"""Events that are well formed, and that their author has no authority for: claims, orders, words, configurations, forks."""

import asyncio
import hashlib
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from coordinator.core.startup import RULES
from coordinator.state.standing import FIRST_RULES
from protocol.bodies import batch_body, command_body
from protocol.commands import Act, Command, sign_command
from protocol.event import Entry, Head, Ref
from protocol.frames import Kind as Frame
from protocol.kinds import Kind
from protocol.messages import LastWord
from protocol.sshkey import load_private, write_private
from tools.attack.attacks.attack import Attack
from tools.attack.attacks.bodies import RIGHT
from tools.attack.thief import Thief

RIVAL, HOLDER = "genesis", "lukretia"


def _claim(thief: Thief, epoch: int, kind: Kind = Kind.CLAIM) -> Entry:
    return thief.say(kind, "web", {**RIGHT[kind], "epoch": epoch})


async def claims(thief: Thief) -> None:
    claim = _claim(thief, thief.epoch() + 1)
    thief.say(Kind.UP, "web", {**RIGHT[Kind.UP], "epoch": claim.event.body["epoch"]}, (claim.ref,))


async def claims_in_the_clouds(thief: Thief) -> None:
    for epoch in (thief.epoch() + 2, 10**15, 2**53 - 1, 2**62):
        _claim(thief, epoch)


async def reclaims(thief: Thief) -> None:
    _claim(thief, thief.epoch() + 1)
    _claim(thief, thief.epoch() + 2, Kind.RECLAIM)


async def states(thief: Thief) -> None:
    """States of a service that it does not own."""
    kinds = (Kind.UP, Kind.RELEASE, Kind.DOWN, Kind.FAIL, Kind.RECOVER, Kind.RESTART, Kind.ACTION_FINISHED, Kind.CHECK_FAILED)
    for kind in kinds:
        thief.say(kind, "web", RIGHT[kind])


async def observations(thief: Thief) -> None:
    """What any node may say that it sees: others are dead, split, gone."""
    for node in (HOLDER, RIVAL):
        thief.say(Kind.JUDGED, "", {**RIGHT[Kind.JUDGED], "peer": node})
        thief.say(Kind.LINK_DOWN, "", {"peer": node, "link": "lan"})
    for kind in (Kind.SPLIT_SEEN, Kind.SPLIT_RESOLVED):
        thief.say(kind, "web", RIGHT[kind])
    thief.say(Kind.NODE_PAUSED, "", RIGHT[Kind.NODE_PAUSED])
    thief.say(Kind.NODE_STOPPING, "", {})


def _copies(thief: Thief, word: str) -> list[Entry]:
    """Commands of the operator that stand in the honest feeds."""
    return [entry for entry in thief.copied(Kind.COMMAND) if Command.decode(entry.event.body["command"]).word == word]


def _copied(thief: Thief, word: str, kind: Kind | None = None, body: dict[str, Any] | None = None) -> None:
    for copy in _copies(thief, word):
        written = thief.say(Kind.COMMAND, copy.event.service, copy.event.body)
        if kind is not None:
            thief.say(kind, "web", body, (written.ref,))


async def copied_move(thief: Thief) -> None:
    _copied(thief, "move", Kind.MOVE_BEGUN, {"target": RIVAL, "epoch": thief.epoch(), "for_ms": 0})


async def copied_hold(thief: Thief) -> None:
    _copied(thief, "hold", Kind.HOLD, {})


async def copied_unhold(thief: Thief) -> None:
    held = [list(entry.ref) for entry in thief.copied(Kind.HOLD)]
    _copied(thief, "unhold", Kind.UNHOLD, {"ends": [*held, [HOLDER, 1, 1]]})


async def copied_fail(thief: Thief) -> None:
    """The grave one: the fence that followed from it is of the thief's own making."""
    for epoch in (thief.epoch(), 10**6):
        _copied(thief, "fail", Kind.FENCED, {"node": HOLDER, "epoch": epoch, "by": "operator", "run": _run(thief, HOLDER)})


def _run(thief: Thief, node: str) -> bytes:
    starts = [entry for entry in thief.copied(Kind.NODE_STARTED) if entry.event.node == node]
    return bytes(starts[-1].event.body["run"]) if starts else bytes(8)


async def commands_again(thief: Thief) -> None:
    """Each command that ever was, as a frame, to each node."""
    for copy in thief.copied(Kind.COMMAND):
        thief.frame(Frame.COMMAND, command_body(copy.event.body["command"], copy.event.body["signature"]))


async def orders_without_a_command(thief: Thief) -> None:
    ref = next((entry.ref for entry in thief.copied(Kind.COMMAND)), Ref(HOLDER, 1, 1))
    thief.say(Kind.HOLD, "web", {}, (ref,))
    thief.say(Kind.MOVE_BEGUN, "web", {"target": RIVAL, "epoch": thief.epoch(), "for_ms": 0}, (ref,))
    fence = {"node": HOLDER, "epoch": thief.epoch(), "by": "operator", "run": _run(thief, HOLDER)}
    thief.say(Kind.FENCED, "web", fence, (ref,))
    thief.say(Kind.READMITTED, "", {"node": HOLDER}, (ref,))
    for by, service in (("command", ""), ("claim", "web"), ("word", "")):
        off = {"node": HOLDER, "run": _run(thief, HOLDER), "by": by}
        thief.say(Kind.FENCE_REQUESTED, service, off, (ref,))
        thief.say(Kind.FENCE_RESULT, "", {**off, "ok": True, "level": 1, "text": "off"}, (ref,))
    thief.say("handover", "", {"for_ms": 10**6}, (ref,))
    thief.say("standby", "", {"node": HOLDER}, (ref,))


async def end_of_others_moves(thief: Thief) -> None:
    for move in thief.copied(Kind.MOVE_BEGUN):
        thief.say(Kind.MOVE_ENDED, "web", {"move": list(move.ref), "why": "over"}, (move.ref,))


async def end_of_others_moves_by_its_own_file(thief: Thief) -> None:
    """By a file of its own it is a candidate of web, has it, and has counted the time of the move."""
    text = thief.policy.text.replace('["lukretia", "genesis"]', f'["{thief.name}", "lukretia", "genesis"]')
    digest = hashlib.sha256(text.encode()).digest()
    thief.say(Kind.CONFIG_APPLIED, "", {"number": 2, "digest": digest, "text": text})
    claim = _claim(thief, thief.epoch() + 1)
    thief.say(Kind.UP, "web", {**RIGHT[Kind.UP], "epoch": claim.event.body["epoch"]}, (claim.ref,))
    await end_of_others_moves(thief)


async def word_without_a_signature(thief: Thief) -> None:
    """In the holder's name: a node that believes it claims beside it."""
    run, epoch = _run(thief, HOLDER), thief.epoch()
    raw = LastWord(thief.policy.cluster_id, HOLDER, run, "web", epoch).encode()
    mine, signature = thief.word("web", epoch)
    for word, sealed in [(mine, signature), (raw, signature), (raw, bytes(64)), (raw, b"")]:
        thief.say(Kind.LAST_WORD, "web", {"word": word, "signature": sealed, "node": HOLDER, "epoch": epoch})


async def words_of_old(thief: Thief) -> None:
    """Real last words that it has heard, with an epoch of its own in the body."""
    for copy in thief.copied(Kind.LAST_WORD):
        thief.say(Kind.LAST_WORD, "web", {**copy.event.body, "node": HOLDER, "epoch": 2**53})
    thief.say(Kind.LAST_WORD, "web", RIGHT[Kind.LAST_WORD])


def _gap(thief: Thief, *items: dict[str, Any], rules: int = RULES) -> None:
    """A new incarnation that begins with so many gap events, and a start under them."""
    last = thief.feed[-1]
    thief.begin()
    for said in items:
        body = {"incarnation": last.event.incarnation, "number": last.event.number, "id": last.id, **said}
        thief.say(Kind.GAP_DECLARED, "", body)
    start = {**RIGHT[Kind.NODE_STARTED], "rules": rules, "run": thief.run, "config": thief.policy.digest}
    thief.say(Kind.NODE_STARTED, "", start)


def _fence_and_word(thief: Thief) -> dict[str, Any]:
    orders = [entry.ref for entry in thief.copied(Kind.COMMAND)] or [Ref(HOLDER, 1, 1)]
    word = ["web", HOLDER, thief.epoch(), list(orders[-1]), _run(thief, HOLDER)]
    return {"fenced": [word], "last_words": [word]}


def _hold_and_move(thief: Thief) -> dict[str, Any]:
    ref = list(thief.feed[-1].ref)
    return {"holds": {"web": [ref]}, "moves": [["web", RIVAL, thief.epoch(), 0, ref]], "moves_ended": [ref]}


HIGH = {"services": {"web": {"epoch": 10**15, "holding_epoch": 10**15, "wish": "fail", "lowered": []}}, "held": ["web"]}


async def gap_with_a_fence(thief: Thief) -> None:
    _gap(thief, _fence_and_word(thief))


async def gap_with_a_hold(thief: Thief) -> None:
    _gap(thief, _hold_and_move(thief))


async def gap_of_the_first_rules(thief: Thief) -> None:
    """Runs of the first rules carried orders in their gaps: the thief says that it is one."""
    _gap(thief, {**_fence_and_word(thief), **_hold_and_move(thief)}, rules=FIRST_RULES)


async def gap_with_an_epoch(thief: Thief) -> None:
    _gap(thief, HIGH)


async def second_gap_with_an_epoch(thief: Thief) -> None:
    """An incarnation may begin with several gaps, each about other services: the first one carries nothing."""
    _gap(thief, {}, HIGH)


async def gap_with_a_fork(thief: Thief) -> None:
    ref = list(thief.feed[-1].ref)
    _gap(thief, {"forked": {HOLDER: ref, RIVAL: ref}})


async def own_configuration(thief: Thief) -> None:
    """A file with its own operator, itself before all others, and a number above all; then an order of its own operator."""
    with tempfile.TemporaryDirectory() as folder:
        public = write_private(Path(folder) / "eve", "eve")
        key = load_private(Path(folder) / "eve")
    before = thief.policy.operators["afm"].key
    text = thief.policy.text.replace(" ".join(before.split()[:2]), " ".join(public.split()[:2]))
    order = text.replace('["lukretia", "genesis"]', f'["{thief.name}", "genesis", "lukretia"]')
    texts = [text, order, text.replace("web", "wab")]
    for number, changed in enumerate(texts, 1000):
        thief.say(Kind.CONFIG_APPLIED, "", {"number": number, "digest": os.urandom(32), "text": changed})
        for word, node in [("move", RIVAL), ("fail", HOLDER), ("hold", "")]:
            later_ms = time.time_ns() // 1_000_000 + 50_000
            acts = (Act(thief.name, thief.incarnation), *_feeds(thief))
            epoch, nonce = thief.epoch(), os.urandom(16)
            command = Command(
                thief.policy.cluster_id, "afm", word, "web", node, "attack", 0, epoch, later_ms, nonce, tuple(sorted(acts))
            )
            signed = sign_command(command, key)
            thief.frame(Frame.COMMAND, command_body(signed.raw, signed.signature))
            written = thief.say(Kind.COMMAND, "web", {"command": signed.raw, "signature": signed.signature, "target": node})
            thief.say(Kind.HOLD, "web", {}, (written.ref,))


def _feeds(thief: Thief) -> list[Act]:
    return [Act(node, head.incarnation) for node in (HOLDER, RIVAL) if (head := thief.newest(node))]


async def number_above_all(thief: Thief) -> None:
    """The true file under a number that cannot be outdone."""
    thief.say(Kind.CONFIG_APPLIED, "", {"number": 2**53, "digest": thief.policy.digest, "text": thief.policy.text})


async def everybodys_digest(thief: Thief) -> None:
    """Another file under the digest of the true one."""
    other = thief.policy.text.replace('["lukretia", "genesis"]', '["genesis", "lukretia"]')
    thief.say(Kind.CONFIG_APPLIED, "", {"number": 1, "digest": thief.policy.digest, "text": other})


async def fork_without_proof(thief: Thief) -> None:
    true = next(entry for entry in thief.copied(Kind.NODE_STARTED) if entry.event.node == HOLDER)
    forged = thief.signed(true)
    nothing, truth = (b"", b""), (true.raw, true.signature or b"")
    for ours, theirs in [(nothing, nothing), (truth, truth), (truth, (forged.raw, forged.signature))]:
        body = {"node": HOLDER, "incarnation": true.event.incarnation, "number": 1, "ours": list(ours), "theirs": list(theirs)}
        thief.say(Kind.FORK_SEEN, "", body)
        thief.say(Kind.FORK_SEEN, "", {**body, "node": RIVAL})


async def its_own_fork(thief: Thief) -> None:
    """Two events of 40 KB at one number, each well signed: the evidence of it does not fit into one event."""
    for size in (40_000, 60_000, 10):
        one = thief.say(Kind.PULSE, "", {**RIGHT[Kind.PULSE], "text": "a" * size})
        await asyncio.sleep(0.3)  # the first one is on their disks: only there the two are compared
        other = replace(one.event, body={**RIGHT[Kind.PULSE], "text": "b" * size})
        thief.push([thief.signed(Entry.of(other))])
        thief.begin()


async def in_anothers_name(thief: Thief) -> None:
    """The holder's own feed, continued by the thief: another key under it."""
    head = thief.newest(HOLDER)
    if head is None:
        return
    last = thief.feed[-1].event
    for kind in (Kind.DOWN, Kind.RELEASE):
        event = replace(last, node=HOLDER, incarnation=head.incarnation, number=head.number + 1, previous=head.id)
        event = replace(event, kind=str(kind), service="web", body=RIGHT[kind])
        entry = thief.signed(Entry.of(event))
        thief.frame(Frame.BATCH, batch_body([(entry.raw, entry.signature)]))


async def heads_from_the_future(thief: Thief) -> None:
    """Its events rest on what no node has written."""
    heads = tuple(Head(node, 2**52, 2**52, os.urandom(32)) for node in (HOLDER, RIVAL, "nobody"))
    thief.say(Kind.PULSE, "", RIGHT[Kind.PULSE], heads=heads)
    thief.say(Kind.JUDGED, "", RIGHT[Kind.JUDGED], (Ref(HOLDER, 2**62, 2**62),), heads=())


FORGED = (
    Attack("50", "claim and up of web by no candidate", claims),
    Attack("§4", "claims with epochs far above", claims_in_the_clouds),
    Attack("50", "claim and reclaim of web", reclaims),
    Attack("50", "other states of web", states),
    Attack("own", "judgements, splits, links: lies about what it sees", observations, unnamed="a lie that rules nothing"),
    Attack("47", "an operator's move, copied", copied_move),
    Attack("47", "an operator's hold, copied", copied_hold),
    Attack("47", "an operator's unhold, copied", copied_unhold),
    Attack("47", "an operator's fail, copied, with a fence", copied_fail),
    Attack("47", "all old commands again, as frames", commands_again, unnamed="a node may ask again: it is obeyed once"),
    Attack("§2", "hold, move, fence, readmit without a command", orders_without_a_command),
    Attack("§2", "ends the moves of others", end_of_others_moves),
    Attack("§2", "ends the moves of others, by a file of its own", end_of_others_moves_by_its_own_file),
    Attack("§2", "last-word of the holder without its signature", word_without_a_signature),
    Attack("§2", "old last words with another epoch", words_of_old),
    Attack("§2", "gap that carries a fence and a last word", gap_with_a_fence),
    Attack("§2", "gap that carries a hold and a move", gap_with_a_hold),
    Attack("§2", "gap with orders in a run that says rules 1", gap_of_the_first_rules),
    Attack("§2", "gap that carries epoch 10^15 and a holding", gap_with_an_epoch),
    Attack("§2", "a second gap that carries epoch 10^15", second_gap_with_an_epoch),
    Attack("§2", "gap that carries forks of the honest", gap_with_a_fork, fresh=True),
    Attack("§3", "config-applied of its own file and operators", own_configuration),
    Attack("§3", "config-applied with number 2^53", number_above_all),
    Attack("§3", "another text under the common digest", everybodys_digest),
    Attack("49", "fork-seen of the honest without proof", fork_without_proof),
    Attack("49", "its own fork, two events of 40 KB", its_own_fork, fresh=True),
    Attack("own", "the holder's feed continued by the thief's key", in_anothers_name),
    Attack("§4", "heads and causes from the future", heads_from_the_future, unnamed="a head may be ahead of what is here"),
)  # fmt: skip
