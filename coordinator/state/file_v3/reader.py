"""What version 3 takes out of each table before version 2 reads the rest of it.

A table of the file that only this version has is taken in `read`, as version 2 takes its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from coordinator.policy import ActionPolicy, CheckPolicy, NodePolicy, Policy, ServicePolicy, Timing
from coordinator.state.file_v1 import Unreadable, reader
from coordinator.state.file_v2.fences import watchdog
from coordinator.state.file_v2.reader import node
from coordinator.state.file_v2.reader import service as service_v2
from coordinator.state.file_v3.arbiter import arbiter, is_arbitrated, need_lease
from coordinator.state.file_v3.candidates import asked_of_candidates
from coordinator.state.file_v3.relations import fit_together, relations
from protocol.stored.table import Table, every, flag, need, table, words
from protocol.stored.values import duration_ms, positive_ms


@lru_cache(maxsize=64)
def read_policy(stored: str) -> Policy | None:
    """The policy in a stored text; None where version 3 cannot read it."""
    try:
        return read(stored)
    except Unreadable:
        return None


def read(stored: str) -> Policy:
    """The policy in a stored text. Raises Unreadable."""
    file = reader.tables(stored)
    own, asked = file.take("watchdog", watchdog, None), file.take("arbiter", arbiter, None)
    policy = replace(reader.policy_of(file, stored, node, service), watchdog=own, arbiter=asked)
    arbitrated = any(each.partition == "arbiter" for each in policy.services.values())
    need(asked is not None or not arbitrated, "a service without an arbiter to ask")
    fit_together(policy.services)
    return policy


def service(name: str, it: Table, nodes: Mapping[str, NodePolicy], timing: Timing) -> ServicePolicy:
    related, arbitrated, asked = relations(it), is_arbitrated(it), asked_of_candidates(it)
    checks, actions = it.take("checks", every(table), ()), it.take("actions", every(table), None)
    own_checks, own_actions = [check(each) for each in checks], [action(each) for each in actions or ()]
    rest = {**it.rest(), "checks": [each.rest() for each in checks]}
    if actions is not None:
        rest["actions"] = [each.rest() for each in actions]
    read = service_v2(name, Table(rest), nodes, timing)
    if arbitrated:
        need_lease(read.lease_ms)
        read = replace(read, partition="arbiter")
    return replace(
        read,
        checks=tuple(own(each) for each, own in zip(read.checks, own_checks, strict=True)),
        actions=tuple(own(each) for each, own in zip(read.actions, own_actions, strict=True)),
        together=related.together,
        apart=related.apart,
        after=related.after,
        **asked._asdict(),
    )


def check(it: Table) -> Callable[[CheckPolicy], CheckPolicy]:
    """Our own keys, as what they make of a check that version 2 has read."""
    asked_from = it.take("from", words("local", "peer"), "local")
    on_fail = it.take("on_fail", words("move", "restart", "stop", "tell"), "move")
    jitter_ms, grace_ms = it.take("jitter", duration_ms, 0), it.take("grace", duration_ms, 0)
    return lambda read: replace(read, asked_from=asked_from, on_fail=on_fail, jitter_ms=jitter_ms, grace_ms=grace_ms)


def action(it: Table) -> Callable[[ActionPolicy], ActionPolicy]:
    """The same for an action."""
    keep, down_timeout_ms = it.take("keep", flag, False), it.take("down_timeout", positive_ms, None)
    return lambda read: replace(read, keep=keep, down_timeout_ms=down_timeout_ms)
