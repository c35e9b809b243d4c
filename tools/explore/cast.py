"""Who plays: the nodes, their configuration, and the clocks that they read.

    policy = policy_of(("a", "b", "w"))         # two candidates and a witness
    now(BASE_MS + 100)

All clocks begin far beyond every duration and every count, so that a number of that size is an instant wherever it stands in
a core. The two clocks that label events for people stand still: no decision reads them, and a label is in its event's hash.
"""

import functools

from coordinator.core.ballots import MAJORITY, term
from coordinator.core.inputs import Now
from coordinator.core.quorum.promise import Term
from coordinator.policy import Policy
from protocol.keys import key_text
from tools.simulator.keys import Keys
from tools.simulator.orders import parsed

BASE_MS = 10**12
INSTANTS_MS = range(10**11, 10**13)
"""What lies here is an instant of the monotonic clock: no count and no duration comes near, and "never" is larger."""

LABEL_MS = 1
SERVICE, LINK = "db", "lan"
HEARTBEAT_MS = 100
CANDIDATES = ("a", "b")
WITNESS = "w"

TEXT = f"""cluster = "explored"
id = "00112233445566778899aabbccddeeff"
[timing]
heartbeat = "{HEARTBEAT_MS}ms"
indoubt = "200ms"
dead = "300ms"
"""

OWNED = f"""[services.{SERVICE}]
nodes = ["a", "b"]
partition = "{MAJORITY}"
lease = "300ms"
failback = "manual"
retry = "1s"
[[services.{SERVICE}.actions]]
address = "10.70.0.100/24"
interface = "eth0"
"""


@functools.cache
def keys_of(names: tuple[str, ...]) -> Keys:
    """Belief in place of signatures, as in the simulator: who said what is not what is explored."""
    return Keys(names, real=False)


@functools.cache
def policy_of(names: tuple[str, ...]) -> Policy:
    """Read from a file, as a node reads it. The node `w` is a witness; every further node is a voter that owns nothing here."""
    public = Keys(names, real=True).public()
    lines = [TEXT]
    for at, node in enumerate(names):
        lines += [f"[nodes.{node}]", f'key = "{key_text(public[node])}"', f'links = {{ {LINK} = "10.70.0.{11 + at}" }}']
        lines += ["witness = true"] if node == WITNESS else []
    return parsed("\n".join([*lines, OWNED]), "the explored configuration")


def term_of(policy: Policy) -> Term:
    return term(policy, policy.services[SERVICE])


def now(mono_ms: int) -> Now:
    return Now(mono_ms, LABEL_MS, LABEL_MS)
