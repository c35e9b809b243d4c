"""TLS and authentication, with a real etcd: whom a node trusts, and what a member lets it do."""

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coordinator.arbiter.client import Arbiter
from coordinator.core.quorum.arbiter import Kept, Refusal, Refused, Seen, Taken
from tests.arbiter.conftest import PREFIX, client
from tests.arbiter.etcd import Etcd

PATIENCE_S = 20.0


def certificate(folder: Path, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that its own key has signed: it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture(scope="module")
def secured(etcd_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """It speaks TLS alone, and knows two users: one for our prefix, one for another."""
    folder = tmp_path_factory.mktemp("secured")
    with Etcd(folder, tls=certificate(folder / "tls", "etcd")) as etcd:
        for words in (
            "user add root:secret",
            "user grant-role root root",
            "role add ours",
            f"role grant-permission ours --prefix=true readwrite {PREFIX}/",
            "user add failover:word",
            "user grant-role failover ours",
            "role add others",
            "role grant-permission others --prefix=true readwrite /others/",
            "user add other:word",
            "user grant-role other others",
        ):
            etcd.ctl(*words.split())
        etcd.ctl("auth", "enable")
        etcd.identity = ("--user", "root:secret")
        yield etcd


def authority(etcd: Etcd) -> str:
    assert etcd.tls is not None
    return str(etcd.tls[0])


async def taken(arbiter: Arbiter) -> Taken:
    found = await arbiter.look("db", None, PATIENCE_S)
    assert isinstance(found, Seen), found
    answer = await arbiter.take("db", found.epoch + 1, found, 60, PATIENCE_S)
    assert isinstance(answer, Taken), answer
    return answer


async def test_a_user_with_a_password_takes_keeps_and_gives_back(secured: Etcd):
    async with client(secured.endpoints, ca=authority(secured), user="failover", password="word") as ann:
        mine = await taken(ann)
        assert isinstance(await ann.keep("db", mine.epoch, mine.lease, 60, mine.sight, PATIENCE_S), Kept)
        await ann.drop(mine.lease, mine.sight, PATIENCE_S)
        again = await taken(ann)
        assert again.epoch > mine.epoch
        await ann.drop(again.lease, again.sight, PATIENCE_S)


async def test_a_token_that_the_members_have_forgotten_is_fetched_anew(secured: Etcd):
    """So it is after they were restarted, and when it is some minutes old."""
    async with client(secured.endpoints, ca=authority(secured), user="failover", password="word") as ann:
        assert isinstance(await ann.look("db", None, PATIENCE_S), Seen)
        ann.gateway.token = "nonsense.1"
        assert isinstance(await ann.look("db", None, PATIENCE_S), Seen)


@pytest.mark.parametrize(
    ("user", "password", "name"),
    [
        ("", "", Refusal.UNAUTHENTICATED),
        ("failover", "wrong", Refusal.FORBIDDEN),
        ("nobody", "word", Refusal.FORBIDDEN),
        ("other", "word", Refusal.FORBIDDEN),
    ],
    ids=["no user", "a wrong password", "an unknown user", "a user without the right"],
)
async def test_who_may_not_is_refused(secured: Etcd, user: str, password: str, name: Refusal):
    async with client(secured.endpoints, ca=authority(secured), user=user, password=password) as ann:
        answer = await ann.look("db", None, PATIENCE_S)
    assert isinstance(answer, Refused), answer
    assert answer.name is name, answer
    assert "word" not in answer.text.replace("password", ""), "no password is told"


async def test_a_password_where_etcd_asks_for_none_is_refused(emptied: Etcd):
    """An operator who wrote a password counts on it: an etcd that lets all in is another one, or is open by mistake."""
    async with client(emptied.endpoints, user="failover", password="word") as ann:
        answer = await ann.look("db", None, PATIENCE_S)
    assert isinstance(answer, Refused), answer
    assert answer.name is Refusal.FORBIDDEN
    assert "authentication is not enabled" in answer.text


async def test_members_that_another_authority_has_signed_are_not_trusted(secured: Etcd, tmp_path: Path):
    other, _ = certificate(tmp_path, "other")
    async with client(secured.endpoints, ca=str(other), user="failover", password="word") as ann:
        answer = await ann.look("db", None, PATIENCE_S)
    assert isinstance(answer, Refused), answer
    assert answer.name is Refusal.TLS


async def test_a_certificate_for_another_address_is_not_trusted(etcd_programs: None, tmp_path: Path):
    files = certificate(tmp_path / "tls", "etcd", "127.0.0.9")
    with Etcd(tmp_path, tls=files, count=1, waits=False) as etcd:
        async with client(etcd.endpoints, ca=str(files[0])) as ann:
            while (answer := await ann.look("db", None, PATIENCE_S)) and answer.name is Refusal.UNREACHABLE:
                pass
    assert isinstance(answer, Refused), answer
    assert answer.name is Refusal.TLS, answer


async def test_plain_http_to_a_member_that_speaks_tls_is_refused(secured: Etcd):
    plain = tuple(each.replace("https:", "http:") for each in secured.endpoints)
    async with client(plain, user="failover", password="word") as ann:
        answer = await ann.look("db", None, PATIENCE_S)
    assert isinstance(answer, Refused), answer
    assert answer.name in (Refusal.GARBAGE, Refusal.UNREACHABLE)
