"""docs/tour.md names functions and files; each of them exists where the tour says that it is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs" / "tour.md").read_text()
FILES = sorted({ROOT / name for name in re.findall(r"`((?:protocol|store|actions|coordinator|tools)/[\w/]+\.py)`", TOUR)})


def defined(path: Path) -> set[str]:
    """Functions, methods as Class.method, classes and constants of one file."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names |= {node.name} | {f"{node.name}.{item.name}" for item in node.body if hasattr(item, "name")}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names |= {node.name, f"{path.stem}.{node.name}"}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_every_file_of_the_tour_exists() -> None:
    missing = [path for path in FILES if not path.is_file()]
    assert FILES
    assert not missing


def test_every_function_of_the_tour_is_in_a_file_of_the_tour() -> None:
    known = set().union(*(defined(path) for path in FILES))
    named = set(re.findall(r"`([A-Z]\w+\.\w+|[a-z]\w*\.[a-z_]\w+|[a-z]+_\w+|_\w+)`", TOUR)) - {"wake_at_ms"}
    named = {name for name in named if not name.endswith((".py", ".md"))}
    assert len(named) > 30
    assert not named - known


BESIDE = re.compile(r"`([\w.]+)` ?(?:\(|in\s+)`((?:protocol|store|actions|coordinator|tools)/[\w/]+\.py)`")
"""`Core.handle` (`coordinator/core/core.py`), and `act` in `actions/guard/take_down.py`."""


def test_what_the_tour_names_beside_a_file_is_defined_in_that_file() -> None:
    pairs = BESIDE.findall(TOUR)
    assert len(pairs) > 40
    assert not [(name, path) for name, path in pairs if name not in defined(ROOT / path)]
