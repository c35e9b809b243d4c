"""A history of which nothing is held: each event is read again from its file when it is asked for.

    history = Reread(feeds, lives, begin)       # as `tools.audit.history.History`, over `store.proved.Proved`
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from coordinator.state.model import State
from protocol.event import Event, Ref
from store.proved import Proved
from tools.audit.history import History
from tools.audit.lives import Lives


class Reread(History):
    """See the module."""

    def __init__(self, feeds: Proved, lives: Lives, begin: State):
        nodes = {node: _Node(feeds, node) for node in dict.fromkeys(node for node, _ in feeds.feeds)}
        self._take(lives, nodes, _ByName(feeds), begin)


class _ByName(Mapping[Ref, Event]):
    def __init__(self, feeds: Proved):
        self._feeds = feeds

    def __getitem__(self, ref: Ref) -> Event:
        for event in self._feeds.events(ref[:2], ref[2], ref[2]):
            return event
        raise KeyError(ref)

    def __iter__(self) -> Iterator[Ref]:
        return (Ref(*feed, number) for feed, last in self._feeds.feeds.items() for number in range(1, last + 1))

    def __len__(self) -> int:
        return sum(self._feeds.feeds.values())


class _Node(Sequence[Event]):
    """The events of one node, all incarnations."""

    def __init__(self, feeds: Proved, node: str):
        self._feeds = feeds
        self._own = {feed: last for feed, last in feeds.feeds.items() if feed[0] == node}

    def __iter__(self) -> Iterator[Event]:
        return (event for feed in self._own for event in self._feeds.events(feed))

    def __len__(self) -> int:
        return sum(self._own.values())

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Event]: ...
    def __getitem__(self, at: int | slice) -> Event | Sequence[Event]:
        names = [Ref(*feed, number) for feed, last in self._own.items() for number in range(1, last + 1)][at]
        events = _ByName(self._feeds)
        return events[names] if isinstance(names, Ref) else [events[name] for name in names]
