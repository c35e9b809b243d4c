"""On whose authority: may this operator order this, by the keys and roles in force when the event was written?

Judged in the fold, from the event's own feed: never by what arrived first, and by every auditor alike. The door and the core
ask the same questions before they write, so that a refusal has words and no event: what they let through is judged again by
every reader.
"""

from dataclasses import dataclass

from coordinator.policy import OperatorPolicy, Policy
from coordinator.state.standing import FIRST_RULES, FeedOrders
from protocol.canonical import NotCanonical
from protocol.commands import WORDS_OF_NODES, Command, open_command
from protocol.event import Event
from protocol.events import Commanded
from protocol.refusals import Refused

REPLAYED = "replayed: this command stands in the log already"


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a command has no effect."""

    text: str


def judge(policy: Policy | None, feed: FeedOrders, event: Event, body: Commanded) -> Command | Denied:
    """The command inside a `command` event, or why it is not obeyed. `policy` is the one in force in its feed."""
    if policy is None:
        return Denied("no configuration is in force in this feed: no operator's role is known")
    try:
        signed = open_command(body.command, body.signature, _keys(policy), policy.cluster_id)
    except (Refused, NotCanonical) as refusal:
        return Denied(str(refusal))
    command = signed.command
    if command.service != event.service:
        return Denied(f"the command is about {command.service}, the event about {event.service}")
    if command.nonce in feed.nonces:
        return Denied(REPLAYED)
    return _meant(feed, event, command) or permitted(policy, command) or command


def _meant(feed: FeedOrders, event: Event, command: Command) -> Denied | None:
    """A feed obeys commands that name it. Runs of the first rules obeyed commands that name no feed."""
    if feed.rules == FIRST_RULES:
        return None if command.format == 1 else Denied("a command of format 2 in a run of rules 1")
    if command.format == 1:
        return Denied("a command of format 1 names no node that acts: sign it anew with this release")
    if command.names(event.node, event.incarnation):
        return None
    return Denied(f"the command is for {named(command)}, and stands in a feed of {event.node}/{event.incarnation}")


def named(command: Command) -> str:
    """The feeds that the command is for, as people read them."""
    return ", ".join(f"{act.node}/{act.incarnation}" for act in command.acts)


def permitted(policy: Policy, command: Command) -> Denied | None:
    """None where the operator may order this; the sentence otherwise. The signature is another question."""
    operator = policy.operators.get(command.operator)
    if operator is None:
        return Denied(f"{command.operator} is no operator of this cluster")
    return _role(operator, command)


def permitted_by_both(mine: Policy, ruling: Policy, command: Command) -> Denied | None:
    """Where configurations differ the newest says who may: a key that it took away opens nothing where it is not read yet."""
    denied = permitted(mine, command) or permitted(ruling, command)
    if denied is None and mine.operators[command.operator].key != ruling.operators[command.operator].key:
        return Denied(f"the newest configuration gives {command.operator} another key: apply it here, and sign with that")
    return denied


def _role(operator: OperatorPolicy, command: Command) -> Denied | None:
    if operator.role == "admin":
        return None
    if operator.role == "operate" and command.service in operator.services:
        return None
    about = command.service or (command.node if command.word in WORDS_OF_NODES else "")
    may = f"operate {', '.join(operator.services)}" if operator.role == "operate" else operator.role
    return Denied(f"{operator.name} may {may}, not {command.word} {about or 'the configuration'}")


def opened(policy: Policy, raw: bytes, signature: bytes) -> Command | Denied:
    """A signed command by an operator who may give it under this configuration, whichever node it is for."""
    try:
        command = open_command(raw, signature, _keys(policy), policy.cluster_id).command
    except (Refused, NotCanonical) as refusal:
        return Denied(str(refusal))
    return permitted(policy, command) or command


def _keys(policy: Policy) -> dict[str, str]:
    return {operator.name: operator.key for operator in policy.operators.values()}
