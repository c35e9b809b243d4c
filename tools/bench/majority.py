"""Services under `partition = "majority"`, with a witness as the third voter, beside `serve` in the same minutes.

    make bench ARGS="--only majority"

Both links of the owner are cut behind its switch: it keeps its carrier, and hears nobody.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from tools.bench.figures import Figure
from tools.bench.rig import MASTER, Plan, Rig, rig
from tools.bench.takeovers import all_killed, all_stopped, graceful_stop, planned_move, power_loss, silenced

UMPIRE = "umpire"
SLOWER = 1.5
"""A planned move, or a graceful stop, against the same under `serve`."""
SLOWER_AT_POWER_LOSS = 1.15
POWER_LOSS_MS, FAST_POWER_LOSS_MS, FAST_SILENCED_MS = 700, 400, 450

Edit = Callable[[str], str]


def majority(plan: Plan) -> list[Figure]:
    with rig(plan) as ready:
        serve = {"planned move": _first(planned_move(ready)), "graceful stop": _first(graceful_stop(ready))}
        serve["power loss"] = _first(power_loss(ready))
    with _voters(plan, _leased) as ready:
        figures = _beside(ready, serve)
        figures += _renamed("majority", all_stopped(ready) + all_killed(ready) + _cut(ready), None)
    with _voters(plan, _fast) as ready:
        figures += _renamed("majority, fast, lease 300 ms", power_loss(ready), FAST_POWER_LOSS_MS)
        figures += _renamed("majority, fast, lease 300 ms", all_stopped(ready), FAST_SILENCED_MS)
    return figures


def _voters(plan: Plan, edit: Edit) -> AbstractContextManager[Rig]:
    return rig(plan, witnesses=(UMPIRE,), edit=edit)


def _leased(text: str) -> str:
    return text.replace('partition    = "serve"', 'partition    = "majority"')


def _fast(text: str) -> str:
    for slow, fast in (('"100ms"', '"30ms"'), ('"300ms"', '"80ms"'), ('"500ms"', '"120ms"')):
        text = text.replace(slow, fast, 1)
    return _leased(text).replace('partition    = "majority"', 'lease        = "300ms"\npartition    = "majority"')


def _cut(ready: Rig) -> list[Figure]:
    return silenced(ready, "both links of the owner cut", lambda: ready.lab.cut(MASTER), lambda: ready.lab.heal(MASTER))


def _beside(ready: Rig, serve: dict[str, Figure]) -> list[Figure]:
    """The same accidents under `majority`, and how many times as long they take."""
    mine = {"planned move": planned_move(ready), "graceful stop": graceful_stop(ready), "power loss": power_loss(ready)}
    figures = []
    for what, measured in mine.items():
        at_power_loss = what == "power loss"
        figures += _renamed("majority", [_first(measured)], POWER_LOSS_MS if at_power_loss else None)
        figures.append(serve[what]._replace(what=f"serve beside it: {what}: outage, IPv4", limit=None))
        times = _first(measured).median / serve[what].median
        limit = SLOWER_AT_POWER_LOSS if at_power_loss else SLOWER
        figures.append(Figure(f"majority: {what}, times serve", "times", (times,), limit))
    return figures


def _first(measured: Sequence[Figure]) -> Figure:
    """The outage by IPv4."""
    return measured[0]


def _renamed(whose: str, measured: Sequence[Figure], limit_ms: float | None) -> list[Figure]:
    """With the limit of an outage under a lease; two owners are none under any."""
    named = (figure._replace(what=f"{whose}: {figure.what}") for figure in measured)
    return [figure if figure.limit == 0 else figure._replace(limit=limit_ms) for figure in named]
