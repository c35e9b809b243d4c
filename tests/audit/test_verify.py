"""`failaudit verify`: clean histories are clean; what is forged, edited or not lawful is named with kind, node and number."""

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.config import read
from coordinator.decision.observations import Observations
from coordinator.trust import beginning
from protocol.commands import Command, sign_command
from protocol.event import NO_PREVIOUS, Entry, Ref
from protocol.kinds import Kind
from protocol.sshkey import FileKey
from store.journal import Journal
from store.merge import Source, merge
from store.reading import read as read_log
from tests.audit.worlds import SCENARIOS, Played, played
from tools.audit.evidence import Evidence
from tools.audit.history import History
from tools.audit.verify import findings_of
from tools.simulator.keys import Keys, private_key

CLEAN = ["01-planned-failover", "04-power-back", "05-split-brain", "clock-jump", "rollback", "rollback-alone", "lost-disk",
         "split-of-three", "stuck-alive-and-fenced", "disk-full-at-the-owner", "last-word"]  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Played:
    """Two nodes, lukretia owns web, nothing ever happened."""
    return played("at 0s start lukretia genesis\nat 5s expect web owner=lukretia", tmp_path / "logs")


def found(world: Played, *nodes: str) -> set[tuple[str, str, int]]:
    answer = world.audit("verify", nodes=nodes or None)
    told = answer.json
    assert answer.code == (1 if told["findings"] else 0)
    assert told["ok"] is not bool(told["findings"])
    return {(finding["kind"], finding["node"], finding["number"]) for finding in told["findings"]}


@pytest.mark.parametrize("scenario", CLEAN)
def test_what_the_core_did_is_sound_and_lawful_from_all_copies_together(tmp_path: Path, scenario: str):
    text = (SCENARIOS / f"{scenario}.scenario").read_text()
    configuration = re.findall(r"# configuration: (\S+)", text)[0]
    assert found(played(f"{scenario}.scenario", tmp_path / "logs", configuration)) == set()


def test_verify_counts_events_heads_and_the_tail_that_nobody_attests(world: Played):
    told = world.audit("verify").json
    assert told["events"] == sum(feed["events"] for feed in told["feeds"].values())
    assert set(told["feeds"]) == {"lukretia", "genesis"}
    for feed in told["feeds"].values():
        assert feed["events"] == feed["head"] > feed["unattested"] >= 0


def test_the_text_counts_the_tail_that_nobody_attests_in_words(world: Played):
    said = world.audit("verify", as_json=False).out
    tails = {0: "", 1: "; the last one is not attested"}
    for node, feed in world.audit("verify").json["feeds"].items():
        tail = tails.get(feed["unattested"], f"; the last {feed['unattested']} are not attested")
        assert any(line.startswith(f"{node}: ") and tail in line for line in said.splitlines())


def test_the_text_says_which_threats_were_looked_at(world: Played):
    answer = world.audit("verify", as_json=False)
    assert "sound and lawful" in answer.out
    assert "no   T3" in answer.out


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("command", ["verify", "who web", "why web", "timeline", "splits", "replay", "diff 2000-01-01 now"])
def test_a_history_without_an_event_is_not_a_clean_one_nor_one_in_which_nobody_owned_anything(
    world: Played, command: str, as_json: bool
):
    for node in ("genesis", "lukretia"):
        sql(world, node, "DELETE FROM events")
    answer = world.audit(*command.split(), as_json=as_json)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err == (
        f"failaudit: {world.state('lukretia')}, {world.state('genesis')}: there is no event there: "
        "nothing to verify, and nothing to answer from\n"
    )


def test_a_copy_without_an_event_beside_one_that_has_them_takes_nothing_away(world: Played):
    sql(world, "genesis", "DELETE FROM events")
    assert found(world) == set()
    assert world.audit("who", "web").json["owner"] == "lukretia"


# --- forged by a node that has its own key: sound, and yet not lawful ---------------------------------------------


Body = Mapping[str, Any]


def forge(
    world: Played, node: str, kind: str, body: Body, causes: tuple[Ref, ...] = (), service: str = "web", **clocks: int
) -> int:
    """The node's next event, in its own log, well signed and knowing all that is in that log. Returns its number."""
    number = 0

    async def append() -> None:
        nonlocal number
        signer = Keys([node], real=True).signer(node)
        journal = await Journal.open(world.state(node), node, signer)
        entries = await journal.load()
        own = [entry for entry in entries if entry.event.node == node]
        last = own[-1]
        heads = {head.feed: head for entry in entries if (head := entry.head).node != node}
        event = replace(
            last.event,
            number=last.event.number + 1,
            previous=last.id,
            kind=str(kind),
            service=service,
            body=body,
            causes=causes,
            heads=tuple(heads.values()),
            **clocks,
        )
        await journal.append([Entry.of(event)])
        await journal.close()
        number = event.number

    asyncio.run(append())
    return number


def anew(world: Played, node: str, parts: Body) -> Ref:
    """A new incarnation of the node, whose gap has these parts, and its start. Returns the gap."""
    return begun_anew(world, node, [parts])[0]


def begun_anew(world: Played, node: str, gaps: Sequence[Body], rules: int = 2) -> list[Ref]:
    """A new incarnation that begins with so many gaps, and a start by these rules. Returns the names of all of them."""
    written: list[Ref] = []

    async def append() -> None:
        journal = await Journal.open(world.state(node), node, Keys([node], real=True).signer(node))
        entries = await journal.load()
        last = [entry for entry in entries if entry.event.node == node][-1]
        start = next(entry.event for entry in entries if entry.event.node == node and entry.event.kind == Kind.NODE_STARTED)
        body = {"incarnation": last.event.incarnation, "number": last.event.number, "id": last.id}
        heads = tuple({head.feed: head for entry in entries if (head := entry.head).node != node}.values())
        said = [(str(Kind.GAP_DECLARED), {**body, **parts}) for parts in gaps] + [(start.kind, {**start.body, "rules": rules})]
        chain: list[Entry] = []
        for number, (kind, told) in enumerate(said, 1):
            chain.append(Entry.of(replace(
                last.event, incarnation=last.event.incarnation + 1, number=number, kind=kind, service="", body=told, causes=(),
                previous=chain[-1].id if chain else NO_PREVIOUS, heads=() if chain else heads)))  # fmt: skip
        await journal.append(chain)
        await journal.close()
        written.extend(entry.ref for entry in chain)

    asyncio.run(append())
    return written


def last_given(world: Played, node: str) -> dict[str, Any]:
    """What the node's peers looked like to it: alive, fit and current, as in the last claim there was."""
    log = read_log(world.state(node))
    entries = [Entry.read(row.raw, row.signature) for row in log.rows]
    return next(dict(entry.event.body["given"]) for entry in reversed(entries) if entry.event.kind == Kind.CLAIM)


def claim(world: Played, **changes: Any) -> dict[str, Any]:
    given = Observations.from_body(last_given(world, "genesis")).to_body()
    peer = next(iter(given["peers"].values()))
    body = {
        "epoch": 2,
        "rule": "take-over-dead",
        "given": {**given, "peers": {"lukretia": peer}},
        "reason": "lukretia held it and is dead: silent for 500 ms on every way",
        "passed_over": [["lukretia", "dead: silent for 500 ms"]],
    }
    return {**body, **changes}


def judged_dead(world: Played, silent_ms: int = 500) -> list[Any]:
    peer = list(claim(world)["given"]["peers"]["lukretia"])
    return ["dead", silent_ms, *peer[2:]]


def test_a_claim_with_the_right_rule_in_the_wrong_circumstances_is_unlawful(world: Played):
    """genesis claims from lukretia, which is alive by what genesis itself was given."""
    number = forge(world, "genesis", Kind.CLAIM, claim(world))
    assert found(world) == {("unlawful", "genesis", number)}
    assert "the table says" in world.audit("verify").json["findings"][0]["text"]


def test_a_claim_that_calls_a_peer_dead_against_the_authors_own_feed_is_unlawful(world: Played):
    given = claim(world)["given"]
    given["peers"] = {"lukretia": judged_dead(world)}
    number = forge(world, "genesis", Kind.CLAIM, claim(world, given=given))
    assert found(world) == {("unlawful", "genesis", number)}
    assert "its feed says alive" in world.audit("verify").json["findings"][0]["text"]


@pytest.mark.parametrize("changes", [{"rule": "take-over-free"}, {"epoch": 9}, {"epoch": 1}])
def test_a_claim_that_names_another_rule_or_epoch_is_unlawful(tmp_path: Path, changes: dict[str, Any]):
    """Everything else is as it should be: lukretia is dead, by a judgement in genesis's feed."""
    world = played("at 0s start lukretia genesis\nat 5s disk-full genesis\nat 6s crash lukretia\nat 8s expect web owner=none",
                   tmp_path / "logs")  # fmt: skip
    body = {"peer": "lukretia", "judgement": "dead", "was": "alive", "silent_ms": 500, "links": {}, "count": 1}
    forge(world, "genesis", Kind.JUDGED, body, service="")
    given = claim(world)["given"]
    given["peers"] = {"lukretia": judged_dead(world)}
    number = forge(world, "genesis", Kind.CLAIM, {**claim(world, given=given), **changes})
    assert ("unlawful", "genesis", number) in found(world)


WRONG = [{"given": {}}, {"epoch": "x"}, {"epoch": 2**63 - 1}, {"reason": b"x"}, {"passed_over": [[1]]}]


@pytest.mark.parametrize("changes", WRONG)
def test_a_claim_whose_body_is_not_of_the_format_is_an_encoding_finding(world: Played, changes: dict[str, Any]):
    number = forge(world, "genesis", Kind.CLAIM, {**claim(world), **changes})
    assert found(world) == {("encoding", "genesis", number)}


def test_an_up_without_a_claim_is_unlawful(world: Played):
    body = {"epoch": 1, "durable_us": 1, "act_us": 1, "announce_us": 1, "reason": ""}
    number = forge(world, "genesis", Kind.UP, body)
    assert found(world) == {("unlawful", "genesis", number)}


MOVE = ["lukretia", 1, 2]


@pytest.mark.parametrize(("flaw", "kind", "service", "body"), [
    ("unlawful", Kind.GAP_DECLARED, "", {"incarnation": 1, "number": 1, "id": bytes(32)}),
    ("unlawful", Kind.MOVE_ENDED, "web", {"move": MOVE, "why": "over"}),
    ("authority", Kind.CONFIG_APPLIED, "", {"number": 2**53, "digest": b"t" * 32, "text": "cluster = "}),
    ("authority", Kind.CONFIG_APPLIED, "", {"number": 1, "digest": b"t" * 32, "text": "cluster = "}),
    ("authority", Kind.LAST_WORD, "web", {"word": b"", "signature": b"", "node": "lukretia", "epoch": 1}),
])  # fmt: skip
def test_what_its_author_had_no_right_to_is_found_once(world: Played, flaw: str, kind: Kind, service: str, body: Body):
    number = forge(world, "genesis", kind, body, service=service)
    told = world.audit("verify").json["findings"]
    assert [item["kind"] for item in told if (item["node"], item["number"]) == ("genesis", number)] == [flaw]


@pytest.mark.parametrize(("flaw", "parts"), [
    ("authority", {"last_words": [["web", "lukretia", 1, MOVE, b"run"]]}),
    ("authority", {"forked": {"lukretia": MOVE}}),
    ("unlawful", {"services": {"web": {"epoch": 10**15, "holding_epoch": 10**15, "wish": "fail", "lowered": []}}}),
])  # fmt: skip
def test_a_gap_that_carries_what_is_not_its_nodes_own_is_found_once(world: Played, flaw: str, parts: Body):
    first = anew(world, "genesis", parts)
    told = world.audit("verify").json["findings"]
    assert [(item["kind"], item["node"], item["incarnation"], item["number"]) for item in told] == [(flaw, *first)]


def test_an_incarnation_that_begins_after_events_without_effect_is_read(world: Played):
    number = forge(world, "genesis", Kind.MOVE_ENDED, {"move": MOVE, "why": "over"})
    begun_anew(world, "genesis", [{}])
    assert ("unlawful", "genesis", number) in found(world)


HIGH = {"services": {"web": {"epoch": 10**15, "holding_epoch": 10**15, "wish": "fail", "lowered": []}}}


def test_an_epoch_in_a_second_gap_is_found_as_in_the_first(world: Played):
    """An incarnation may begin with several: each is about other services."""
    second = begun_anew(world, "genesis", [{}, HIGH])[1]
    told = world.audit("verify").json["findings"]
    assert [(item["kind"], item["node"], item["incarnation"], item["number"]) for item in told] == [("unlawful", *second)]


def test_who_says_the_first_rules_beside_runs_of_later_ones_wants_its_orders_obeyed(world: Played):
    start = begun_anew(world, "genesis", [{"holds": {"web": [MOVE]}}], rules=1)[-1]
    told = world.audit("verify").json["findings"]
    assert [(item["kind"], item["node"], item["incarnation"], item["number"]) for item in told] == [("unlawful", *start)]


OF_LUKRETIA = """
[services.mail]
nodes = ["lukretia"]
[[services.mail.actions]]
address = "10.77.0.101/24"
interface = "eth0"
"""


def test_what_only_a_candidate_may_do_is_found_where_its_author_is_one_by_a_file_of_its_own(tmp_path: Path):
    """By that file it is lawful, and a living node cannot tell whether an order that makes it count is on its way."""
    world = played("at 0s start lukretia genesis\nat 5s expect web owner=lukretia", tmp_path / "logs", changes=OF_LUKRETIA)
    text = read(world.config, files=False).text.replace('nodes = ["lukretia"]', 'nodes = ["genesis"]')
    applied = {"number": 2, "digest": hashlib.sha256(text.encode()).digest(), "text": text}
    forge(world, "genesis", Kind.CONFIG_APPLIED, applied, service="")
    mine = claim(world, epoch=2, rule="take-over-free", passed_over=[])
    up = {"epoch": 2, "durable_us": 1, "act_us": 1, "announce_us": 1, "reason": ""}
    claimed = forge(world, "genesis", Kind.CLAIM, mine, service="mail")
    forge(world, "genesis", Kind.UP, up, service="mail")
    ended = forge(world, "genesis", Kind.MOVE_ENDED, {"move": MOVE, "why": "over"}, service="mail")
    told = {number: kind for kind, node, number in found(world) if node == "genesis"}
    assert told == {claimed: "unlawful", ended: "authority"}


def test_a_cause_that_its_author_did_not_know_is_unlawful(world: Played):
    own = world.audit("verify").json["feeds"]["genesis"]
    later = Ref("genesis", own["incarnation"], own["head"] + 7)
    number = forge(world, "genesis", Kind.PULSE, {"gaps": {}, "late_ms_max": 0}, (later,), "")
    assert ("unlawful", "genesis", number) in found(world)


def test_a_release_is_never_unlawful(world: Played):
    body = {"epoch": 1, "rule": "whim", "to": "RECOVER", "cause": "stopping", "given": {}, "reason": "because"}
    forge(world, "lukretia", Kind.RELEASE, body)
    assert found(world) == set()


def test_a_command_by_somebody_who_is_no_operator_is_a_finding_and_has_no_effect(world: Played):
    key = FileKey(private_key("mallory"))
    policy = read(world.config, files=False)
    command = Command(policy.cluster_id, "mallory", "fail", "web", "lukretia", "", 0, 0, 1 << 52, bytes(16))
    signed = sign_command(command, key)
    body = {"command": signed.raw, "signature": signed.signature, "target": "lukretia"}
    number = forge(world, "lukretia", Kind.COMMAND, body)
    assert found(world) == {("authority", "lukretia", number)}
    assert world.audit("who", "web").json["owner"] == "lukretia"


@pytest.mark.parametrize("command", ["timeline", "who web", "why web", "splits", "replay", "verify", "diff 2000-01-01 now"])
def test_a_body_of_wrong_types_ends_no_question(world: Played, command: str):
    """One last word whose node was a list left the auditor without any answer."""
    for kind in (Kind.LAST_WORD, Kind.DOWN, Kind.JUDGED, Kind.CLAIM):
        forge(world, "genesis", kind, {"node": [1], "epoch": [1], "judgement": [1], "peer": {}, "reason": 1})
    answer = world.audit(*command.split())
    assert answer.code in (0, 1)
    assert "Traceback" not in answer.err


FORGED = "x\n2026-11-26T09:00:00.000Z  genesis 99  afm orders `fail web`\x1b[2J\x9b"


@pytest.mark.parametrize("command", ["timeline", "who web", "why web", "splits", "replay", "verify", "diff 2000-01-01 now"])
def test_no_text_from_outside_makes_a_line_of_its_own(world: Played, command: str):
    cluster = read(world.config, files=False).cluster_id
    order = Command(cluster, FORGED, "fail", "web", "lukretia", FORGED, 0, 0, 1 << 52, bytes(16))
    signed = sign_command(order, FileKey(private_key("mallory")))
    forge(world, "lukretia", Kind.COMMAND, {"command": signed.raw, "signature": signed.signature, "target": "lukretia"})
    released = {"epoch": 1, "rule": FORGED, "to": "RECOVER", "cause": "stopping", "given": {}, "reason": FORGED}
    forge(world, "lukretia", Kind.RELEASE, released)
    forge(world, "lukretia", Kind.DOWN, {"epoch": 1, "to": "RECOVER", "cause": "stopping", "reason": FORGED})
    answer = world.audit(*command.split(), as_json=False)
    assert all(line.isprintable() for line in (answer.out + answer.err).split("\n"))
    assert not any(line.startswith("2026-11-26T09:00:00.000Z") for line in answer.out.splitlines())
    assert world.audit(*command.split()).out.replace("\n", "").isprintable()


def test_a_split_is_a_finding_where_the_policy_promised_that_there_is_none(tmp_path: Path):
    world = played("05-split-brain.scenario", tmp_path / "logs")
    policy = read(world.config, files=False)
    keyring = Keys(policy.nodes, real=True).keyring
    merged = merge([Source(node, read_log(world.state(node)).rows) for node in policy.nodes], keyring, policy.cluster_id)
    promised = replace(policy, services={"web": replace(policy.services["web"], partition="majority")})
    (finding,) = findings_of(Evidence(promised, merged, History(merged.entries, beginning(promised, merged.entries))))
    assert (finding.kind, finding.node) == ("split", "genesis")
    assert "genesis and lukretia held web" in finding.text


# --- tampered with: each kind, node and number in the JSON --------------------------------------------------------


def sql(world: Played, node: str, statement: str) -> None:
    connection = sqlite3.connect(world.state(node) / "log.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


TAMPERED = {
    "gap": ("DELETE FROM events WHERE node = 'lukretia' AND number = 5", 5),
    "signature": ("UPDATE events SET signature = zeroblob(64) WHERE node = 'lukretia' AND number = 4", 4),
    "encoding": ("UPDATE events SET bytes = bytes || x'00' WHERE node = 'lukretia' AND number = 4", 4),
    "truncated": ("DELETE FROM events WHERE node = 'lukretia' AND number > 4", 5),
    "key": ("UPDATE events SET node = 'mallory' WHERE node = 'lukretia'", 1),
    "chain": ("UPDATE events SET number = 1000 - number WHERE node = 'lukretia' AND number IN (499, 5)", 995),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_tampered_log_is_found_and_no_honest_event_is_called_unlawful(world: Played, kind: str):
    statement, number = TAMPERED[kind]
    for node in ("genesis", "lukretia"):
        sql(world, node, statement)
    findings = found(world)
    if kind == "key":
        assert {name for name, _, _ in findings} & {"chain", "truncated"}
    else:
        assert (kind, "lukretia", number) in findings
    assert "unlawful" not in {name for name, _, _ in findings}


ORDERS = """at 0s start lukretia genesis
at 5s fail web lukretia
at 8s recover web lukretia
at 11s move web genesis
at 14s move web lukretia
at 17s expect web owner=lukretia"""


def configuration(world: Played, node: str) -> int:
    events = world.audit("timeline", "--kind", "config-applied").lines
    return next(int(event["number"]) for event in events if event["node"] == node)


@pytest.mark.parametrize("damage", ["bytes = bytes || x'00'", "number = number + 1000", None], ids=["bits", "moved", "lost"])
def test_a_damaged_configuration_is_found_and_commands_are_judged_by_the_files_that_count(tmp_path: Path, damage: str | None):
    """The file that the auditor was given is one: what an operator may order by that is no finding for want of another."""
    world = played(ORDERS, tmp_path / "logs")
    assert found(world) == set()
    number = configuration(world, "lukretia")
    statement = f"UPDATE events SET {damage}" if damage else "DELETE FROM events"
    for node in ("genesis", "lukretia"):
        sql(world, node, f"{statement} WHERE node = 'lukretia' AND number = {number}")
    kinds = [item["kind"] for item in world.audit("verify").json["findings"] if item["node"] == "lukretia"]
    assert kinds
    assert "authority" not in kinds


def test_a_configuration_that_cannot_be_read_counts_for_nobody_and_the_one_before_it_judges(world: Played):
    text = "cluster = {"
    broken = {"number": 2, "digest": hashlib.sha256(text.encode()).digest(), "text": text}
    forge(world, "lukretia", Kind.CONFIG_APPLIED, broken, service="")
    policy = read(world.config, files=False)
    numbers = []
    for nonce in (b"1", b"2"):
        command = Command(policy.cluster_id, "afm", "hold", "web", "", "", 0, 0, 1 << 52, nonce * 16)
        signed = sign_command(command, FileKey(private_key("afm")))
        body = {"command": signed.raw, "signature": signed.signature, "target": ""}
        numbers.append(forge(world, "lukretia", Kind.COMMAND, body))
    assert {item for item in found(world) if item[0] == "authority"} == {("authority", "lukretia", at) for at in numbers}


def test_answers_from_an_unsound_log_say_so_and_rest_on_the_sound_part(world: Played):
    sql(world, "genesis", "UPDATE events SET signature = zeroblob(64) WHERE node = 'lukretia' AND number = 4")
    answer = world.audit("who", "web", nodes=("genesis",))
    assert answer.json["owner"] == "lukretia", "the chain from later signatures still proves the claim"
    assert "unsound: signature: lukretia" in answer.err


def test_a_claim_that_nobody_signed_is_not_believed(world: Played):
    log = read_log(world.state("genesis"))
    last = [Entry.read(row.raw, row.signature) for row in log.rows if row.node == "genesis"][-1]
    forged = Entry.of(replace(last.event, number=last.event.number + 1, previous=last.id, kind="claim", service="web",
                              body=claim(world), causes=(), heads=()))  # fmt: skip
    connection = sqlite3.connect(world.state("genesis") / "log.db")
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, NULL)", (*forged.ref, forged.raw))
    connection.commit()
    connection.close()
    assert world.audit("who", "web", nodes=("genesis",)).json["owner"] == "lukretia"
    assert ("signature", "genesis", forged.event.number) in found(world, "genesis")


def test_another_clusters_configuration_makes_everything_a_finding(world: Played):
    text = world.config.read_text().replace("00112233445566778899aabbccddeeff", "ff112233445566778899aabbccddeeff")
    world.config.write_text(text)
    assert {kind for kind, _, _ in found(world)} == {"cluster"}
