"""Where a node finds its configuration, and keeps its state and its secrets."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    config: Path
    state: Path
    secrets: Path
