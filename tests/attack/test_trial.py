"""The instrument of `make attack`: what its verdicts rest on must be able to say no."""

from pathlib import Path

import pytest

from coordinator.config import read
from protocol.event import NO_PREVIOUS, Event
from protocol.events import Malformed, body_of
from tools.attack.attacks import ATTACKS
from tools.attack.attacks.bodies import RIGHT
from tools.attack.table import line, table
from tools.attack.theft import bundles
from tools.attack.trial import Result, find, judge
from tools.attack.victims import Held, Victims

MS = 1_000_000
FLOOD = next(attack for attack in ATTACKS if not attack.unnamed)


def result(**said) -> Result:
    return Result(FLOOD, candidate=False, **({"failover_ms": 500.0, "back_ms": 900.0, "refused": 1} | said))


def test_two_who_serve_at_once_are_two_owners_for_as_long_as_both_do():
    seen = result()
    held = [Held("lukretia", 1, 0, 100 * MS), Held("genesis", 2, 70 * MS, 200 * MS), Held("lukretia", 3, 200 * MS, 300 * MS)]
    judge(seen, held)
    assert (seen.two_owners_ms, seen.moves) == (30.0, 0)
    assert seen.flaws == ["two owners for 30 ms: lukretia epoch 1 until 30 ms after genesis epoch 2"]


def test_a_holder_inside_the_time_of_another_counts_with_all_of_its_own():
    seen = result(failover_ms=None, back_ms=None)
    judge(seen, [Held("lukretia", 1, 0, 100 * MS), Held("genesis", 2, 20 * MS, 30 * MS)])
    assert (seen.two_owners_ms, seen.moves) == (10.0, 1)


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        ({"moves": 1}, "1 moves"),
        ({"ended": ["genesis"]}, "ended: genesis"),
        ({"failover_ms": None}, "no failover"),
        ({"back_ms": None}, "no way back"),
        ({"refused": 0}, "nothing names it"),
        ({"disk": 2**30}, "1024 MB of disk"),
        ({"memory": 2**30}, "1024 MB of memory"),
    ],
)
def test_each_number_that_must_be_zero_is_a_flaw_where_it_is_not(said, flaw):
    assert result().flaws == []
    assert flaw in result(**said).flaws
    assert flaw in line(result(**said))


def test_a_finding_goes_to_the_attack_that_wrote_the_event():
    one, other = result(written={5: range(3, 9)}), result(written={5: range(9, 12), 6: range(1, 4)})
    theirs = {"kind": "gap", "node": "genesis", "incarnation": 5, "number": 10}
    find([one, other], [{"kind": "unlawful", "node": "brutus", "incarnation": 5, "number": 8}, theirs])
    assert (one.found, other.found) == (["unlawful"], [])
    assert "unlawful 1" in table([one, other])


def test_marks_become_the_times_in_which_each_node_served(tmp_path: Path):
    victims = Victims(tmp_path, candidate=False)
    (tmp_path / "web.lukretia").write_text("start 1 100\nstop 1 200\nstart 3 500\nstop 0 600\n")
    (tmp_path / "web.genesis").write_text("start 2 300\nstop 2 500\n")
    assert victims.owners("web") == [
        Held("lukretia", 1, 100, 200), Held("genesis", 2, 300, 500), Held("lukretia", 3, 500, 600),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT)
def test_what_a_thief_puts_well_is_well_put(kind: str):
    """Else it is passed over as malformed, and no attack that rests on it is ever tried."""
    about = [Event(bytes(32), "brutus", 1, 1, NO_PREVIOUS, 1, 1, kind, name, RIGHT[kind], (), ()) for name in ("web", "")]
    assert not all(isinstance(body_of(event), Malformed) for event in about)


def test_the_victims_have_a_sound_configuration(tmp_path: Path):
    victims = Victims(tmp_path, candidate=True)
    policy = read(victims.config)
    assert [policy.services[name].nodes for name in ("web", "mail")] == [("lukretia", "genesis"), ("brutus", "genesis")]
    assert policy.timing.dead_ms == 1_000


@pytest.mark.parametrize("flood", [False, True])
def test_each_attack_is_played_once_and_what_fills_the_logs_comes_last_on_its_stage(flood: bool):
    attacks = [attack for attack in ATTACKS if attack.flood is flood]
    shared = bundles(attacks)
    assert sorted(attack.title for bundle in shared for attack in bundle) == sorted(attack.title for attack in attacks)
    assert not any(attack.fresh for bundle in shared for attack in bundle[:-1])


def test_attacks_have_names_of_their_own():
    assert len({attack.title for attack in ATTACKS}) == len(ATTACKS)
