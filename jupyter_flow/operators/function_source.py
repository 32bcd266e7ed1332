"""The source of a task function that is to run in another interpreter, where nothing of its file is at hand."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import symtable
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

from ..authoring.exceptions import DagError

GIVEN = frozenset({"virtualenv_string_args", "__name__", "__file__", "__doc__"})
"""Names that the other side has besides Python's own."""


def source_of(where: str, function: Callable[..., Any]) -> str:
    """Return the source of ``function`` without its decorators, complete in itself.

    Raises :class:`DagError` for what is no plain function, and naming what it uses of the file around it.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise DagError(f"{where}: python_callable must be a function made by def, not {function!r}")
    if inspect.isgeneratorfunction(function):
        raise DagError(f"{where}: {function.__name__}() yields: a function for another interpreter returns its value")
    node = _definition(function)
    if node is None:
        raise DagError(f"{where}: the source of {function.__name__}() is not at hand: define it in the DAG file")
    node.decorator_list = []
    text = "from __future__ import annotations\n\n\n" + ast.unparse(node) + "\n"
    if unknown := sorted(_outside_names(text, function.__name__)):
        raise DagError(
            f"{where}: {function.__name__}() uses {', '.join(map(repr, unknown))}, which it cannot see in another "
            "interpreter: import or define it inside the function, or pass it as an argument"
        )
    return text


def _definition(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def _outside_names(text: str, name: str) -> set[str]:
    top = symtable.symtable(text, "<task>", "exec")
    return set(_globals(top)) - set(dir(builtins)) - GIVEN - {name, "annotations"}


def _globals(table: symtable.SymbolTable) -> Iterable[str]:
    for child in table.get_children():
        for symbol in child.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                yield symbol.get_name()
        yield from _globals(child)
    if table.get_type() == "module":
        for symbol in table.get_symbols():  # defaults of the function
            if symbol.is_referenced() and not symbol.is_assigned() and not symbol.is_imported():
                yield symbol.get_name()
