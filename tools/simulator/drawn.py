"""A cluster drawn from a seed: two to five nodes, perhaps a witness, one to three services, with whatever policies they have.

The configuration is text, parsed like any other: so the log holds it, and the reducer reads it.
"""

import random

from coordinator.config import parse
from coordinator.policy import Policy
from protocol.keys import key_text
from tools.simulator.keys import Keys
from tools.simulator.orders import armed

NAMES = ("lukretia", "genesis", "carthage", "delphi", "ephesus")
SERVICES = ("web", "mail", "dns")
TIMINGS = (("100ms", "300ms", "500ms"), ("50ms", "150ms", "250ms"), ("200ms", "700ms", "1500ms"))


def drawn(rng: random.Random) -> Policy:
    count = rng.choice((2, 2, 3, 3, 3, 4, 5))
    nodes = NAMES[:count]
    witness = nodes[-1] if count > 2 and rng.random() < 0.3 else None
    links = ("lan", "direct")[: rng.choice((1, 2, 2))]
    heartbeat, indoubt, dead = rng.choice(TIMINGS)
    keys = Keys(nodes, real=True).public()
    lines = ['cluster = "drawn"', 'id = "00112233445566778899aabbccddeeff"', "[timing]"]
    lines += [f'heartbeat = "{heartbeat}"', f'indoubt = "{indoubt}"', f'dead = "{dead}"']
    for at, node in enumerate(nodes):
        ways = ", ".join(f'{link} = "10.{70 + nth}.0.{11 + at}"' for nth, link in enumerate(links))
        lines += [f"[nodes.{node}]", f'key = "{key_text(keys[node])}"', f"links = {{ {ways} }}"]
        lines += ["witness = true"] if node == witness else []
    candidates = [node for node in nodes if node != witness]
    for nth, service in enumerate(SERVICES[: rng.choice((1, 1, 2, 3))]):
        lines += _service(rng, nth, service, candidates)
    return armed(parse("\n".join(lines) + "\n", "drawn"))


def _service(rng: random.Random, nth: int, name: str, candidates: list[str]) -> list[str]:
    order = rng.sample(candidates, rng.randint(min(2, len(candidates)), len(candidates)))
    lines = [
        f"[services.{name}]",
        f"nodes = [{', '.join(chr(34) + node + chr(34) for node in order)}]",
        f'failback = "{rng.choice(("auto", "auto", "manual", "2s"))}"',
        f'split_winner = "{rng.choice(("preference", "preference", "incumbent"))}"',
        f'on_isolation = "{rng.choice(("keep", "keep", "keep", "release"))}"',
        f"restarts = {rng.choice((0, 0, 1))}",
        f'retry = "{rng.choice(("1s", "3s", "10s"))}"',
        f"[[services.{name}.actions]]",
        f'address = "10.70.0.{100 + nth}/24"',
        f'interface = "eth{rng.choice((0, nth))}"',
    ]
    if rng.random() < 0.6:
        lines += [f"[[services.{name}.actions]]", f'script = "/etc/failover/{name}"', 'timeout = "2s"']
    if rng.random() < 0.5:
        lines += [f"[[services.{name}.checks]]", f'tcp = "127.0.0.1:{8000 + nth}"', 'every = "200ms"', "fall = 3", "rise = 2"]
    return lines
