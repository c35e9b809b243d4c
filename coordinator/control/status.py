"""The status of design.md section 12: who owns what, as this node knows it. A pure function of the view.

A peer's service state is its own word while it is alive, INDOUBT while it is in doubt, FAIL when it is dead; a holder that is
dead does not count as an owner. In a split `owner` is the winner among the known holders.
"""

from collections.abc import Mapping
from typing import Any

from coordinator.alarms.board import Alarm
from coordinator.control import outs
from coordinator.control.check_view import failing
from coordinator.control.cut_off import cut_off
from coordinator.control.enforcement import enforcement
from coordinator.control.evidence_view import evidence
from coordinator.control.relation_view import waits_for
from coordinator.control.view import LinkView, NodeView, PeerView, StateView
from coordinator.decision.decide import BY_LAST_WORD
from coordinator.policy import ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import Fence, Judgement, NodeState, ServiceState
from protocol.moment import lasting, rfc3339
from protocol.printable import printable

LIVENESS = {Judgement.ALIVE: "alive", Judgement.INDOUBT: "indoubt", Judgement.DEAD: "dead"}


def status(view: NodeView, wall_ms: int) -> dict[str, Any]:
    """The JSON of `failc status`; `wall_ms` only labels it."""
    peers, gate = view.peers(), view.gate()
    services = {
        name: service(view, name, peers) | enforcement(policy, view.me, gate) for name, policy in view.policy.services.items()
    }
    return outline(view, wall_ms, peers) | {"services": services}


def outline(view: NodeView, wall_ms: int, peers: Mapping[str, PeerView]) -> dict[str, Any]:
    """The same without the services."""
    return {
        "cluster": view.policy.cluster,
        "node": view.me,
        "at": rfc3339(wall_ms),
        "at_ms": wall_ms,
        "version": view.bell.count,
        "ready": view.ready,
        "fit": not view.unfit_because,
        "unfit_because": printable(view.unfit_because),
        "alarms": [_alarm(alarm) for alarm in view.alarms],
        "config": {"digest": view.policy.digest.hex(), "number": view.state.column(view.me).config_number},
        "nodes": {name: _node(view, name, peers) for name in view.policy.nodes},
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    """Service and node are null where it concerns none."""
    name, about, node = alarm.key
    return {
        "name": str(name),
        "service": printable(about) or None,
        "node": printable(node) or None,
        "since": rfc3339(alarm.since_ms),
        "since_ms": alarm.since_ms,
        "text": printable(alarm.text),
    }


def _node(view: NodeView, name: str, peers: Mapping[str, PeerView]) -> dict[str, Any]:
    orders = {
        "standby": bool(ownership.in_standby(view.state, name)),
        "forked": bool(ownership.forks(view.state, name)),
    }
    if name == view.me:
        own = {"liveness": "alive", "links": {}, "silent_ms": 0, "fit": not view.unfit_because}
        return {**own, "agrees": True, "stopped": False, "fence": None, "fencing": None, **orders}
    peer = peers[name]
    return {
        "liveness": liveness(peer),
        "links": {link.link: _link(link) for link in view.links() if link.peer == name},
        "silent_ms": peer.silent_ms,
        "fit": peer.fit,
        "agrees": peer.agrees,
        "stopped": peer.judgement is Judgement.DEAD and stopped(view.state.column(name)),
        "fence": fence.json() if (fence := view.fence(name)) else None,
        "fencing": _fencing(view.state.column(view.me).fences.get(name)),
        **orders,
    }


def _fencing(fence: Fence | None) -> dict[str, Any] | None:
    """The newest one that this node has begun in this run; `ok` is null while it is under way."""
    if fence is None:
        return None
    ok = None if fence.result is None else fence.ok
    return {"request": list(fence.request), "by": str(fence.by), "ok": ok, "text": printable(fence.text)}


def stopped(column: NodeState) -> bool:
    """Whether its log ends with an orderly stop, as far as it is known here."""
    return column.started is not None and not column.running


def liveness(peer: PeerView) -> str:
    if peer.judgement is Judgement.ALIVE and not peer.reachable:
        return "unreachable"
    return LIVENESS[peer.judgement]


def _link(link: LinkView) -> dict[str, Any]:
    return {"up": link.up, "rtt_ms": rounded(link.rtt_ms)}


def rounded(rtt_ms: float | None) -> float | None:
    return None if rtt_ms is None else round(rtt_ms, 3)


def service(view: StateView, name: str, peers: Mapping[str, PeerView]) -> dict[str, Any]:
    """What there is to say about one service."""
    ruled = ownership.ruled(view.state, view.policy, name)
    owners = holders(view, name, peers)
    owner = ownership.winner(view.state, ruled, owners)
    held = bool(ownership.held_back(view.state, name))
    epoch = _column(view, owner, name).epoch if owner else ownership.epoch(view.state, name)
    waiting = [] if owners else waits_for(view, ruled, peers)
    why = reason(view, ruled, owners, owner, peers) + (_on_hold(view, name) if held else "")
    why += f"; it waits for {', '.join(waiting)}" if waiting and "waits for" not in why else ""
    return {
        "owner": owner,
        "owners": list(owners),
        "epoch": epoch,
        "split": len(owners) > 1,
        "states": {node: state(view, name, node, peers) for node in ruled.nodes},
        "reason": printable(why),
        "held": held,
        "moving_to": _target(view, name),
        "out": {node: out.json() for node in ruled.nodes if (out := outs.look(view, name, node))},
        "waits_for": waiting,
        "evidence": evidence(view, ruled, peers, owners),
        "checks": [check.json() for check in failing(view, name, owners)],
        "stuck": [node for node in ownership.holders(view.state, name) if _column(view, node, name).stuck],
        "partition": ruled.partition,
        "cut_off": cut_off(view.policy, ruled),
    }


def holders(view: StateView, name: str, peers: Mapping[str, PeerView]) -> tuple[str, ...]:
    """The nodes that hold it as far as is known here: the dead hold nothing that a client could still reach."""
    return tuple(node for node in ownership.holders(view.state, name) if node == view.me or not _dead(node, peers))


def _dead(node: str, peers: Mapping[str, PeerView]) -> bool:
    return node not in peers or peers[node].judgement is Judgement.DEAD


def state(view: StateView, name: str, node: str, peers: Mapping[str, PeerView]) -> str:
    if node != view.me and _dead(node, peers):
        return "FAIL"
    if node != view.me and peers[node].judgement is Judgement.INDOUBT:
        return "INDOUBT"
    return "FAIL" if node != view.me and _said_last(view, name, node) else str(_column(view, node, name).state)


def _said_last(view: StateView, name: str, node: str) -> bool:
    """Its last word says that it is down there, and its log has not got so far: a full disk, or a guard that spoke for it."""
    column = _column(view, node, name)
    words = view.state.words.get((name, node), ())
    return column.holds and max((word.epoch for word in words), default=0) >= column.epoch


def reason(
    view: StateView, ruled: ServicePolicy, owners: tuple[str, ...], owner: str | None, peers: Mapping[str, PeerView]
) -> str:
    """One sentence: why it is where it is, or why no node has it."""
    if owner is None:
        return _nobody(view, ruled, peers)
    column = _column(view, owner, ruled.name)
    if len(owners) > 1:
        return f"split: {' and '.join(owners)} hold it; {owner} wins by split_winner = {ruled.split_winner}"
    out = outs.look(view, ruled.name, owner)
    if out is not None:
        return f"{owner} is {out.text}"
    if owner != view.me and peers[owner].judgement is Judgement.INDOUBT:
        limit = lasting(view.policy.timing.dead_ms)
        return f"{owner} had it as {column.state} when it was last heard, and is in doubt: dead after {limit} of silence"
    said = column.reason
    if BY_LAST_WORD in said:
        said = outs.predecessor(view, ruled.name, owner, peers) or said
    return f"{owner} is {column.state}{': ' + said if said else ''}"


def _nobody(view: StateView, ruled: ServicePolicy, peers: Mapping[str, PeerView]) -> str:
    """A candidate tells its own reason; a node that may not own the service, what it knows of those that may."""
    if view.me not in ruled.nodes:
        return "; ".join(["no node holds it", *(_candidate(view, ruled.name, node, peers) for node in ruled.nodes)])
    mine = _column(view, view.me, ruled.name)
    return f"no node holds it; {view.me} is {_said(view, ruled.name, view.me, view.sentence(ruled.name) or mine.reason, peers)}"


def _candidate(view: StateView, name: str, node: str, peers: Mapping[str, PeerView]) -> str:
    if _dead(node, peers):
        return f"{node} is dead"
    column = _column(view, node, name)
    if peers[node].judgement is Judgement.INDOUBT:
        return f"{node} is in doubt, last heard in {column.state}"
    lost = f", no carrier on {', '.join(sorted(column.carrier_lost))}" if column.carrier_lost else ""
    unfit = "" if peers[node].fit else ", not fit"
    return f"{node} is {_said(view, name, node, column.reason, peers)}{lost}{unfit}"


def _said(view: StateView, name: str, node: str, sentence: str, peers: Mapping[str, PeerView]) -> str:
    """In which state it is, and why; of a FAIL by whom, since when and how long."""
    out = outs.look(view, name, node)
    if out is not None:
        return out.text
    return f"in {state(view, name, node, peers)}{': ' + sentence if sentence else ''}"


def _on_hold(view: StateView, name: str) -> str:
    said = outs.held_by(view, name)
    since = f" since {outs.to_the_second(said.at_ms)}" if said else ""
    return f"; on hold{since} by {outs.words(said)} until `failc unhold {name}`"


def _target(view: StateView, name: str) -> str | None:
    move = ownership.active_move(view.state, name)
    return move.target if move else None


def _column(view: StateView, node: str, name: str) -> ServiceState:
    return view.state.column(node).service(name)
