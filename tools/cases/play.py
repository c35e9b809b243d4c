"""Plays a trial in a laboratory of its own: as it is, or as a control with its switch off."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.cases.case import Case, Trial
from tools.cases.findings import CaseFailed, Findings
from tools.cases.stage import MASTER, SLAVE, Stage
from tools.lab.lab import Lab
from tools.lab.place import is_root, reason_against

SBIN = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def reason_not_to(case: Case) -> str | None:
    """None where this case can be played here, else one sentence."""
    if reason := reason_against():
        return reason
    if not is_root():
        return "daemons that change their user need root"
    wanted = dict(pair.split(":") for pair in case.programs)
    missing = [package for name, package in wanted.items() if not Path(name).exists() and shutil.which(name, path=SBIN) is None]
    return f"not installed: {' '.join(sorted(set(missing)))}" if missing else case.obstacle()


@contextmanager
def staged(case: Case, trial: Trial, off: str, moves: int, crashes: int, folder: Path | None) -> Iterator[Stage]:
    """A stage in a laboratory that ends with it; then what is left to do is done."""
    with ExitStack() as stack, Lab((MASTER, SLAVE), trial.witnesses, folder) as lab:
        stage = Stage(lab, case.name, off, moves, crashes)
        stack.callback(lambda: [it() for it in stage.afterwards])
        with stage.closing:
            yield stage


def play(case: Case, trial: Trial, moves: int, crashes: int, folder: Path | None = None) -> Findings:
    """Raises CaseFailed, or LabError where the laboratory itself failed."""
    with staged(case, trial, "", moves, crashes, folder) as stage:
        trial.play(stage)
    return stage.found


def control(case: Case, trial: Trial, folder: Path | None = None) -> str:
    """The words with which the trial failed without its switch. Raises CaseFailed where it passed, or failed with others."""
    with staged(case, trial, trial.switch, 1, 0, folder) as stage:
        try:
            trial.play(stage)
        except CaseFailed as failure:
            said = str(failure)
        else:
            raise CaseFailed(f"control: without {trial.switch} it passes as well, so it proves nothing")
    if (found := re.search(trial.expected, said)) is None:
        raise CaseFailed(f"control: without {trial.switch} it fails, but not with the words {trial.expected!r}: {said}")
    return next(line for line in said.splitlines() if found.group().splitlines()[0] in line)
