"""Which lines of the guard a test needs: the guard is a program of its own, started by its file, that imports nothing.

with Traced(root, True) as guard:       # the file in the copied tree tells its lines while this is open
    ...
    guard.lines()                       # since the last time
"""

from pathlib import Path

GUARD = "actions/guard.py"

TELLING = '''"""The guard, telling which of its lines run."""
import os, sys, threading
_plain, _told, _seen = {plain!r}, {told!r}, set()
def _line(frame, event, argument):
    if event == "line" and frame.f_lineno not in _seen:
        _seen.add(frame.f_lineno)
        out = os.open(_told, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(out, b"%d " % frame.f_lineno)
        os.close(out)
    return _line
def _call(frame, event, argument):
    return _line if frame.f_code.co_filename == _plain else None
threading.settrace(_call)
sys.settrace(_call)
exec(compile(open(_plain).read(), _plain, "exec"), globals())
'''


class Traced:
    def __init__(self, root: Path, wanted: bool) -> None:
        self.file, self.wanted = root / GUARD, wanted
        self.plain, self.told = root / "guard.plain.py", root / "guard.lines"

    def __enter__(self) -> "Traced":
        if self.wanted:
            self.plain.write_text(self.file.read_text())
            self.file.write_text(TELLING.format(plain=str(self.plain), told=str(self.told)))
        return self

    def __exit__(self, *error: object) -> None:
        if self.wanted:
            self.file.write_text(self.plain.read_text())

    def lines(self) -> set[int]:
        if not self.told.exists():
            return set()
        found = {int(number) for number in self.told.read_text().split()}
        self.told.unlink()
        return found
