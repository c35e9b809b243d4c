"""What can be wrong with a log, as one word each. `failaudit verify` prints them; `Journal.open` refuses on some."""

from enum import StrEnum
from typing import NamedTuple


class Flaw(StrEnum):
    """The kinds of findings (design.md section 12); the last three are about decisions and come from the coordinator."""

    SIGNATURE = "signature"
    """Missing where one must be, or not the node's over these bytes."""
    KEY = "key"
    """No key is known for the node, or another key than its own has signed."""
    CHAIN = "chain"
    """An event does not follow the one before it: edited, reordered, duplicated or spliced."""
    GAP = "gap"
    """Numbers are missing inside a feed."""
    TRUNCATED = "truncated"
    """Another node's signed event knows more of a feed than the sources hold."""
    ENCODING = "encoding"
    """The bytes are not the one canonical encoding of an event."""
    CLUSTER = "cluster"
    """The event belongs to another cluster."""
    FORK = "fork"
    """Two different events, both signed by the node, have one name."""
    SCHEMA = "schema"
    """The file is not made as a log is, or its pages are damaged: rows in it can be hidden, doubled or swallowed."""
    UNLAWFUL = "unlawful"
    AUTHORITY = "authority"
    SPLIT = "split"


REFUSED_AT_OPEN = frozenset(
    {Flaw.SIGNATURE, Flaw.KEY, Flaw.CHAIN, Flaw.GAP, Flaw.ENCODING, Flaw.CLUSTER, Flaw.FORK, Flaw.SCHEMA}
)
"""A `truncated` log is shorter but sound: it is completed from the peers, or goes on in a new incarnation."""


class Finding(NamedTuple):
    """One thing that is wrong, where it is, and a sentence for people. About a file as a whole: no node, and zeros."""

    kind: Flaw
    node: str
    incarnation: int
    number: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.node} {self.incarnation}/{self.number}"

    @property
    def sentence(self) -> str:
        """Kind, place and text on one line."""
        return f"{self.kind}: {self.name}: {self.text}" if self.number else f"{self.kind}: {self.text}"
