"""As many open files as the system lets us have: links, readers of the control socket and programs all take some.

The usual soft limit of 1024 is for programs that use select(2), which we do not; what we start may, and gets the limit with
which we were started.
"""

import resource

ENOUGH = 65_536

AT_START = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

CORE_AT_START = resource.getrlimit(resource.RLIMIT_CORE)[0]
"""Bytes of a core file. `faild` writes none itself; what it starts may, as before."""


def more() -> None:
    """Raise the soft limit as far as the hard one allows, and no further than could be of use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
