"""After the end of `faild`: what ran is killed, what is held is taken down, and each service's last word is said."""

import threading
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from .addresses import look, nothing_left, remove_address
from .complaints import complain
from .gate import take_gate_away
from .held import Book
from .last_word import say_last_word
from .leases import LOOK_MS, Leases
from .programs import kill_programs
from .requests import carry_out
from .scripts import run

Told = dict[str, Any]

WAYS: dict[str, Callable[[Told], bool]] = {"address": remove_address, "run": run, "kernel": carry_out}
"""How each kind of down is done, by the key that it has; True where it is down. Raises OSError."""


def act(book: Book) -> None:
    """Services side by side: a script that takes its time in one must not keep another's address up. One needs no thread of
    its own, whose start takes as long as all the rest; but while something is under a lease, this one looks at the time."""
    leases, down = book.leases, set[str]()
    leases.look()
    kill_programs(book.programs)
    services = list(book.held.values())
    ours = 0 if leases.held else 1
    threads = [threading.Thread(target=end_service, args=(held, down)) for held in services[ours:]]
    for thread in threads:
        thread.start()
    for held in services[:ours]:
        end_service(held, down)
    for thread in threads:
        while thread.is_alive():
            leases.look()
            thread.join(LOOK_MS / 1000 if leases.held else None)
            release(leases, down)
    release(leases, down)
    if leases.held:
        leases.strike(f"{', '.join(leases.held)}: not down after the end of faild")


def release(leases: Leases, down: set[str]) -> None:
    for service in tuple(down):
        leases.release(service)


def end_service(held: Told, down: set[str] | None = None) -> None:
    """`down`, where one is given, gets its name as soon as all of it is down."""
    look(held["downs"])
    downs = [take_down(down) for down in held["downs"]]  # all of them, whatever the first ones say
    gone = nothing_left(held["downs"])
    if gone and all(downs):
        if down is not None:
            down.add(held["service"])
        say_last_word(a2b_base64(held["word"]), held["peers"])
    else:
        complain(f"{held['service']}: not everything is down here, so no last word is said")
    if gone and held.get("gate"):
        take_gate_away(a2b_base64(held["gate"]))


def take_down(down: Told) -> bool:
    try:
        for key, way in WAYS.items():
            if key in down:
                return way(down)
        complain(f"{down}: this guard cannot do that")
    except OSError as error:
        complain(f"{down}: {error}")
    return False
