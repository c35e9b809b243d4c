"""The six demonstrations of the slides, each a function: what is done, what must follow, what is measured."""

from tools.demo.stage import MASTER, SLAVE, Stage
from tools.lab.place import LabError

SPLIT_S = 1.5
STILL_S = 3.0


def planned_failover(stage: Stage) -> None:
    stage.act(1, "Planned failover", f"The operator says: failc fail web {MASTER}.")
    measure = stage.measure()
    stage.lab.failc(MASTER, "fail", "web", MASTER, "--reason", "maintenance")
    stage.until_serves(SLAVE, measure)
    stage.keep("1 planned failover", measure)


def planned_recovery(stage: Stage) -> None:
    stage.act(2, "Planned recovery", f"The operator says: failc recover web {MASTER}. The master takes it back.")
    measure = stage.measure()
    stage.lab.failc(MASTER, "recover", "web", MASTER, "--reason", "maintenance is over")
    stage.until_serves(MASTER, measure)
    stage.keep("2 planned recovery", measure)


def power_failure(stage: Stage) -> None:
    stage.act(3, "Power failure", f"{MASTER}'s switch ports go down, then every process of it dies, then its namespace goes.")
    mark, measure = stage.lab.feeds.mark(), stage.measure()
    loss = stage.lab.power_off(MASTER)
    ports_ms, dead_ms = ((moment - measure.began_ns) / 1e6 for moment in (loss.ports_down_ns, loss.dead_ns))
    stage.note(f"{MASTER} has no power: ports down after {ports_ms:.0f} ms, all processes dead after {dead_ms:.0f} ms")
    stage.until_serves(SLAVE, measure)
    stage.keep("3 power failure", measure)
    if any(event.body["node"] == MASTER for event in stage.lab.feeds.since(mark, "last-word")):
        raise LabError("void: a word of the guard came out of a machine without power")
    if stage.lab.feeds.since(mark, "release", MASTER):
        stage.note(f"void: {MASTER} saw its ports go down and let go itself, before it was killed")


def power_back(stage: Stage) -> None:
    stage.act(4, "Power back", f"{MASTER} boots into RECOVER; {SLAVE} sees it and lets go; {MASTER} goes UP.")
    measure = stage.measure()
    stage.lab.start(MASTER)
    stage.until_serves(MASTER, measure)
    stage.keep("4 power back", measure)


def split_brain(stage: Stage) -> None:
    stage.act(5, "Split brain", f"A fault behind the switches cuts {MASTER} off: both links are silent, its carrier stays.")
    mark, measure = stage.lab.feeds.mark(), stage.measure()
    stage.lab.cut(MASTER)
    stage.until_serves(SLAVE, measure)
    stage.watch_for(SPLIT_S)
    stage.keep("5 split brain: cut", measure)
    stage.quiet()
    stage.note(f"both are UP now: {SLAVE} here, {MASTER} on its own side; the cut ends")
    measure = stage.measure()
    stage.lab.heal(MASTER)
    stage.until_serves(MASTER, measure)
    stage.until_said(mark, "reclaim", MASTER)
    stage.keep("5 split brain: healed, and reclaimed", measure)


def one_link_lost(stage: Stage) -> None:
    stage.act(6, "One link of two lost", f"{MASTER}'s cable on the link direct comes out. Nothing happens.")
    mark, measure = stage.lab.feeds.mark(), stage.measure()
    stage.lab.unplug(MASTER, "direct")
    stage.watch_for(STILL_S)
    stage.keep("6 one link of two lost", measure)
    moved = [event for kind in ("claim", "release", "reclaim") for event in stage.lab.feeds.since(mark, kind)]
    if moved:
        raise LabError(f"the loss of one link moved the service: {[f'{event.node} {event.kind}' for event in moved]}")
    stage.note("nothing happened: the other link carries the heartbeats")
    stage.lab.plug(MASTER, "direct")


ACTS = (planned_failover, planned_recovery, power_failure, power_back, split_brain, one_link_lost)
