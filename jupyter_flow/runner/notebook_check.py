"""What will go wrong with a notebook at two in the morning: its kernel, its imports, its paths, its order.

``python -m jupyter_flow.runner.notebook_check`` reads ``{"notebooks": [{"path", "kernel_name"}]}`` and answers
``{"problems": [[{"kind", "message"}]]}``, a list for each notebook. Nothing of a notebook is executed: its imports are
looked for, not made, by the interpreter of its kernel.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..authoring.exceptions import TaskFailure
from .kernels import interpreter_of, resolve_kernel

SECONDS = 30.0
"""How long one interpreter may look for modules."""
_MAGIC = re.compile(r"^\s*[%!?]|\?\s*$")
_ABSOLUTE = re.compile(r"/(?:home|Users|root|mnt|media|Volumes|tmp)/\S|[A-Za-z]:\\\S")
_LOOK = """
import importlib.util, json, sys
def missing(name):
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):
        return True
print(json.dumps([name for name in json.load(sys.stdin) if missing(name)]))
"""

Found = dict[str, str]


def problems_of(path: Path, kernel_name: str | None) -> list[Found]:
    """Return what is wrong with the notebook at ``path``: errors will fail it, warnings may."""
    notebook = json.loads(path.read_bytes())
    metadata = notebook.get("metadata") or {}
    cells = [
        (number, _text(cell), cell)
        for number, cell in enumerate((item for item in notebook["cells"] if item.get("cell_type") == "code"), 1)
    ]
    found = list(_order(cells))
    try:
        name, spec = resolve_kernel(kernel_name, metadata)
    except TaskFailure as error:
        return [{"kind": "error", "message": str(error)}, *found]
    if spec.language.casefold() != "python":
        return found
    found += _paths(cells)
    interpreter = interpreter_of(spec)
    if interpreter is None:
        return [{"kind": "error", "message": f"kernel {name}: its program {spec.argv[:1]} is not found"}, *found]
    return [*_imports(cells, interpreter, path.parent, name), *found]


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def _order(cells: list[tuple[int, str, Mapping[str, Any]]]) -> Iterator[Found]:
    counts = [(number, cell["execution_count"]) for number, _, cell in cells if cell.get("execution_count")]
    for (above, first), (below, second) in itertools.pairwise(counts):
        if second < first:
            yield {
                "kind": "warning",
                "message": f"cell {below} was last run before cell {above} above it: restart the kernel and run all, "
                "a task runs from top to bottom",
            }
            return


def _paths(cells: list[tuple[int, str, Mapping[str, Any]]]) -> Iterator[Found]:
    for number, source, _ in cells:
        for node in ast.walk(_tree(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _ABSOLUTE.match(node.value):
                yield {
                    "kind": "warning",
                    "message": f"cell {number} names the absolute path {node.value[:80]!r}: write it relative to the "
                    "notebook, or make it a parameter",
                }


def _imports(
    cells: list[tuple[int, str, Mapping[str, Any]]], interpreter: str, folder: Path, kernel: str
) -> Iterator[Found]:
    wanted: dict[str, int] = {}
    for number, source, _ in cells:
        for name in _imported(_tree(source)):
            wanted.setdefault(name, number)
    if not wanted:
        return
    try:
        done = subprocess.run(
            [interpreter, "-c", _LOOK],
            input=json.dumps(list(wanted)),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=folder,
        )
        missing = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        yield {"kind": "warning", "message": f"kernel {kernel}: {interpreter} did not say which modules it has"}
        return
    for name in missing:
        yield {
            "kind": "error",
            "message": f"cell {wanted[name]} imports {name!r}, which kernel {kernel} ({interpreter}) does not have",
        }


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level modules that are imported without a ``try`` around."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                yield node.module.partition(".")[0]
        elif not isinstance(node, ast.Try):
            yield from _imported(node)


def _tree(source: str) -> ast.AST:
    lines = source.split("\n")
    if lines and lines[0].lstrip().startswith("%%"):
        lines[0] = "#"  # the body of a %%task, %%setup or %%time cell is Python
    try:
        return ast.parse("\n".join("pass" if _MAGIC.search(line) else line for line in lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def main() -> int:
    """Answer one request, see the module's text."""
    request = json.load(sys.stdin)
    answers = [problems_of(Path(item["path"]), item.get("kernel_name")) for item in request["notebooks"]]
    json.dump({"problems": answers}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
