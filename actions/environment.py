"""What a program that we start finds of our own environment: a short list, and nothing that was meant for us alone.

    environment = {**inherited(), **order.environment()}

`faild` may have been started from a session that holds an agent's socket or the keys of a cloud; a script of a service needs
none of that, and what it runs may be written by others. Whatever a site wants to hand to its scripts it names
FAILOVER_SOMETHING.
"""

import os

PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR")
"""Where programs are, who runs them, in which language and time zone they speak."""

PREFIXES = ("LC_", "FAILOVER_")


def inherited() -> dict[str, str]:
    passed_on = {name: text for name, text in os.environ.items() if name in PASSED_ON or name.startswith(PREFIXES)}
    return {"PATH": os.defpath, **passed_on}
