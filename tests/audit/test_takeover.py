"""A takeover certificate: one file, written from a log, that anybody with the cluster's configuration can check without one."""

from pathlib import Path

import pytest

from coordinator.state.stored_file import read_policy
from protocol.event import Entry, Event
from protocol.events import CarriedService, Claim, Gap, body_of
from protocol.forks import Branch
from protocol.keys import key_text
from protocol.kinds import Kind
from protocol.takeover import NotTakeover, decode, encode
from store.merge import Source
from store.verify_log import Row
from tests.audit.certificates import Bench, Make, changed, naming, signed, vote_of
from tests.audit.elections import ELECTED, claims_by_its_own_vote, majority
from tests.audit.worlds import audit, played
from tools.audit.evidence import weighed
from tools.audit.prove_takeover import proved
from tools.audit.takeover_check import checked
from tools.simulator.keys import Keys
from tools.simulator.random_run import RandomRun


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.made(tmp_path_factory.mktemp("certificates"))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_certificate_is_checked_without_any_log(bench: Bench):
    answer = bench.check(bench.good, "--json")
    assert answer.code == 0, answer.out
    told = {"ok": True, "service": "web", "epoch": 2, "node": "genesis", "votes": ["carthage", "genesis"], "findings": []}
    assert answer.json == told
    said = bench.check(bench.good).out.splitlines()
    assert said[-1] == "proved: genesis claimed web under epoch 2 by the votes of 2 of 3 voters"


def test_every_log_that_has_the_claim_gives_the_same_bytes(bench: Bench):
    files = [
        bench.world.audit("prove", "takeover", "web", "2", as_json=False, nodes=nodes).out
        for nodes in (("genesis",), ("carthage",), None)
    ]
    assert len(set(files)) == 1
    assert decode(files[0].encode()).claim.event.kind == Kind.CLAIM


def test_the_file_is_written_once_and_over_no_other(bench: Bench, tmp_path: Path):
    out = tmp_path / "web-2.takeover"
    words = ("prove", "takeover", "web", "2", "--out", str(out))
    for _ in range(2):
        answer = bench.world.audit(*words)
        assert (answer.code, answer.json["file"], answer.json["votes"]) == (0, str(out), ["carthage", "genesis"])
        assert out.read_bytes() == bench.good
    out.write_text("something else")
    assert bench.world.audit(*words).code == 2
    assert out.read_text() == "something else"


@pytest.mark.parametrize("seed", [40, 80])
def test_every_claim_of_a_drawn_history_has_a_certificate(seed: int):
    """With real keys; nodes crash, stand still and are cut off, and new incarnations carry votes of older ones."""
    run = RandomRun(seed, 3_000, leases=True)
    run.play()
    disks = {name: host.disk.entries() for name, host in run.world.hosts.items()}
    logs = [Source(name, [Row(*it.ref, it.raw, it.signature) for it in entries]) for name, entries in disks.items()]
    evidence = weighed(run.world.policy, logs)
    claims = [(event.service, body_of(event)) for event in evidence.history.order if event.kind == Kind.CLAIM]
    assert len(claims) >= 3
    for service, body in claims:
        assert isinstance(body, Claim)
        data, verdict = proved(evidence, service, body.epoch)
        assert (verdict.ok, verdict.takeover.claimed) == (True, body)
        assert len(data) < 4_096


def test_of_a_claim_without_a_majority_there_is_no_certificate(tmp_path: Path):
    cut = "at 4s cut genesis lukretia\nat 4s cut genesis carthage\nat 8s expect web owner=lukretia"
    world = majority(ELECTED + cut, tmp_path)
    claims_by_its_own_vote(world, "genesis", 2)
    answer = world.audit("prove", "takeover", "web", "2", "--out", str(tmp_path / "file"))
    assert answer.code == 1
    assert "too-few: the claim has the votes of 1 of 3 voters, and 2 are a majority" in answer.err
    assert not (tmp_path / "file").exists()


def test_of_an_epoch_that_was_never_claimed_there_is_none(bench: Bench):
    answer = bench.world.audit("prove", "takeover", "web", "9")
    assert (answer.code, answer.err) == (1, "failaudit: no node has claimed web under epoch 9, as far as these logs tell\n")


def test_of_a_claim_under_serve_there_is_none(tmp_path: Path):
    world = played("at 0s start lukretia genesis\nat 5s expect web owner=lukretia", tmp_path)
    answer = world.audit("prove", "takeover", "web", "1")
    assert answer.code == 1
    assert "web is not owned by votes: its partition is serve" in answer.err


def carried(bench: Bench) -> list[Entry]:
    """carthage has restarted with a new incarnation: its vote stands in its gap, and the event behind that is signed."""
    vote, incarnation = bench.votes[0][0], 1_767_225_600_001
    ballot = tuple(vote.event.body[key] for key in ("epoch", "candidate", "voters", "run", "counter"))
    service = CarriedService(epoch=0, wish="", votes=(ballot,))
    gap = Gap(incarnation=vote.event.incarnation, number=vote.event.number, id=vote.id, services={"web": service})
    here = vote.event
    first = Entry.of(
        Event(here.cluster, "carthage", incarnation, 1, bytes(32), 1, 1, str(Kind.GAP_DECLARED), "", gap.to_body(), (), ())
    )
    second = Event(here.cluster, "carthage", incarnation, 2, first.id, 1, 1, "node-stopping", "", {}, (), ())
    return [first, *signed(second)]


def test_a_vote_that_a_new_incarnation_carries_counts_by_the_signature_behind_it(bench: Bench):
    answer = bench.check(naming(bench, [tuple(carried(bench)), bench.votes[1]]), "--json")
    assert (answer.json["ok"], answer.json["votes"]) == (True, ["carthage", "genesis"]), answer.out


def spliced(bench: Bench) -> Branch:
    """A gap of somebody else's making before a well signed event of carthage."""
    first, second = carried(bench)
    forged = Entry.of(signed(first.event)[0].event)
    assert forged.id == first.id
    return (Entry.of(changed((first,), wall_ms=2)[0].event), second)


def unsigned(run: Branch) -> Branch:
    """The same event with another signature of the same length."""
    entry = run[0]
    assert entry.signature
    return (entry.signed(flipped(entry.signature, 40)),)


WRONG: dict[str, tuple[Make, list[str], str]] = {
    "one signature twice": (
        lambda it: encode(it.claim, [it.votes[0], it.votes[0]]), ["duplicate", "too-few"], "carthage stands there twice",
    ),
    "one signature twice beside enough": (
        lambda it: encode(it.claim, [*it.votes, it.votes[0]]), ["duplicate"], "carthage stands there twice",
    ),
    "two votes of one voter": (
        lambda it: naming(it, [it.votes[0], changed(it.votes[0], wall_ms=1), changed(it.votes[0], number=15)]),
        ["duplicate", "duplicate", "too-few"], "carthage stands there twice",
    ),
    "too few": (lambda it: encode(it.claim, it.votes[:1]), ["too-few"], "1 of 3 voters, and 2 are a majority"),
    "none": (lambda it: encode(it.claim, []), ["too-few"], "the votes of no voter, and 2 are a majority"),
    "a stranger's in the place of one": (
        lambda it: naming(it, [it.votes[0], vote_of(it, "nobody")]), ["stranger", "too-few"], "by nobody, which is no voter",
    ),
    "a stranger's beside enough": (
        lambda it: naming(it, [*it.votes, vote_of(it, "nobody")]), ["stranger"], "by nobody, which is no voter",
    ),
    "votes for another epoch": (
        lambda it: encode(it.claim, [(it.event("carthage", 9),), (it.event("genesis", 9),)]),
        ["epoch", "epoch", "too-few"], "is for lukretia under epoch 1 of web, and not for genesis under epoch 2 of web",
    ),
    "a vote for the next epoch": (
        lambda it: naming(it, [it.votes[0], vote_of(it, "genesis", epoch=3)]), ["epoch", "too-few"], "under epoch 3 of web",
    ),
    "a vote for another candidate": (
        lambda it: naming(it, [it.votes[0], vote_of(it, "lukretia", candidate="lukretia")]),
        ["epoch", "too-few"], "is for lukretia under epoch 2 of web",
    ),
    "a vote for another service": (
        lambda it: naming(it, [it.votes[0], changed(it.votes[1], service="db")]), ["epoch", "too-few"], "under epoch 2 of db",
    ),
    "a vote of another cluster": (
        lambda it: naming(it, [it.votes[0], changed(it.votes[1], cluster=bytes(32))]),
        ["epoch", "too-few"], "is of another cluster than the claim",
    ),
    "all of another cluster": (
        lambda it: encode(
            changed(it.claim, cluster=bytes(32)), [changed(vote, cluster=bytes(32)) for vote in it.votes]
        ),
        ["epoch"], "is of another cluster than three-nodes",
    ),
    "votes by two sets of voters": (
        lambda it: naming(it, [it.votes[0], vote_of(it, "genesis", voters=2)]),
        ["epoch"], "carthage by set 1, genesis by set 2",
    ),
    "a genuine vote that the claim did not know": (
        lambda it: encode(it.claim, [*it.votes, (it.event("lukretia", 16),)]),
        ["epoch"], "not among those that the claim names",
    ),
    "a vote with another signature": (
        lambda it: encode(it.claim, [it.votes[0], unsigned(it.votes[1])]), ["signature", "too-few"], "not signed by genesis",
    ),
    "a vote in another's name": (
        lambda it: naming(it, [it.votes[0], changed(it.votes[1], by="carthage")]),
        ["signature", "too-few"], "not signed by genesis",
    ),
    "a vote that was edited": (
        lambda it: encode(it.claim, [it.votes[0], (edited(it.votes[1]),)]), ["signature", "too-few"], "not signed by genesis",
    ),
    "a carried vote that the signature behind it does not cover": (
        lambda it: naming(it, [spliced(it), it.votes[1]]), ["signature", "too-few"], "do not follow one another",
    ),
    "a claim with another signature": (
        lambda it: encode(unsigned(it.claim), it.votes), ["signature"], "the claim genesis/1767225600000/15 is not signed",
    ),
    "a claim in another's name": (
        lambda it: encode(changed(it.claim, by="carthage"), it.votes), ["signature"], "not signed by genesis",
    ),
    "a claim by a node that is no candidate": (
        lambda it: encode(changed(it.claim, node="nobody"), it.votes),
        ["stranger", "epoch", "epoch", "too-few"], "by nobody, which is no candidate of web",
    ),
    "a claim of a service that is not there": (
        lambda it: encode(changed(it.claim, service="db"), it.votes),
        ["stranger", "epoch", "epoch", "too-few"], "db is not owned by votes: it is not in the configuration",
    ),
}  # fmt: skip


def edited(run: Branch) -> Entry:
    """Another event with the signature of the first."""
    return changed(run, wall_ms=1)[0].signed(run[0].signature or b"")


@pytest.mark.parametrize("name", WRONG)
def test_a_certificate_that_proves_nothing_is_refused_with_the_reason(bench: Bench, name: str):
    make, kinds, words = WRONG[name]
    data = make(bench)
    answer = bench.check(data, "--json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    assert [finding["kind"] for finding in answer.json["findings"]] == kinds, answer.json["findings"]
    assert any(words in finding["text"] for finding in answer.json["findings"]), answer.json["findings"]
    said = bench.check(data)
    assert said.code == 1
    assert said.out.splitlines()[0].startswith(f"{kinds[0]}: ")
    assert said.out.splitlines()[-1].startswith("not proved: ")


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ('partition = "majority"', 'partition = "serve"', ["stranger"]),
        ('nodes = ["lukretia", "genesis", "carthage"]', 'nodes = ["lukretia", "carthage"]', ["stranger"]),
        ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100", ["epoch"]),
        ("[nodes.carthage]", "[nodes.carthage]\nvoter = false", ["stranger"]),
    ],
    ids=["no votes are needed", "the claimant is no candidate", "another cluster", "a voter is none"],
)
def test_it_is_judged_by_the_configuration_that_is_named(bench: Bench, tmp_path: Path, old: str, new: str, kinds: list[str]):
    config = tmp_path / "other.toml"
    text = bench.world.config.read_text()
    assert text.count(old) == 1
    config.write_text(text.replace(old, new))
    answer = bench.check(bench.good, "--json", config=config)
    assert answer.code == 1, answer.err
    assert [finding["kind"] for finding in answer.json["findings"]][: len(kinds)] == kinds


def test_without_a_configuration_nothing_is_proved(bench: Bench):
    file = bench.folder / "b.takeover"
    file.write_bytes(bench.good)
    answer = audit("check", str(file), "--config", str(bench.folder / "no such file"))
    assert (answer.code, answer.out) == (3, "")
    assert "without it no key can be trusted" in answer.err


def test_no_byte_of_it_may_be_another(bench: Bench):
    """Each one is flipped in turn: what is left is no certificate, or proves nothing."""
    good, policy = bench.good, read_policy(bench.world.config.read_text())
    assert policy is not None
    assert checked(decode(good), policy).ok
    read = 0
    for at in range(len(good)):
        try:
            takeover = decode(flipped(good, at))
        except NotTakeover:
            continue
        read += 1
        assert not checked(takeover, policy).ok, at
    assert read, "some were read, and refused for what they say"


def test_a_key_that_is_not_the_voters_proves_nothing(bench: Bench, tmp_path: Path):
    """The same names and the same cluster, and another key for carthage."""
    theirs, other = (key_text(Keys([node], real=True).public()[node]) for node in ("carthage", "nobody"))
    config = tmp_path / "other.toml"
    config.write_text(bench.world.config.read_text().replace(theirs, other))
    answer = bench.check(bench.good, "--json", config=config)
    assert [finding["kind"] for finding in answer.json["findings"]] == ["signature", "too-few"]
