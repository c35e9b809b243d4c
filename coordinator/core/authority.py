"""On whose authority: may this operator order this, by the keys and roles in force when the event was written?

Judged in the reducer, from the event's own feed: never by what arrived first, and by every auditor alike.
"""

from dataclasses import dataclass

from coordinator.core.model import Column, State
from coordinator.policy import OperatorPolicy, Policy
from protocol.canonical import NotCanonical
from protocol.commands import Command, open_command
from protocol.event import Event
from protocol.refusals import Refused


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a command has no effect."""

    text: str


def judge(state: State, column: Column, event: Event) -> Command | Denied:
    """The command inside a `command` event, or why it is not obeyed. Needs the author's configuration in its feed."""
    policy = state.policies.get(column.config)
    if policy is None:
        return Denied("no configuration is in force in this feed: nobody's role is known")
    try:
        signed = open_command(event.body["command"], event.body["signature"], _keys(policy), policy.cluster_id)
    except (Refused, NotCanonical) as refusal:
        return Denied(str(refusal))
    if signed.command.service != event.service:
        return Denied(f"the command is about {signed.command.service}, the event about {event.service}")
    denied = permitted(policy, column, signed.command)
    return denied or signed.command


def permitted(policy: Policy, column: Column, command: Command) -> Denied | None:
    """None where the operator may order this here; the sentence otherwise. The signature is somebody else's question."""
    operator = policy.operators.get(command.operator)
    if operator is None:
        return Denied(f"{command.operator} is no operator of this cluster")
    if command.nonce in column.nonces:
        return Denied("replayed: this command stands in the log already")
    return _role(operator, command)


def permitted_by_both(mine: Policy, ruling: Policy, column: Column, command: Command) -> Denied | None:
    """Where configurations differ the newest says who may: a key that it took away opens nothing where it is not read yet."""
    denied = permitted(mine, column, command) or permitted(ruling, column, command)
    if denied is None and mine.operators[command.operator].key != ruling.operators[command.operator].key:
        return Denied(f"the newest configuration gives {command.operator} another key: apply it here, and sign with that")
    return denied


def _role(operator: OperatorPolicy, command: Command) -> Denied | None:
    if operator.role == "admin":
        return None
    if operator.role == "operate" and command.service in operator.services:
        return None
    may = f"operate {', '.join(operator.services)}" if operator.role == "operate" else operator.role
    return Denied(f"{operator.name} may {may}, not {command.word} {command.service or 'the configuration'}")


def _keys(policy: Policy) -> dict[str, str]:
    return {operator.name: operator.key for operator in policy.operators.values()}
