"""A real systemd as process 1 of a namespace: what it needs, and how a place of the laboratory gets one.

It has only the units of its folder (`units`): those of the distribution would tidy up the /tmp that it shares with this one.
"""

import shutil
import subprocess
from pathlib import Path

from tools.lab.place import Place

UNIFIED = Path("/sys/fs/cgroup/unified")
"""Control groups of version 2, where those of version 1 are there as well."""

SYSTEMD = Path("/usr/lib/systemd/systemd")

BOOT = """
set -e
[ ! -d "$1/run" ] || mount --bind "$1/run" /run
mkdir -p /run/lock
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
for generators in /usr/lib/systemd/system-generators /etc/systemd/system-generators; do
    [ ! -d $generators ] || mount -t tmpfs none $generators
done
export container=lab SYSTEMD_UNIT_PATH="$1/units"
exec /usr/lib/systemd/systemd --system --log-target=console --show-status=no
"""

OWN = "[Unit]\nDefaultDependencies=no\n"

UNITS = {
    "default.target": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket dbus.service\nAfter=dbus.socket dbus.service\n",
    "dbus.socket": f"{OWN}[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": f"{OWN}Requires=dbus.socket\n[Service]\nType=notify\n"
    "ExecStart=/usr/bin/dbus-daemon --config-file={folder}/bus.conf --address=systemd: --nofork --nopidfile\n",
}

BUS = """<busconfig><type>system</type><listen>systemd:</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>
"""

SPACES = ("--mount", "--cgroup", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")

IN_PLACE = """
set -e
folder=$1 boot=$2
shift 2
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/$(basename $folder)
echo 0 > /sys/fs/cgroup/$(basename $folder)/cgroup.procs
exec unshare "$@" sh -c "$boot" sh "$folder"
"""
"""In a control group of its own first: two systemds with one would take each other's units for their own."""


def cannot_boot() -> str | None:
    """Why no systemd can be started here."""
    missing = [name for name in ("dbus-daemon", "busctl", "unshare") if shutil.which(name) is None]
    if missing or not SYSTEMD.exists():
        return f"{', '.join(missing) or 'systemd'} is not installed; sh packaging/programs.sh"
    words = ["unshare", "--mount", "--cgroup", "sh", "-c", "umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup"]
    if subprocess.run(words, capture_output=True).returncode:
        return "a systemd cannot be started in a namespace here; run the tests as root"
    return None


def furnish(folder: Path, units: dict[str, str]) -> None:
    """Units of systemd's own and these further ones, with the configuration of the bus."""
    (folder / "units").mkdir(parents=True, exist_ok=True)
    (folder / "bus.conf").write_text(BUS)
    for name, text in {**UNITS, **units}.items():
        (folder / "units" / name).write_text(text.replace("{folder}", str(folder)))


def boot(place: Place, folder: Path) -> None:
    """Start it in this place, whose /run it takes; with the place it ends."""
    words = ["sh", "-c", IN_PLACE, "sh", str(folder), BOOT, *SPACES]
    place.start(words, folder / "log")


def remove_group(folder: Path) -> bool:
    """Its control groups, when all its processes are gone. Whether they could be removed already."""
    group = (UNIFIED if UNIFIED.is_dir() else UNIFIED.parent) / folder.name
    for it in (*sorted(group.rglob("*/"), reverse=True), group):
        try:
            if it.is_dir():
                it.rmdir()
        except OSError:
            return False
    return True
