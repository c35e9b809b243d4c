"""What people, askers and the service manager hear of this node: `coordinator.shell.ports.Notices`.

notices = Notices(status, machine, questions, run, say)
notices.open(control)           # from here on the control socket answers
await notices.ended()           # until the core has ordered `Exit`
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from coordinator.alarms.board import Alarm as Standing
from coordinator.alarms.names import AlarmName
from coordinator.config.complaints import Complaint
from coordinator.control.opening import Opening
from coordinator.core.effects import Alarm, AlarmOver, Answer, Exit
from coordinator.daemon.alarming import Alarming
from coordinator.daemon.log_output import Say
from coordinator.daemon.machine import Machine
from coordinator.daemon.node_status import NodeStatus
from coordinator.daemon.notifications import News
from coordinator.daemon.questions import Questions
from coordinator.daemon.systemd import tell
from coordinator.policy import Policy
from protocol.event import Event

log = logging.getLogger("failover")


class Notices:
    def __init__(self, status: NodeStatus, machine: Machine, questions: Questions, run: bytes, say: Say) -> None:
        """`say` is told `ready`; it must not wait for its reader."""
        self.is_ready = False
        self.answer: Callable[[Answer], None] = questions.answer
        self._status = status
        self._machine = machine
        self._say = say
        self._control: Opening | None = None
        self._ended = asyncio.Event()
        self._stuck: tuple[str, ...] = ()
        self.alarming = Alarming(status, machine.troubles, machine.rivals.look, self._alarmed)
        self._news = News(lambda: status.core, run, machine.executor.changed, self.alarming.written, status.bell)

    def open(self, control: Opening) -> None:
        self._control = control
        control.listen()
        self.alarming.start()

    async def ended(self) -> tuple[str, ...]:
        """The services that are still up here when everything else is released and written."""
        await self._ended.wait()
        return self._stuck

    def close(self) -> None:
        """What is written and not told yet is told now."""
        self._news.tell()
        self.alarming.close()

    # --- what the core orders --------------------------------------------------------------------------------------

    def durable(self, events: Sequence[Event]) -> None:
        for event in events:
            self._news.durable(event)
        self._news.soon()

    def alarm(self, order: Alarm) -> None:
        about = {"service": order.service, "node": order.node}
        self.alarming.begin(order.name, order.text, **about, until_written=order.until_written)

    def alarm_over(self, order: AlarmOver) -> None:
        self.alarming.end(order.name, service=order.service, node=order.node)

    def adopted(self, policy: Policy) -> None:
        self._machine.configure(policy)

    def ready(self) -> None:
        self.is_ready = True
        self._status.bell.ring()
        self._say("ready")
        if self._control is not None:
            self._control.serve(self._measured)  # what it loads is a part of the start: no alarm at each of them
        tell("READY=1")

    def exit(self, order: Exit) -> None:
        self._stuck = order.stuck
        for service in order.stuck:
            log.error("%s is stuck here and stays up: its down failed. The guard tries once more; no peer takes it", service)
        self._ended.set()

    # --- what the rest of the node sees ----------------------------------------------------------------------------

    def overfed(self, peer: str) -> None:
        self.alarming.begin(AlarmName.QUOTA, f"{peer} sends more over its links than is read: it is read slowly", node=peer)

    def visited(self, node: str, host: str) -> None:
        text = f"{node} tries to connect from {host}, and is no longer in the configuration: it runs an old file"
        self.alarming.begin(AlarmName.REMOVED_NODE, text, node=node)

    def exposed(self, files: Sequence[Complaint]) -> None:
        """Files that others can change, as they were when the configuration was read last."""
        me = self._status.me
        if not files:
            return self.alarming.end(AlarmName.WRITABLE, node=me)
        more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        self.alarming.begin(AlarmName.WRITABLE, f"{files[0].what}{more}. {files[0].instead}", node=me)

    def untold(self, text: str) -> None:
        """Receivers that no trap reaches; empty where all are told."""
        me = self._status.me
        if text:
            self.alarming.begin(AlarmName.TRAPS_UNTOLD, f"traps do not reach {text}", node=me)
        else:
            self.alarming.end(AlarmName.TRAPS_UNTOLD, node=me)

    def unfenced(self, node: str, text: str) -> None:
        """A node whose fence devices would not do; empty where they would."""
        if text:
            said = f"{node} could not be fenced from {self._status.me}: {text}"
            self.alarming.begin(AlarmName.FENCE_BROKEN, said, node=node)
        else:
            self.alarming.end(AlarmName.FENCE_BROKEN, node=node)

    def _alarmed(self, alarm: Standing, begins: bool) -> None:
        self._machine.traps.alarmed(alarm, begins)
        self._status.bell.ring()

    def _measured(self) -> None:
        """From here on a turn of the loop that takes long is one of a node that others rely on."""
        late = lambda text: self.alarming.begin(AlarmName.LOOP_LATE, text)  # noqa: E731
        self._status.turns.begin(lambda: self._status.policy.timing.heartbeat_ms, late)
