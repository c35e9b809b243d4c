"""One line about the machine, so that figures of two machines are not compared by accident."""

import os
import platform
import re
import time
from pathlib import Path


def machine() -> str:
    """Date, processor, cores, memory, kernel, Python, and how busy it was: ask before the benchmark adds its own load."""
    cores, model, memory_gib = os.cpu_count(), _first("/proc/cpuinfo", r"model name\s*:\s*(.+)"), _memory_gib()
    system = f"kernel {platform.release().split('-')[0]}, Python {platform.python_version()}"
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    load = f"load average {os.getloadavg()[0]:.1f} at the start"
    return f"{day}; {cores} cores ({model}), {memory_gib:.0f} GiB, {system}; {load}"


def _first(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found.group(1).strip() if found else "unknown processor"


def _memory_gib() -> float:
    return int(_first("/proc/meminfo", r"MemTotal:\s+(\d+)")) / 1024 / 1024
