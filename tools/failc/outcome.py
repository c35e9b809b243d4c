"""When a command has done what it should: what to wait for, and how to see that it will not come.

| word    | good                                     | bad                              |
|---------|------------------------------------------|----------------------------------|
| fail    | FAIL at the node, or at the holder;      | stuck there; dead before it took |
|         | where it was dead, or was stuck: not a   | the order, which none has then  |
|         | holder now                               |                                  |
| recover | RECOVER (or more) at every node in FAIL  |                                  |
| move    | UP at the target                         | FAIL at the target; stuck where  |
|         |                                          | it is                            |
| reclaim | UP at the owner with a higher epoch      | stuck where it is                |
| hold    | held                                     |                                  |
| unhold  | not held                                 |                                  |
| fail    | no node holds it, all that live in FAIL  | stuck where it is                |
| --every |                                          |                                  |
| standby | it holds nothing                         | stuck there                      |
| unstand | not in standby                           |                                  |
| fence   | its devices say that it is off           | no level of them does            |
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from protocol.moment import lasting
from tools.cli.trouble import NO, Trouble
from tools.failc.asking import Node
from tools.failc.outage import nobody_left

LOOK_MS = 200
"""The node answers sooner when something changes; this is for what changes without an event."""

HOLDING = ("STARTING", "UP", "RECLAIM", "STOPPING")

Service = dict[str, Any]


class Ended(NamedTuple):
    good: bool
    text: str


class Expected(NamedTuple):
    """Asked with the service's part of each new status (with all of it, where it is about a node); None: not yet."""

    service: str
    what: str
    look: Callable[[Service], Ended | None]
    node: str = ""
    """The node that must act, where only one can: an order on its way to a node that died reaches no other."""


def expect(word: str, service: str, node: str, status: dict[str, Any]) -> Expected:
    """What to wait for, from the status before the command. Raises Trouble where it makes no sense to give it."""
    return EXPECT[word](service, node, status)


def wait(ask: Node, expected: Expected, timeout_s: float) -> Ended:
    """Look until it has ended one way or the other. Raises Trouble where the node cannot be asked any more."""
    until = time.monotonic() + timeout_s
    status = about(ask, expected.service)
    while True:
        now = status["services"].get(expected.service) if expected.service else status
        ended = expected.look(now) if now else Ended(False, "is no longer in the configuration")
        if expected.node and status["nodes"][expected.node]["liveness"] == "dead":
            ended = Ended(False, f"{expected.node} is dead now: give the command again if it is certainly down there")
        if ended:
            return ended
        left_ms = round((until - time.monotonic()) * 1000)
        if left_ms <= 0:
            why = f": {now['reason']}" if expected.service else ""
            return Ended(False, f"not {expected.what} after {lasting(timeout_s * 1000)}{why}")
        status = about(ask, expected.service, f"version={status['version']}&wait_ms={min(LOOK_MS, left_ms)}")


def about(ask: Node, service: str, since: str = "") -> dict[str, Any]:
    """The status, of one service where one is named: a thousand others concern no order for it. (An older node says all.)"""
    query = "&".join(filter(None, (service and f"service={service}", since)))
    return ask.get(f"/status?{query}" if query else "/status")


def _fail(service: str, node: str, status: dict[str, Any]) -> Expected:
    target = node or status["services"][service]["owner"]
    if target is None:
        raise Trouble(f"fail {service}: no node holds it; name the node to keep it from: failc fail {service} NODE", NO)

    was_stuck = target in status["services"][service].get("stuck", [])
    was_dead = target in status["nodes"] and status["nodes"][target]["liveness"] == "dead"
    later = f"; it begins in RECOVER when it is back: say `failc fail {service} {target}` again then" if was_dead else ""

    why = nobody_left(service, target, status) if target in status["services"][service]["owners"] else ""
    no_node = f"; no node has it: {why}" if why else ""

    def look(now: Service) -> Ended | None:
        elsewhere = f"; {now['owner']} has it" if now["owner"] else no_node
        if now["states"].get(target) == "FAIL" and not was_dead:  # the dead are shown in FAIL, whatever was said
            return Ended(True, f"down on {target}, in FAIL{elsewhere}")
        if was_stuck or was_dead:
            counts = f"counts as down on {target}, by your word{elsewhere}{later}"
            return None if target in now["owners"] else Ended(True, counts)
        return _stuck(now, (target,))

    alone = target in status["nodes"] and not was_dead and not was_stuck
    return Expected(service, f"down on {target}", look, target if alone else "")


def _stuck(now: Service, nodes: Sequence[str]) -> Ended | None:
    """Where one of them is: it stays so until an operator says that it is down there."""
    stuck = [node for node in nodes if node in now.get("stuck", [])]
    return Ended(False, f"stuck on {stuck[0]}: a down action failed") if stuck else None


def _recover(service: str, node: str, status: dict[str, Any]) -> Expected:
    states = status["services"][service]["states"]
    alive = [name for name in states if status["nodes"][name]["liveness"] != "dead"]
    targets = [node] if node else [name for name in alive if states[name] == "FAIL"]

    def out(seen: dict[str, str]) -> bool:
        return not any(seen.get(target) in ("FAIL", "INDOUBT", None) for target in targets)

    already = " already" if out(states) else ""

    def look(now: Service) -> Ended | None:
        if not out(now["states"]):
            return None
        where = ", ".join(f"{now['states'][target]} on {target}" for target in targets)
        return Ended(True, where + already if where else f"in FAIL on no living node; {now['reason']}")

    return Expected(service, f"out of FAIL on {', '.join(targets) or 'any node'}", look)


def _move(service: str, node: str, status: dict[str, Any]) -> Expected:
    def look(now: Service) -> Ended | None:
        state = now["states"].get(node)
        if state == "UP" and now["owner"] == node:
            return Ended(True, f"up on {node}, epoch {now['epoch']}")
        return Ended(False, f"{state} on {node}: {now['reason']}") if state == "FAIL" else _stuck(now, now["owners"])

    return Expected(service, f"up on {node}", look)


def _reclaim(service: str, node: str, status: dict[str, Any]) -> Expected:
    before = status["services"][service]["epoch"]

    def look(now: Service) -> Ended | None:
        if now["owner"] and now["epoch"] > before and now["states"].get(now["owner"]) == "UP":
            return Ended(True, f"announced again by {now['owner']}, epoch {now['epoch']}")
        return _stuck(now, now["owners"])

    return Expected(service, "announced again", look)


def _hold(service: str, node: str, status: dict[str, Any]) -> Expected:
    return Expected(service, "held", lambda now: Ended(True, f"held; {now['reason']}") if now["held"] else None)


def _unhold(service: str, node: str, status: dict[str, Any]) -> Expected:
    return Expected(service, "free", lambda now: None if now["held"] else Ended(True, f"free again; {now['reason']}"))


def _fail_everywhere(service: str, node: str, status: dict[str, Any]) -> Expected:
    def look(now: Service) -> Ended | None:
        alive = [state for name, state in now["states"].items() if status["nodes"][name]["liveness"] != "dead"]
        down = not now["owners"] and all(state == "FAIL" for state in alive)
        over = Ended(True, f"down everywhere; no node has it until `failc recover {service}`")
        return over if down else _stuck(now, now["owners"])

    return Expected(service, "down everywhere", look)


def _standby(service: str, node: str, status: dict[str, Any]) -> Expected:
    def look(now: dict[str, Any]) -> Ended | None:
        mine = {name: one for name, one in now["services"].items() if node in one["owners"]}
        stuck = [name for name, one in mine.items() if node in one["stuck"]]
        if stuck:
            return Ended(False, f"{stuck[0]} is stuck there: a down action failed")
        held = [name for name, one in now["services"].items() if one["states"].get(node) in HOLDING]
        if mine or held or not now["nodes"][node]["standby"]:
            return None
        return Ended(True, "in standby, and holds nothing")

    return Expected("", f"in standby with nothing held on {node}", look)


def _unstandby(service: str, node: str, status: dict[str, Any]) -> Expected:
    def look(now: dict[str, Any]) -> Ended | None:
        return None if now["nodes"][node]["standby"] else Ended(True, "a candidate again")

    return Expected("", f"out of standby on {node}", look)


def _readmit(service: str, node: str, status: dict[str, Any]) -> Expected:
    def look(now: dict[str, Any]) -> Ended | None:
        return None if now["nodes"][node]["forked"] else Ended(True, "admitted again")

    return Expected("", f"admitted again: {node}", look)


def _fence(service: str, node: str, status: dict[str, Any]) -> Expected:
    before = _request(status, node)

    def look(now: dict[str, Any]) -> Ended | None:
        fencing = now["nodes"][node]["fencing"]
        if _request(now, node) == before or fencing["ok"] is None:
            return None
        return Ended(fencing["ok"], fencing["text"] or "counts as off, by your word")

    return Expected("", f"switched off: {node} (it goes on; see `failc status --json`)", look)


def _request(status: dict[str, Any], node: str) -> Any:
    """The fencing of the node that this one has begun last."""
    fencing = status["nodes"][node].get("fencing")
    return fencing and fencing["request"]


EXPECT: dict[str, Callable[[str, str, dict[str, Any]], Expected]] = {
    "fail": _fail,
    "recover": _recover,
    "move": _move,
    "reclaim": _reclaim,
    "hold": _hold,
    "unhold": _unhold,
    "fail-everywhere": _fail_everywhere,
    "standby": _standby,
    "unstandby": _unstandby,
    "readmit": _readmit,
    "fence": _fence,
    "is-off": _fence,
}
