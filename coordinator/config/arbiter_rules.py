"""Rules about [arbiter], and about the services that it decides on.

findings(reading, folder)   # of the files that it names
resolved(policy, folder)    # the policy with the paths of these files absolute
"""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from coordinator.config import fence_secrets, secrets
from coordinator.config.complaints import Finding
from coordinator.config.durations import spoken
from coordinator.config.reading import Reading
from coordinator.policy import Policy
from coordinator.state.file_v3.arbiter import ENDPOINTS_MAX, LEASE_MS, PREFIX, SECOND_MS, SERVICE

Findings = Iterator[Finding]


def members(reading: Reading) -> Findings:
    found = reading.file.arbiter
    if found is None:
        return
    if not 1 <= len(found.endpoints) <= ENDPOINTS_MAX:
        what = f"names {len(found.endpoints) or 'no'} endpoints"
        yield Finding(("arbiter", "endpoints"), what, f"Write 1 to {ENDPOINTS_MAX} members of one etcd cluster")
    for index, endpoint in enumerate(found.endpoints):
        path = ("arbiter", "endpoints", index)
        if wrong := _wrong_endpoint(endpoint):
            yield Finding(path, *wrong)
        elif endpoint in found.endpoints[:index]:
            yield Finding(path, f'"{endpoint}" stands here twice', "Name each member once")
    if (found.user is None) != (found.password_file is None):
        has, lacks = ("user", "password_file") if found.password_file is None else ("password_file", "user")
        yield Finding(("arbiter", has), f"is of no use without {lacks}", f"Write {lacks}, or take {has} out")
    if found.user is not None and not (found.user.isprintable() and 1 <= len(found.user) <= 255):
        yield Finding(("arbiter", "user"), "is no name of a user", 'Write user = "failover"')
    if found.prefix is not None and not PREFIX.fullmatch(found.prefix):
        what = f'"{found.prefix[:40]}" is no prefix of keys'
        yield Finding(("arbiter", "prefix"), what, 'Write one such as "/failover/demo", without a slash at its end')


def _wrong_endpoint(endpoint: str) -> tuple[str, str] | None:
    try:
        found = urlsplit(endpoint)
        whole = found.port is not None and bool(found.hostname)
    except ValueError:
        return f'"{endpoint[:60]}" is no URL', 'Write one such as "https://10.0.0.5:2379"'
    if found.scheme not in ("http", "https") or not whole or endpoint != f"{found.scheme}://{found.netloc}" or "@" in endpoint:
        return f'"{endpoint[:60]}" is not scheme, host and port', 'Write one such as "https://10.0.0.5:2379"'
    if found.scheme == "http" and not _is_loopback(found):
        what = f'"{endpoint}" is not encrypted: a stranger on the way could say that a service is free'
        return what, "Let etcd speak TLS (its --cert-file and --key-file), and write https://"
    return None


def _is_loopback(url: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return url.hostname == "localhost"


def services(reading: Reading) -> Findings:
    for name, service in reading.file.services.items():
        if service.partition != "arbiter":
            continue
        if "arbiter" not in reading.raw:
            what = "has no arbiter to ask"
            yield Finding(("services", name, "partition"), what, 'Write [arbiter] with endpoints = ["https://10.0.0.5:2379"]')
        least, most = LEASE_MS
        if not least <= service.lease <= most or service.lease % SECOND_MS:
            what = (
                f"lease {spoken(service.lease)} is not what etcd keeps: it counts whole seconds, and at least {spoken(least)}"
            )
            yield Finding(("services", name, "lease"), what, f'Write lease = "{spoken(least)}", or up to {spoken(most)}')
        if not SERVICE.fullmatch(name):
            yield Finding(("services", name), "is no name for a key of etcd", "Use letters, digits, _, . and -")


def findings(reading: Reading, folder: Path, me: str = "") -> Findings:
    """Complaints about the files that it names. `me`: the node that runs with them; a witness asks no arbiter."""
    found = reading.file.arbiter
    if found is None or (me and not _asks(reading, me)):
        return
    if found.ca is not None and (wrong := _wrong_ca(folder / found.ca)):
        yield Finding(("arbiter", "ca"), *wrong)
    if found.password_file is not None:
        path = folder / found.password_file
        if wrong := secrets.unsafe(path) or fence_secrets.no_secret(path):
            yield Finding(("arbiter", "password_file"), *wrong)


def _asks(reading: Reading, node: str) -> bool:
    return any(node in each.nodes for each in reading.file.services.values() if each.partition == "arbiter")


def _wrong_ca(path: Path) -> tuple[str, str] | None:
    try:
        ssl.create_default_context(cafile=str(path))
    except FileNotFoundError:
        return f"{path} does not exist", "Write the certificate of etcd's authority there, as PEM"
    except (ssl.SSLError, OSError) as error:
        return f"{path} has no certificate that can be read: {error.strerror or error}", "Write it there as PEM"
    return None


def resolved(policy: Policy, folder: Path) -> Policy:
    if policy.arbiter is None:
        return policy
    found = policy.arbiter
    ca = str(folder / found.ca) if found.ca else None
    password = str(folder / found.password_file) if found.password_file else None
    return replace(policy, arbiter=replace(found, ca=ca, password_file=password))


RULES = (members, services)
