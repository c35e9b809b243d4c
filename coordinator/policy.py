"""The configuration as the core knows it: frozen, complete, every duration in milliseconds.

`coordinator.config` makes a Policy from the text of failover.toml; the core, the simulator and the auditor only read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

EVIDENCE = "evidence"
"""The value of `prefer` by which the candidate with the largest number takes a service."""

SERVE, ARBITER = "serve", "arbiter"
"""Of the values of `partition`; `majority` has its rules in `coordinator.core.ballots`."""

DOWN_AT_ONCE = frozenset({"address", "notify"})
"""Kinds of actions of which nothing is up after a lease: the kernel silences addresses, and a hook holds nothing."""

WITH_IPV6 = " (IPv6)"
"""What an interface's name ends in where it stands for the interface and IPv6 on it."""


@dataclass(frozen=True, slots=True)
class Timing:
    heartbeat_ms: int = 100
    indoubt_ms: int = 300
    dead_ms: int = 500
    drift_ppm: int = 10_000

    def at_least(self, other: "Timing") -> "Timing":
        """The patience of both: a node that beats by the slower one must not be taken for dead by the faster."""
        return replace(self, indoubt_ms=max(self.indoubt_ms, other.indoubt_ms), dead_ms=max(self.dead_ms, other.dead_ms))


@dataclass(frozen=True, slots=True)
class FencePolicy:
    """One level of the ways to switch a node off."""

    agent: str
    """A program of fence-agents, by its name or its absolute path."""
    devices: tuple[Mapping[str, str], ...]
    """The options of each device, as the file has them: a secret is the name of a file. All devices must be off."""
    delay_ms: int = 0
    timeout_ms: int = 20_000
    monitor_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class WatchdogPolicy:
    device: str = "none"
    """A path, "sysrq" or "none"."""
    timeout_ms: int = 1000


@dataclass(frozen=True, slots=True)
class ArbiterPolicy:
    """The etcd cluster that says who owns what has `partition = "arbiter"`."""

    endpoints: tuple[str, ...]
    ca: str | None = None
    user: str = ""
    password_file: str | None = None
    prefix: str = ""
    """Empty: "/failover/" and the cluster's name."""


@dataclass(frozen=True, slots=True)
class NodePolicy:
    name: str
    key: bytes
    """Raw Ed25519 public key, 32 bytes."""
    links: Mapping[str, tuple[str, int]]
    """Link name to (address, port)."""
    witness: bool = False
    voter: bool = True
    """Its vote counts for services under `majority`; a witness votes as well."""
    fence: tuple[FencePolicy, ...] = ()
    """How its power is switched off by others: levels in order."""


@dataclass(frozen=True, slots=True)
class ActionPolicy:
    kind: str
    """The name of one of `actions.kinds`."""
    settings: Mapping[str, Any]
    """What its kind made of the file. Where `interface` is among them, the action needs the carrier of that interface."""
    timeout_ms: int = 20_000
    keep: bool = False
    """It stays up across a handover."""
    down_timeout_ms: int | None = None
    """How long a down may take; None for `timeout_ms`."""

    @property
    def interface(self) -> str | None:
        return self.settings.get("interface")

    def limit_ms(self, word: str) -> int:
        """How long the action may take for "up", "down" or "reclaim"."""
        own_ms = self.down_timeout_ms if word == "down" else None
        return self.timeout_ms if own_ms is None else own_ms

    @property
    def carried_by(self) -> str | None:
        """The interface, as its carrier is told: without IPv6 on it an IPv6 address is dead, whatever the cable says."""
        six = ":" in str(self.settings.get("address", ""))
        return f"{self.interface}{WITH_IPV6}" if self.interface and six else self.interface


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    kind: str
    """The name of one of `actions.checks`."""
    settings: Mapping[str, Any]
    """What its kind made of the file."""
    every_ms: int = 1000
    timeout_ms: int = 1000
    fall: int = 3
    rise: int = 2
    asked_from: str = "local"
    """"local": on the holder; "peer": on another candidate, against the holder."""
    on_fail: str = "move"
    """What follows when it has failed for good: "move", "restart", "stop" or "tell"."""
    jitter_ms: int = 0
    """Each run begins so much later at most, by chance."""
    grace_ms: int = 0
    """Failures within so long after the service came up do not count."""


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """A script that may refuse a service on a node that does not have it."""

    script: str
    timeout_ms: int = 2000
    every_ms: int = 5000


@dataclass(frozen=True, slots=True)
class EvidencePolicy:
    """A script that gives a number on a node that does not have the service: how much of its data is there."""

    script: str
    timeout_ms: int = 500
    every_ms: int = 1000
    max_age_ms: int = 60_000
    """A number that is older counts no more."""


class After(NamedTuple):
    """A service may be up only while another is."""

    service: str
    here: bool = False
    """On this very node; else anywhere."""


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    name: str
    nodes: tuple[str, ...]
    """Candidates in order of preference; the first is the master."""
    actions: tuple[ActionPolicy, ...] = ()
    checks: tuple[CheckPolicy, ...] = ()
    failback_ms: int | None = 0
    """How long a better candidate must be fit before it gets the service back; 0 "auto", None "manual"."""
    partition: str = "serve"
    lease_ms: int = 500
    split_winner: str = "preference"
    on_isolation: str = "keep"
    restarts: int = 0
    retry_ms: int | None = 60_000
    """How long a FAIL by an action or a check lasts at first; None "never"."""
    announce_every_ms: int = 60_000
    """How often the owner announces its addresses again while another candidate is dead."""
    fence: bool = True
    """A claim of what a dead node held waits until that node is fenced, where it can be."""
    together: tuple[str, ...] = ()
    """Services beside which it must run, on one node: `with` in the file."""
    apart: tuple[str, ...] = ()
    """Services beside which it must not run."""
    after: tuple[After, ...] = ()
    """Services that must be up while it is."""
    gate: GatePolicy | None = None
    """Asked on each candidate that does not have it: one whose script refuses takes nothing."""
    evidence: EvidencePolicy | None = None
    """Asked there as well, for a number."""
    prefer: str = "order"
    """Who takes it over: by the order of `nodes`, or (`EVIDENCE`) the candidate with the largest number."""
    evidence_window_ms: int = 2000
    """For so long at most numbers are collected."""

    @property
    def leased(self) -> bool:
        """Whether it is owned under a lease: by leave of a majority of the voters, or of the arbiter."""
        return self.partition != SERVE

    @property
    def related(self) -> tuple[str, ...]:
        """The services that it names."""
        if not (self.together or self.apart or self.after):
            return ()
        return tuple(dict.fromkeys((*self.together, *self.apart, *(after.service for after in self.after))))

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The interfaces whose carrier this service needs; with `WITH_IPV6` behind the name where it needs IPv6 on them."""
        return tuple(dict.fromkeys(name for action in self.actions if (name := action.carried_by)))

    @property
    def needs_here(self) -> tuple[str, ...]:
        """The services without which it is not on a node."""
        return (*self.together, *(after.service for after in self.after if after.here))

    @property
    def down_ms(self) -> int:
        """How long its down actions may take together, without those of which the kernel ends what is up (`DOWN_AT_ONCE`)."""
        return sum(action.limit_ms("down") for action in self.actions if action.kind not in DOWN_AT_ONCE)

    @property
    def ended_by_guard(self) -> bool:
        """Under `majority`: something of it stays up after a lease unless a process takes it down."""
        return self.partition == "majority" and self.down_ms > 0

    def works_as(self, other: "ServicePolicy") -> bool:
        """Whether both do the same things in the same order, whatever their timeouts: then each takes down what the other
        brought up."""
        mine, theirs = ([(action.kind, action.settings) for action in one.actions] for one in (self, other))
        return mine == theirs


@dataclass(frozen=True, slots=True)
class OperatorPolicy:
    name: str
    key: str
    """"ssh-ed25519 AAAA...", without a comment."""
    role: str
    """"observe", "operate" or "admin"."""
    services: tuple[str, ...] = ()
    """With `operate`: the services it may command."""


@dataclass(frozen=True, slots=True)
class TrapPolicy:
    host: str
    port: int
    version: str
    settings: Mapping[str, Any]
    """2c: {community}; 3: {user, auth, priv, secret_file}."""


@dataclass(frozen=True, slots=True)
class Policy:
    cluster: str
    cluster_id: bytes
    """32 bytes: SHA-256 of the name, a newline and the 16 random bytes of `id`."""
    timing: Timing
    nodes: Mapping[str, NodePolicy]
    services: Mapping[str, ServicePolicy]
    operators: Mapping[str, OperatorPolicy] = field(default_factory=dict)
    traps: tuple[TrapPolicy, ...] = ()
    watchdog: WatchdogPolicy | None = None
    arbiter: ArbiterPolicy | None = None
    digest: bytes = bytes(32)
    """SHA-256 of `text`."""
    text: str = ""
    """The file as it was read: it goes into the log, so that an auditor can judge by it."""

    def owned_by(self, me: str) -> tuple[ServicePolicy, ...]:
        """The services of which this node is a candidate."""
        return tuple(service for service in self.services.values() if me in service.nodes)

    def beside(self, me: str) -> frozenset[str]:
        """The candidates of the services of which this node is one, itself included."""
        return frozenset(node for service in self.owned_by(me) for node in service.nodes)

    @property
    def reset_ms(self) -> int:
        """Within so long a machine is off that nothing keeps alive any more; 0 where nothing resets it."""
        return 0 if self.watchdog is None or self.watchdog.device == "none" else self.watchdog.timeout_ms

    def lowering_ms(self, service: ServicePolicy) -> int:
        """How long after the end of its lease it goes down, or stays up and is left to the watchdog. A word to the watchdog may
        come late by its timeout and not by more, so there is as much time at least (docs/leases.md, "The guard's lease")."""
        return max(service.down_ms, self.reset_ms)

    @property
    def voters(self) -> frozenset[str]:
        """The nodes whose votes count."""
        return frozenset(name for name, node in self.nodes.items() if node.voter)

    def others(self, me: str) -> tuple[str, ...]:
        return tuple(name for name in self.nodes if name != me)
