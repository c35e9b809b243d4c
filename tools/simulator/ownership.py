"""Who owns a service in the simulated world, whatever any node believes: the actions tell, not the feeds.

A split is more than one owner at once. It is reclaimed when the one owner's reclaim actions have run since the newest
split began.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tools.simulator.faild import Faild
from tools.simulator.host import Host


@dataclass(slots=True)
class Tenure:
    """One service, watched at every step."""

    owners: tuple[str, ...] = ()
    split_us: int | None = None
    """When the newest split began."""
    single_us: int = 0
    """When it ended."""
    told: bool = True
    """Whether it ended by the run that held: a killed rival may leave no trace of having gone on."""
    runs: dict[str, Faild | None] = field(default_factory=dict)
    """The faild under which each became an owner."""
    changes: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    """Every change of owners, with its time."""


class Tenures:
    def __init__(self, services: Iterable[str], hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self.of = {name: Tenure() for name in services}

    def look(self, now_us: int) -> None:
        """After every step of the world."""
        for service, tenure in self.of.items():
            owners = tuple(name for name, host in self._hosts.items() if host.owns(service))
            if owners != tenure.owners:
                if len(owners) > 1 >= len(tenure.owners):
                    tenure.split_us = now_us
                if len(owners) < 2 <= len(tenure.owners):
                    tenure.single_us = now_us
                    tenure.told = all(self._same_run(tenure, node) for node in tenure.owners if node not in owners)
                for node in owners:
                    if node not in tenure.owners:
                        tenure.runs[node] = self._hosts[node].faild
                tenure.owners = owners
                tenure.changes.append((now_us, owners))

    def memory_lost(self) -> None:
        """A disk is gone: perhaps the only one that told of the newest split."""
        for tenure in self.of.values():
            tenure.told = False

    def _same_run(self, tenure: Tenure, node: str) -> bool:
        faild = self._hosts[node].faild
        return faild is not None and faild is tenure.runs.get(node)

    def reclaimed(self, service: str) -> bool:
        """The one owner has announced again since the newest split; False where there was none, or it lasts."""
        tenure = self.of[service]
        if tenure.split_us is None or len(tenure.owners) != 1:
            return False
        return self._hosts[tenure.owners[0]].works.reclaimed_us.get(service, -1) >= tenure.split_us

    def announced_alone(self, service: str) -> bool:
        """The one owner has announced it since the newest split was over, by a reclaim or without one."""
        tenure = self.of[service]
        if tenure.split_us is None or len(tenure.owners) != 1:
            return False
        works = self._hosts[tenure.owners[0]].works
        return max(works.reclaimed_us.get(service, -1), works.announced_us.get(service, -1)) >= tenure.single_us

    def announced(self, service: str) -> bool:
        """No split since the one owner last announced: it took the service after the split, or has reclaimed it.

        True as well where it cannot be told: a rival's machine died in the split, and its feed says nothing of it.
        """
        tenure = self.of[service]
        if tenure.split_us is None or not tenure.told or self.reclaimed(service):
            return True
        began_us = max((at_us for at_us, owners in tenure.changes if owners == tenure.owners), default=0)
        return began_us > tenure.single_us
