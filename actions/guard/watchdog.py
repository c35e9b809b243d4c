"""What resets this machine: a watchdog device that is not fed any more, or the kernel's own key for it.

    reset = armed("/dev/watchdog", 1000)    # raises Unusable, with words, where it cannot be relied on
    reset.feed()                            # for so long again
    reset.strike()                          # now, as far as it is in our hands
    reset.disarm()                          # nothing is held here that must be down at a time

A device resets the machine when it was not fed for its timeout, whatever became of us: also where every process stands
still, or was killed together with us. `sysrq` resets it by our own hand, so only while we run.
(Linux, Documentation/watchdog/watchdog-api.rst)
"""

import contextlib
import fcntl
import os
import struct

WDIOC_GETSUPPORT, WDIOC_SETTIMEOUT = 0x80285700, 0xC0045706
WDIOF_SETTIMEOUT, WDIOF_MAGICCLOSE = 0x0080, 0x0100
MAGIC = b"V"
"""Written before a close, it says that the device is to stop. Without it the device goes on when our descriptor closes."""

SYSRQ = "/proc/sysrq-trigger"
RESET_AT_ONCE = b"b"


class Unusable(Exception):
    """Why nothing under a lease may be up here: the machine could not be reset."""


class Device:
    def __init__(self, path: str, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unusable(f"{path} cannot be opened: {error.strerror}") from None
        try:
            options = self._options()
        except OSError as error:  # nothing is written to what may be a disk
            os.close(self._descriptor)
            raise Unusable(f"{path} is no watchdog: {error.strerror}") from None
        try:
            self._look(path, timeout_ms, options)
            self.feed()
        except OSError as error:
            self.disarm()
            raise Unusable(f"{path} takes no word: {error.strerror}") from None
        except Unusable:
            self.disarm()
            raise

    def _options(self) -> int:
        support = bytearray(40)
        fcntl.ioctl(self._descriptor, WDIOC_GETSUPPORT, support)
        (options,) = struct.unpack_from("I", support)
        return int(options)

    def _look(self, path: str, timeout_ms: int, options: int) -> None:
        """It must count on when its process is killed, and for no longer than the peers wait."""
        if not options & WDIOF_MAGICCLOSE:
            raise Unusable(f"{path} would stop when the guard is killed (it has no magic close)")
        wanted_s = timeout_ms // 1000
        answer = fcntl.ioctl(self._descriptor, WDIOC_SETTIMEOUT, struct.pack("i", wanted_s))
        (got_s,) = struct.unpack("i", answer)
        if not 0 < got_s <= wanted_s:
            raise Unusable(f"{path} takes no timeout of {wanted_s} s: it resets after {got_s} s, and the peers wait for less")

    def feed(self) -> None:
        os.write(self._descriptor, b"\0")

    def strike(self) -> None:
        """It is fed no more, which is enough."""

    def disarm(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._descriptor, MAGIC)
        os.close(self._descriptor)


class Sysrq:
    timeout_ms = 0
    """It needs none."""

    def __init__(self, path: str = SYSRQ) -> None:
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unusable(f"{path} cannot be opened: {error.strerror}") from None

    def feed(self) -> None:
        """Nothing counts there."""

    def strike(self) -> None:
        os.write(self._descriptor, RESET_AT_ONCE)

    def disarm(self) -> None:
        os.close(self._descriptor)


def armed(device: str, timeout_ms: int) -> Device | Sysrq:
    """Raises Unusable."""
    return Sysrq() if device == "sysrq" else Device(device, timeout_ms)
