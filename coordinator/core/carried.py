"""What outlives an incarnation: its node's own words that others still go by, in the first event of the next one.

    body = carried(ours, column)            # when the incarnation is opened
    column = taken_over(column, body)       # in the reducer, by everybody

A node opens a new incarnation after a lost disk, and after any crash while another node is away: neither is a reason to
forget an operator's order. What is here and what is not, field by field: the state of a holding is not (whatever it was, it
is over), what was seen of others is not (it is seen again), what was ordered or ended is.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coordinator.core.model import Column, Move, ServiceColumn, Word
from protocol.event import Head, Ref

REFS_KEPT = 64
"""Of holds, of their ends and of those of moves the newest; nobody has so many in force, and the event has its limit."""

NONCES_KEPT = 256
"""Of the commands obeyed those that expire last: with a lost disk and a clock set back, one of them could be given again."""

Words = Mapping[tuple[str, str], Word]


def carried(ours: Head, before: Column, aside: Column | None = None) -> dict[str, Any]:
    """The body of gap-declared: the last event known of the incarnation that ends here, and what must outlive it.

    `aside`: of an incarnation that the others never went by, since they knew a newer one. What was said in it was said.
    """
    before = _merged(before, aside) if aside else before
    return {
        "held": sorted(name for name, service in aside.services.items() if service.claim) if aside else [],
        "incarnation": ours.incarnation,
        "number": ours.number,
        "id": ours.id,
        "services": {name: _service(service, Ref(*ours[:3])) for name, service in before.services.items()},
        "holds": {name: _newest(refs - before.unheld) for name, refs in before.holds.items()},
        "unheld": _newest(before.unheld),
        "moves": [[move.service, move.target, move.epoch, move.for_ms, list(move.ref)] for move in before.moves],
        "moves_ended": _newest(before.moves_ended),
        "fenced": _told(before.fenced),
        "last_words": _told(before.last_words),
        "forked": {node: list(ref) for node, ref in before.forked.items()},
        "nonces": [list(item) for item in sorted(before.nonces.items(), key=lambda item: (item[1], item[0]))[-NONCES_KEPT:]],
    }


def taken_over(column: Column, body: Mapping[str, Any]) -> Column:
    """The column with which a new incarnation begins. A part that is not there is empty.

    What was held aside counts as claimed and over: whoever held it at the same time announces again.
    """
    by = Ref(column.node, column.head.incarnation, column.head.number) if column.head else None
    served = body.get("services", {})
    return replace(
        column,
        services={name: _served(kept, by if name in body.get("held", ()) else None) for name, kept in served.items()},
        holds={name: _refs(refs) for name, refs in body.get("holds", {}).items()},
        unheld=_refs(body.get("unheld", ())),
        moves=tuple(Move(name, node, epoch, ms, Ref(*ref)) for name, node, epoch, ms, ref in body.get("moves", ())),
        moves_ended=_refs(body.get("moves_ended", ())),
        fenced=_heard(body.get("fenced", ())),
        last_words=_heard(body.get("last_words", ())),
        forked={node: Ref(*ref) for node, ref in body.get("forked", {}).items()},
        nonces=dict(body.get("nonces", ())),
    )


def _merged(before: Column, aside: Column) -> Column:
    names = before.services.keys() | aside.services.keys()
    holds = {name: before.holds.get(name, frozenset()) | refs for name, refs in aside.holds.items()}
    return replace(
        before,
        services={name: _both(before.service(name), aside.service(name)) for name in names},
        holds={**before.holds, **holds},
        unheld=before.unheld | aside.unheld,
        moves=(*before.moves, *aside.moves),
        moves_ended=before.moves_ended | aside.moves_ended,
        fenced={**before.fenced, **aside.fenced},
        last_words={**before.last_words, **aside.last_words},
        forked={**before.forked, **aside.forked},
        nonces={**before.nonces, **aside.nonces},
    )


def _both(before: ServiceColumn, aside: ServiceColumn) -> ServiceColumn:
    return replace(
        before,
        epoch=max(before.epoch, aside.epoch),
        holding_epoch=max(before.holding_epoch, aside.holding_epoch),
        wish="fail" if "fail" in (before.wish, aside.wish) else "",
        burnt=before.burnt or aside.burnt,
        failures=max(before.failures, aside.failures),
    )


def _service(service: ServiceColumn, last: Ref) -> dict[str, Any]:
    lowered = last if service.holds else service.lowered
    return {
        "lowered": list(lowered) if lowered else [],
        "epoch": service.epoch,
        "holding_epoch": service.holding_epoch,
        "wish": service.wish if service.wish == "fail" else "",
        "burnt": service.burnt,
        "failures": service.failures,
    }


def _served(kept: Mapping[str, Any], claim: Ref | None) -> ServiceColumn:
    return ServiceColumn(
        claim=claim,
        epoch=kept["epoch"],
        holding_epoch=kept.get("holding_epoch", 0),
        wish=kept["wish"],
        cause="operator" if kept["wish"] else "",
        burnt=kept.get("burnt", False),
        failures=kept.get("failures", 0),
        lowered=Ref(*kept["lowered"]) if kept.get("lowered") else None,
    )


def _newest(refs: frozenset[Ref]) -> list[list[Any]]:
    newest = sorted(refs, key=lambda ref: (ref.incarnation, ref.number, ref.node))[-REFS_KEPT:]
    return [list(ref) for ref in newest]


def _refs(refs: Any) -> frozenset[Ref]:
    return frozenset(Ref(*ref) for ref in refs)


def _told(words: Words) -> list[list[Any]]:
    return [[service, node, word.epoch, list(word.ref), word.run] for (service, node), word in sorted(words.items())]


def _heard(words: Any) -> Words:
    return {(service, node): Word(epoch, Ref(*ref), *run) for service, node, epoch, ref, *run in words}
