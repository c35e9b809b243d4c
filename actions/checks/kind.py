"""What a file of this folder says of its kind of check: its settings, as a kind of action does, and how it is run."""

from __future__ import annotations

import errno
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from actions.kinds.kind import Kind

if TYPE_CHECKING:
    from actions.process import Programs


NO_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN}
"""No file descriptor, memory or process is left: EAGAIN comes from fork(2)."""


class Unasked(Exception):
    """The check could not be begun, for want of something that has nothing to do with the service: nothing is known of it."""


def raise_unasked(error: OSError) -> None:
    """Where our own machine refuses the means to ask. Raises Unasked."""
    if error.errno in NO_MEANS:
        raise Unasked(error.strerror) from None


class Found(NamedTuple):
    passed: bool
    text: str = ""
    """Why not; empty where it passed."""


class Check(Protocol):
    """One configured check, run again and again, never twice at a time."""

    async def run(self, environment: Mapping[str, str], timeout_s: float) -> Found:
        """Raises Unasked."""
        ...

    async def close(self) -> None:
        """Nothing that it started is left."""
        ...


class CheckKind(Kind):
    @abstractmethod
    def make(self, settings: Mapping[str, Any], programs: Programs) -> Check: ...
