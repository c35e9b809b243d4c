"""The numbers of candidates: which count, what the claim says of them, and what becomes of them when the file changes.

tests/scenarios/evidence-*.scenario tell who takes the service.
"""

from dataclasses import replace

from coordinator.core.candidate_evidence import SHOWN_MAX
from coordinator.core.effects import AskEvidence
from coordinator.core.inputs import EvidenceGiven
from coordinator.policy import EvidencePolicy
from protocol.events import Claim, body_of
from protocol.kinds import Kind
from tests.core.test_reconfigure import SCENARIOS, core_of
from tools.simulator.orders import armed, parsed
from tools.simulator.world import World

TEXT = (SCENARIOS / "evidence.toml").read_text()
ASKED = EvidencePolicy("/etc/failover/lag", 500, 1000, 60_000)


def world(genesis: int | None = 1000, carthage: int | None = 1500) -> World:
    """lukretia owns db, and the others have these numbers."""
    made = World(armed(parsed(TEXT)), 1)
    made.start(*made.hosts)
    made.run_until_ms(4_000)
    assert made.owners("db") == ("lukretia",)
    made.hosts["genesis"].evidence["db"], made.hosts["carthage"].evidence["db"] = genesis, carthage
    made.run_until_ms(6_000)
    return made


def claim_of(made: World, node: str) -> Claim:
    claims = [entry.event for entry in made.entries() if entry.event.kind == Kind.CLAIM and entry.event.service == "db"]
    body = body_of(next(event for event in reversed(claims) if event.node == node))
    assert isinstance(body, Claim)
    return body


def test_the_claim_has_the_numbers_and_says_who_was_passed_over_and_by_how_much() -> None:
    made = world()
    made.hosts["lukretia"].crash()
    made.run_until_ms(8_000)
    claim = claim_of(made, "carthage")
    assert dict(claim.given.evidence) == {"genesis": 1000, "carthage": 1500}
    passed = dict(claim.passed_over)
    assert passed["genesis"] == "its number is 1000, and that of carthage is 1500: it is behind by 500"
    assert passed["lukretia"].startswith("dead")


def test_who_gave_no_number_in_time_is_named_so() -> None:
    made = world(genesis=None)
    made.hosts["genesis"].crash()
    made.run_until_ms(8_000)
    made.hosts["genesis"].start()
    made.run_until_ms(12_000)
    assert core_of(made, "genesis").evidence.troubles == {"db": "no number in the simulation"}
    made.hosts["lukretia"].crash()
    made.run_until_ms(16_000)
    assert dict(claim_of(made, "carthage").passed_over)["genesis"] == "it has given no number in time"


def test_only_what_was_asked_since_the_service_is_free_counts() -> None:
    made = world()
    numbers = core_of(made, "genesis").evidence
    assert numbers.number("db", "carthage") is not None
    assert numbers.known("db") == {}, "lukretia has it"
    assert numbers.awaited("db") == ("lukretia", "genesis", "carthage")


def test_numbers_cost_a_takeover_no_heartbeat() -> None:
    """They are collected while the owner is in doubt: when it is dead they are there."""
    silent_ms = {}
    for service in ("db", "web"):
        made = world(genesis=1500, carthage=1000)
        made.hosts["lukretia"].crash()
        began_ms = made.now_ms
        while not made.owners(service) or made.owners(service) == ("lukretia",):
            made.run_until_ms(made.now_ms + 1)
        assert made.owners(service) == ("genesis",)
        silent_ms[service] = made.now_ms - began_ms
    assert abs(silent_ms["db"] - silent_ms["web"]) <= 20, silent_ms


def test_an_answer_of_a_script_that_the_file_has_no_more_is_none() -> None:
    made = world()
    numbers, policy = core_of(made, "genesis").evidence, made.hosts["genesis"].file
    other = replace(policy.services["db"], evidence=replace(ASKED, script="/etc/failover/other"))
    for host in made.hosts.values():
        host.apply(replace(policy, services={**policy.services, "db": other}, digest=b"d" * 32, text="another"))
    made.run_until_ms(6_500)
    assert numbers.given(EvidenceGiven("db", 9999, "", ASKED)) is None
    assert (numbers.number("db", "genesis") or (0, 0))[0] == 1000


def test_a_service_that_is_taken_out_of_the_file_while_its_numbers_are_collected() -> None:
    """Its job is still to be closed: nothing is asked of what the file has no more."""
    made, ended = world(genesis=None, carthage=None), list[AskEvidence]()
    made.witnesses.append(lambda who, given, ordered, now: ended.extend(it for it in ordered if isinstance(it, AskEvidence)))
    made.hosts["lukretia"].crash()
    made.run_until_ms(6_900)
    assert core_of(made, "genesis").evidence.awaited("db")
    policy = made.hosts["genesis"].file
    left = {name: service for name, service in policy.services.items() if name != "db"}
    for name in ("genesis", "carthage"):
        made.hosts[name].apply(replace(policy, services=left, digest=b"e" * 32, text="without db"))
    made.run_until_ms(12_000)
    assert made.owners("db") == ()
    assert ended[-1] == AskEvidence("db", None)


def test_a_heartbeat_has_all_numbers_that_are_compared_and_few_others() -> None:
    """With a thousand services it would else have twenty KiB of them, ten times a second."""
    made = world()
    numbers = core_of(made, "genesis").evidence
    numbers._mine = {f"s{number:04}": (number, made.now_ms) for number in range(1000)}
    assert sorted(numbers.words()) == [f"s{number:04}" for number in range(SHOWN_MAX)]
    numbers._free_ms = dict.fromkeys(["s0500", "s0999"], made.now_ms)
    assert sorted(numbers.words()) == [*(f"s{number:04}" for number in range(SHOWN_MAX)), "s0500", "s0999"]
