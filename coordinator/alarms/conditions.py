"""What is wrong by the state alone, as this node knows it: each condition is an alarm as long as it is seen.

    board.look(conditions(view))
    for name, found in sweep(view, names): ...      # of these services, one after the other
    about_nodes(view, view.peers())                 # besides

A pure function of the view (`coordinator.control.view`), as the status is; the board adds since when.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from coordinator.alarms.board import Condition
from coordinator.alarms.names import AlarmName
from coordinator.control import outs
from coordinator.control.check_view import failing
from coordinator.control.status import holders, reason, state, stopped
from coordinator.control.view import NodeView, PeerView
from coordinator.core import fitness
from coordinator.policy import ServicePolicy
from coordinator.state import ownership
from coordinator.state.model import Judgement

Peers = Mapping[str, PeerView]
Owners = tuple[str, ...]

UNFIT = {
    fitness.DISK_REFUSES: None,  # the core has begun `disk`, and knows what the disk said
    fitness.DISK_HANGS: AlarmName.DISK,
    fitness.GUARD_GONE: AlarmName.GUARD,
    fitness.GUARD_MUTE: AlarmName.GUARD,
    fitness.REMOVED: None,  # `removed` says it
}
"""Why this node is unfit, and the alarm for it; `node-unfit` where it is not named here."""


def conditions(view: NodeView) -> Iterator[Condition]:
    """All at once."""
    for _, found in sweep(view, view.policy.services):
        yield from found
    yield from about_nodes(view, view.peers())


def sweep(view: NodeView, names: Iterable[str]) -> Iterator[tuple[str, list[Condition]]]:
    """One service after the other: a thousand are not looked at in one turn of the event loop."""
    ruling, peers, services = ownership.ruling(view.state, view.policy), view.peers(), view.policy.services
    for name in [name for name in names if name in services]:
        policy = ruling.services.get(name, services[name])
        owners = holders(view, name, peers)
        yield name, [found for about_service in OF_A_SERVICE for found in about_service(view, policy, peers, owners)]


def about_nodes(view: NodeView, peers: Peers) -> list[Condition]:
    return [found for about_node in OF_THE_NODES for found in about_node(view, peers)]


# --- one service, and who holds it ---------------------------------------------------------------------------------


def no_owner(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    if view.ready and not owners:
        yield Condition(AlarmName.NO_OWNER, reason(view, policy, (), None, peers), policy.name)


def all_failed(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    """By an action or a check, at least one of them: that no node has it by an operator's word alone is what was asked for."""
    if owners or not view.ready or any(state(view, policy.name, node, peers) != "FAIL" for node in policy.nodes):
        return
    causes = {node: view.state.column(node).service(policy.name).cause for node in policy.nodes}
    failed = {node: cause for node, cause in causes.items() if cause in ("action", "check")}
    if failed:
        said = ", ".join(f"{node} by {cause}" for node, cause in failed.items())
        yield Condition(AlarmName.ALL_FAILED, f"every candidate of {policy.name} is in FAIL or dead: {said}", policy.name)


def hold_old(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    """The board waits until it is old."""
    if ownership.held_back(view.state, policy.name):
        said = outs.held_by(view, policy.name)
        text = f"{policy.name} is on hold by {outs.words(said)}: no node takes it over until `failc unhold {policy.name}`"
        yield Condition(AlarmName.HOLD_OLD, text, policy.name, since_ms=said.at_ms if said else None)


def stuck(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    for node in policy.nodes:
        out = outs.look(view, policy.name, node)
        if out is not None and out.kind == "stuck":
            text = f"a down action of {policy.name} failed on {node}: no other node takes it over"
            yield Condition(AlarmName.STUCK, text, policy.name, node, out.since_ms)


def split(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    if len(owners) > 1:
        text = reason(view, policy, owners, ownership.winner(view.state, policy, owners), peers)
        yield Condition(AlarmName.SPLIT, text, policy.name)


def check_fails(view: NodeView, policy: ServicePolicy, peers: Peers, owners: Owners) -> Iterator[Condition]:
    for check in failing(view, policy.name, owners):
        yield Condition(AlarmName.CHECK_FAILS, check.said, policy.name, check.node, check.since_ms)


# --- the nodes, the links and this node ----------------------------------------------------------------------------


def isolated(view: NodeView, peers: Peers) -> Iterator[Condition]:
    if peers and all(peer.judgement is Judgement.DEAD for peer in peers.values()):
        yield Condition(AlarmName.ISOLATED, f"{view.me} hears no other node: {', '.join(peers)}", node=view.me)


def peer_dead(view: NodeView, peers: Peers) -> Iterator[Condition]:
    for name, peer in peers.items():
        if peer.judgement is Judgement.DEAD:
            was = "it was stopped in order" if stopped(view.state.column(name)) else "it was not stopped in order"
            yield Condition(AlarmName.PEER_DEAD, f"{name} is not heard any more: {was}, as far as its log is known", node=name)


def peer_unfit(view: NodeView, peers: Peers) -> Iterator[Condition]:
    for name, peer in peers.items():
        if peer.judgement is Judgement.ALIVE and not peer.fit:
            text = f"{name} is alive and says that it is not fit: see `failc status` there"
            yield Condition(AlarmName.PEER_UNFIT, text, node=name)


def one_way(view: NodeView, peers: Peers) -> Iterator[Condition]:
    for name, peer in peers.items():
        if peer.judgement is Judgement.ALIVE and not peer.hears_us:
            text = f"{name} is heard here, and does not hear {view.me}: it takes this node for dead"
            yield Condition(AlarmName.ONE_WAY, text, node=name)


def links(view: NodeView, peers: Peers) -> Iterator[Condition]:
    """Links to a peer that lives: that those to a dead one are down is no news."""
    down: dict[str, list[str]] = {}
    mute: dict[str, list[str]] = {}
    short: dict[str, list[str]] = {}
    for link in view.links():
        if link.peer in peers and peers[link.peer].judgement is Judgement.ALIVE and not (link.up and link.datagram):
            (mute if link.up else down).setdefault(link.peer, []).append(link.link)
            if link.datagram and peers[link.peer].hears_us and not link.up:
                short.setdefault(link.peer, []).append(link.link)
    for name, names in down.items():
        text = f"no connection to {name} on {_links(names)}"
        if few := short.get(name):
            text += f"; datagrams come and go on {_links(few)}: something there swallows TCP, or long packets"
        yield Condition(AlarmName.LINK_DOWN, text, node=name)
    for name, names in mute.items():
        text = f"no datagrams to or from {name} on {_links(names)}: heartbeats come over TLS alone, late where packets are lost"
        yield Condition(AlarmName.DATAGRAMS_DOWN, text, node=name)


def _links(names: list[str]) -> str:
    return f"link{'s' if len(names) > 1 else ''} {', '.join(names)}"


def unfit(view: NodeView, peers: Peers) -> Iterator[Condition]:
    because = view.unfit_because
    name = UNFIT.get(because, AlarmName.NODE_UNFIT)
    if because and view.ready and name:
        yield Condition(name, f"{view.me} takes nothing: {because}", node=view.me)


def arbiter_unseen(view: NodeView, peers: Peers) -> Iterator[Condition]:
    if view.arbiter_unseen and view.ready:
        text = f"{view.me}: {view.arbiter_unseen}: what it decides on is given up at the end of its lease, and taken by nobody"
        yield Condition(AlarmName.ARBITER_UNSEEN, text, node=view.me)


def removed(view: NodeView, peers: Peers) -> Iterator[Condition]:
    if shown := ownership.removed(view.state, view.me):
        text = f"{view.me} holds nothing: configuration {shown.number}, which {shown.by} runs, does not name it any more"
        yield Condition(AlarmName.REMOVED, text, node=view.me)


def config_differs(view: NodeView, peers: Peers) -> Iterator[Condition]:
    """Two files at once are a mistake, or a change that is half done."""
    for name, peer in peers.items():
        if peer.judgement is Judgement.ALIVE and not peer.agrees:
            text = f"{name} runs another configuration: no node fails back until all run the same file"
            yield Condition(AlarmName.CONFIG_DIFFERS, text, node=name)


def unconfigured(view: NodeView, peers: Peers) -> Iterator[Condition]:
    """A service that left the configuration while it was up here, and is not down yet: nothing else shows it any more."""
    for name, column in view.state.column(view.me).services.items():
        if column.holds and name not in view.policy.services:
            text = f"{name} is no longer in the configuration, and is {column.state} here: see the log"
            yield Condition(AlarmName.UNCONFIGURED, text, name, view.me)


OF_A_SERVICE: tuple[Callable[[NodeView, ServicePolicy, Peers, Owners], Iterator[Condition]], ...] = (
    no_owner, all_failed, stuck, split, check_fails, hold_old,
)  # fmt: skip

OF_THE_NODES: tuple[Callable[[NodeView, Peers], Iterator[Condition]], ...] = (
    isolated, peer_dead, peer_unfit, one_way, links, unfit, arbiter_unseen, removed, config_differs, unconfigured,
)  # fmt: skip
