"""Which configurations count, and which of them rules. A signature says that a node runs a file, not that others must.

    state = applied(state, column, event, body)         # in the fold, for config-applied
    policy = ruling(state, mine)                        # whose order, split rule and roles count while files differ

A configuration counts for a reader where the reader was given it, where the reader's own node has run it, or where an
administrator has signed its digest under a configuration that counts (authority.md, section 3). Any other one is a label: no
order, no candidates, no operators, no keys and no timing come from it.
"""

import hashlib
from collections.abc import Iterable
from functools import partial

from coordinator.policy import ARBITER, Policy, ServicePolicy
from coordinator.state import orders, pieces
from coordinator.state.epochs import AHEAD_BY_ARBITER, AHEAD_MAX
from coordinator.state.model import Flaw, NodeState, State, newest_first
from coordinator.state.replacing import replace
from coordinator.state.stored_file import read_policy
from protocol.event import Event
from protocol.events import ConfigApplied, ConfigPart


def ran(me: str, events: Iterable[Event]) -> list[Policy]:
    """Every file that this node has run, as far as these events tell; events of one feed come in their order."""
    texts = pieces.whole(event for event in events if event.node == me).values()
    return [policy for text in texts if (policy := read_policy(text)) is not None]


def counted(state: State, event: Event, body: ConfigApplied | ConfigPart) -> State:
    """The state with this file among those that count, where its author may bring it; also of a replaced incarnation."""
    mine = event.node == state.trust.me
    signed = state.orders.signed.get(body.digest)
    text: str | None = body.text
    if isinstance(body, ConfigPart):
        unread, text = pieces.taken(state.unread, event)
        state = replace(state, unread=unread)
    if not mine and signed is None and body.digest not in state.policies:
        return state
    number = body.number if mine and isinstance(body, ConfigApplied) else signed or 0
    if not text:  # it stands in pieces before this event
        return _numbered(state, body.digest, number)
    return with_policy(state, body.digest, text, number)


def _numbered(state: State, digest: bytes, number: int) -> State:
    if digest not in state.policies:
        return state
    return replace(state, numbers={**state.numbers, digest: max(number, state.numbers.get(digest, 0))})


def with_policy(state: State, digest: bytes, text: str, number: int) -> State:
    """The hash of what was read must be the one that the event says: else one node could put its own operators under the hash
    of the file that every node runs, or bring a file of its own in under that name."""
    policy = read_policy(text)
    if policy is None or policy.digest != digest:
        return state
    if policy.digest not in state.policies:
        state = replace(state, policies={**state.policies, policy.digest: policy})
        state = replace(state, epochs=state.epochs.with_files(partial(was_ever_candidate, state), partial(ahead, state)))
        state = orders.judged_again(state)
    return _numbered(state, policy.digest, number)


def applied(state: State, column: NodeState, event: Event, body: ConfigApplied) -> NodeState:
    """What the author runs from here on, whether or not others go by it."""
    configs = newest_first(column.configs, body.digest)
    mine = event.node == state.trust.me
    if body.text and hashlib.sha256(body.text.encode()).digest() != body.digest:
        column = column.without_effect(event.ref, Flaw.AUTHORITY, "its text is not the file whose digest it names")
    elif body.number > max(LABEL_MAX, state.orders.signed.get(body.digest, 0)) and not mine:
        text = f"no administrator has given its file the number {body.number}, and it rules nothing"
        column = column.without_effect(event.ref, Flaw.AUTHORITY, text)
    return replace(column, config_number=body.number, config=body.digest, configured=event.ref, configs=configs, removed=None)


LABEL_MAX = 2**32
"""A number that another node gave its file without authority counts up to here, and only to be outbid: four thousand million
changes are enough, and what it signs beyond would leave no number for the next one."""


def next_number(state: State) -> int:
    """The number above all that were given to configurations that count."""
    return max([*state.numbers.values(), *(_label(state, digest) for digest in state.policies)], default=0) + 1


def number_now(state: State, digest: bytes) -> int:
    """The number of a file that is applied now: above all others; where nodes run it already and it is the newest, the same."""
    newest = next_number(state) - 1
    return newest if newest in (state.numbers.get(digest), _label(state, digest)) else newest + 1


def number_at_start(state: State, digest: bytes) -> int:
    """The number of the file that a node starts with: what it had, what other nodes call it, or a new one."""
    return state.numbers.get(digest) or _label(state, digest) or next_number(state)


def _label(state: State, digest: bytes) -> int:
    given = [column.config_number for column in state.columns.values() if column.config == digest]
    return max((number for number in given if number <= LABEL_MAX), default=0)


def ruling(state: State, mine: Policy) -> Policy:
    """Whose split rule, order and roles count while configurations differ: `newest`, or mine where no node lives by one that
    counts here."""
    return newest(state) or mine


def newest(state: State) -> Policy | None:
    """The one with the higher number, of two the one with the smaller hash: of those that some node lives by and that count
    here. None where none does."""
    lived = {column.config for column in state.columns.values() if column.config in state.policies}
    agreed = [digest for digest in lived if digest in state.orders.signed or _known_to_all(state, digest)]
    named = [(-state.numbers.get(digest, 0), digest) for digest in agreed or lived]
    return state.policies[min(named)[1]] if named else None


def _known_to_all(state: State, digest: bytes) -> bool:
    """Whether every other node has lived by it: what counts here alone would make two nodes each the winner of a split."""
    others = (column for node, column in state.columns.items() if node != state.trust.me)
    return all(digest in column.configs for column in others if column.configs)


def ruled(state: State, mine: Policy, service: str) -> ServicePolicy:
    """The service by the newest configuration, else by mine; where neither has it any more, one that no node may own."""
    return ruling(state, mine).services.get(service) or mine.services.get(service) or ServicePolicy(service, ())


def is_candidate(state: State, node: str, service: str, configs: tuple[bytes, ...]) -> bool:
    """Whether a node that lived by these may own the service, by what counts here.

    By the newest of them that counts. Where none does, by any configuration that counts: a candidate whose new file is not
    known here yet is still one.
    """
    policy = state.policy_of(configs)
    named = [policy] if policy else list(state.policies.values())
    return any(service in each.services and node in each.services[service].nodes for each in named)


def ahead(state: State, service: str) -> int:
    """How far a claim may be above all that count, by the files that count. More files never make that less."""
    found = (each.services.get(service) for each in state.policies.values())
    arbitrated = any(each is not None and each.partition == ARBITER for each in found)
    return AHEAD_BY_ARBITER if arbitrated else AHEAD_MAX


def was_ever_candidate(state: State, node: str, service: str) -> bool:
    """A candidate by any file that counts. More files never make that false: so it does not matter whether file or claim came
    first."""
    return any(service in each.services and node in each.services[service].nodes for each in state.policies.values())
