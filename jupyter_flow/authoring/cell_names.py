"""Which names a cell needs from others and which it makes, read from its code without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def names_read(tree: ast.Module) -> set[str]:
    """Return the names that the code reads before it has set them itself (builtins are among them).

    What only one branch of an ``if`` sets counts as not set. A function reads its names where it is defined.
    """
    reader = _Reader(set())
    for statement in tree.body:
        reader.visit(statement)
    return reader.free


def names_set(tree: ast.Module) -> set[str] | None:
    """Return the global names that the code sets, None if it cannot be told (``from x import *``)."""
    found: set[str] = set()
    for node, is_global in _walk(tree.body, True):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return None
        if isinstance(node, ast.Global):
            found.update(node.names)
        elif is_global:
            found.update(_bound_by(node))
    return found


def _walk(nodes: Iterable[ast.AST], is_global: bool) -> Iterator[tuple[ast.AST, bool]]:
    for node in nodes:
        yield node, is_global
        inside = is_global and not isinstance(node, (*_SCOPES, *_COMPREHENSIONS))
        yield from _walk(ast.iter_child_nodes(node), inside)


def _bound_by(node: ast.AST) -> list[str]:
    """Return the names that this node itself binds, its children's not."""
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


class _Reader(ast.NodeVisitor):
    """Walks code in the order in which it runs."""

    def __init__(self, bound: set[str]) -> None:
        self.bound = bound
        self.free: set[str] = set()

    def generic_visit(self, node: ast.AST) -> None:
        super().generic_visit(node)
        self.bound.update(_bound_by(node))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif node.id not in self.bound:
            self.free.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._all(node.value, *node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._all(node.value, node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.bound:
            self.free.add(node.target.id)
        self._all(node.value, node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._all(node.value, node.target)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._all(node.iter, node.target, *node.body, *node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        before = set(self.bound)
        self._all(*node.body)
        after, self.bound = self.bound, before
        self._all(*node.orelse)
        self.bound &= after

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        self.bound.update(_bound_by(node))
        self._all(*node.body)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inner = _Reader(set(self.bound))
        for part in node.generators:
            inner._all(part.iter, part.target, *part.ifs)
        inner._all(*made)
        self.free |= inner.free

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._all(*node.decorator_list)
        self.bound.add(node.name)
        self._function(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node.args, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._all(*node.decorator_list, *node.bases, *node.keywords)
        inner = _Reader(set(self.bound))
        inner._all(*node.body)
        self.free |= inner.free
        self.bound.add(node.name)

    def _function(self, arguments: ast.arguments, body: list[ast.stmt] | list[ast.expr]) -> None:
        self._all(*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None))
        own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        local = {item.arg for item in own if item is not None}
        everywhere: set[str] = set()
        for node, is_own in _walk(body, True):
            if isinstance(node, ast.Global):
                everywhere.update(node.names)
            elif is_own:
                local.update(_bound_by(node))
        inner = _Reader(self.bound | (local - everywhere))
        inner._all(*body)
        self.free |= inner.free

    def _all(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.visit(node)
