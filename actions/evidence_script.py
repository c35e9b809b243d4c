"""A script that prints one whole number: how much of a service's data is on this node.

    found = await EvidenceScript(["/etc/failover/lag"], programs).run(environment, timeout_s=0.5)
    int(found.text) if found.passed else found.text
"""

from actions.checks.kind import Found
from actions.exec_check import ExecCheck
from actions.process import Exited

NUMBER_MAX = 2**53
"""What JSON readers keep exactly. A position in a log that is larger belongs to no machine of today."""

SHOWN_MAX = 80


class EvidenceScript(ExecCheck):
    def judged(self, exited: Exited) -> Found:
        """The number is the last line that it printed. Anything else is none, whatever the exit status."""
        if exited.code != 0:
            return super().judged(exited)
        text = exited.line.strip()
        if not text.isascii() or not text.isdigit():
            return Found(False, f"{self._argv[0]}: {text[:SHOWN_MAX]!r} is no whole number")
        if len(text) > len(str(NUMBER_MAX)) or int(text) > NUMBER_MAX:
            return Found(False, f"{self._argv[0]}: {text[:SHOWN_MAX]} is more than {NUMBER_MAX}")
        return Found(True, str(int(text)))
