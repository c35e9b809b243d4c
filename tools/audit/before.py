"""How the holding before a claim ended, where the claim knew only the last word: the events that say more come later.

    ended = before(history, claim)      # a `down`, or a start after an end without a stop; None where the claim says enough
"""

from protocol.event import Event
from protocol.events import Down, HeardLastWord, NodeStarted, body_of
from tools.audit.history import History


def before(history: History, claim: Event) -> Event | None:
    causes = [history.events[ref] for ref in claim.causes if ref in history.events]
    words = [body for event in causes if isinstance(body := body_of(event), HeardLastWord) and event.service == claim.service]
    found = (_end(history, claim.service, word) for word in words)
    return next((event for event in found if event), None)


def _end(history: History, service: str, word: HeardLastWord) -> Event | None:
    """The `down` of the holding that the word ended, else the first start behind what it did with the service."""
    start: Event | None = None
    for event in history.nodes.get(word.node, ()):
        body = body_of(event)
        if isinstance(body, Down) and event.service == service and body.epoch == word.epoch:
            return event
        if event.service == service and getattr(body, "epoch", 0) == word.epoch:
            start = None
        elif isinstance(body, NodeStarted) and start is None:
            start = event
    return start
