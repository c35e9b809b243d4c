"""What a log amounts to, folded entry by entry: the state, and how far each feed goes. A core begins with it.

    folded = Folded.begin(me, policy, ran=ran)
    folded.add(entry) ...                       # in order inside each feed
    core = Core(me, policy, run, folded, now)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coordinator.core.feed_index import FeedIndex
from coordinator.policy import Policy
from coordinator.state.model import State
from coordinator.state.reducer import reduce
from protocol.event import Entry
from protocol.messages import Keyring


@dataclass(slots=True)
class Folded:
    state: State
    feeds: FeedIndex

    @classmethod
    def begin(cls, me: str, policy: Policy, keyring: Keyring | None = None, ran: Sequence[Policy] = ()) -> "Folded":
        """`keyring`: who proves signatures inside events, where that is not the keys of the configuration. `ran`: the files
        that this node has lived by, as its own feeds tell: whatever feed comes first is judged by them."""
        return cls(State.begin(*ran, policy, me=me, keyring=keyring), FeedIndex())

    def add(self, entry: Entry) -> None:
        self.feeds.add(entry)
        self.state = reduce(self.state, entry.event)

    def with_all(self, entries: Iterable[Entry]) -> "Folded":
        for entry in entries:
            self.add(entry)
        return self
