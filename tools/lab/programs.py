"""How to start our own programs: the scripts of this environment, or, where it has none, their entry points."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENTRY = {"faild": "coordinator.daemon.main", "failc": "tools.failc.main", "failaudit": "tools.audit.main"}


def program(name: str, copy: Path | None = None) -> list[str]:
    """The beginning of the command line for faild, failc or failaudit; of another installed copy of this project, if named."""
    if copy is not None:
        return [str(copy.absolute() / ".venv" / "bin" / name)]
    script = Path(sys.executable).with_name(name)
    if os.access(script, os.X_OK):
        return [str(script)]
    return ["env", f"PYTHONPATH={search_path()}", sys.executable, "-c", f"from {ENTRY[name]} import main; main()"]


def module(name: str) -> list[str]:
    """The same for a module of ours that is run with `-m`."""
    return ["env", f"PYTHONPATH={search_path()}", sys.executable, "-m", name]


def search_path() -> str:
    """The project first, then whatever this process was given."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
