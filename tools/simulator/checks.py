"""The health checks of one simulated faild: each runs every so often while its service is watched."""

from collections.abc import Callable

from coordinator.core.inputs import CheckFinished, Input
from coordinator.policy import CheckPolicy
from tools.simulator.machine import Machine


class Checks:
    def __init__(self, host: Machine, post: Callable[[Input], None]) -> None:
        self._host = host
        self._post = post
        self._watches: dict[str, tuple[int, int]] = {}
        """Service to the number of its present watch and its patience; an older watch's checks end by themselves."""
        self._begun = 0

    def watch(self, service: str, on: bool, patience_ms: int = 0) -> None:
        self._watches.pop(service, None)
        if on:
            self._begun += 1
            self._watches[service] = watch = (self._begun, patience_ms)
            for check in range(len(self._checks(service))):
                self._again(service, check, watch)

    def _checks(self, service: str) -> tuple[CheckPolicy, ...]:
        """By the configuration that runs."""
        policy = self._host.runs
        known = policy.services.get(service) if policy else None
        return known.checks if known else ()

    def _again(self, service: str, check: int, watch: tuple[int, int]) -> None:
        every_us = max(self._checks(service)[check].every_ms, watch[1]) * 1000
        self._host.later(every_us, lambda: self._look(service, check, watch))

    def _look(self, service: str, check: int, watch: tuple[int, int]) -> None:
        if self._watches.get(service) != watch or check >= len(self._checks(service)):
            return
        passed = service not in self._host.failing_checks
        self._post(CheckFinished(service, check, passed, "" if passed else "the check fails in the simulation"))
        self._again(service, check, watch)
