"""What came of the mutants, as the table of docs/mutants.md, and which survivors that page explains."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.mutants.trials import KILLED

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
EXPLAINED = re.compile(r"^- `(?P<name>.+?)`: \S", re.MULTILINE)


def explained() -> set[str]:
    text = PAGE.read_text() if PAGE.exists() else ""
    return {found["name"] for found in EXPLAINED.finditer(text)}


def summary(fates: Iterable[dict[str, Any]]) -> str:
    all_of, killed = Counter[str](), Counter[str]()
    for fate in fates:
        for file in (fate["file"], "all"):
            all_of[file] += 1
            killed[file] += fate["fate"] == KILLED
    lines = ["| file | mutants | killed | survivors | killed of 100 |", "|---|---|---|---|---|"]
    for file in sorted(all_of, key=lambda file: (file == "all", file)):
        survivors, share = all_of[file] - killed[file], 100 * killed[file] / all_of[file]
        lines.append(f"| {file} | {all_of[file]} | {killed[file]} | {survivors} | {share:.1f} |")
    return "\n".join(lines)
