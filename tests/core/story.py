"""A history written by hand: events of several nodes, in the order in which they happened, folded by the real reducer.

story = Story("lukretia", "genesis")
story.starts("lukretia").claims("lukretia", epoch=1).up("lukretia")
story.decides("genesis", lukretia=dead())
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coordinator.decision.decide import Decision, decide
from coordinator.decision.observations import Observations, PeerObservations
from coordinator.decision.snapshot import Snapshot
from coordinator.policy import ActionPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.state import reducer
from coordinator.state.model import Judgement, State
from coordinator.state.standing import Subject
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.kinds import Kind
from protocol.messages import Domain, LastWord

CLUSTER = bytes(32)


def alive(**changes: Any) -> PeerObservations:
    return replace(PeerObservations(Judgement.ALIVE, 20, fit=True, current=True, agrees=True), **changes)


def indoubt(**changes: Any) -> PeerObservations:
    return replace(PeerObservations(Judgement.INDOUBT, 350, fit=True, current=True, agrees=True), **changes)


def dead(**changes: Any) -> PeerObservations:
    return replace(PeerObservations(Judgement.DEAD, 600, fit=True, current=True, agrees=True), **changes)


def policy(*nodes: str, **service: Any) -> Policy:
    actions = (ActionPolicy("address", {"address": "10.0.0.1/24", "interface": "eth0"}),)
    return Policy(
        "demo",
        CLUSTER,
        Timing(),
        {name: NodePolicy(name, bytes(32), {"lan": (f"10.0.0.{number}", 1291)}) for number, name in enumerate(nodes, 2)},
        {"web": ServicePolicy("web", nodes, actions, **service)},
        digest=b"c" * 32,
    )


def fork_of(node: str) -> dict[str, Any]:
    """The evidence that this node has written two first events: whose signatures they carry is not the point of a story."""
    events = [Event(CLUSTER, node or "nobody", 1, 1, NO_PREVIOUS, 0, 0, "pulse", "", {"text": text}, (), ()) for text in "ab"]
    ours, theirs = ([Entry.of(event).raw, b"s" * 64] for event in events)
    return {"incarnation": 1, "number": 1, "ours": ours, "theirs": theirs}


def complete(kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with what its kind asks for and the story does not: nothing that the fold reads."""
    given = Observations({}, True).to_body()
    wanted: dict[str, dict[str, Any]] = {
        Kind.CLAIM: {"rule": "take-over-free", "given": given},
        Kind.RECLAIM: {"rule": "reclaim", "given": given},
        Kind.RECOVER: {"rule": "retry", "given": given},
        Kind.FAIL: {"rule": "operator-fail", "given": given},
        Kind.FORK_SEEN: fork_of(str(body.get("node", ""))),
    }
    return {**wanted.get(kind, {}), **body}


class Believing:
    """A keyring that refuses nothing."""

    def verify(self, signer: str, domain: Domain, raw: bytes, signature: bytes) -> None:
        return


@dataclass
class Story:
    policy: Policy
    state: State = field(init=False)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Signatures are not the point of a story: each node is believed to have said what it is said to have said."""
        self.state = State.begin(self.policy, keyring=Believing())

    @classmethod
    def of(cls, *nodes: str, **service: Any) -> "Story":
        """Every node has started, and each knows everything that is told."""
        story = cls(policy(*nodes, **service))
        for node in nodes:
            story.starts(node)
        return story

    def write(
        self, node: str, kind: Kind, body: Mapping[str, Any], service: str = "web", knows: bool = True, **more: Any
    ) -> Ref:
        mine = [event for event in self.events if event.node == node]
        others = {event.node: event for event in self.events if event.node != node}
        heads = tuple(Head(name, 1, event.number, bytes(32)) for name, event in others.items()) if knows else ()
        number, whole, causes = len(mine) + 1, complete(kind, body), more.get("causes", ())
        event = Event(CLUSTER, node, 1, number, bytes(32), 0, 0, kind, service, whole, causes, heads)
        self.events.append(event)
        self.state = reducer.reduce(self.state, event)
        return event.ref

    def starts(self, node: str) -> "Story":
        self.write(node, Kind.NODE_STARTED, {"run": node.encode()[:8].ljust(8), "rules": 1, "config": b"", "clean": True}, "")
        return self

    def claims(self, node: str, epoch: int, knows: bool = True) -> "Story":
        self.write(node, Kind.CLAIM, {"epoch": epoch, "reason": "claimed"}, knows=knows)
        return self

    def up(self, node: str) -> "Story":
        self.write(node, Kind.UP, {"epoch": 0, "reason": "up"})
        return self

    def holds(self, node: str, epoch: int, knows: bool = True) -> "Story":
        return self.claims(node, epoch, knows).up(node)

    def releases(self, node: str, to: str = "RECOVER", cause: str = "rival") -> "Story":
        self.write(node, Kind.RELEASE, {"to": to, "cause": cause, "reason": cause})
        return self

    def down(self, node: str, to: str = "RECOVER", cause: str = "rival") -> "Story":
        self.write(node, Kind.DOWN, {"epoch": 0, "to": to, "cause": cause, "reason": cause})
        return self

    def lets_go(self, node: str, to: str = "RECOVER", cause: str = "rival") -> "Story":
        return self.releases(node, to, cause).down(node, to, cause)

    def heard(self, node: str, other: str, epoch: int, run: bytes = b"") -> Ref:
        """`node` records the last word of `other`: of its present run, or of another one."""
        word = LastWord(CLUSTER, other, run or self.state.column(other).run, "web", epoch)
        return self.write(node, Kind.LAST_WORD, {"node": other, "epoch": epoch, "word": word.encode(), "signature": b""})

    def wishes(self, node: str, word: str) -> "Story":
        """As if an operator's command had been obeyed; that it must be lawful is another test's question."""
        column = self.state.column(node)
        service = replace(column.service("web"), requested=word, requested_by=Ref(node, 1, 1))
        self.state = self.state.with_column(column.with_service("web", service))
        return self

    def orders(self, subject: Subject, ref: Ref, effect: Any) -> "Story":
        """As if an operator's order had had this effect; that it must be lawful is another test's question."""
        self.state = replace(self.state, orders=self.state.orders.with_effect(subject, ref, effect))
        return self

    def changes(self, node: str, **values: Any) -> "Story":
        column = self.state.column(node)
        self.state = self.state.with_column(column.with_service("web", replace(column.service("web"), **values)))
        return self

    def case(self, me: str, timers: tuple[str, ...] = (), fit: bool = True, **peers: PeerObservations) -> Snapshot:
        seen = {name: peers.get(name, alive()) for name in self.policy.nodes if name != me}
        because = "" if fit else "its disk refuses to write"
        given = Observations(seen, fit, because, timers=frozenset(timers))
        return Snapshot(self.state, self.policy, me, "web", given)

    def decides(self, me: str, timers: tuple[str, ...] = (), fit: bool = True, **peers: PeerObservations) -> Decision:
        return decide(self.case(me, timers, fit, **peers))
