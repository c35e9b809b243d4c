"""Mutants of one file: mutmut's operators on libcst's tree, one change each, with the place and the whole changed text.

    for mutant in breed(root, "coordinator/decision/decide.py"):
        print(mutant.place, mutant.what)

mutmut itself leaves out decorated functions and all that stands outside of functions (docs/decisions/0064): the table of
decide and half of the case would never be touched. Left out here: annotations, decorators, imports, docstrings, aliases of
types, `__all__`, the arguments of `len` and `isinstance`, and two of mutmut's three ways to spoil a string (its case).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

LEFT_OUT = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)
LEFT_OUT_CALLS = {"len", "isinstance"}
ALIASES = {"Callable", "Mapping", "dict", "list", "tuple", "TypeVar"}
WORDS_MAX = 100


@dataclass(frozen=True)
class Mutant:
    file: str
    first: int
    last: int
    """The lines of what is changed."""
    function: str
    """The outermost function or method that contains the change; empty where there is none."""
    statement: str
    """The changed statement, where it stands in no function and no class."""
    what: str
    source: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.function or 'module'}"

    @property
    def name(self) -> str:
        """The same in each run for as long as the code stays: lines move too often to be part of a name."""
        return f"{self.place}: {self.what}"


def breed(root: Path, file: str) -> list[Mutant]:
    text = (root / file).read_text()
    wrapper = MetadataWrapper(cst.parse_module(text))
    breeder = Breeder(file, text, wrapper.module)
    wrapper.visit(breeder)
    return list(distinct(breeder.found))


def distinct(mutants: list[Mutant]) -> Iterator[Mutant]:
    """Each text once, each name once."""
    sources: set[str] = set()
    names = Counter[str]()
    for mutant in mutants:
        if mutant.source not in sources:
            sources.add(mutant.source)
            names[mutant.name] += 1
            count = names[mutant.name]
            yield mutant if count == 1 else replace(mutant, what=f"{mutant.what} ({count})")


class Breeder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, WhitespaceInclusivePositionProvider)

    def __init__(self, file: str, text: str, module: cst.Module) -> None:
        super().__init__()
        self.file, self.module = file, module
        self.lines = text.splitlines(keepends=True)
        self.found: list[Mutant] = []
        self.scope: list[cst.ClassDef | cst.FunctionDef] = []
        self.statements: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if (
            isinstance(node, LEFT_OUT)
            or is_docstring(node)
            or is_alias(node)
            or is_list_of_names(node)
            or is_left_out_call(node)
        ):
            return False
        if isinstance(node, cst.SimpleStatementLine):
            self.statements.append(node)
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self.scope.append(node)
        for changed in changes(node):
            self._keep(node, changed)
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        if self.scope and self.scope[-1] is node:
            self.scope.pop()
        if self.statements and self.statements[-1] is node:
            self.statements.pop()

    def visit_FunctionDef_params(self, node: cst.FunctionDef) -> None:
        """Defaults are made where the function is defined, not where it runs."""
        self.scope.pop()

    def leave_FunctionDef_params(self, node: cst.FunctionDef) -> None:
        self.scope.append(node)

    def _keep(self, node: cst.CSTNode, changed: cst.CSTNode) -> None:
        source = self._replaced(node, changed)
        where = self.get_metadata(PositionProvider, node)
        what = self._what(node, changed, where, source)
        self.found.append(
            Mutant(self.file, where.start.line, where.end.line, self._function(), self._statement(source), what, source)
        )

    def _what(self, node: cst.CSTNode, changed: cst.CSTNode, where: CodeRange, source: str) -> str:
        """The line before and after; of a longer piece what it was and is."""
        if where.start.line == where.end.line:
            line = where.start.line - 1
            return told_apart(self.lines[line], source.splitlines()[line])
        return told_apart(self.module.code_for_node(node), self.module.code_for_node(changed))

    def _function(self) -> str:
        names: list[str] = []
        for node in self.scope:
            names.append(node.name.value)
            if isinstance(node, cst.FunctionDef):
                return ".".join(names)
        return ""

    def _statement(self, source: str) -> str:
        """The statement as it is in the changed text; a change never spans two of them."""
        if self.scope or not self.statements:
            return ""
        where = self.get_metadata(PositionProvider, self.statements[0])
        longer = source.count("\n") - "".join(self.lines).count("\n")
        return "\n".join(source.splitlines()[where.start.line - 1 : where.end.line + longer])

    def _replaced(self, node: cst.CSTNode, changed: cst.CSTNode) -> str:
        """By the text, which is fifty times as fast as a changed tree; by the tree where an indented block is changed."""
        if isinstance(node, cst.Match):
            source = self.module.deep_replace(node, changed)
            return source.code if isinstance(source, cst.Module) else ""
        span = self.get_metadata(WhitespaceInclusivePositionProvider, node)
        (start, left), (end, right) = (span.start.line, span.start.column), (span.end.line, span.end.column)
        before = "".join(self.lines[: start - 1]) + self.lines[start - 1][:left]
        after = self.lines[end - 1][right:] + "".join(self.lines[end:])
        return before + self.module.code_for_node(changed) + after


def changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            spoilt = list(operator(node))
            yield from spoilt[:1] if isinstance(node, cst.BaseString) else spoilt


def is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString)


def is_alias(node: cst.CSTNode) -> bool:
    """`Change = Callable[[State], Column]`, `T = TypeVar("T")`: nothing that runs reads it."""
    if not isinstance(node, cst.Assign) or not isinstance(node.value, cst.Subscript | cst.Call):
        return False
    name = node.value.value if isinstance(node.value, cst.Subscript) else node.value.func
    return isinstance(name, cst.Name) and name.value in ALIASES


def is_list_of_names(node: cst.CSTNode) -> bool:
    """`__all__`: only a star in an import reads it."""
    return (
        isinstance(node, cst.Assign)
        and isinstance(node.targets[0].target, cst.Name)
        and node.targets[0].target.value == "__all__"
    )


def is_left_out_call(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in LEFT_OUT_CALLS


def told_apart(before: str, after: str) -> str:
    """One line each, around the place where they differ."""
    old, new = " ".join(before.split()), " ".join(after.split())
    if max(len(old), len(new)) <= WORDS_MAX:
        return f"{old} -> {new}"
    differ = next((at for at, (one, other) in enumerate(zip(old, new)) if one != other), min(len(old), len(new)))
    at = max(0, differ - WORDS_MAX // 2)
    cut = "... " if at else ""
    return f"{cut}{old[at : at + WORDS_MAX]} -> {cut}{new[at : at + WORDS_MAX]}"
