"""Our bytes today are the bytes that were frozen: a node of another release, and an auditor in ten years, read the same."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from protocol.bodies import read_signed
from protocol.canonical import NotCanonical, pack, unpack
from protocol.commands import open_command
from protocol.datagram import Opener, check_outside, key_id_of, last_word_body
from protocol.event import NO_PREVIOUS, Entry
from protocol.events import FencedBy, FenceRequested, FenceResult, Vote, body_of
from protocol.frames import FrameReader, Kind
from protocol.keys import NodeKeyring
from protocol.messages import Domain, Heartbeat, LastWord, open_signed
from protocol.takeover import Given, votes_in
from protocol.takeover import decode as decode_takeover
from tools.lab.pytest_plugin import left_out

HERE = Path(__file__).parent


def _made():
    spec = importlib.util.spec_from_file_location("failover_vectors", HERE / "vectors.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


MADE = _made()


def frozen(name):
    return json.loads((MADE.FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", sorted(MADE.ALL))
def test_what_we_write_today_is_what_was_frozen(name):
    assert MADE.ALL[name]() == frozen(name)


@pytest.mark.parametrize("name", sorted(MADE.ACCEPTED))
def test_each_frozen_value_has_its_one_encoding(name):
    raw = bytes.fromhex(frozen("canonical")["accepted"][name])
    assert unpack(raw) == MADE.ACCEPTED[name]
    assert pack(MADE.ACCEPTED[name]) == raw


@pytest.mark.parametrize("name", sorted(MADE.REFUSED))
def test_each_other_encoding_is_refused(name):
    with pytest.raises(NotCanonical):
        unpack(bytes.fromhex(frozen("canonical")["refused"][name]))


def test_the_frozen_events_are_a_signed_chain():
    vector = frozen("event")
    ring = NodeKeyring({"genesis": bytes.fromhex(vector["public"])})
    previous = NO_PREVIOUS
    for one in vector["events"]:
        entry = Entry.read(bytes.fromhex(one["raw"]), None)
        assert entry.id.hex() == one["id"]
        assert entry.event.previous == previous
        assert Entry.of(entry.event).raw.hex() == one["raw"]
        ring.verify("genesis", Domain.EVENT, entry.id, bytes.fromhex(one["signature"]))
        previous = entry.id


def test_the_frozen_vote_reads_and_the_heartbeat_that_asks_opens():
    vector, ring = frozen("vote"), NodeKeyring({"genesis": MADE.GENESIS.public})
    entry = Entry.read(bytes.fromhex(vector["event"]["raw"]), bytes.fromhex(vector["event"]["signature"]))
    ring.verify("genesis", Domain.EVENT, entry.id, entry.signature)
    assert body_of(entry.event) == Vote(candidate="lukretia", epoch=8, voters=1, run=MADE.RUN, counter=4711)
    raw, signature = (bytes.fromhex(vector["heartbeat"][part]) for part in ("raw", "signature"))
    beat = open_signed(Heartbeat, raw, signature, ring, MADE.CLUSTER).message
    assert (beat.vote, beat.claiming, beat.leases.wants) == (3, (), {"mail": 9})


def test_the_frozen_certificate_reads_and_each_of_its_proofs_is_signed():
    vector = frozen("takeover")
    ring = NodeKeyring({node: bytes.fromhex(vector[node]) for node in ("genesis", "lukretia")})
    takeover = decode_takeover(vector["file"].encode())
    assert (takeover.service, takeover.node, takeover.claimed.epoch) == ("web", "genesis", 8)
    for proof in (takeover.claim, *takeover.votes):
        assert proof.is_chain
        ring.verify(proof.event.node, Domain.EVENT, proof.run[-1].id, proof.run[-1].signature)
    given = [votes_in(vote.event, "web") for vote in takeover.votes]
    assert given == [[Given("genesis", 8, 1)], [Given("genesis", 8, 1)]]


@pytest.mark.parametrize(("name", "kind"), [("heartbeat", Heartbeat), ("last-word", LastWord)])
def test_the_frozen_messages_open(name, kind):
    vector = frozen(name)
    raw, signature = bytes.fromhex(vector["raw"]), bytes.fromhex(vector["signature"])
    verified = open_signed(kind, raw, signature, NodeKeyring({"genesis": MADE.GENESIS.public}), MADE.CLUSTER)
    assert verified.message.encode() == raw
    if name == "last-word":
        data = bytes.fromhex(vector["datagram"])
        assert not check_outside(data)
        assert read_signed(last_word_body(data)) == (raw, signature)


def test_the_frozen_command_opens_here_and_by_stock_openssh(tmp_path):
    vector = frozen("command")
    raw, signature = bytes.fromhex(vector["raw"]), bytes.fromhex(vector["signature"])
    assert open_command(raw, signature, {"afm": vector["public"]}, MADE.CLUSTER).command.word == "move"
    left_out(None if shutil.which("ssh-keygen") else "OpenSSH is not installed; apt install openssh-client")
    (tmp_path / "allowed").write_text(f"afm {vector['public']}\n")
    (tmp_path / "sig").write_text(vector["armored"])
    files = ["-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "sig")]
    line = ["ssh-keygen", "-Y", "verify", "-I", "afm", "-n", vector["namespace"], *files]
    assert subprocess.run(line, input=raw, capture_output=True).returncode == 0


@pytest.mark.parametrize("word", ["move", "fail", "unhold", "apply"])
def test_the_frozen_commands_of_format_2_open(word):
    vector = frozen("command-2")[word]
    raw, signature = bytes.fromhex(vector["raw"]), bytes.fromhex(vector["signature"])
    command = open_command(raw, signature, {"afm": vector["public"]}, MADE.CLUSTER).command
    assert (command.word, command.format, command.encode()) == (word, 2, raw)
    assert command.is_word_of_an_end is (word == "fail")


def test_the_frozen_fence_reads_and_its_order_opens():
    vector, ring = frozen("fence"), NodeKeyring({"genesis": MADE.GENESIS.public})
    raw, signature = bytes.fromhex(vector["command"]["raw"]), bytes.fromhex(vector["command"]["signature"])
    command = open_command(raw, signature, {"afm": vector["command"]["public"]}, MADE.CLUSTER).command
    assert (command.word, command.node, command.run, command.encode()) == ("fence", "lukretia", MADE.RUN, raw)
    bodies = []
    for one in vector["events"]:
        entry = Entry.read(bytes.fromhex(one["raw"]), bytes.fromhex(one["signature"]))
        ring.verify("genesis", Domain.EVENT, entry.id, entry.signature)
        bodies.append(body_of(entry.event))
    text = "lukretia is off: level 2 (fence_apc) after 5 s"
    by = FencedBy.COMMAND
    assert bodies == [
        FenceRequested(node="lukretia", run=MADE.RUN, by=by),
        FenceResult(node="lukretia", run=MADE.RUN, ok=True, by=by, level=2, text=text),
    ]
    for one, body in zip(vector["events"], bodies):
        assert pack(body.to_body()) in bytes.fromhex(one["raw"]), "what is written is what is frozen"


def test_the_frozen_datagrams_open_in_order():
    vector = frozen("datagram")
    opener = Opener(bytes.fromhex(vector["key_id"]), bytes.fromhex(vector["key"]))
    for one in vector["sealed"]:
        data = bytes.fromhex(one["datagram"])
        assert check_outside(data)
        assert key_id_of(data) == opener.key_id
        inside, body = opener.open(data)
        assert (inside.name, body.hex()) == (one["inside"], one["body"])


def test_the_frozen_frames_are_cut_as_they_were_made():
    vector = frozen("frames")
    stream = b"".join(bytes.fromhex(data) for data in vector.values())
    found = FrameReader().feed(stream)
    assert [kind.name for kind, _ in found] == list(vector) == [kind.name for kind in Kind]


@pytest.mark.parametrize("name", sorted(MADE.ALL))
def test_the_pages_show_the_frozen_bytes(name):
    """docs/formats quotes the vectors; a page that quotes others would be believed."""
    on = {"last-word": "heartbeat", "command-2": "command", "vote": "votes"}.get(name, name)
    page = (HERE.parent.parent / "docs" / "formats" / f"{on}.md").read_text()
    quoted = "".join(page.split())
    for text in _texts(frozen(name)):
        assert "".join(text.split()) in quoted, text


def _texts(value):
    """Every string of a vector that is long enough to be worth a quotation."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) and len(value) >= 32 else []
