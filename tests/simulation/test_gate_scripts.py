"""The gate of a service: when it is asked, what an answer is worth, and what the others hear of it.

tests/scenarios/gate-*.scenario tell what becomes of the service.
"""

from dataclasses import replace

from coordinator.core.effects import AskGate, Beat, Effect
from coordinator.core.inputs import GateAnswered, Input, Now
from coordinator.policy import GatePolicy
from tests.core.test_reconfigure import SCENARIOS, core_of
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

TEXT = (SCENARIOS / "gates.toml").read_text()
GATE = GatePolicy("/etc/failover/gate", 2000, 1000)


def world() -> World:
    """lukretia owns db, of which the gate is asked on genesis and carthage."""
    made = World(armed(parsed(TEXT)), 1)
    made.start(*made.hosts)
    made.run_until_ms(4_000)
    assert made.owners("db") == ("lukretia",)
    return made


def orders(made: World, node: str) -> list[AskGate]:
    """What this node orders from now on."""
    seen: list[AskGate] = []

    def witness(who: str, _: Input, ordered: list[Effect], now: Now) -> None:
        if who == node:
            seen.extend(effect for effect in ordered if isinstance(effect, AskGate))

    made.witnesses.append(witness)
    return seen


def test_it_is_asked_where_the_service_is_not_and_an_answer_from_before_counts_no_more() -> None:
    made = world()
    mine, theirs = orders(made, "lukretia"), orders(made, "genesis")
    made.order("move", "db", "genesis")
    made.run_until_ms(6_000)
    assert made.owners("db") == ("genesis",)
    assert (mine, theirs) == ([AskGate("db", GATE)], [AskGate("db", None)])
    scripts = core_of(made, "genesis").gate_scripts
    assert scripts.answered(GateAnswered("db", False, "a run that was under way", GATE)) is None
    assert scripts.unfit_because("db") == ""


def test_until_its_first_answer_a_node_takes_nothing() -> None:
    made = world()
    scripts = core_of(made, "genesis").gate_scripts
    assert (scripts.unfit_because("db"), scripts.unable()) == ("", ())
    scripts.close("db")
    assert scripts.unfit_because("db") == "its gate has not answered yet"


def test_the_heartbeats_say_for_what_a_node_is_not_fit() -> None:
    made, said = world(), set[tuple[str, ...]]()

    def witness(who: str, _: Input, ordered: list[Effect], now: Now) -> None:
        if who == "genesis":
            said.update(effect.heartbeat.unable for effect in ordered if isinstance(effect, Beat))

    made.run_until_ms(5_000)
    made.witnesses.append(witness)
    made.run_until_ms(6_000)
    assert said == {()}
    made.hosts["genesis"].refusing_gates.add("db")
    made.run_until_ms(8_000)
    assert said == {(), ("db",)}
    assert core_of(made, "genesis").gate_scripts.unfit_because("db") == "its gate refuses: the gate refuses in the simulation"
    assert core_of(made, "genesis").fitness.fit, "it takes everything else"


def test_another_gate_in_the_file_is_asked_at_once_and_the_old_answer_is_forgotten() -> None:
    made = world()
    made.hosts["genesis"].refusing_gates.add("db")
    made.run_until_ms(6_000)
    seen = orders(made, "genesis")
    policy = made.hosts["genesis"].file
    other = replace(policy.services["db"], gate=replace(GATE, script="/etc/failover/other"))
    for host in made.hosts.values():
        host.apply(replace(policy, services={**policy.services, "db": other}, digest=b"d" * 32, text="another"))
    made.run_until_ms(6_100)
    assert seen == [AskGate("db", None), AskGate("db", other.gate)]
    scripts = core_of(made, "genesis").gate_scripts
    assert scripts.answered(GateAnswered("db", True, "", GATE)) is None, "the old script's last run says nothing"
    assert scripts.unfit_because("db").startswith("its gate refuses")
    ungated = {**policy.services, "db": replace(other, gate=None)}
    for host in made.hosts.values():
        host.apply(replace(policy, services=ungated, digest=b"e" * 32, text="none"))
    made.run_until_ms(6_300)
    assert seen[2:] == [AskGate("db", None)]
    assert core_of(made, "genesis").gate_scripts.unfit_because("db") == ""
