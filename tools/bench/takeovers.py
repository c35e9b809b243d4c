"""Moves, stops, kills, power and cables: how long the client goes without an answer, by IPv4 and by IPv6."""

from collections import defaultdict
from collections.abc import Callable

from tools.bench.figures import Figure
from tools.bench.orders import SignedMove
from tools.bench.rig import MASTER, SLAVE, Rig
from tools.lab.measure import Measure
from tools.lab.place import LabError
from tools.lab.watchers import FAMILIES

Samples = defaultdict[tuple[str, int], list[float]]


def planned_move(rig: Rig) -> list[Figure]:
    """There and back by `move`; the clock starts when the signed command is written to the control socket."""
    samples: Samples = defaultdict(list)
    for turn in range(rig.plan.moves + rig.plan.moves % 2):
        owner, target = (MASTER, SLAVE) if turn % 2 == 0 else (SLAVE, MASTER)
        with SignedMove(rig.lab, owner, target) as move:
            measure = rig.measure()
            move.send()
            measure.until_answered_by(target)
        _keep(samples, measure)
        for family in FAMILIES:
            samples["answering", family].append(_first(measure, target, family))
        rig.serve(target)
    return [
        *_figures(samples, "planned move: outage", "outage", 5),
        *_figures(samples, "planned move: new owner answers after", "answering", 25),
    ]


def _first(measure: Measure, target: str, family: int) -> float:
    found = measure.first_answer_ms(target, family)
    assert found is not None, "it was waited for"
    return found


def graceful_stop(rig: Rig) -> list[Figure]:
    """SIGTERM to the owner's daemon."""
    samples = _again_and_again(rig, lambda: rig.lab.nodes[MASTER].terminate(), lambda: rig.lab.start(MASTER))
    return _figures(samples, "graceful stop: outage", "outage", 15)


def kill(rig: Rig) -> list[Figure]:
    """kill -9 to the owner's faild alone: only the guard is left to clear up."""
    samples = _again_and_again(rig, lambda: rig.lab.nodes[MASTER].kill(), lambda: rig.lab.start(MASTER))
    outage = _figures(samples, "kill -9 of faild: outage", "outage", 60)
    return [*outage, *_figures(samples, "kill -9 of faild: two owners", "two", 0)]


def all_stopped(rig: Rig) -> list[Figure]:
    """SIGSTOP to every process of the owner, guard included; and then it runs again."""
    return silenced(rig, "all of the owner stopped", lambda: rig.lab.nodes[MASTER].freeze(), rig.lab.nodes[MASTER].thaw)


def all_killed(rig: Rig) -> list[Figure]:
    """kill -9 of every process of the owner, guard included; and then it is started again."""
    harm, mend = rig.lab.nodes[MASTER].kill_everything, lambda: rig.lab.start(MASTER)
    return silenced(rig, "all of the owner killed", harm, mend)


def silenced(rig: Rig, what: str, harm: Callable[[], object], mend: Callable[[], object]) -> list[Figure]:
    """Only the kernel is left to silence its addresses: by its lease, before another node answers."""
    samples: Samples = defaultdict(list)
    for _ in range(rig.plan.silenced):
        measure = rig.measure()
        harm()
        measure.until_answered_by(SLAVE)
        _keep(samples, measure)
        after = Measure(rig.lab)
        mend()
        rig.serve(MASTER)
        for family, seen in after.seen().items():
            samples["again", family].append(seen.two_owners_ms)
    longest = {key: [max(found)] for key, found in samples.items() if key[0] in ("two", "again")}
    worst: Samples = defaultdict(list, {key: found * len(samples[key]) for key, found in longest.items()})
    return [
        *_figures(samples, f"{what}: outage", "outage", 650),
        *_figures(worst, f"{what}: two owners, the longest", "two", 0),
        *_figures(worst, f"{what}: two owners when it runs again, the longest", "again", 0),
    ]


def power_loss(rig: Rig) -> list[Figure]:
    """The switch's ports down, then every process, then the namespace. A round in which it noticed that is void."""
    samples: Samples = defaultdict(list)
    void = 0
    while len(samples["outage", FAMILIES[0]]) < rig.plan.rounds:
        mark, measure = rig.lab.feeds.mark(), rig.measure()
        rig.lab.power_off(MASTER)
        measure.until_answered_by(SLAVE)
        rig.lab.start(MASTER)
        if rig.is_void(mark, MASTER):
            void += 1
            if void > rig.plan.rounds:
                raise LabError("most power losses were noticed by the node itself: none of them counts")
        else:
            _keep(samples, measure)
        rig.serve(MASTER)
    remark = f"{void} void rounds left out" if void else ""
    return _figures(samples, "power loss: outage", "outage", 650, remark)


def service_link_lost(rig: Rig) -> list[Figure]:
    """The owner's cable to the clients comes out; the other link lives."""
    samples = _again_and_again(rig, lambda: rig.lab.unplug(MASTER, "lan"), lambda: rig.lab.plug(MASTER, "lan"))
    return _figures(samples, "service link of the owner lost: outage", "outage", 150)


def _again_and_again(rig: Rig, harm: Callable[[], object], mend: Callable[[], object]) -> Samples:
    samples: Samples = defaultdict(list)
    for _ in range(rig.plan.rounds):
        measure = rig.measure()
        harm()
        measure.until_answered_by(SLAVE)
        _keep(samples, measure)
        mend()
        rig.serve(MASTER)
    return samples


def _keep(samples: Samples, measure: Measure) -> None:
    for family, seen in measure.seen().items():
        samples["outage", family].append(seen.outage_ms)
        samples["two", family].append(seen.two_owners_ms)
        samples["late", family].append(seen.tool_late_ms)


def _figures(samples: Samples, what: str, key: str, limit: float, remark: str = "") -> list[Figure]:
    return [Figure(f"{what}, IPv{family}", "ms", tuple(samples[key, family]), limit, remark) for family in FAMILIES]
