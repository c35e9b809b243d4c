"""What a machine's folders say of a unit of systemd, before anything is started: whether it is there, masked or enabled.

    wrong_unit("nginx.service")     # what is wrong and what to do, or None
"""

import os
from collections.abc import Sequence
from pathlib import Path

RUNNING = Path("/run/systemd/system")
"""Is there where systemd is process 1 (sd_booted(3))."""

FOLDERS = tuple(
    Path(name)
    for name in (
        "/etc/systemd/system",
        "/run/systemd/system",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
    )
)
"""In the order in which systemd looks (systemd.unit(5))."""


def wrong_unit(unit: str, folders: Sequence[Path] = FOLDERS, running: Path = RUNNING) -> tuple[str, str] | None:
    if not running.is_dir():
        return "systemd does not run", "Use a script, or let systemd be its process 1"
    found = next((path for folder in folders for path in _files(folder, unit) if os.path.lexists(path)), None)
    if found is None:
        return f"there is no unit {unit}", "Write one that systemctl list-unit-files shows"
    if os.path.realpath(found) == "/dev/null" or (found.is_file() and not found.stat().st_size):
        return f"{unit} is masked", f"Do: systemctl unmask {unit}"
    return None


def enabled_by(unit: str, folders: Sequence[Path] = FOLDERS) -> tuple[str, str] | None:
    """Where systemd would start it when the machine boots, whichever node owns the service then."""
    links = (link for folder in folders[:2] for kind in ("wants", "requires") for link in folder.glob(f"*.{kind}/{unit}"))
    if (link := next(links, None)) is None:
        return None
    return f"{unit} is started by systemd itself, by {link}", f"Do: systemctl disable {unit}. Only faild starts it then"


def _files(folder: Path, unit: str) -> list[Path]:
    """The unit itself, and the template of an instance."""
    name, at, rest = unit.partition("@")
    template = [folder / f"{name}@.{rest.rpartition('.')[2]}"] if at else []
    return [folder / unit, *template]
