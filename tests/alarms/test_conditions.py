"""Which conditions are seen in which state; each name once, and none where all is well."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.alarms.board import Condition
from coordinator.alarms.conditions import UNFIT, conditions
from coordinator.core import fitness
from coordinator.state.model import Judgement, NodeState, ServicePhase, ServiceState, State, Word
from protocol.event import Ref
from tests.control.test_status import ALIVE, Standing

UP = ServiceState(ServicePhase.UP, epoch=7, holding_epoch=7)
FAILED = ServiceState(ServicePhase.FAIL, cause="check", reason="exit 1")
STUCK = replace(UP, state=ServicePhase.STOPPING, stuck=True, changed=Ref("lukretia", 1, 9))
DEAD = replace(ALIVE, judgement=Judgement.DEAD, reachable=False)


class Quiet(Standing):
    """All links of both peers carry everything, unless told."""

    down: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()

    def links(self) -> list[Any]:
        both = [(peer, link) for peer in self.peers() for link in ("lan", "direct")]
        return [
            SimpleNamespace(peer=peer, link=link, up=link not in self.down, datagram=link not in self.mute, rtt_ms=1.0)
            for peer, link in both
        ]


def view(me: str = "umpire", peer: Any = ALIVE, columns: Any = None, **more: Any) -> Quiet:
    """lukretia holds web, unless `columns` say otherwise."""
    services = {"lukretia": UP} if columns is None else columns
    state = State({node: NodeState(node, services={"web": column}) for node, column in services.items()})
    standing = Quiet(peer, state, me)
    for name, value in more.items():
        setattr(standing, name, value)
    return standing


def seen(standing: Quiet) -> list[Condition]:
    return sorted(conditions(standing), key=lambda condition: condition.key)


def names(standing: Quiet) -> list[str]:
    return ["/".join(filter(None, condition.key)) for condition in seen(standing)]


def test_where_all_is_well_nothing_is_seen():
    assert names(view()) == []


@pytest.mark.parametrize(
    ("standing", "found"),
    [
        (view(columns={}), ["no-owner/web"]),
        (view(columns={}, ready=False), []),
        (view(columns={"lukretia": FAILED, "genesis": FAILED}), ["all-failed/web", "no-owner/web"]),
        (view(columns={"lukretia": FAILED}), ["no-owner/web"]),
        (view(columns={node: replace(FAILED, cause="operator") for node in ("lukretia", "genesis")}), ["no-owner/web"]),
        (view(columns={"lukretia": STUCK}), ["stuck/web/lukretia"]),
        (view(columns={"lukretia": UP, "genesis": UP}), ["split/web"]),
        (view(peer=DEAD), ["no-owner/web", "peer-dead/lukretia"]),
        (view(peer=replace(ALIVE, fit=False)), ["peer-unfit/lukretia"]),
        (view(peer=replace(ALIVE, hears_us=False)), ["one-way/lukretia"]),
        (view(peer=replace(ALIVE, agrees=False)), ["config-differs/lukretia"]),
        (view(unfit_because=fitness.GUARD_GONE), ["guard/umpire"]),
        (view(unfit_because=fitness.GUARD_MUTE), ["guard/umpire"]),
        (view(unfit_because=fitness.DISK_HANGS), ["disk/umpire"]),
        (view(unfit_because=fitness.DISK_REFUSES), []),
        (view(unfit_because="it has not heard genesis since its start"), ["node-unfit/umpire"]),
        (view(arbiter_unseen="it does not see the arbiter: no answer"), ["arbiter-unseen/umpire"]),
        (view(arbiter_unseen="it does not see the arbiter", ready=False), []),
        (view(down=("lan",)), ["link-down/genesis", "link-down/lukretia"]),
        (view(mute=("lan",)), ["datagrams-down/genesis", "datagrams-down/lukretia"]),
        (view(down=("lan",), mute=("lan",)), ["link-down/genesis", "link-down/lukretia"]),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else "seen",  # a view has no name that is the same twice
)
def test_each_condition_has_its_name(standing: Quiet, found: list[str]):
    assert names(standing) == found


def test_a_dead_peers_links_are_no_news():
    assert names(view(peer=DEAD, down=("lan",))) == ["link-down/genesis", "no-owner/web", "peer-dead/lukretia"]


def test_who_hears_nobody_is_isolated():
    standing = view(me="genesis", columns={"genesis": UP}, peer=DEAD)
    standing.peers = lambda: {"lukretia": DEAD, "umpire": DEAD}
    assert names(standing) == ["isolated/genesis", "peer-dead/lukretia", "peer-dead/umpire"]


def test_a_stuck_node_whose_holding_was_ended_by_word_is_stuck_no_more():
    standing = view(columns={"lukretia": STUCK})
    word = Ref("genesis", 1, 4)
    state = standing.state.with_column(NodeState("genesis", services={"web": UP}))
    orders = state.orders.with_effect(("fenced", "web", "lukretia"), word, Word(7, word))
    standing.state = replace(state, orders=orders)
    assert names(standing) == []


def test_the_time_is_that_of_the_event():
    event = SimpleNamespace(wall_ms=1_700_000_000_007, kind="action-finished", body={}, causes=())
    (stuck,) = seen(view(columns={"lukretia": STUCK}, events={STUCK.changed: event}))
    assert stuck.since_ms == 1_700_000_000_007


def test_a_hold_is_seen_from_its_beginning():
    standing = view()
    hold = Ref("genesis", 1, 5)
    standing.state = replace(standing.state, orders=standing.state.orders.with_effect(("hold", "web"), hold, None))
    assert names(standing) == ["hold-old/web"]


def test_a_service_that_left_the_configuration_and_is_up_here_is_seen():
    standing = view(me="genesis")
    standing.state = standing.state.with_column(NodeState("genesis", services={"old": UP}))
    assert names(standing) == ["unconfigured/old/genesis"]


def test_every_reason_that_the_core_gives_as_a_word_is_in_the_table():
    assert set(UNFIT) == {fitness.DISK_REFUSES, fitness.DISK_HANGS, fitness.GUARD_GONE, fitness.GUARD_MUTE, fitness.REMOVED}
