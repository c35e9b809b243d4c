"""`failc timings`: the numbers that are in force, and what follows from them."""

import json
from collections.abc import Iterator
from typing import Any

import click

from coordinator.config.durations import spoken
from protocol.moment import lasting
from tools.failc.asking import connect
from tools.failc.options import reaching
from tools.failc.screen import coloured, table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@reaching
def timings(as_json: bool) -> None:
    """The durations that are in force: silence until doubt and death, failback, retry, checks, actions.

    \b
    failc timings
    """
    known = connect().get("/timings")
    print(json.dumps(known) if as_json else "\n".join(_lines(known)))


def _lines(known: dict[str, Any]) -> list[str]:
    derived = known["derived"]
    rows = [
        ["heartbeat", spoken(known["heartbeat_ms"]), "how often a node says that it lives, on every link"],
        ["indoubt", spoken(known["indoubt_ms"]), f"silence until doubt: {derived['lost_heartbeats_to_doubt']} heartbeats"],
        ["dead", spoken(known["dead_ms"]), f"silence until death: {derived['lost_heartbeats_to_death']} heartbeats"],
        ["drift", f"{known['drift_ppm'] / 10_000:g}%", "how far two clocks may run apart"],
        ["", "", _death(derived)],
        ["longest turn", lasting(known["loop"]["longest_turn_ms"]), _turn(known["loop"])],
    ]
    lines = table(["TIMING", "VALUE", "MEANING"], rows, coloured())
    for name, service in known["services"].items():
        lines += ["", *table([name.upper(), "VALUE", "MEANING"], list(_service(service)), coloured())]
    return lines


def _death(derived: dict[str, Any]) -> str:
    span = f"{lasting(derived['death_judged_ms_min'])} to {lasting(derived['death_judged_ms_max'])}"
    after_start = lasting(derived["death_judged_after_start_ms"])
    return f"a power loss is judged {span} after it happened; after our own start {after_start}"


def _turn(loop: dict[str, Any]) -> str:
    what = f"the last such one at {loop['at']}: {loop['what']}" if loop["what"] else "no heartbeat leaves meanwhile"
    return f"of the loop of faild, since it is ready; {loop['turns_above_20_ms']} above 20 ms; {what}"


def _service(service: dict[str, Any]) -> Iterator[list[str]]:
    yield ["failback", _span(service["failback_ms"], "manual", "auto"), "how long a better candidate must be fit first"]
    yield [
        "retry",
        _span(service["retry_ms"], "never", "at once"),
        "how long a failed action or check keeps a node out; doubles",
    ]
    yield ["restarts", str(service["restarts"]), "in place, before another node is tried"]
    for action in service["actions"]:
        yield [action["kind"], spoken(action["timeout_ms"]), "at most, for one action"]
    for check in service["checks"]:
        meaning = f"{check['fall']} failures in a row, one every {spoken(check['every_ms'])}"
        yield [f"check {check['kind']}", lasting(check["fails_after_ms"]), f"until it fails for good: {meaning}"]


def _span(ms: int | None, none: str, zero: str) -> str:
    return none if ms is None else spoken(ms) if ms else zero
