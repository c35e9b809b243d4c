"""Who, why, since when: the auditor's answers over accidents that the real core went through."""

from pathlib import Path

import pytest

from tests.audit.worlds import Answer, Played, audit, played

NODES = ("lukretia", "genesis")


@pytest.fixture(scope="module")
def power_failure(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """lukretia loses its power at 6 s, is judged dead at 6.4 s, and comes back at 10 s: it gets web back."""
    return played("04-power-back.scenario", tmp_path_factory.mktemp("power") / "logs")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All cables out at 6 s, in again at 20 s."""
    return played("05-split-brain.scenario", tmp_path_factory.mktemp("split") / "logs")


def who(world: Played, at_ms: int, **options: tuple[str, ...]) -> Answer:
    return world.audit("who", "web", "--at", world.at(at_ms), **options)


def test_who_names_the_owner_its_claim_and_the_rule(power_failure: Played):
    said = who(power_failure, 8000).json
    assert (said["service"], said["owner"], said["owners"]) == ("web", "genesis", ["genesis"])
    assert (said["epoch"], said["split"]) == (2, False)
    assert (said["at"], said["rule"]) == (power_failure.at(8000), "take-over-dead")
    assert said["claim"]["node"] == "genesis"
    assert "lukretia held it and is dead: silent for 500 ms" in said["reason"]


def test_who_follows_the_service_through_power_failure_and_back(power_failure: Played):
    moments = {5000: "lukretia", 6100: "lukretia", 6399: "lukretia", 6500: "genesis", 9999: "genesis", 12_000: "lukretia"}
    assert {at_ms: who(power_failure, at_ms).json["owner"] for at_ms in moments} == moments


def test_a_holder_that_lost_its_power_makes_no_split(power_failure: Played):
    """It never said that it let go; but it wrote nothing in that life that the new owner did not know."""
    assert not any(who(power_failure, at_ms).json["split"] for at_ms in range(5000, 13_000, 100))
    assert power_failure.audit("splits").json == []


def test_before_the_first_claim_nobody_owned_it(power_failure: Played):
    answer = who(power_failure, -1000)
    assert answer.code == 1
    assert (answer.json["owner"], answer.json["owners"], answer.json["claim"]) == (None, [], None)


def test_between_the_end_and_the_next_claim_nobody_owned_it_and_the_end_is_the_reason(tmp_path: Path):
    story = "at 0s start lukretia genesis\nat 5s fail web lukretia\nat 6s fail web genesis\nat 7s recover web lukretia\n"
    world = played(f"{story}at 9s expect web owner=lukretia", tmp_path / "logs")
    answer = who(world, 6500)
    assert answer.code == 1
    assert (answer.json["owner"], answer.json["epoch"]) == (None, 2)
    assert "an operator said fail" in answer.json["reason"]


@pytest.mark.parametrize("scenario", ["01-planned-failover", "02-planned-recovery", "04-power-back", "05-split-brain",
                                      "06-one-link-of-two", "split-incumbent", "carrier-lost-and-back"])  # fmt: skip
def test_every_nodes_copy_gives_the_same_answers(tmp_path: Path, scenario: str):
    """The other node's copy is enough: nothing but log.db and the configuration is read."""
    world = played(f"{scenario}.scenario", tmp_path / "logs")
    at_ms = world.world.now_ms - 700
    for command, words in {"who": ("web",), "why": ("web",), "replay": ()}.items():
        answers = [world.audit(command, *words, "--at", world.at(at_ms), nodes=(node,)) for node in NODES]
        assert answers[0].out == answers[1].out
        assert answers[0].code == answers[1].code
    assert len({world.audit("splits", nodes=(node,)).out for node in NODES}) == 1


def test_in_a_split_both_are_owners_and_the_winner_is_the_owner(split: Played):
    said = who(split, 10_000).json
    assert (said["owner"], said["owners"], said["split"], said["epoch"]) == ("lukretia", ["genesis", "lukretia"], True, 2)
    moments = {5900: False, 6300: False, 6500: True, 20_100: True, 20_400: False}
    assert {at_ms: who(split, at_ms).json["split"] for at_ms in moments} == moments


def test_one_sides_copy_cannot_know_of_the_split_and_does_not_pretend_to(split: Played, tmp_path: Path):
    story = "at 0s start lukretia genesis\nat 6s cut lukretia genesis\nat 12s expect web owner=lukretia,genesis"
    cut = played(story, tmp_path / "cut")
    assert who(cut, 10_000, nodes=("genesis",)).json["owners"] == ["genesis"]
    assert who(cut, 10_000, nodes=("lukretia",)).json["owners"] == ["lukretia"]
    assert who(cut, 10_000).json["owners"] == ["genesis", "lukretia"]


def test_splits_tell_from_when_to_when_who_kept_it_and_when_it_was_announced_again(split: Played):
    (told,) = split.audit("splits").json
    assert (told["service"], told["owners"]) == ("web", ["genesis", "lukretia"])
    assert (told["winner"], told["rule"]) == ("lukretia", "preference")
    assert split.began_ms + 6300 < told["from_ms"] < split.began_ms + 6600
    assert split.began_ms + 20_000 < told["to_ms"] < split.began_ms + 20_500
    assert told["to_ms"] <= told["reclaimed_at_ms"] < split.began_ms + 20_500
    assert told["reclaimed_at"].endswith("Z")


def test_an_incumbent_keeps_it_by_its_own_rule(tmp_path: Path):
    world = played("split-incumbent.scenario", tmp_path / "logs", "incumbent.toml")
    assert [told["rule"] for told in world.audit("splits").json] == ["incumbent"]


def test_who_is_left_of_a_split_keeps_it_by_no_rule(tmp_path):
    world = played("split-whose-first-holder-died-crash.scenario", tmp_path, "manual.toml")
    (told,) = world.audit("splits").json
    assert (told["winner"], told["rule"], told["owners"]) == ("genesis", "survival", ["genesis", "lukretia"])
    assert told["reclaimed_at"] is not None
    assert "genesis is the only one left, announced again at" in world.audit("splits", as_json=False).out


def test_a_claim_in_the_very_millisecond_of_the_end_is_no_split(tmp_path: Path):
    world = played("isolated-owner-releases.scenario", tmp_path / "logs", "isolation.toml")
    assert world.audit("splits").json == []


def test_why_tells_silence_judgement_rule_actions_and_phases(power_failure: Played):
    answer = power_failure.audit("why", "web", "--at", power_failure.at(8000), nodes=("genesis",))
    told = answer.json
    assert answer.code == 0
    assert (told["service"], told["owner"], told["epoch"], told["rule"]) == ("web", "genesis", 2, "take-over-dead")
    assert set(told["phases_ms"]) == {"silence", "judge", "claim", "act", "announce"}
    assert 500 <= told["phases_ms"]["silence"] < 700
    assert told["phases_ms"]["claim"] > 0
    assert told["passed_over"] == [{"node": "lukretia", "why": "dead: silent for 500 ms"}]
    kinds = [item["kind"] for item in told["chain"]]
    assert kinds.count("link-down") == 2, "both links, as genesis saw them"
    pairs = [("link-down", "judged"), ("judged", "claim"), ("action-started", "action-finished"), ("action-finished", "up")]
    for before, after in pairs:
        assert kinds.index(before) < len(kinds) - 1 - kinds[::-1].index(after)
    text = " / ".join(item["text"] for item in told["chain"])
    assert "genesis judges lukretia in doubt" in text
    assert "genesis judges lukretia dead: silent for 500 ms on every way (direct 500 ms, lan 500 ms)" in text
    assert "`up` of action 0 of web on genesis is done" in text


def test_the_chain_of_why_is_connected_by_its_causes_and_causes_come_first(split: Played):
    chain = split.audit("why", "web").json["chain"]
    place = {(item["node"], item["number"]): at for at, item in enumerate(chain)}
    for item in chain:
        for cause in item["causes"]:
            if (cause["node"], cause["number"]) in place:
                assert place[cause["node"], cause["number"]] < place[item["node"], item["number"]]
    named = {(cause["node"], cause["number"]) for item in chain for cause in item["causes"]}
    alone = [item for item in chain if not item["causes"] and (item["node"], item["number"]) not in named]
    assert alone == []


def test_why_after_a_split_tells_the_rivals_side_too(split: Played):
    told = split.audit("why", "web", nodes=("genesis",)).json
    text = " / ".join(item["text"] for item in told["chain"])
    assert told["rule"] == "reclaim"
    assert "genesis judges lukretia dead" in text
    assert "genesis gives web up (rival-wins)" in text
    assert "lukretia reclaims web with epoch 3" in text
    assert told["phases_ms"]["judge"] < 1000, "since the rival was heard again, not since it claimed"


def test_why_of_a_planned_failover_names_the_operator_and_the_reason(tmp_path: Path):
    world = played("01-planned-failover.scenario", tmp_path / "logs")
    told = world.audit("why", "web").json
    assert told["owner"] == "genesis"
    assert told["phases_ms"]["silence"] == 0
    assert any("orders `fail web" in item["text"] and "because" in item["text"] for item in told["chain"])


def test_why_where_nobody_owns_it_tells_the_end(tmp_path: Path):
    world = played("at 0s start lukretia genesis\nat 5s fail web lukretia\nat 6s fail web genesis\nat 8s expect web owner=none",
                   tmp_path / "logs")  # fmt: skip
    answer = world.audit("why", "web")
    assert answer.code == 1
    assert answer.json["owner"] is None
    assert any(item["kind"] == "command" for item in answer.json["chain"])


def test_every_event_of_every_kind_has_a_sentence(tmp_path: Path):
    files = {"check-restarts-in-place": "restarts.toml", "rollback-alone": "two-nodes.toml", "last-word": "two-nodes.toml"}
    for name, configuration in files.items():
        world = played(f"{name}.scenario", tmp_path / name, configuration)
        lines = world.audit("timeline").lines
        assert lines
        assert [line["text"] for line in lines if "not of the format" in line["text"] or " wrote a " in line["text"]] == []


def test_timeline_is_one_object_a_line_in_causal_order(split: Played):
    lines = split.audit("timeline").lines
    assert {"node", "incarnation", "number", "kind", "service", "at", "at_ms", "text", "causes"} <= set(lines[0])
    seen = set()
    for line in lines:
        assert all((cause["node"], cause["number"]) in seen for cause in line["causes"])
        seen.add((line["node"], line["number"]))
    claims = split.audit("timeline", "--kind", "claim", "--from", split.at(3000), "--to", split.at(9000)).lines
    assert [(line["node"], line["kind"]) for line in claims] == [("genesis", "claim")]


def test_replay_gives_the_whole_state_in_the_shape_of_status(power_failure: Played):
    told = power_failure.audit("replay", "--at", power_failure.at(8000)).json
    web = told["services"]["web"]
    assert (web["owner"], web["epoch"], web["split"]) == ("genesis", 2, False)
    assert web["states"] == {"lukretia": "FAIL", "genesis": "UP"}
    assert told["nodes"]["genesis"]["judges"] == {"lukretia": "dead"}


def test_diff_names_what_changed_between_two_moments(power_failure: Played):
    told = power_failure.audit("diff", power_failure.at(5000), power_failure.at(8000)).json
    changes = {change["what"]: (change["from"], change["to"]) for change in told["changes"]}
    assert changes["services.web.owner"] == ("lukretia", "genesis")
    assert changes["services.web.epoch"] == (1, 2)
    assert changes["nodes.genesis.judges.lukretia"] == ("alive", "dead")
    assert power_failure.audit("diff", power_failure.at(4000), power_failure.at(5000)).json["changes"] == []


def test_diff_for_people_says_nothing_with_a_dash_and_no_word_of_python(power_failure: Played):
    told = power_failure.audit("diff", power_failure.at(-5000), power_failure.at(5000), as_json=False).out
    changes = [line for line in told.splitlines() if " -> " in line]
    assert "  services.web.owners: - -> lukretia" in changes
    assert "  nodes.lukretia.running: no -> yes" in changes
    assert not [line for line in changes if "None" in line or "{" in line or "[" in line]


@pytest.mark.parametrize("by", ["1h", "-1h"])
def test_a_wall_clock_that_is_set_and_set_right_again_does_not_move_the_history(tmp_path: Path, by: str):
    """genesis's clock is an hour wrong while it takes over: its events count when they happened."""
    back = by.removeprefix("-") if by.startswith("-") else f"-{by}"
    story = f"""
        at 0s   start lukretia genesis
        at 2s   clock-jumps {by} genesis
        at 6s   crash lukretia
        at 20s  clock-jumps {back} genesis
        at 70s  expect web owner=genesis
    """
    world = played(story, tmp_path / "logs")
    for nodes in (NODES, ("genesis",)):
        owners = [who(world, at_ms, nodes=nodes).json["owner"] for at_ms in (5900, 6700, 15_000)]
        assert owners == ["lukretia", "genesis", "genesis"]
    assert world.audit("splits").json == []


def test_who_wins_when_the_clocks_of_two_nodes_differ_is_not_decided_by_the_clocks(tmp_path: Path):
    """genesis's clock runs an hour ahead all the time: a power failure is no split, a split is one."""
    story = "at 0s clock-jumps 1h genesis\nat 1s start lukretia genesis\nat 6s {}\nat 9s heal\nat 12s expect web owner={}"
    dead = played(story.format("crash lukretia", "genesis"), tmp_path / "dead")
    assert dead.audit("splits").json == []
    cut = played(story.format("cut lukretia genesis", "lukretia"), tmp_path / "cut")
    assert [told["owners"] for told in cut.audit("splits").json] == [["genesis", "lukretia"]]


@pytest.mark.parametrize(
    "order", ["who web DIR --at now", "who DIR web", "who --source DIR web", "--json who web DIR", "who --at 5s web DIR"]
)
def test_service_and_sources_are_told_apart_whatever_their_order(split: Played, order: str):
    words = [str(split.state("genesis")) if word == "DIR" else word for word in order.split()]
    answer = audit(*words, "--config", str(split.config), *([] if "--json" in words else ["--json"]))
    assert answer.json["owner"] == "lukretia"
    first = audit("--config", str(split.config), *words)
    assert first.code == 0


@pytest.mark.parametrize(
    "order", ["who web URL", "who URL web", "verify URL", "splits URL", "splits web URL", "verify --source URL"]
)
def test_a_node_named_by_its_socket_is_asked_for_by_its_folder(split: Played, order: str):
    words = ["unix:///var/lib/failover/control.sock" if word == "URL" else word for word in order.split()]
    answer = audit(*words, "--config", str(split.config))
    assert (answer.code, answer.out, answer.err.count("\n")) == (3, "", 1)
    assert "a living node is asked by its state folder" in answer.err


def test_text_says_who_by_which_claim_and_between_which_moments_of_others(split: Played):
    answer = split.audit("who", "web", "--at", split.at(10_000), as_json=False)
    assert answer.out.startswith(f"lukretia owned web at {split.at(10_000)}")
    for word in ("SPLIT", "claim   lukretia 4", "rule    take-over-free", "by the clocks of others"):
        assert word in answer.out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("who", "mail"), 2, "no service mail: there are web"),
        (("who", "web", "--at", "yesterday"), 2, '"yesterday" is no time; write'),
        (("who",), 2, "name a service"),
        (("diff", "now"), 2, "2 times are needed"),
        (("wo", "web"), 2, 'did you mean "who"?'),
        (("verify", "/no/such/folder"), 3, "there is no log; name a state folder"),
    ],
)
def test_mistakes_get_one_line_and_their_exit_code(split: Played, words: tuple[str, ...], code: int, text: str):
    sources = [] if "/no/such/folder" in words or words == ("who",) else [str(split.state("genesis"))]
    answer = audit(*words, *sources, "--config", str(split.config))
    assert answer.code == code
    assert text in answer.err
    assert answer.err.count("\n") == 1


def test_without_keys_to_trust_nothing_is_said(split: Played):
    answer = audit("verify", str(split.state("genesis")), "--config", str(split.folder / "nowhere.toml"))
    assert answer.code == 3
    assert "no key can be trusted" in answer.err


def test_an_owner_whose_clock_is_ahead_does_not_seem_to_hold_what_it_gave_up(tmp_path: Path):
    """lukretia's labels run ten seconds ahead, so its `down` counts later than the claim that rested on it."""
    began = "at 0s clock-jumps 10s lukretia\nat 1s start lukretia genesis\n"
    ahead = played(began + "at 30s move web genesis\nat 50s expect web owner=genesis\n", tmp_path / "logs")
    said = who(ahead, 33_000).json
    assert (said["owner"], said["owners"], said["split"]) == ("genesis", ["genesis"], False)
    assert "lukretia gives web up (move)" in ahead.audit("why", "web", "--at", ahead.at(33_000), as_json=False).out
