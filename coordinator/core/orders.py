"""What an operator's command does to the column of the node that wrote it, and what the events that follow it do.

    column = command(state, column, event)          # part of the reducer's table

A command takes effect only where the keys and roles of its own heads allow it: judged here, by every reader alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from coordinator.core import authority
from coordinator.core.model import Column, Move, State, Word
from protocol.event import Event, Ref

MOVES_KEPT = 8
ORDERS_KEPT = 64
"""Commands that later events may name as their cause; each names one a few events back."""

Change = Callable[[State, Column, Event], Column]


def command(state: State, column: Column, event: Event) -> Column:
    """A command takes effect only where the keys and roles of its own heads allow it: judged here, by everybody alike."""
    judged = authority.judge(state, column, event)
    if isinstance(judged, authority.Denied):
        return replace(column, refused=(*column.refused, (event.ref, judged.text)))
    command = judged
    orders = dict(list({**column.orders, event.ref: (command.word, command.service, command.node)}.items())[-ORDERS_KEPT:])
    column = replace(column, nonces={**column.nonces, command.nonce: command.expires_ms}, orders=orders)
    if command.word in ("fail", "recover", "reclaim") and event.body["target"] == column.node:
        service = column.service(command.service)
        return column.with_service(command.service, replace(service, wish=command.word, wish_by=event.ref))
    return column


def ordered(change: Change, *words: str) -> Change:
    """A change that only an obeyed command of this feed may cause."""

    def apply(state: State, column: Column, event: Event) -> Column:
        given = [column.orders.get(cause) for cause in event.causes]
        allowed = any(order and order[0] in words and order[1] == event.service for order in given)
        return change(state, column, event) if allowed else column

    return apply


def hold(state: State, column: Column, event: Event) -> Column:
    refs = column.holds.get(event.service, frozenset()) | {event.ref}
    return replace(column, holds={**column.holds, event.service: refs})


def unhold(state: State, column: Column, event: Event) -> Column:
    return replace(column, unheld=column.unheld | {Ref(*ref) for ref in event.body["ends"]})


def move_begun(state: State, column: Column, event: Event) -> Column:
    body = event.body
    move = Move(event.service, body["target"], body["epoch"], body["for_ms"], event.ref)
    return replace(column, moves=(*column.moves, move)[-MOVES_KEPT:])


def move_ended(state: State, column: Column, event: Event) -> Column:
    return replace(column, moves_ended=column.moves_ended | {Ref(*event.body["move"])})


def fenced(state: State, column: Column, event: Event) -> Column:
    return replace(column, fenced=with_word(column.fenced, event, event.body.get("run", b"")))


def with_word(words: Mapping[tuple[str, str], Word], event: Event, run: bytes) -> Mapping[tuple[str, str], Word]:
    """Of one run the word with the larger epoch; of another run the later word, whose holding is the later one."""
    key = (event.service, event.body["node"])
    said, before = Word(event.body["epoch"], event.ref, run), words.get(key)
    return {**words, key: said if before is None or before.run != run else max(before, said)}
