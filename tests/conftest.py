"""What could not be tested here is said loudly at the end, whichever part it belongs to."""

import contextlib
import signal

import pytest
from hypothesis import settings

with contextlib.suppress(ValueError):  # only the main thread may
    # A shell starts what it puts into the background with SIGINT ignored, and children would inherit that: Ctrl-C is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")  # no test asserts a time: the machine may be busy

NOT_TESTED = "not tested"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skip that says NOT TESTED is a hole in this run, not a choice: one red line for each reason."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NOT_TESTED in words.lower():
            reasons[words] = reasons.get(words, 0) + 1
    for words, count in reasons.items():
        terminalreporter.write_line(f"{count} tests left out. {words.removeprefix('Skipped: ')}", red=True, bold=True)
