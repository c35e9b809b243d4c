"""A mutant put into the process that already runs: the code of live functions is changed in place, statements run again.

    grafted = Grafting(root).graft(mutant)      # False: only a fresh process can show this one

Other modules and tables hold the functions themselves, so a changed module beside the old one would not be seen by them.
What stands in a dataclass (a default of a field) is made again and put into the class that is there; what else is baked in at
a definition (a member of an enumeration, the default of an argument) needs a fresh process.
"""

import ast
import dataclasses
import functools
import gc
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutants.breeding import Mutant

GENERATED = {"__init__", "__eq__", "__hash__", "__dataclass_fields__"}


class Grafting:
    """Made once, after all is imported and before the first fork."""

    def __init__(self, root: Path, files: list[str]) -> None:
        self.root = root
        self.modules: dict[str, ModuleType] = {}
        by_path = {str(Path(path_of(module)).resolve()): module for module in list(sys.modules.values()) if has_file(module)}
        for file in files:
            if (module := by_path.get(str((root / file).resolve()))) is not None:
                self.modules[file] = module
        self.plain = {file: compiled((root / file).read_text(), path_of(module)) for file, module in self.modules.items()}
        self.live: dict[tuple[str, str, int], list[FunctionType]] = {}
        self.remembering: dict[str, list[functools._lru_cache_wrapper[object]]] = {}
        for found in gc.get_objects():
            if isinstance(found, FunctionType):
                code = found.__code__
                self.live.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(found)
            elif isinstance(found, functools._lru_cache_wrapper):
                self.remembering.setdefault(_file_of(found.__wrapped__), []).append(found)

    def compiled(self, mutant: Mutant) -> CodeType:
        """Raises SyntaxError."""
        return compiled(mutant.source, path_of(self.modules[mutant.file]) if mutant.file in self.modules else mutant.file)

    def graft(self, mutant: Mutant) -> bool:
        module = self.modules.get(mutant.file)
        if module is None:
            return False
        if mutant.function:
            return self._swap(mutant, path_of(module))
        return self._run_again(mutant, module) if mutant.statement else define_again(mutant, module)

    def _swap(self, mutant: Mutant, path: str) -> bool:
        swapped = False
        for before, after in changed_pairs(self.plain[mutant.file], compiled(mutant.source, path)):
            for function in self.live.get((path, before.co_qualname, before.co_firstlineno), []):
                if len(after.co_freevars) != len(function.__code__.co_freevars):
                    return False
                function.__code__ = after
                swapped = True
        for remembering in self.remembering.get(path, ()):  # what came from the code as it was, while the tests were collected
            remembering.cache_clear()
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


@functools.lru_cache(maxsize=16)
def compiled(text: str, path: str) -> CodeType:
    """Remembered: the fork that puts it in need not do it again."""
    return compile(text, path, "exec")


def path_of(module: ModuleType) -> str:
    return module.__file__ or ""


def changed_pairs(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]]:
    """Each code object that differs, with what replaces it; the inner ones too, since a live closure has its own."""
    inner_old = [part for part in old.co_consts if isinstance(part, CodeType)]
    inner_new = [part for part in new.co_consts if isinstance(part, CodeType)]
    if [part.co_name for part in inner_old] != [part.co_name for part in inner_new]:
        return []
    return [pair for a, b in zip(inner_old, inner_new) if a != b for pair in ((a, b), *changed_pairs(a, b))]


def define_again(mutant: Mutant, module: ModuleType) -> bool:
    """The dataclass that contains the change, made anew beside the old one, which gets what was generated from the fields."""
    for statement in ast.parse(mutant.source).body:
        if isinstance(statement, ast.ClassDef) and statement.lineno <= mutant.first <= (statement.end_lineno or 0):
            old = vars(module).get(statement.name)
            if not isinstance(old, type) or not dataclasses.is_dataclass(old):
                return False
            beside = dict(vars(module))
            exec(compile(ast.Module([statement], []), mutant.file, "exec"), beside)
            for name in GENERATED & vars(beside[statement.name]).keys():
                setattr(old, name, vars(beside[statement.name])[name])
            return True
    return False


def _file_of(function: object) -> str:
    """Empty for what is no function of Python's: others may be remembered as well."""
    code = getattr(function, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else ""
