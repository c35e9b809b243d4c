"""Those outside the cluster: operators, who may command, and the receivers of traps."""

from collections.abc import Mapping
from types import MappingProxyType

from coordinator.policy import OperatorPolicy, ServicePolicy, TrapPolicy
from protocol.sshkey import parse_public, public_text
from protocol.stored.table import Table, every, need, table, text, words
from protocol.stored.values import endpoint, key_of

TRAP_PORT = 162
"""RFC 3418: where notifications are received."""
TRAP_KEYS = {"2c": ({"community"}, {"community"}), "3": ({"user"}, {"user", "auth", "priv", "secret_file"})}
"""Version of SNMP to the keys that it needs, and to those that it may have."""


def operator(name: str, it: Table, services: Mapping[str, ServicePolicy]) -> OperatorPolicy:
    key = it.take("key", lambda value: key_of(lambda line: public_text(parse_public(line)), value))
    role, own = it.take("role", words("observe", "operate", "admin")), it.take("services", every(text), None)
    it.done()
    need((role == "operate") == (own is not None), "services belong to the role operate")
    need(all(service in services for service in own or ()), "an operator of a service that is not there")
    return OperatorPolicy(name, key, role, own or ())


def trap(value: object) -> TrapPolicy:
    it = table(value)
    host, port = it.take("to", lambda value: endpoint(text(value), TRAP_PORT))
    version = it.take("version", words("2c", "3"))
    readers = {
        "community": text,
        "user": text,
        "auth": words("sha", "sha224", "sha256", "sha384", "sha512"),
        "priv": words("aes128", "aes192", "aes256"),
        "secret_file": text,
    }
    settings = {key: written for key, reader in readers.items() if (written := it.take(key, reader, None)) is not None}
    it.done()
    needed, allowed = TRAP_KEYS[version]
    if {"auth", "priv"} & settings.keys():
        needed = {*needed, "auth", "secret_file"}
    need(needed <= settings.keys() <= allowed, f"settings of another version than {version}")
    return TrapPolicy(host, port, version, MappingProxyType(settings))
