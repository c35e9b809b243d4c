"""Many addresses in one service, with scripts and checks: how long the loop stands still, and what the crowd costs.

The turns of the loop are what `faild` itself measures, always (`failc timings`): both nodes, since each was ready.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools.bench.figures import Figure
from tools.bench.orders import SignedMove
from tools.bench.rig import MASTER, SLAVE, Plan
from tools.failc.asking import Node as Asked
from tools.lab.lab import Lab
from tools.lab.measure import Measure
from tools.lab.place import LabError

UP_S_MAX = 120.0
MOVES, RUNS = 10, 5
PUT_BACK_POLL_S = 0.002


def sixty(plan: Plan) -> list[Figure]:
    """60 addresses, a script and an exec check: ten moves, five times, each in a laboratory of its own."""
    long, longest, two = list[float](), list[float](), list[float]()
    for _ in range(RUNS if plan.rounds > 3 else 1):
        with crowd(60, scripts=1, checks=1) as lab:
            lab.asker.forget()
            began_ns = time.monotonic_ns()
            for move in range(MOVES):
                _move(lab, SLAVE if move % 2 == 0 else MASTER)
            two.append(_two_owners_ms(lab, began_ns))
            long.append(float(sum(_loop(lab, name)["turns_above_20_ms"] for name in lab.nodes)))
            longest.append(max(_loop(lab, name)["longest_turn_ms"] for name in lab.nodes))
    return [
        _worst("60 addresses, a script, a check, ten moves: turns of the loop above 20 ms", "", long, 0),
        _worst("60 addresses, a script, a check, ten moves: longest turn", "ms", longest, None),
        _worst("60 addresses, a script, a check, ten moves: two owners", "ms", two, 0),
    ]


def six_hundred(plan: Plan) -> list[Figure]:
    """600 addresses, 40 scripts, 40 checks, while four processes never sleep: there and back."""
    with crowd(600, scripts=40, checks=40) as lab, busy(4):
        for target in (SLAVE, MASTER):
            _move(lab, target)
        loops = [_loop(lab, name) for name in lab.nodes]
    what = "600 addresses, 40 scripts, 40 checks, busy, two moves"
    longest = max(loops, key=lambda loop: loop["longest_turn_ms"])
    return [
        _worst(f"{what}: turns of the loop above 20 ms", "", [float(sum(loop["turns_above_20_ms"] for loop in loops))], 0),
        _worst(f"{what}: longest turn", "ms", [longest["longest_turn_ms"]], None, longest["what"]),
    ]


def three_hundred(plan: Plan) -> list[Figure]:
    """300 addresses: one removed by hand, kill -9 and a start at once, SIGTERM."""
    back, cpu = list[float](), list[float]()
    with crowd(300) as lab:
        for _ in range(plan.rounds):
            took_s, cpu_s = _one_put_back(lab)
            back.append(took_s)
            cpu.append(cpu_s)
        lab.nodes[MASTER].kill()
        began = time.monotonic()
        lab.nodes[MASTER].launch()
        lab.wait_until(lab.nodes[MASTER].is_ready, "it is ready after kill -9", 60)
        ready_s = time.monotonic() - began
        lab.wait_until(lambda: lab.service(MASTER)["states"][MASTER] == "UP", "the master has it back", UP_S_MAX)
        time.sleep(5)
        began = time.monotonic()
        lab.nodes[MASTER].terminate(60)
        stop_s = time.monotonic() - began
    return [
        _worst("300 addresses: SIGTERM until faild has ended", "s", [stop_s], 0.3),
        _worst("300 addresses: started at once after kill -9, ready after", "s", [ready_s], None, "not refused"),
        _worst("300 addresses: one removed by hand is back after", "s", back, 0.1),
        _worst("300 addresses: processor time of faild meanwhile", "s", cpu, 0.1),
    ]


@contextmanager
def crowd(addresses: int, scripts: int = 0, checks: int = 0) -> Iterator[Lab]:
    """Two nodes, one service with all of these, the master serving."""
    with Lab((MASTER, SLAVE)) as lab:
        lab.init(lambda text: _service(text, addresses, _script(lab), scripts, checks))
        lab.prober.start()
        lab.asker.start()
        lab.start(deadline_s=60)
        lab.wait_until(lambda: lab.service(MASTER)["states"][MASTER] == "UP", "the master serves", UP_S_MAX)
        time.sleep(5)  # the last announcements of the start are over
        yield lab


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that never sleep."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _script(lab: Lab) -> str:
    path = lab.folder / "crowd"
    path.write_text("#!/bin/sh\n[ $1 != status ] || exit 3\n")
    path.chmod(0o755)
    return str(path)


def _service(text: str, addresses: int, script: str, scripts: int, checks: int) -> str:
    """The file of `failc init` with more of everything; its own two addresses come first, since the instruments ask them."""
    four = [f"10.77.0.{n}/24" for n in range(110, 200)][: max(0, addresses - 2)]
    six = [f"fd77::1:{n:x}/64" for n in range(1, addresses)][: max(0, addresses - 2 - len(four))]
    lines = [f'\n[[services.web.actions]]\naddress = "{address}"\ninterface = "eth0"' for address in (*four, *six)]
    lines += [f'\n[[services.web.actions]]\nscript = "{script}"' for _ in range(scripts)]
    lines += ['\n[[services.web.checks]]\nexec = ["/bin/true"]\nevery = "1s"\nfall = 100' for _ in range(checks)]
    at = text.rindex("[[services.web.actions]]")
    end = text.find("\n\n", at)
    end = len(text) if end < 0 else end
    return text[:end] + "\n" + "\n".join(lines) + "\n" + text[end:]


def _move(lab: Lab, target: str) -> None:
    owner = SLAVE if target == MASTER else MASTER
    with SignedMove(lab, owner, target) as move:
        move.send()
    lab.wait_until(lambda: lab.service(target)["states"][target] == "UP", f"{target} has it", UP_S_MAX)
    time.sleep(1)


def _loop(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = Asked(lab.nodes[name].state / "control.sock").get("/timings")["loop"]
    return found


def _two_owners_ms(lab: Lab, since_ns: int) -> float:
    return max(seen.two_owners_ms for seen in Measure(lab).seen(since_ns=since_ns).values())


def _one_put_back(lab: Lab) -> tuple[float, float]:
    """Seconds until it is back, and of processor time in all of them and a second more."""
    node, address = lab.nodes[MASTER], "10.77.0.150"

    def has() -> bool:
        return f" {address}/" in node.running.run("ip", "-o", "-4", "address", "show", "dev", "eth0")

    before_s = _cpu_s(lab)
    node.running.run("ip", "address", "del", f"{address}/24", "dev", "eth0")
    began = time.monotonic()
    while not has():
        if time.monotonic() - began > UP_S_MAX:
            raise LabError(f"{address} is not put back")
        time.sleep(PUT_BACK_POLL_S)
    took_s = time.monotonic() - began
    time.sleep(2)
    return took_s, _cpu_s(lab) - before_s - 2 * _idle_rate(lab)


def _idle_rate(lab: Lab) -> float:
    """What it takes a second with nothing to do."""
    before_s = _cpu_s(lab)
    time.sleep(4)
    return (_cpu_s(lab) - before_s) / 4


def _cpu_s(lab: Lab) -> float:
    node = lab.nodes[MASTER]
    fields = node.running.read(f"/proc/{node.pid}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _worst(what: str, unit: str, samples: list[float], limit: float | None, remark: str = "") -> Figure:
    """The worst of all runs counts: a loop that stands still once is a death imagined once."""
    spread = f"worst of {len(samples)}" if len(samples) > 1 else ""
    return Figure(what, unit, (max(samples),), limit, "; ".join(filter(None, (spread, remark))))


CROWDS: dict[str, Callable[[Plan], list[Figure]]] = {"sixty": sixty, "three_hundred": three_hundred, "six_hundred": six_hundred}
