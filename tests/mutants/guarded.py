"""Which lines of the guard a test needs: the guard is a program of its own, a folder that a bare interpreter runs.

with Traced(root, True) as guard:       # the folder in the copied tree tells its lines while this is open
    ...
    guard.lines()                       # since the last time: file to lines
"""

from pathlib import Path

FOLDER = "actions/guard"
FILES = tuple(sorted(f"{FOLDER}/{path.name}" for path in (Path(__file__).parents[2] / FOLDER).glob("*.py")))

TELLING = '''"""The guard, telling which of its lines run."""
import os, sys, threading
_folder, _plain, _told, _seen = {folder!r}, {plain!r}, {told!r}, set()
def _line(frame, event, argument):
    place = frame.f_code.co_filename, frame.f_lineno
    if event == "line" and place not in _seen:
        _seen.add(place)
        out = os.open(_told, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(out, b"%s %d\\n" % (os.path.basename(place[0]).encode(), place[1]))
        os.close(out)
    return _line
def _call(frame, event, argument):
    return _line if os.path.dirname(frame.f_code.co_filename) == _folder else None
threading.settrace(_call)
sys.settrace(_call)
exec(compile(open(_plain).read(), __file__, "exec"), globals())
'''


def is_guard(file: str) -> bool:
    return file.startswith(f"{FOLDER}/")


class Traced:
    def __init__(self, root: Path, wanted: bool) -> None:
        self.main, self.wanted = root / FOLDER / "__main__.py", wanted
        self.plain, self.told = root / "guard.plain.py", root / "guard.lines"

    def __enter__(self) -> "Traced":
        if self.wanted:
            self.plain.write_text(self.main.read_text())
            names = {"folder": str(self.main.parent), "plain": str(self.plain), "told": str(self.told)}
            self.main.write_text(TELLING.format(**names))
        return self

    def __exit__(self, *error: object) -> None:
        if self.wanted:
            self.main.write_text(self.plain.read_text())

    def lines(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        if self.told.exists():
            for name, line in map(str.split, self.told.read_text().splitlines()):
                found.setdefault(f"{FOLDER}/{name}", set()).add(int(line))
            self.told.unlink()
        return found
