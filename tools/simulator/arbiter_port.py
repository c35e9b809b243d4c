"""What a simulated `faild` asks the simulated etcd: `coordinator.shell.ports.Arbiter`.

A question and its answer are each on their way for a while; either may be lost. A node may be cut off from etcd and from
nothing else (`world.arbiter.cut`), and etcd may be slow to all (`world.arbiter.slow_us`).
"""

from collections.abc import Callable

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.quorum.arbiter import Refusal, Refused, Said
from coordinator.core.quorum.arbitration import Question
from coordinator.policy import Policy
from tools.simulator.machine import Machine

WAY_US = (300, 3_000)
"""From a node to etcd, or back."""


class ArbiterPort:
    def __init__(self, host: Machine, run: bytes, post: Callable[[saw.Input], None]) -> None:
        self._host, self._run, self._post = host, run, post

    def ask(self, order: do.AskArbiter) -> None:
        self._on_its_way(lambda: self._asked(order.question))

    def configure(self, policy: Policy) -> None:
        """There is one etcd in this world."""

    def _asked(self, question: Question) -> None:
        around = self._host.surroundings
        answer = around.arbiter.etcd.answer(self._host.name, self._run, question, around.agenda.now_us)
        if isinstance(answer, Refused) and answer.name is Refusal.NO_QUORUM:
            self._told(question, answer)
        else:
            self._on_its_way(lambda: self._told(question, answer))

    def _told(self, question: Question, answer: Said) -> None:
        self._post(saw.ArbiterSaid(question, answer))

    def _on_its_way(self, act: Callable[[], None]) -> None:
        around = self._host.surroundings
        if self._host.name in around.arbiter.cut or (around.arbiter.lost and around.rng.random() < around.arbiter.lost):
            return
        around.agenda.after(around.rng.randint(*WAY_US) + around.arbiter.slow_us, act)

