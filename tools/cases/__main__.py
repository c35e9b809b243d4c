"""`python -m tools.cases`: plays the case studies and prints the table of docs/case-studies.md. --write puts it there.

    make cases                                  all of them; installs what they need, where it may
    make cases ARGS="--only web,balancer"
    make cases ARGS=--quick                     few moves and crashes: to see that it works, not to be quoted
    make cases ARGS=--long                      more crashes, where a rare loss is looked for

Exit: 0 all that was played went as told, and each control failed as it should; 1 a case failed, or a control passed; 2 no such
case; 130 interrupted.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import fields

from tools.bench.machine import machine
from tools.cases.case import Case
from tools.cases.cases import CASES
from tools.cases.findings import CaseFailed, Findings
from tools.cases.play import SBIN, control, play, reason_not_to
from tools.cases.table import block, write
from tools.lab.place import LabError

MOVES = 20


def main() -> int:
    options = _options()
    if options.programs:
        print(*sorted({pair for case in CASES for pair in case.programs}))
        return 0
    chosen = options.only.split(",") if options.only else [case.name for case in CASES]
    if unknown := set(chosen) - {case.name for case in CASES}:
        print(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(it.name for it in CASES)}", file=sys.stderr)
        return 2
    os.environ["PATH"] = SBIN
    here, began = machine(), time.monotonic()
    try:
        rows, failed, left_out = _play([it for it in CASES if it.name in chosen], options.quick, options.long)
    except KeyboardInterrupt:
        return 130
    text = block(here, rows, options.quick)
    print(f"\n{text}\n\n{time.monotonic() - began:.0f} s.")
    for name, why in left_out.items():
        print(f"NOT RUN: {name}: {why}")
    for name, why in failed.items():
        print(f"FAILED: {name}: {why}")
    if options.write and not failed and len(rows) == len(CASES):
        write(text)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make cases", description="Plays the case studies of docs/case-studies.md.")
    parser.add_argument("--quick", action="store_true", help="few moves and crashes; for development")
    parser.add_argument("--long", action="store_true", help="50 crashes of the synchronous databases")
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--write", action="store_true", help="write the table into docs/case-studies.md, if all cases passed")
    parser.add_argument("--programs", action="store_true", help="only print what they need, as program:package")
    return parser.parse_args()


def _play(
    cases: Sequence[Case], quick: bool, long: bool
) -> tuple[list[tuple[Case, Findings]], dict[str, str], dict[str, str]]:
    """What each case found, what failed with its words, and what could not be played here with the reason."""
    rows: list[tuple[Case, Findings]] = []
    failed: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for case in cases:
        if reason := reason_not_to(case):
            left_out[case.name] = reason
            continue
        found = Findings()
        for trial in case.trials:
            name = f"{case.name}: {trial.name}"
            try:
                _say(f"{name} ...")
                _add(found, play(case, trial, *((2, 1) if quick else (MOVES, case.crashes[long]))))
                _say(f"{name}: control, without {trial.switch} ...")
                _say(f"  fails as it should: {control(case, trial)[:240]}")
            except (CaseFailed, LabError) as error:
                failed[name] = str(error)
                _say(f"  FAILED: {error}")
        rows.append((case, found))
    return rows, failed, left_out


def _add(found: Findings, more: Findings) -> None:
    found.tool_late_ms = max(found.tool_late_ms, more.tool_late_ms)
    for field in fields(Findings):
        if isinstance(have := getattr(found, field.name), list):
            have.extend(getattr(more, field.name))


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
