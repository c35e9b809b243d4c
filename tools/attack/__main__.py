"""`python -m tools.attack [WORD...]`: plays every attack, or those whose line has one of the words, and prints what happened.

Both thieves play, each against honest nodes of its own, several pairs side by side: most of an attack is waiting. Floods come
when the quiet attacks are over, fewer side by side, so that none is starved by the flood next door.
Exit: 0 nothing that must not happen has happened; 1 something has, or time ran out; 130 interrupted.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tools.attack.attacks import ATTACKS, Attack
from tools.attack.table import TITLE, table
from tools.attack.theft import Theft, bundles
from tools.attack.trial import Result

LIMIT_S = 500.0
"""All of it ends within nine minutes: what has not begun by then is told as missing, and is a failure."""

LANES, FLOOD_LANES = 4, 2
"""Pairs of honest nodes at once, on two processors."""

THIEVES = ("stranger", "candidate")


def main(words: Sequence[str]) -> int:
    chosen = _chosen(words)
    attacks = [attack for attack in ATTACKS if not chosen.words or any(word in attack.title for word in chosen.words)]
    thieves = [thief == "candidate" for thief in THIEVES if chosen.thief in (None, thief)]
    began = time.monotonic()
    print(f"{len(attacks)} attacks; web is lukretia's, then genesis's; the thief's key is brutus's\n\n{TITLE}", flush=True)
    until = began + chosen.limit
    played = _played([attack for attack in attacks if not attack.flood], thieves, LANES, until)
    played += _played([attack for attack in attacks if attack.flood], thieves, FLOOD_LANES, until)
    results = sorted((result for one, _ in played for result in one), key=lambda result: _place(result, attacks))
    missing = sum(left for _, left in played)
    print(f"\n{table(results)}\n\nAll of it took {time.monotonic() - began:.0f} s.")
    if missing:
        print(f"{missing} attacks were not played: the time was over, or the honest nodes did not come to rest.")
    return int(bool(missing) or any(result.flaws for result in results))


def _played(attacks: Sequence[Attack], thieves: Sequence[bool], lanes: int, until: float) -> list[tuple[list[Result], int]]:
    with ProcessPoolExecutor(lanes, multiprocessing.get_context("spawn")) as pool:
        thefts = [pool.submit(Theft(thief, until).play, bundle) for bundle in bundles(attacks) for thief in thieves]
        return [theft.result() for theft in thefts]


def _place(result: Result, attacks: Sequence[Attack]) -> tuple[bool, int]:
    """Where its line stands in the table: what was played first depends on which lane was free."""
    return result.candidate, [attack.title for attack in attacks].index(result.attack.title)


def _chosen(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make attack", description="Two thieves with a stolen node key, two honest nodes.")
    parser.add_argument("words", nargs="*", help="play only attacks whose line has one of these words")
    parser.add_argument("--thief", choices=THIEVES, help="play only this one")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="no attack begins after so many seconds")
    return parser.parse_args(words)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nInterrupted; everything is taken down again.", file=sys.stderr)
        sys.exit(130)
