"""A Unix socket that is never open wider than meant, in a folder of any length.

The path of a Unix socket has at most 107 bytes; a folder that makes it longer is reached through /proc/self/fd.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

SOCKET = "control.sock"
"""In the state folder."""

PATH_BYTES_MAX = 107
"""sun_path of unix(7), without its terminating zero."""

MODE = 0o660
"""Who may read: the user and the group of the state folder."""

BACKLOG = 64


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name for the socket at `path` that is short enough, valid inside the context."""
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0660; one that a dead faild left there is removed. Raises OSError.

    The caller holds the lock of the state folder, so whatever stands there is not in use.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        os.fchmod(listener.fileno(), MODE)  # before bind: the name appears with this mode, less the umask
        with reachable(path) as name:
            listener.bind(name)
        os.chmod(path, MODE)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
