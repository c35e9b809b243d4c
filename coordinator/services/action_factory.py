"""From the configuration's actions to things that can be done on this machine.

    deeds = ServiceActions.of(policy.services["web"], workshop)
    deeds.actions[0]        # None where a notify hook stands: it has no up and down
    deeds.told              # what is told of changes: hooks, and scripts by their words
"""

from collections.abc import Iterator
from dataclasses import dataclass

from actions.action import Action
from actions.kinds import ACTIONS
from actions.kinds.kind import Told
from actions.workshop import Workshop
from coordinator.policy import ActionPolicy, ServicePolicy


@dataclass(frozen=True, slots=True)
class ServiceActions:
    """One service's actions, in the order of its configuration."""

    service: ServicePolicy
    actions: tuple[Action | None, ...]
    listeners: tuple[Told | None, ...]
    """Beside each action, what is told of changes: a hook, or the script itself by its words."""

    @classmethod
    def of(cls, service: ServicePolicy, workshop: Workshop) -> "ServiceActions":
        made = [ACTIONS[policy.kind].make(policy.settings, workshop) for policy in service.actions]
        return cls(service, tuple(it.action for it in made), tuple(it.told for it in made))

    def timed_as(self, service: ServicePolicy) -> "ServiceActions":
        """The same actions with other timeouts."""
        return ServiceActions(service, self.actions, self.listeners)

    @property
    def told(self) -> Iterator[tuple[Told, float]]:
        """With the seconds that a call may take."""
        for policy, told in zip(self.policies, self.listeners, strict=True):
            if told is not None:
                yield told, policy.timeout_ms / 1000

    @property
    def policies(self) -> tuple[ActionPolicy, ...]:
        return self.service.actions

    def named(self, index: int) -> str:
        policy = self.policies[index]
        return ACTIONS[policy.kind].named(policy.settings)
