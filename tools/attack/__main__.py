"""`python -m tools.attack [WORD...]`: plays every attack, or those whose line has one of the words, and prints what happened.

Both thieves play at once, each against two honest nodes of its own; a flood waits until it is alone, so that nobody is starved
by the flood next door. Exit: 0 nothing that must not happen has happened; 1 something has, or time ran out; 130 interrupted.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tools.attack.attacks import ATTACKS
from tools.attack.table import TITLE, table
from tools.attack.theft import Theft

LIMIT_S = 500.0
"""All of it ends within nine minutes: what has not begun by then is told as missing, and is a failure."""

THIEVES = ("stranger", "candidate")


def main(words: Sequence[str]) -> int:
    chosen = _chosen(words)
    attacks = [attack for attack in ATTACKS if not chosen.words or any(word in attack.title for word in chosen.words)]
    thieves = [thief for thief in THIEVES if chosen.thief in (None, thief)]
    began = time.monotonic()
    print(f"{len(attacks)} attacks; web is lukretia's, then genesis's; the thief's key is brutus's\n\n{TITLE}", flush=True)
    with tempfile.NamedTemporaryFile() as turn, ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        until = began + chosen.limit
        thefts = [pool.submit(Theft(thief == "candidate", Path(turn.name), until).play, attacks) for thief in thieves]
        played = [theft.result() for theft in thefts]
    results = [result for one, _ in played for result in one]
    missing = sum(left for _, left in played)
    print(f"\n{table(results)}\n\nAll of it took {time.monotonic() - began:.0f} s.")
    if missing:
        print(f"{missing} attacks were not played: the time was over, or the honest nodes did not come to rest.")
    return int(bool(missing) or any(result.flaws for result in results))


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
