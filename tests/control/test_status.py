"""The status as a pure function: what each judgement of a peer makes of its words."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.alarms.board import Alarm, Key
from coordinator.alarms.names import AlarmName
from coordinator.config import parse
from coordinator.control.change_signal import ChangeSignal
from coordinator.control.enforcement import GateView, enforcement
from coordinator.control.fence_view import FenceView
from coordinator.control.status import status
from coordinator.control.view import PeerView
from coordinator.decision.decide import BY_LAST_WORD
from coordinator.policy import ActionPolicy, Policy, ServicePolicy
from coordinator.state.model import Judgement, NodeState, ServicePhase, ServiceState, State, Word
from protocol.event import Event, Ref
from protocol.moment import rfc3339
from tests.config.sound import TEXT
from tools.failc.status import enforced

FAIL = ServicePhase.FAIL
ALIVE = PeerView(Judgement.ALIVE, 12, reachable=True, fit=True, agrees=True)


@dataclass
class Standing:
    """A view that stands still: umpire, or genesis, looks at web, which lukretia holds."""

    peer: PeerView
    state: State
    me: str = "umpire"
    policy: Policy = field(default_factory=lambda: parse(TEXT, "f"))
    config_path: Path = Path("f")
    ready: bool = True
    unfit_because: str = ""
    arbiter_unseen: str = ""
    alarms: tuple[Alarm, ...] = ()
    bell: ChangeSignal = field(default_factory=ChangeSignal)
    events: dict[Ref, Event] = field(default_factory=dict)
    gate_: GateView = field(default_factory=GateView)
    fences: dict[str, FenceView] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    trouble: str = ""

    def __post_init__(self) -> None:
        """All of them live by this file: only a candidate's holding counts."""
        self.state = replace(self.state, policies={self.policy.digest: self.policy})

    def peers(self) -> dict[str, PeerView]:
        known = {"lukretia": self.peer, "genesis": ALIVE, "umpire": ALIVE}
        return {name: peer for name, peer in known.items() if name != self.me}

    def gate(self) -> GateView:
        return self.gate_

    def fence(self, node: str) -> FenceView | None:
        return self.fences.get(node)

    def links(self) -> list[Any]:
        return [SimpleNamespace(peer="lukretia", link="lan", up=False, datagram=False, rtt_ms=None, refused={})]

    def event(self, ref: Ref | None) -> Event | None:
        return self.events.get(ref) if ref else None

    async def recall(self) -> bool:
        return False

    def sentence(self, service: str) -> str:
        return "lukretia is in doubt"

    def refused_because(self, service: str) -> str:
        return self.refused.get(service, "")

    def number(self, service: str, node: str) -> tuple[int, int] | None:
        return self.numbers.get(node)

    def no_number_because(self, service: str) -> str:
        return self.trouble


def looked(peer: PeerView, me: str = "umpire", **states: ServicePhase) -> tuple[dict[str, Any], dict[str, Any]]:
    """The status of node lukretia, and of web."""
    columns = {
        node: NodeState(node, services={"web": ServiceState(state=state, epoch=7, holding_epoch=7, reason="it was free")})
        for node, state in states.items()
    }
    whole = status(Standing(peer, State(columns), me), 0)
    return whole["nodes"]["lukretia"], whole["services"]["web"]


@pytest.mark.parametrize(
    ("change", "liveness", "state", "owner"),
    [
        ({}, "alive", "UP", "lukretia"),
        ({"reachable": False}, "unreachable", "UP", "lukretia"),
        ({"judgement": Judgement.INDOUBT, "reachable": False}, "indoubt", "INDOUBT", "lukretia"),
        ({"judgement": Judgement.DEAD, "reachable": False}, "dead", "FAIL", None),
    ],
    ids=["alive", "only by a third node's word", "in doubt", "dead"],
)
def test_a_peers_state_is_its_own_word_only_while_it_is_alive(change, liveness, state, owner):
    node, web = looked(replace(ALIVE, **change), lukretia=ServicePhase.UP)
    assert node["liveness"] == liveness
    assert node["links"] == {"lan": {"up": False, "rtt_ms": None}}
    assert web["states"] == {"lukretia": state, "genesis": "RECOVER"}
    assert web["owner"] == owner
    assert not web["split"]


def test_a_dead_holder_makes_no_split_with_the_one_that_took_over():
    _, web = looked(replace(ALIVE, judgement=Judgement.DEAD), lukretia=ServicePhase.UP, genesis=ServicePhase.UP)
    assert (web["owner"], web["owners"], web["split"]) == ("genesis", ["genesis"], False)


def test_two_living_holders_are_a_split_and_the_preferred_one_is_the_owner():
    _, web = looked(ALIVE, lukretia=ServicePhase.UP, genesis=ServicePhase.STARTING)
    assert (web["owner"], web["owners"], web["split"]) == ("lukretia", ["genesis", "lukretia"], True)
    assert web["reason"] == "split: genesis and lukretia hold it; lukretia wins by split_winner = preference"


def test_nobody_is_null_and_the_newest_decision_says_why():
    _, web = looked(ALIVE, "genesis", lukretia=ServicePhase.FAIL)
    assert (web["owner"], web["owners"]) == (None, [])
    assert web["reason"] == "no node holds it; genesis is in RECOVER: lukretia is in doubt"


@pytest.mark.parametrize(
    ("change", "lukretia", "said"),
    [
        ({}, ServiceState(FAIL, cause="check", reason="exit 1"), "in FAIL by a check: exit 1; tried again after `retry`"),
        ({}, ServiceState(FAIL, cause="operator"), "in FAIL by an operator; until `failc recover web`"),
        ({}, ServiceState(carrier_lost={"eth0": Ref("lukretia", 1, 9)}), "in RECOVER, no carrier on eth0"),
        ({"fit": False}, ServiceState(), "in RECOVER, not fit"),
        ({"judgement": Judgement.DEAD}, ServiceState(ServicePhase.UP), "dead"),
        ({"judgement": Judgement.INDOUBT}, ServiceState(), "in doubt, last heard in RECOVER"),
    ],
)
def test_a_node_that_may_not_own_it_says_what_it_knows_of_those_that_may(change, lukretia, said):
    columns = {"lukretia": NodeState("lukretia", services={"web": lukretia})}
    web = status(Standing(replace(ALIVE, **change), State(columns)), 0)["services"]["web"]
    assert web["reason"].startswith(f"no node holds it; lukretia is {said}")
    assert web["reason"].endswith("; genesis is in RECOVER")


DOWN = Ref("lukretia", 1, 9)


@pytest.mark.parametrize(
    ("retry", "failures", "says", "again"),
    [
        ("1m", 1, "tried again at 2023-11-14T22:14:20Z, or at once with `failc recover web`", "2023-11-14T22:14:20.007Z"),
        ("1m", 3, "tried again at 2023-11-14T22:17:20Z, or at once with `failc recover web`", "2023-11-14T22:17:20.007Z"),
        ("never", 1, "not tried again by itself (retry = never): `failc recover web`", None),
    ],
)
def test_a_failed_check_says_since_when_and_when_it_is_tried_again(retry, failures, says, again):
    column = ServiceState(FAIL, cause="check", reason="exit 1", changed=DOWN, failures=failures)
    policy = parse(TEXT.replace('retry        = "1m"', f'retry = "{retry}"'), "f")
    event = SimpleNamespace(wall_ms=1_700_000_000_007, kind="down", body={}, causes=())
    state = State({"lukretia": NodeState("lukretia", services={"web": column})})
    view = Standing(ALIVE, state, policy=policy, events={DOWN: event})
    out = status(view, 0)["services"]["web"]["out"]["lukretia"]
    assert (out["kind"], out["since"], out["again_at"]) == ("check", "2023-11-14T22:13:20.007Z", again)
    assert out["text"] == f"in FAIL since 2023-11-14T22:13:20Z by a check: exit 1; {says}"


HELD = ServiceState(FAIL, epoch=6, holding_epoch=6, ended_by=DOWN)


@pytest.mark.parametrize(
    ("before", "event", "peer", "says"),
    [
        (HELD, ("down", {"to": "RECOVER", "cause": "stopping", "reason": ""}), {}, "lukretia was stopped"),
        (HELD, ("down", {"to": "RECOVER", "cause": "operator", "reason": ""}), {}, "an operator said fail on lukretia"),
        (HELD, ("down", {"to": "RECOVER", "cause": "move", "reason": "moved by an operator"}), {}, "moved by an operator"),
        (HELD, ("pulse", {}), {}, "lukretia was killed: its faild ended without a stop, and its guard took web down"),
        (replace(HELD, state=ServicePhase.UP), ("up", {}), {"judgement": Judgement.DEAD}, "lukretia was killed"),
        (HELD, None, {}, "lukretia says that it is down there, by its last word"),
    ],
    ids=["stopped", "failed", "moved", "killed", "killed and dead", "not known yet"],
)
def test_how_the_last_holding_ended_is_told_as_soon_as_it_is_known(before, event, peer, says):
    """The claim was faster: it rested on the last word alone."""
    reason = f"lukretia says that it is down there, {BY_LAST_WORD}"
    claimed = ServiceState(ServicePhase.UP, epoch=7, holding_epoch=7, reason=reason)
    words = {("web", "lukretia"): (Word(6, Ref("genesis", 1, 4)),)}
    columns = {
        "lukretia": NodeState("lukretia", services={"web": before}),
        "genesis": NodeState("genesis", services={"web": claimed}),
    }
    events = {DOWN: SimpleNamespace(wall_ms=0, kind=event[0], service="web", body=event[1])} if event else {}
    web = status(Standing(replace(ALIVE, **peer), State(columns, words=words), events=events), 0)["services"]["web"]
    assert web["owner"] == "genesis"
    assert says in web["reason"]


def test_a_reason_of_any_letters_is_one_line():
    column = ServiceState(state=ServicePhase.UP, epoch=7, holding_epoch=7, reason="x\ngenesis: all is well\x1b[2J")
    state = State({"lukretia": NodeState("lukretia", services={"web": column})})
    view = Standing(ALIVE, state, alarms=(Alarm(Key(AlarmName.STUCK, "web", ""), "y\nz", 1_700_000_000_007),))
    whole = status(view, 0)
    assert whole["services"]["web"]["reason"] == "lukretia is UP: x\\u000agenesis: all is well\\u001b[2J"
    (alarm,) = whole["alarms"]
    assert alarm == {
        "name": "stuck", "service": "web", "node": None, "text": "y\\u000az",
        "since": "2023-11-14T22:13:20.007Z", "since_ms": 1_700_000_000_007,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at_ms", "said"),
    [
        (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000 ms"),
        (2**63 - 1, "9223372036854775807 ms"),
    ],
)
def test_an_instant_is_utc_with_milliseconds_and_a_number_where_it_is_no_date(at_ms: int, said: str):
    assert rfc3339(at_ms) == said


@pytest.mark.parametrize(
    ("actions", "gate", "shown"),
    [
        ("address", GateView(left_ms={"10.77.0.100": 412, "10.77.0.9": 3}), ("nftables", "", {"10.77.0.100": 412})),
        ("address", GateView(left_ms={"10.77.0.100": 0}), ("nftables", "", {"10.77.0.100": 0})),
        ("address", GateView("valid_lft", "no nf_tables"), ("valid_lft", "no nf_tables", {})),
        ("script", GateView("valid_lft", "no nf_tables"), ("guard", "", {})),
        ("notify", GateView(), ("none", "", {})),
    ],
)
def test_who_silences_a_service_is_told_by_its_node(actions: str, gate: GateView, shown: tuple[str, str, dict[str, int]]):
    settings = {"address": {"address": "10.77.0.100/24", "interface": "eth0"}}.get(actions, {"path": "/etc/web"})
    web = ServicePolicy("web", ("lukretia", "genesis"), (ActionPolicy(actions, settings),))
    told = enforcement(web, "genesis", gate)
    assert (told["enforced_by"], told["enforced_because"], told["gate"]) == shown
    assert told["lease"] is None
    assert enforcement(web, "umpire", gate) == {"enforced_by": None, "enforced_because": "", "lease": None, "gate": {}}


def test_under_majority_the_guard_ends_what_the_kernel_does_not():
    """Beside an address as well: it is the guard that ends the script."""
    address = ActionPolicy("address", {"address": "10.77.0.100/24", "interface": "eth0"})
    script = ActionPolicy("script", {"path": "/etc/web"})
    both = ServicePolicy("web", ("genesis",), (address, script), partition="majority")
    assert enforcement(both, "genesis", GateView())["enforced_by"] == "guard"
    assert enforcement(replace(both, actions=(address,)), "genesis", GateView())["enforced_by"] == "nftables"
    assert enforcement(both, "genesis", GateView("valid_lft", "no nf_tables"))["enforced_by"] == "none", "it comes up nowhere"


def test_the_status_has_what_the_kernel_holds():
    view = Standing(ALIVE, State(), "genesis", gate_=GateView(left_ms={"10.77.0.100": 412}))
    web = status(view, 0)["services"]["web"]
    assert {"enforced_by", "enforced_because", "lease", "gate"} <= web.keys()


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"enforced_because": "", "gate": {}}, []),
        ({"enforced_because": "", "gate": {"a": 465, "b": 400}}, ["silences its addresses here in 400 ms"]),
        ({"enforced_because": "", "gate": {"a": 465, "b": 0}}, ["keeps its addresses silent here"]),
        ({"enforced_because": "this kernel has no nf_tables", "gate": {}}, ["this kernel has no nf_tables"]),
    ],
)
def test_people_are_told_what_the_kernel_does_about_the_addresses(told: dict[str, Any], line: list[str]):
    said = enforced("web", told)
    assert len(said) == len(line)
    assert all(words in one for words, one in zip(line, said))


RELATED = """
[services.db]
nodes = ["lukretia", "genesis"]
after = ["web@here", "dns"]
[[services.db.actions]]
script = "/etc/failover/db"
[services.dns]
nodes = ["genesis"]
[[services.dns.actions]]
script = "/etc/failover/dns"
"""


@pytest.mark.parametrize(
    ("web", "dns", "waits_for"),
    [
        (ServicePhase.RECOVER, ServicePhase.RECOVER, ["web", "dns"]),
        (ServicePhase.UP, ServicePhase.STARTING, ["dns"]),
        (ServicePhase.UP, ServicePhase.UP, []),
    ],
)
def test_a_service_that_no_node_holds_says_for_which_others_it_waits(web, dns, waits_for):
    columns = {
        "lukretia": NodeState("lukretia", services={"web": ServiceState(state=web, epoch=7, holding_epoch=7)}),
        "genesis": NodeState("genesis", services={"dns": ServiceState(state=dns, epoch=3, holding_epoch=3)}),
    }
    db = status(Standing(ALIVE, State(columns), policy=parse(TEXT + RELATED, "f")), 0)["services"]["db"]
    assert (db["owner"], db["waits_for"]) == (None, waits_for)
    said = f"; it waits for {', '.join(waits_for)}" if waits_for else "; genesis is in RECOVER"
    assert db["reason"].endswith(said)
