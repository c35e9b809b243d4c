"""From the configuration's actions to things that can be done on this machine.

    deeds = ServiceActions.of(policy.services["web"], workshop)
    deeds.actions[0]        # an address or a script; None where a notify hook stands: it has no up and down
    deeds.hooks, deeds.scripts
"""

from dataclasses import dataclass
from ipaddress import ip_interface

from actions.action import Action
from actions.announce import Announcer
from actions.kinds.address import AddressAction
from actions.kinds.notify import NotifyHook
from actions.kinds.script import ScriptAction
from actions.netlink import Netlink
from actions.process import Programs
from coordinator.policy import ActionPolicy, ServicePolicy
from protocol.invariant import must


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all actions of this process share."""

    netlink: Netlink
    announcer: Announcer
    programs: Programs


@dataclass(frozen=True, slots=True)
class ServiceActions:
    """One service's actions, in the order of its configuration."""

    service: ServicePolicy
    actions: tuple[Action | None, ...]
    hooks: tuple[tuple[NotifyHook, float], ...]
    """With the seconds that a call may take."""
    scripts: tuple[tuple[ScriptAction, float], ...]

    @classmethod
    def of(cls, service: ServicePolicy, workshop: Workshop) -> "ServiceActions":
        actions = tuple(_action(policy, workshop) for policy in service.actions)
        told = [(NotifyHook(p.settings["path"], workshop.programs), _seconds(p)) for p in _told(service)]
        return cls(service, actions, tuple(told), _scripts(service, actions))

    def timed_as(self, service: ServicePolicy) -> "ServiceActions":
        """The same actions with other timeouts."""
        hooks = tuple((hook, _seconds(policy)) for (hook, _), policy in zip(self.hooks, _told(service), strict=True))
        return ServiceActions(service, self.actions, hooks, _scripts(service, self.actions))

    @property
    def policies(self) -> tuple[ActionPolicy, ...]:
        return self.service.actions

    def named(self, index: int) -> str:
        return words_of(self.policies[index])


def words_of(policy: ActionPolicy) -> str:
    """How an action is named to people."""
    if policy.kind == "address":
        return f"{policy.settings['address']} on {policy.settings['interface']}"
    return str(policy.settings["path"])


def _action(policy: ActionPolicy, workshop: Workshop) -> Action | None:
    if policy.kind == "address":
        address = ip_interface(policy.settings["address"])
        return AddressAction(policy.settings["interface"], address, workshop.netlink, workshop.announcer)
    if policy.kind == "script":
        return ScriptAction(policy.settings["path"], workshop.programs)
    must(policy.kind == "notify", f"the configuration let an action of kind {policy.kind} through")
    return None


def _told(service: ServicePolicy) -> list[ActionPolicy]:
    return [policy for policy in service.actions if policy.kind == "notify"]


def _scripts(service: ServicePolicy, actions: tuple[Action | None, ...]) -> tuple[tuple[ScriptAction, float], ...]:
    pairs = zip(service.actions, actions, strict=True)
    return tuple((action, _seconds(policy)) for policy, action in pairs if isinstance(action, ScriptAction))


def _seconds(policy: ActionPolicy) -> float:
    return policy.timeout_ms / 1000
