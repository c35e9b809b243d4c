"""[arbiter], and a service that it decides on."""

import re

from coordinator.policy import ArbiterPolicy
from protocol.stored.table import Table, every, need, table, text

ENDPOINTS_MAX = 16
SECOND_MS = 1000
LEASE_MS = (2_000, 60_000)
"""etcd keeps leases in whole seconds, and by default none below 2 s; a takeover takes as long, so a minute is the most."""

PREFIX = re.compile(r"(/[A-Za-z0-9_.-]{1,63}){1,4}", re.ASCII)
SERVICE = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
ENDPOINT = re.compile(r"https?://[^\s/@?#]+:[0-9]{1,5}", re.ASCII)


def arbiter(value: object) -> ArbiterPolicy:
    it = table(value)
    endpoints = it.take("endpoints", every(text))
    need(1 <= len(endpoints) <= ENDPOINTS_MAX, "no endpoints, or too many")
    need(all(ENDPOINT.fullmatch(each) for each in endpoints), "an endpoint that is no URL")
    user, password_file = it.take("user", text, ""), it.take("password_file", text, None)
    need(bool(user) == bool(password_file), "a user without a password, or a password without a user")
    prefix = it.take("prefix", text, "")
    need(not prefix or PREFIX.fullmatch(prefix) is not None, "no prefix")
    found = ArbiterPolicy(endpoints, it.take("ca", text, None), user, password_file, prefix)
    it.done()
    return found


def is_arbitrated(it: Table) -> bool:
    """Whether this service has `partition = "arbiter"`, which no version before this one reads: it is taken out then."""
    found = it.take("partition", text, None)
    if found is not None and found != "arbiter":
        it.put("partition", found)
    return found == "arbiter"


def need_lease(lease_ms: int) -> None:
    least, most = LEASE_MS
    need(least <= lease_ms <= most and lease_ms % SECOND_MS == 0, "a lease that etcd does not keep")
