"""A switch: a bridge in a namespace of its own, with the cables' far ends as its ports.

The ways to lose a link, as in life:
`down` / `up`         the port is switched off: the node sees its carrier go.
`isolate` / `join`    the port forwards nothing, the carrier stays: the fault lies behind the switch.
`block`, `lose`, `swallow`: some frames are dropped: by pair and direction, a percentage of all, the long ones (needs nft).
`split`               it falls into two: some ports on one side, the others on the other (needs nft).
"""

import json
from collections.abc import Sequence
from itertools import chain

from tools.lab.addresses import INTERFACES, Port
from tools.lab.place import Place


class Switch:
    def __init__(self, link: str, place: Place):
        self.link, self.place = link, place
        self._blocked: set[tuple[str, str]] = set()
        self._loss_percent = 0.0
        self._longest = 0
        self._apart: tuple[str, ...] = ()
        place.ip("link add name br0 type bridge mcast_snooping 0 forward_delay 0", "link set br0 addrgenmode none up")

    def plug(self, port: Port, place: Place) -> None:
        """Lay a cable to a place and give its end there name, hardware address and addresses, the carrier still down."""
        inside, outside = INTERFACES[self.link], port.switch_side
        pair = f"name {outside} index {port.number} type veth peer name {inside} index {port.number} netns {place.holder}"
        self.place.ip(f"link add {pair}", f"link set {outside} addrgenmode none master br0")
        place.ip(
            f"link set {inside} address {port.mac} addrgenmode none",
            f"link set {inside} up",
            f"addr add {port.v4}/24 dev {inside}",
            f"addr add {port.v6}/64 dev {inside} nodad",
            f"addr add fe80::{port.host:x}/64 dev {inside} nodad",
        )

    def down(self, *ports: Port) -> None:
        self.place.ip(*(f"link set {port.switch_side} down" for port in ports))

    def off(self, port: Port) -> bool:
        """Switch a port off in less than a millisecond; whether it is down is looked at in the same breath."""
        return bool(self.place.order(do="down", interface=port.switch_side)["down"])

    def remove(self, port: Port) -> None:
        """Take the cable away, both ends; it may have gone with the namespace at its other end."""
        self.place.order(do="run", argv=["ip", "link", "delete", port.switch_side])

    def up(self, *ports: Port) -> None:
        self.place.ip(*(f"link set {port.switch_side} up" for port in ports))

    def isolate(self, port: Port) -> None:
        self.place.run("bridge", "link", "set", "dev", port.switch_side, "state", "0")

    def join(self, port: Port) -> None:
        self.place.run("bridge", "link", "set", "dev", port.switch_side, "state", "3")

    def block(self, source: Port, target: Port) -> None:
        """Nothing that `source` sends reaches `target`; the other way is open."""
        self._blocked.add((source.switch_side, target.switch_side))
        self._filter()

    def unblock(self, source: Port, target: Port) -> None:
        self._blocked.discard((source.switch_side, target.switch_side))
        self._filter()

    def lose(self, percent: float) -> None:
        """Drop this share of all frames, at random, in every direction."""
        self._loss_percent = percent
        self._filter()

    def swallow(self, longer_than: int) -> None:
        """Drop every longer packet and say nothing about it, as a tunnel with a small MTU whose ICMP is filtered; 0: none."""
        self._longest = longer_than
        self._filter()

    def split(self, names: Sequence[str]) -> None:
        """These machines hear each other, and all others hear each other; nothing passes between the two. None: it is whole."""
        self._apart = tuple(f"p-{name}"[:15] for name in names)
        self._filter()

    def _filter(self) -> None:
        rules = [f'iifname "{source}" oifname "{target}" drop' for source, target in sorted(self._blocked)]
        if self._apart:
            these = ", ".join(f'"{name}"' for name in self._apart)
            rules.append(f"iifname {{ {these} }} oifname != {{ {these} }} drop")
            rules.append(f"iifname != {{ {these} }} oifname {{ {these} }} drop")
        if self._longest:
            rules.append(f"meta length > {self._longest} drop")
        if self._loss_percent:
            rules.append(f"numgen random mod 1000 < {round(self._loss_percent * 10)} drop")
        lines = chain(("flush chain bridge lab forward",), (f"add rule bridge lab forward {rule}" for rule in rules))
        head = "add table bridge lab\nadd chain bridge lab forward { type filter hook forward priority 0; }\n"
        self.place.run("nft", "-f", "-", text=head + "\n".join(lines) + "\n")

    def states(self) -> dict[str, str]:
        """Port to "up", "down", "isolated" or "no carrier"; a port whose cable is gone is missing."""
        shown = json.loads(self.place.run("ip", "-json", "-details", "link", "show", "master", "br0") or "[]")
        return {one["ifname"]: _state(one) for one in shown}


def _state(shown: dict[str, object]) -> str:
    flags = shown["flags"]
    assert isinstance(flags, list)
    if "UP" not in flags:
        return "down"
    if "LOWER_UP" not in flags or shown.get("operstate") != "UP":
        return "no carrier"
    slave = shown["linkinfo"]["info_slave_data"]  # type: ignore[index]
    return "up" if slave["state"] == "forwarding" else "isolated"
