"""Real servers for the checks: nginx, a server of raw bytes, certificates of a small authority.

    with nginx(folder, LISTEN) as server: ...
    async with raw(answer) as port: ...         # answer: what each connection is sent
"""

import asyncio
import contextlib
import datetime
import ipaddress
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.actions.lab import until

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")

CONFIGURATION = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    {servers}
}}
"""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


@contextlib.asynccontextmanager
async def nginx(folder: Path, servers: str, port: int) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Until it answers on `port`; its end is waited for."""
    assert NGINX is not None
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, servers=servers))
    process = subprocess.Popen([NGINX, "-c", str(file), "-p", str(folder), "-e", f"{folder}/error.log"])
    try:
        await until(lambda: accepts(port), f"nginx answers: {folder}/error.log")
        yield process
    finally:
        process.terminate()
        process.wait()


def accepts(port: int) -> bool:
    with socket.socket() as asker:
        return asker.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def raw(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that does with each connection what it was told, and then closes it."""

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(each, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def says(data: bytes) -> Answer:
    """Sends this whatever it is asked, and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(data)
        await writer.drain()

    return answer


class Authority:
    """Signs certificates for 127.0.0.1 and www.example, into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        now = datetime.datetime.now(datetime.UTC)
        made = self._builder(self._name, self._key.public_key(), now - datetime.timedelta(days=99), 999)
        root = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str, days: int) -> tuple[Path, Path]:
        """Good until `days` from now; the files of the certificate and its key."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example")])
        begun = now - datetime.timedelta(days=90)
        names = [x509.DNSName("www.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = self._builder(subject, key.public_key(), begun, days + 90)
        signed = made.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(self._key, hashes.SHA256())
        pem, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return pem, secret

    def server(self, name: str, days: int) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate(name, days))
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begun: datetime.datetime, days: int
    ) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(begun).not_valid_after(begun + datetime.timedelta(days=days, hours=1))


