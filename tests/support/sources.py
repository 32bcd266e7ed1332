"""Reading the project's own source text: modules, their imports, their rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "jupyter_flow"


@dataclass(frozen=True)
class Import:
    """One import in a file. ``module`` is absolute; ``lazy``: within a function; ``typing``: under TYPE_CHECKING."""

    file: Path
    line: int
    module: str
    lazy: bool
    typing: bool

    def __str__(self) -> str:
        return f"{name_of(self.file)}:{self.line} imports {self.module}"


def files(room: str | None = None) -> list[Path]:
    """Return the package's Python files (of one room)."""
    folder = PACKAGE / room if room else PACKAGE
    return sorted(path for path in folder.rglob("*.py") if "labextension" not in path.parts)


def rooms() -> list[str]:
    """Return the names of the rooms."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def room_of(file: Path) -> str:
    """Return the room of a file, empty for files beside the rooms."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def name_of(file: Path) -> str:
    """Return a file's path relative to the project (posix)."""
    return file.relative_to(ROOT).as_posix()


@cache
def tree(file: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def imports(file: Path) -> Iterator[Import]:
    """Yield every import of ``file``; ``from .x import y`` counts as both ``…x`` and ``…x.y``."""
    package = list(file.relative_to(ROOT).with_suffix("").parts)[:-1]
    for node, lazy, typing in _walk(tree(file), False, False):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, lazy, typing)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(file, node.lineno, module, lazy, typing)
            for alias in node.names:
                yield Import(file, node.lineno, f"{module}.{alias.name}", lazy, typing)


def _walk(node: ast.AST, lazy: bool, typing: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        checking = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        yield child, inside, checking
        yield from _walk(child, inside, checking)


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` of a name or attribute chain, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
