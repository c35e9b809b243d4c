"""The words that stand in event bodies, each with its one meaning."""

from enum import StrEnum


class ServicePhase(StrEnum):
    """The states of 2000, and the two in between."""

    RECOVER = "RECOVER"
    STARTING = "STARTING"
    UP = "UP"
    RECLAIM = "RECLAIM"
    STOPPING = "STOPPING"
    FAIL = "FAIL"


class EndState(StrEnum):
    """Where a STOPPING leads."""

    RECOVER = "RECOVER"
    FAIL = "FAIL"


class Judgement(StrEnum):
    """What a node thinks of a peer."""

    ALIVE = "alive"
    INDOUBT = "indoubt"
    DEAD = "dead"


class Late(StrEnum):
    """Why a judgement was written after a longer silence than it takes."""

    UNHEARD = "unheard"
    """The peer has not been heard since its judge listens for it: connecting has its time on top."""
    WITHHELD = "withheld"
    """No decision rested on it, and such a judgement is written at most once a second."""


class Outcome(StrEnum):
    """How an action ended. UNKNOWN: it may have happened; a probe after a timeout could not tell either."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class OnFail(StrEnum):
    """What follows when a check has failed for good."""

    MOVE = "move"
    RESTART = "restart"
    """Down and up again here, as often as it takes."""
    STOP = "stop"
    """Down, and no other node takes it until an operator says so."""
    TELL = "tell"
    """Nothing: it is shown."""


class ActionWord(StrEnum):
    UP = "up"
    DOWN = "down"
    RECLAIM = "reclaim"
