"""[arbiter] and `partition = "arbiter"`: what is refused and why, and what is read of it."""

from pathlib import Path

import pytest

from coordinator.config import BadConfig, parse, read
from coordinator.config.arbiter_rules import resolved
from coordinator.policy import ArbiterPolicy
from coordinator.state import file_v2, file_v3, stored_file
from coordinator.state.file_v1 import Unreadable
from tests.config.sound import TEXT, bent

ARBITER = """
[arbiter]
endpoints = ["https://10.0.0.5:2379", "https://etcd2.example:2379", "https://[fd77::5]:2379"]
ca        = "etcd-ca.pem"
user      = "failover"
password_file = "etcd.pw"
prefix    = "/failover/demo"
"""
OURS = (
    bent('partition    = "serve"', 'partition    = "arbiter"')
    .replace('lease        = "500ms"', 'lease        = "2s"')
    .replace('[[services.web.actions]]\nscript  = "/etc/failover/web"\ntimeout = "20s"\n', "")
)
ONE = 'endpoints = ["https://10.0.0.5:2379"]'


def complaints(text: str) -> list[str]:
    try:
        parse(text, "failover.toml")
    except BadConfig as bad:
        return [f"{one.path}: {one.what}. {one.instead}" for one in bad.complaints]
    return []


def test_it_is_read_by_version_3_and_by_none_before() -> None:
    with pytest.raises(Unreadable):
        file_v2.read(OURS + ARBITER)
    policy = stored_file.read(OURS + ARBITER)
    assert policy == file_v3.read(OURS + ARBITER)
    members = ("https://10.0.0.5:2379", "https://etcd2.example:2379", "https://[fd77::5]:2379")
    assert policy.arbiter == ArbiterPolicy(members, "etcd-ca.pem", "failover", "etcd.pw", "/failover/demo")
    assert (policy.services["web"].partition, policy.services["web"].lease_ms) == ("arbiter", 2000)


def test_a_file_without_it_asks_nobody() -> None:
    assert stored_file.read(TEXT).arbiter is None


def test_the_word_is_taken_with_what_it_needs() -> None:
    assert parse(OURS + ARBITER, "failover.toml") == stored_file.read(OURS + ARBITER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OURS, 'services.web.partition: has no arbiter to ask. Write [arbiter] with endpoints = ["https://10.0.0.5:2379"]'),
        (
            OURS + "[arbiter]\nendpoints = []\n",
            "arbiter.endpoints: names no endpoints. Write 1 to 16 members of one etcd cluster",
        ),
        (OURS + "[arbiter]\n", 'arbiter.endpoints: is missing. Write endpoints = ["https://10.0.0.5:2379"]'),
        (OURS + f'[arbiter]\n{ONE}\nuser = "f"\n', "arbiter.user: is of no use without password_file"),
        (OURS + f'[arbiter]\n{ONE}\npassword_file = "f"\n', "arbiter.password_file: is of no use without user"),
        (OURS + f'[arbiter]\n{ONE}\npassword = "f"\n', 'unknown key "password". Did you mean "password_file"?'),
        (OURS + f'[arbiter]\n{ONE}\nprefix = "/failover/"\n', 'arbiter.prefix: "/failover/" is no prefix of keys'),
        (OURS + f'[arbiter]\n{ONE}\nprefix = "failover"\n', 'arbiter.prefix: "failover" is no prefix of keys'),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text: str, expected: str) -> None:
    assert any(expected in found for found in complaints(text)), complaints(text)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("10.0.0.5:2379", "is not scheme, host and port"),
        ("https://10.0.0.5", "is not scheme, host and port"),
        ("https://10.0.0.5:2379/", "is not scheme, host and port"),
        ("https://10.0.0.5:2379/v3", "is not scheme, host and port"),
        ("https://root:word@10.0.0.5:2379", "is not scheme, host and port"),
        ("ftp://10.0.0.5:2379", "is not scheme, host and port"),
        ("https://10.0.0.5:99999", "is no URL"),
        ("http://10.0.0.5:2379", "is not encrypted: a stranger on the way could say that a service is free"),
        ("https://10.0.0.6:2379", "stands here twice"),
    ],
)
def test_an_endpoint_is_a_scheme_a_host_and_a_port(endpoint: str, expected: str) -> None:
    text = f'{OURS}[arbiter]\nendpoints = ["https://10.0.0.6:2379", "{endpoint}"]\n'
    assert any("endpoints[1]" in found and expected in found for found in complaints(text)), complaints(text)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:2379", "http://[::1]:2379", "http://localhost:2379"])
def test_a_member_on_this_machine_need_not_be_encrypted(endpoint: str) -> None:
    assert complaints(f'{OURS}[arbiter]\nendpoints = ["{endpoint}"]\n') == []


@pytest.mark.parametrize("lease", ["500ms", "1s", "2500ms", "61s"])
def test_a_lease_is_what_etcd_keeps(lease: str) -> None:
    text = OURS.replace('"2s"', f'"{lease}"') + ARBITER
    assert any("is not what etcd keeps" in found for found in complaints(text))
    with pytest.raises(Unreadable):
        file_v3.read(text)


def test_the_default_lease_is_none_that_etcd_keeps() -> None:
    assert any('Write lease = "2s"' in found for found in complaints(OURS.replace('lease        = "2s"\n', "") + ARBITER))


def test_what_nothing_ends_at_the_end_of_a_lease_is_refused() -> None:
    text = OURS.replace("[[services.web.actions]]", '[[services.web.actions]]\nscript = "/x"\n[[services.web.actions]]', 1)
    said = "script under arbiter: with faild hung, nothing ends it at the end of the lease"
    assert any(said in found for found in complaints(text + ARBITER))


def test_its_files_are_looked_at_by_who_asks_it(tmp_path: Path) -> None:
    file = tmp_path / "failover.toml"
    file.write_text(OURS + ARBITER)
    (tmp_path / "etcd.pw").write_text("word")
    (tmp_path / "etcd-ca.pem").write_text("no certificate")
    with pytest.raises(BadConfig) as caught:
        read(file)
    found = {one.path: one.what for one in caught.value.complaints}
    assert "can be read by others" in found["arbiter.password_file"]
    assert "has no certificate that can be read" in found["arbiter.ca"]
    policy = resolved(stored_file.read(OURS + ARBITER), tmp_path)
    assert policy.arbiter is not None
    assert (policy.arbiter.ca, policy.arbiter.password_file) == (str(tmp_path / "etcd-ca.pem"), str(tmp_path / "etcd.pw"))
