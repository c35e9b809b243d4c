"""The life of a service on this node, as a table: in which phase, what happens, and the phase that follows.

    phase = after(Phase.ARMED, Turn.STANDS)     # Phase.RAISING; raises InvariantBroken where the table has no such line

What is not in the table cannot be done: an order in the wrong phase is a bug of ours, and ends faild before anything is done
that was never thought of. docs/tables.md is drawn from here: `python -m tools.drawings --write`.
"""

from enum import Enum, StrEnum, auto

from protocol.invariant import InvariantBroken, must


class Phase(Enum):
    IDLE = auto()
    """Nothing of it is up, and nothing is claimed."""
    ARMED = auto()
    """The claim is written, and waits for the disk and the guard."""
    RAISING = auto()
    """The up actions run, one step after the other."""
    UP = auto()
    """All of it is up, and its checks run."""
    RECALLED = auto()
    """Up; the reclaim is written, and waits for the disk, the guard and the end of its rivals."""
    RECLAIMING = auto()
    """Up; the reclaim actions run: the neighbours are told."""
    RENEWED = auto()
    """The old actions are down, and the guard is told of the new ones."""
    LOWERING = auto()
    """The down actions run, in reverse."""
    STUCK = auto()
    """A down action failed, or its end is unknown: it is tried again."""


AT_REST = frozenset({Phase.IDLE, Phase.UP})


class Turn(StrEnum):
    """What happens to a service. The words stand in the drawing."""

    CLAIM = "claim"
    STANDS = "durable and guarded"
    REFUSED = "the disk refuses it"
    STILL_RECALLED = "the disk refuses the newer one of two"
    ALL_UP = "the last step is up"
    RECLAIM = "reclaim"
    UNRIVALLED = "no rival is left"
    LOWER = "release, restart or other actions"
    LOST = "a down action is lost"
    AGAIN = "all is down, and goes up again"
    NEW_ACTIONS = "all is down, the new actions come"
    ALL_DOWN = "all is down"


LINES = (
    # phase              what happens          the phase that follows
    (Phase.IDLE,         Turn.CLAIM,           Phase.ARMED),
    (Phase.ARMED,        Turn.STANDS,          Phase.RAISING),
    (Phase.ARMED,        Turn.REFUSED,         Phase.IDLE),
    (Phase.ARMED,        Turn.LOWER,           Phase.LOWERING),
    (Phase.RAISING,      Turn.ALL_UP,          Phase.UP),
    (Phase.RAISING,      Turn.LOWER,           Phase.LOWERING),
    (Phase.UP,           Turn.RECLAIM,         Phase.RECALLED),
    (Phase.UP,           Turn.LOWER,           Phase.LOWERING),
    (Phase.RECALLED,     Turn.RECLAIM,         Phase.RECALLED),
    (Phase.RECALLED,     Turn.UNRIVALLED,      Phase.RECLAIMING),
    (Phase.RECALLED,     Turn.REFUSED,         Phase.UP),
    (Phase.RECALLED,     Turn.STILL_RECALLED,  Phase.RECALLED),
    (Phase.RECALLED,     Turn.LOWER,           Phase.LOWERING),
    (Phase.RECLAIMING,   Turn.ALL_UP,          Phase.UP),
    (Phase.RECLAIMING,   Turn.LOWER,           Phase.LOWERING),
    (Phase.LOWERING,     Turn.LOWER,           Phase.LOWERING),
    (Phase.LOWERING,     Turn.LOST,            Phase.STUCK),
    (Phase.LOWERING,     Turn.AGAIN,           Phase.RAISING),
    (Phase.LOWERING,     Turn.NEW_ACTIONS,     Phase.RENEWED),
    (Phase.LOWERING,     Turn.ALL_DOWN,        Phase.IDLE),
    (Phase.STUCK,        Turn.LOWER,           Phase.LOWERING),
    (Phase.RENEWED,      Turn.STANDS,          Phase.RAISING),
    (Phase.RENEWED,      Turn.LOWER,           Phase.LOWERING),
)  # fmt: skip

TABLE = {(phase, turn): follows for phase, turn, follows in LINES}

must(len(TABLE) == len(LINES), "one line for each phase and what happens in it")
must({phase for phase, _, _ in LINES} == set(Phase), "every phase can be left")
must({follows for _, _, follows in LINES} == set(Phase), "every phase can be reached")
must({turn for _, turn, _ in LINES} == set(Turn), "everything that can happen does")


def after(phase: Phase, turn: Turn) -> Phase:
    """The phase that follows. Raises InvariantBroken where this cannot happen in that phase."""
    follows = TABLE.get((phase, turn))
    if follows is None:
        raise InvariantBroken(f"a service that is {phase.name}: {turn}")
    return follows
