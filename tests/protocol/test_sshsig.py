"""Operators sign with keys that they own already: what we write stock OpenSSH accepts, and the other way round."""

import base64
import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from protocol import agent, sshkey, sshsig
from protocol.canonical import NotCanonical, pack
from protocol.commands import NAMESPACE, Act, Command, check_expiry, open_command, sign_command
from protocol.event import Ref
from protocol.keys import UnusableKey
from protocol.refusals import Reason, Refused
from tools.lab.pytest_plugin import left_out

NO_SSH = "OpenSSH is not installed; apt install openssh-client"
CLUSTER = bytes(range(32))
needs_ssh = pytest.mark.usefixtures("openssh")


@pytest.fixture
def openssh():
    left_out(None if shutil.which("ssh-keygen") else NO_SSH)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "id_ed25519"
    sshkey.write_private(path, "afm@test")
    return path


ACT = Act("genesis", 1_700_000_000_000)


def command(**changes):
    plain = Command(CLUSTER, "afm", "move", "web", "genesis", "a test", 0, 0, 1_800_000_000_000, bytes(16))
    return plain._replace(**changes)


def verify_by_keygen(tmp_path, public, raw, blob, namespace, identity="afm"):
    (tmp_path / "allowed").write_text(f'afm namespaces="{NAMESPACE}" {public}\n')
    (tmp_path / "sig").write_text(sshsig.armor(blob))
    line = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        str(tmp_path / "allowed"),
        "-I",
        identity,
        "-n",
        namespace,
        "-s",
        str(tmp_path / "sig"),
    ]
    return subprocess.run(line, input=raw, capture_output=True).returncode == 0


@needs_ssh
def test_stock_ssh_keygen_accepts_our_signature_and_no_other(tmp_path, key_file):
    key = sshkey.load_private(key_file)
    signed = sign_command(command(), key)
    assert verify_by_keygen(tmp_path, key.public, signed.raw, signed.signature, NAMESPACE)
    assert not verify_by_keygen(tmp_path, key.public, signed.raw + b"x", signed.signature, NAMESPACE)
    assert not verify_by_keygen(tmp_path, key.public, signed.raw, signed.signature, "file")


@needs_ssh
def test_we_accept_what_stock_ssh_keygen_signs_and_it_is_byte_for_byte_ours(tmp_path, key_file):
    raw = command().encode()
    (tmp_path / "raw").write_bytes(raw)
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key_file), "-n", NAMESPACE, str(tmp_path / "raw")],
        check=True,
        capture_output=True,
    )
    armored = (tmp_path / "raw.sig").read_text()
    key = sshkey.load_private(key_file)
    sshsig.verify(key.public, raw, sshsig.dearmor(armored), NAMESPACE)
    assert sshsig.armor(sshsig.sign(key, raw, NAMESPACE)) == armored


@needs_ssh
def test_a_key_that_openssh_made_is_read_and_ours_is_read_by_openssh(tmp_path, key_file):
    path = tmp_path / "theirs"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    public = path.with_name("theirs.pub").read_text()
    assert sshsig.parse_public(public) == sshsig.parse_public(sshkey.load_private(path).public)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", str(key_file)], check=True, capture_output=True, text=True).stdout
    assert shown.split()[:2] == sshkey.load_private(key_file).public.split()


@pytest.fixture
def agent_socket(tmp_path):
    left_out(None if shutil.which("ssh-agent") else NO_SSH)
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield path
    process.terminate()
    process.wait()
    process.stdout.close()


def test_an_agent_signs_what_we_verify(agent_socket, key_file, tmp_path):
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent_socket)}
    assert agent.keys(agent_socket) == []
    rsa = tmp_path / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa)], check=True)
    for path in (rsa, key_file):
        subprocess.run(["ssh-add", "-q", str(path)], check=True, env=environment, capture_output=True)
    (key,) = agent.keys(agent_socket)
    assert key.public == sshkey.load_private(key_file).public
    signed = sign_command(command(), key)
    assert open_command(signed.raw, signed.signature, {"afm": key.public}, CLUSTER) == signed
    subprocess.run(["ssh-add", "-q", "-D"], check=True, env=environment, capture_output=True)
    with pytest.raises(agent.NoAgent, match="refused"):
        key.sign(b"x")


def test_no_agent_is_an_empty_list_and_a_dead_one_a_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert agent.keys() == []
    with pytest.raises(agent.NoAgent, match="--identity"):
        agent.keys(tmp_path / "none")


def test_a_private_key_is_refused_with_the_remedy(tmp_path, key_file):
    key_file.chmod(0o644)
    with pytest.raises(UnusableKey, match="chmod 600"):
        sshkey.load_private(key_file)
    with pytest.raises(UnusableKey, match="--identity"):
        sshkey.load_private(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(UnusableKey, match="not an OpenSSH private key"):
        sshkey.load_private(tmp_path / "text")


@needs_ssh
def test_a_key_with_a_passphrase_points_to_the_agent(tmp_path):
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(path)], check=True)
    with pytest.raises(UnusableKey, match="ssh-add"):
        sshkey.load_private(path)


def reason_of(call):
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


def test_each_lie_about_a_command_has_its_reason(key_file, tmp_path):
    key = sshkey.load_private(key_file)
    other = sshkey.write_private(tmp_path / "other", "eve")
    operators = {"afm": key.public, "eve": other}
    signed = sign_command(command(), key)
    raw, blob = signed.raw, signed.signature

    assert open_command(raw, blob, operators, CLUSTER) == signed
    assert reason_of(lambda: open_command(raw, b"", operators, CLUSTER)) is Reason.UNSIGNED
    assert reason_of(lambda: open_command(raw, blob, operators, bytes(32))) is Reason.WRONG_CLUSTER
    assert reason_of(lambda: open_command(raw, blob, {}, CLUSTER)) is Reason.UNKNOWN_KEY
    assert reason_of(lambda: open_command(raw, blob, {"afm": other}, CLUSTER)) is Reason.UNKNOWN_KEY
    assert reason_of(lambda: open_command(raw + b"\xc0", blob, operators, CLUSTER)) is Reason.NOT_CANONICAL
    assert reason_of(lambda: open_command(bytes(5000), blob, operators, CLUSTER)) is Reason.OVERSIZED
    assert reason_of(lambda: open_command(raw, bytes(2000), operators, CLUSTER)) is Reason.OVERSIZED
    assert reason_of(lambda: open_command(raw, b"SSHSIG", operators, CLUSTER)) is Reason.GARBAGE
    assert reason_of(lambda: open_command(raw, sshsig.sign(key, raw, "file"), operators, CLUSTER)) is Reason.BAD_SIGNATURE
    changed = command(node="lukretia").encode()
    assert reason_of(lambda: open_command(changed, blob, operators, CLUSTER)) is Reason.BAD_SIGNATURE
    stolen = sign_command(command(operator="eve"), key)
    assert reason_of(lambda: open_command(stolen.raw, stolen.signature, operators, CLUSTER)) is Reason.UNKNOWN_KEY


def test_expiry_is_judged_at_the_door():
    check_expiry(command(expires_ms=100_000), 100_000)
    check_expiry(command(expires_ms=100_000), 40_000)
    assert reason_of(lambda: check_expiry(command(expires_ms=100_000), 100_001)) is Reason.EXPIRED
    assert reason_of(lambda: check_expiry(command(expires_ms=100_000), 39_999)) is Reason.EXPIRED


@pytest.mark.parametrize(
    "changes",
    [
        {"word": "rm"},
        {"nonce": b"short"},
        {"cluster": b""},
        {"for_ms": -1},
        {"epoch": -1},
        {"expires_ms": -1},
        {"epoch": True},
        {"acts": (Act("genesis", 0),)},
        {"acts": (Act("genesis", 1 << 60),)},
        {"acts": (Act("", 1),)},
        {"acts": (Act("genesis", 1), Act("genesis", 2))},
        {"acts": tuple(Act(f"node{number}", 1) for number in range(17))},
        {"acts": (ACT,), "word": "apply"},
        {"acts": (ACT,), "digest": bytes(32)},
        {"acts": (ACT,), "digest": bytes(31), "word": "apply"},
        {"acts": (ACT,), "epoch": 1 << 60},
        {"acts": (ACT,), "run": bytes(8)},
        {"acts": (ACT,), "run": bytes(8), "word": "fail", "node": "lukretia"},
        {"acts": (ACT,), "run": bytes(7), "word": "fail", "node": "lukretia", "epoch": 1},
        {"acts": (ACT,), "ends": (Ref("genesis", 1, 0),)},
        {"acts": (ACT,), "ends": (Ref("genesis", 1, 1), Ref("genesis", 1, 1))},
        {"acts": (ACT,), "ends": tuple(Ref("genesis", 1, number) for number in range(1, 50))},
        {"acts": (ACT,), "service": "x" * 65},
    ],
)
def test_a_command_with_an_impossible_field_is_not_canonical(changes, key_file):
    key = sshkey.load_private(key_file)
    signed = sign_command(command(**changes), key)
    assert reason_of(lambda: open_command(signed.raw, signed.signature, {"afm": key.public}, CLUSTER)) is Reason.NOT_CANONICAL


@pytest.mark.parametrize(
    "changes",
    [
        {"acts": (ACT, Act("lukretia", 9))},
        {"acts": (ACT,), "word": "fail", "node": "lukretia", "epoch": 3, "run": bytes(8)},
        {"acts": (ACT,), "word": "apply", "digest": bytes(32)},
        {"acts": (ACT,), "word": "unhold", "ends": (Ref("genesis", 1, 7),)},
    ],
)
def test_a_command_that_names_who_acts_is_read_as_it_was_written(changes, key_file):
    key = sshkey.load_private(key_file)
    signed = sign_command(command(**changes), key)
    assert open_command(signed.raw, signed.signature, {"afm": key.public}, CLUSTER) == signed


WHOLE = st.integers(1 - 2**63, 2**63 - 1)


@given(st.lists(st.one_of(st.none(), st.booleans(), WHOLE, st.text(), st.binary(), st.lists(WHOLE))))
def test_arbitrary_fields_are_no_command_and_never_a_crash(fields):
    raw = pack([2, *fields])
    with pytest.raises(NotCanonical):
        Command.decode(raw)


KEY = sshkey.FileKey(sshkey.Ed25519PrivateKey.generate())
SIGNED = sign_command(command(), KEY)


@given(st.integers(0, len(SIGNED.signature) - 1), st.integers(1, 255))
def test_every_flipped_byte_of_a_signature_is_refused(at, mask):
    blob = bytearray(SIGNED.signature)
    blob[at] ^= mask
    reason_of(lambda: open_command(SIGNED.raw, bytes(blob), {"afm": KEY.public}, CLUSTER))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_never_a_signature_and_never_a_crash(blob):
    reason_of(lambda: open_command(SIGNED.raw, blob, {"afm": KEY.public}, CLUSTER))
    reason_of(lambda: open_command(SIGNED.raw, SIGNED.signature[:10] + blob, {"afm": KEY.public}, CLUSTER))


@given(st.text())
def test_arbitrary_text_is_no_public_key_and_no_armor(text):
    with pytest.raises(UnusableKey):
        sshsig.parse_public(text)
    with pytest.raises(UnusableKey):
        sshsig.parse_public("ssh-ed25519 " + text)
    with pytest.raises(Refused):
        sshsig.dearmor(text)


def test_a_small_order_operator_key_is_refused():
    blob = sshkey.key_blob(b"\x01" + bytes(31))
    with pytest.raises(UnusableKey, match="small order"):
        sshsig.parse_public("ssh-ed25519 " + base64.b64encode(blob).decode())


def test_a_plain_key_is_read_without_the_library_and_an_altered_one_not_at_all(tmp_path):
    """The short way reads what ssh-keygen writes; what it does not understand goes to the library, which has the words."""
    mine, other = tmp_path / "mine", tmp_path / "other"
    for path in (mine, other):
        sshkey.write_private(path, "afm@demo")
    with_it = serialization.load_ssh_private_key(mine.read_bytes(), password=None)
    assert sshkey._plain(mine.read_bytes()).private_bytes_raw() == with_it.private_bytes_raw()
    lines = mine.read_bytes().split(b"\n")
    raw = bytearray(base64.b64decode(b"".join(lines[1:-2])))
    for at in range(len(raw)):
        bent = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1 :])
        text = b"\n".join([lines[0], base64.b64encode(bent), *lines[-2:]])
        key = sshkey._plain(text)
        assert key is None or key.private_bytes_raw() == with_it.private_bytes_raw(), at
    for text in (b"", b"-----BEGIN OPENSSH PRIVATE KEY-----", mine.read_bytes()[:-40], other.with_suffix(".pub").read_bytes()):
        assert sshkey._plain(text) is None
