"""What a signature can be about: each kind of message is signed under a domain of its own, so that none passes for another."""

from enum import StrEnum


class Domain(StrEnum):
    """What a signature is about; the bytes signed are the domain, a newline and the message."""

    EVENT = "failover/event/v1"
    HEARTBEAT = "failover/heartbeat/v1"
    LAST_WORD = "failover/last-word/v1"
