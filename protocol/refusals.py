"""Why a message was refused: one word for each reason, counted by peer and link, shown by `failc links`."""

from enum import StrEnum


class Reason(StrEnum):
    OVERSIZED = "oversized"
    TRUNCATED = "truncated"
    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    WRONG_CLUSTER = "wrong-cluster"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    OLD_EPOCH = "old-epoch"
    NOT_CANONICAL = "not-canonical"
    TLS = "tls"
    GARBAGE = "garbage"


class Refused(Exception):
    """They broke the protocol. The catcher counts the reason and goes on with the next message."""

    def __init__(self, reason: Reason, text: str):
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.text = text
