"""GET /metrics: the status as Prometheus reads it, computed when it is asked for.

A page about a thousand services has 20,000 lines: they are made on another thread, from what was read on the loop's.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from coordinator.control.parts import status_in_parts
from coordinator.control.view import NodeView
from protocol.invariant import InvariantBroken

LIVENESS = ("alive", "unreachable", "indoubt", "dead")
STATES = ("UP", "RECOVER", "FAIL", "INDOUBT", "RECLAIM", "STARTING", "STOPPING")


class _Read:
    """Families of metrics that were read: all of a registry that an encoder asks for."""

    def __init__(self, families: Iterable[Metric]):
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class NodeMetrics:
    def __init__(self, view: NodeView, commands: Counter[str]):
        self.view = view
        self.commands = commands

    async def page(self, accept: str) -> tuple[bytes, str]:
        """The page in the form that the scraper asked for, and its content type."""
        encode, content_type = choose_encoder(accept)
        now = await status_in_parts(self.view, 0)
        read = [*self._peers(now["nodes"]), *self._links(), *self._own()]
        return await asyncio.to_thread(lambda: encode(_Read([*_services(now["services"]), *read]))), content_type

    def _peers(self, nodes: dict[str, dict[str, object]]) -> Iterator[Metric]:
        alive = GaugeMetricFamily("failover_peer", "1 for what is thought of the peer.", labels=["peer", "liveness"])
        silent = GaugeMetricFamily("failover_peer_silent_seconds", "Since the peer was last heard.", labels=["peer"])
        for name, node in nodes.items():
            if name == self.view.me:
                continue
            for each in LIVENESS:
                alive.add_metric([name, each], float(each == node["liveness"]))
            silent.add_metric([name], float(str(node["silent_ms"])) / 1000)
        return iter((alive, silent))

    def _links(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("failover_link_up", "1 while the link's TLS connection stands.", labels=["peer", "link"])
        datagram = GaugeMetricFamily("failover_link_datagram", "1 while datagrams arrive on it.", labels=["peer", "link"])
        rtt = GaugeMetricFamily("failover_link_rtt_seconds", "The round trip of a heartbeat.", labels=["peer", "link"])
        refused = CounterMetricFamily("failover_refused", "Messages refused.", labels=["peer", "link", "reason"])
        for link in self.view.links():
            names = [link.peer, link.link]
            up.add_metric(names, float(link.up))
            datagram.add_metric(names, float(link.datagram))
            if link.rtt_ms is not None:
                rtt.add_metric(names, link.rtt_ms / 1000)
            for reason, count in link.refused.items():
                refused.add_metric([*names, str(reason)], count)
        return iter((up, datagram, rtt, refused))

    def _own(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("failover_ready", "1 once this node has decided.", value=float(self.view.ready))
        fit = GaugeMetricFamily(
            "failover_fit", "1 while this node may take a service.", value=float(not self.view.unfit_because)
        )
        standing = self.view.alarms
        alarms = GaugeMetricFamily("failover_alarms", "Alarms that stand in the status.", value=len(standing))
        alarm = GaugeMetricFamily(
            "failover_alarm",
            "1 while the alarm stands; docs/alarms has a page for each name.",
            labels=["name", "service", "node"],
        )
        for key in (each.key for each in standing):
            alarm.add_metric([str(key.name), key.service, key.node], 1.0)
        turns = self.view.turns
        longest = GaugeMetricFamily(
            "failover_loop_longest_turn_seconds", "The longest turn of the event loop so far.", value=turns.longest_ms / 1000
        )
        long = CounterMetricFamily("failover_loop_long_turns", "Turns of the event loop above 20 ms.", value=turns.long)
        heads = GaugeMetricFamily("failover_feed_number", "The last durable event of a feed.", labels=["node", "incarnation"])
        for head in self.view.heads():
            heads.add_metric([head.node, str(head.incarnation)], head.number)
        commands = CounterMetricFamily("failover_commands", "Commands at the door, by what became of them.", labels=["outcome"])
        for outcome, count in self.commands.items():
            commands.add_metric([str(outcome)], count)
        return iter((ready, fit, alarms, alarm, longest, long, heads, commands))


def _services(services: dict[str, dict[str, object]]) -> Iterator[Metric]:
    owner = GaugeMetricFamily("failover_owner", "1 where this node knows the node as owner.", labels=["service", "node"])
    epoch = GaugeMetricFamily("failover_epoch", "The epoch of the service's newest claim.", labels=["service"])
    split = GaugeMetricFamily("failover_split", "1 while two nodes hold the service.", labels=["service"])
    state = GaugeMetricFamily("failover_state", "1 for the state the service has there.", labels=["service", "node", "state"])
    for name, service in services.items():
        states = service["states"]
        if not isinstance(states, dict):
            raise InvariantBroken("states is a table")
        for node, word in states.items():
            owner.add_metric([name, node], float(node == service["owner"]))
            for each in STATES:
                state.add_metric([name, node, each], float(each == word))
        epoch.add_metric([name], float(str(service["epoch"])))
        split.add_metric([name], float(bool(service["split"])))
    return iter((owner, epoch, split, state))
