"""One life of a simulated faild: the production core in the production shell, with the ports of a simulated machine.

Nothing here decides. Every input reaches the core through the shell's inbox, one after the other, with the machine's own
clocks; what arrives from the network goes through the production receiver.
"""

from collections.abc import Sequence

from coordinator.core import effects as do
from coordinator.core import inputs as saw
from coordinator.core.commands import Already, Resolved, Wanted
from coordinator.core.core import Core
from coordinator.policy import Policy
from coordinator.shell.inbox import Inbox
from coordinator.shell.last_words import LastWords
from coordinator.shell.perform import Shell
from coordinator.shell.ports import Ports
from protocol.bodies import Removal
from protocol.commands import open_command
from protocol.event import Event
from protocol.frames import Kind, frame
from protocol.messages import LastWord
from tools.simulator.arbiter_port import ArbiterPort
from tools.simulator.links import Links
from tools.simulator.machine import Machine
from tools.simulator.messages import Mail
from tools.simulator.orders import order
from tools.simulator.shell_ports import ActionPort, ClockPort, GuardPort, LogPort, PowerPort


class Faild:
    """Implements `coordinator.shell.ports.Notices` as well: what a service manager and people would hear, the world is told."""

    def __init__(self, host: Machine, core: Core) -> None:
        self.core = core
        self.alive = True
        self._host = host
        self._surroundings = host.surroundings
        self._inbox = Inbox(ClockPort(host))
        self._words = LastWords(self._surroundings.keys.signer(host.name))
        self._links = Links(host, core.context.run, core.policy, self._inbox.post)
        actions = ActionPort(host, self._say, self.post)
        self._guard = GuardPort(host, self.post)
        power, arbiter = PowerPort(host, self.post), ArbiterPort(host, core.context.run, self.post)
        ports = Ports(LogPort(host), self._guard, actions, self._inbox.clock, self, power, arbiter)
        self._shell = Shell(core, self._inbox, self._links, self._words, ports, self._ordered)

    def begin(self, first: saw.Input) -> None:
        self._inbox.begin(self._shell.take, first)

    def end(self) -> None:
        """The process is gone."""
        self.alive = False
        self._inbox.close()
        self._links.close()

    def post(self, seen: saw.Input) -> None:
        """Hand one input to the core, now or as soon as the machine runs again."""
        self._host.when_awake(lambda: self._inbox.post(seen))

    def guard_replaced(self) -> None:
        """A new guard stands: it is told everything that is held, and then the core that it is there."""
        self._guard.replaced()
        self.post(saw.GuardChanged(True))

    def _ordered(self, seen: saw.Input, ordered: list[do.Effect], now: saw.Now) -> None:
        self._surroundings.watched(self._host.name, seen, ordered, now)

    def _say(self, word: LastWord) -> None:
        self._links.say(self._words.signed(word))

    # What arrives

    def take(self, sender: str, link: str, mail: Mail, began_us: int | None) -> None:
        if self.alive:
            self._links.take(sender, link, mail, began_us)

    def connected(self, peer: str, link: str, up: bool) -> None:
        self._host.when_awake(lambda: self._links.connected(peer, link, up) if self.alive else None)

    def turn_away(self, peer: str, link: str) -> None:
        """A node connects that this one's file does not name: it is shown why."""
        self._surroundings.alarmed(self._host.name, f"{peer} was removed and tries to connect")

        def show(found: Removal) -> None:
            mail = frame(Kind.REMOVED, found.encode())
            self._surroundings.network.tell(self._host.name, peer, link, mail)

        self._shell.removal_of(peer, show)

    # People

    def ordered(self, wanted: Wanted, for_ms: int, ticket: int) -> None:
        """An admin at this node's door: what to sign is asked here, and the command is given here."""
        self._host.when_awake(lambda: self._resolve(wanted, for_ms, ticket))

    def _resolve(self, wanted: Wanted, for_ms: int, ticket: int) -> None:
        if not self.alive:
            return
        found = self.core.commands.resolve(wanted)
        if isinstance(found, Resolved):
            signed = order(self._surroundings.policy, f"{ticket} at {self._host.name}", wanted, found, for_ms)
            self.command(signed.raw, signed.signature, ticket)
        else:
            self.answer(do.Answer(ticket, isinstance(found, Already), found.text))

    def applied(self, policy: Policy, nth: str) -> None:
        """`failc config apply`, signed by the admin; before the node knows its own feed, SIGHUP."""
        wanted = Wanted("apply", "", self._host.name, policy.digest)
        found = self.core.commands.resolve(wanted)
        signed = order(self._surroundings.policy, nth, wanted, found) if isinstance(found, Resolved) else None
        self.post(saw.Reconfigured(policy, 0, signed))

    def command(self, raw: bytes, signature: bytes, ticket: int, source: str = "") -> None:
        """A command at the door: signature and cluster are looked at, as the control socket does. Raises Refused."""
        policy = self._surroundings.policy
        keys = {operator.name: operator.key for operator in policy.operators.values()}
        self.post(saw.CommandArrived(open_command(raw, signature, keys, policy.cluster_id), ticket, source))

    # What the shell tells

    def durable(self, events: Sequence[Event]) -> None:
        """Hooks and logs are not simulated."""

    def answer(self, answer: do.Answer) -> None:
        self._surroundings.answered(self._host.name, answer)

    def alarm(self, alarm: do.Alarm) -> None:
        self._surroundings.alarmed(self._host.name, alarm.text)

    def alarm_over(self, alarm: do.AlarmOver) -> None:
        """The simulator keeps what was begun: what ended does no harm."""

    def adopted(self, policy: Policy) -> None:
        """The daemon's links have moved before; here they follow, and connections with nodes that it does not name end."""
        self._links.configure(policy)
        self._inbox.clock.soon(self._surroundings.network.disown, self._host.name)

    def ready(self) -> None:
        """No service manager waits for a simulated node's `ready`."""

    def exit(self, order: do.Exit) -> None:
        self._host.faild_exited()
