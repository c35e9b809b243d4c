"""A mutant put into the process that already runs: the code of live functions is changed in place, statements run again.

    grafted = Grafting(root).graft(mutant)      # False: only a fresh process can show this one

Other modules and tables hold the functions themselves, so a changed module beside the old one would not be seen by them.
What stands in a class (a default of a field, a member of an enumeration) is baked in at its definition: a fresh process.
"""

import ast
import functools
import gc
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutants.breeding import Mutant


class Grafting:
    """Made once, after all is imported and before the first fork."""

    def __init__(self, root: Path, files: list[str]) -> None:
        self.root = root
        self.modules: dict[str, ModuleType] = {}
        by_path = {str(Path(module.__file__).resolve()): module for module in list(sys.modules.values()) if has_file(module)}
        for file in files:
            if (module := by_path.get(str((root / file).resolve()))) is not None:
                self.modules[file] = module
        self.live: dict[tuple[str, str, int], list[FunctionType]] = {}
        for found in gc.get_objects():
            if isinstance(found, FunctionType):
                code = found.__code__
                self.live.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(found)

    def graft(self, mutant: Mutant) -> bool:
        module = self.modules.get(mutant.file)
        if module is None or not module.__file__:
            return False
        if mutant.function:
            return self._swap(mutant, module.__file__)
        return bool(mutant.statement) and self._run_again(mutant, module)

    def _swap(self, mutant: Mutant, path: str) -> bool:
        old = compile((self.root / mutant.file).read_text(), path, "exec")
        pairs = list(changed_pairs(old, compile(mutant.source, path, "exec")))
        if not pairs:
            return False
        swapped = False
        for before, after in pairs:
            for function in self.live.get((path, before.co_qualname, before.co_firstlineno), []):
                if len(after.co_freevars) != len(function.__code__.co_freevars):
                    return False
                function.__code__ = after
                swapped = True
        forget_results(path)
        return swapped

    def _run_again(self, mutant: Mutant, module: ModuleType) -> bool:
        """The statement and each later one that reads what it made; every module that has the old value gets the new one."""
        before = dict(vars(module))
        made: set[str] = set()
        for statement in ast.parse(mutant.source).body:
            segment = ast.get_source_segment(mutant.source, statement) or ""
            names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
            simple = isinstance(statement, ast.Assign | ast.AnnAssign)
            if segment == mutant.statement or (simple and made & names):
                exec(compile(segment, mutant.file, "exec"), vars(module))
                made |= {name for name in names if vars(module).get(name) is not before.get(name)}
        for other in list(sys.modules.values()):
            for name in made:
                if other is not module and name in vars(other) and vars(other)[name] is before.get(name):
                    setattr(other, name, vars(module)[name])
        return bool(made)


def has_file(module: object) -> bool:
    return isinstance(module, ModuleType) and isinstance(getattr(module, "__file__", None), str)


def changed_pairs(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]]:
    """Each code object that differs, with what replaces it; the inner ones too, since a live closure has its own."""
    inner_old = [part for part in old.co_consts if isinstance(part, CodeType)]
    inner_new = [part for part in new.co_consts if isinstance(part, CodeType)]
    if [part.co_name for part in inner_old] != [part.co_name for part in inner_new]:
        return []
    return [pair for a, b in zip(inner_old, inner_new) if a != b for pair in ((a, b), *changed_pairs(a, b))]


def forget_results(path: str) -> None:
    """What was remembered while the tests were collected came from the code as it was."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and _file_of(found.__wrapped__) == path:
            found.cache_clear()


def _file_of(function: object) -> str:
    """Empty for what is no function of Python's: others may be remembered as well."""
    code = getattr(function, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else ""
