"""S14: no example that we ship builds a line of shell from what comes with a run. Values go by the environment."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sources
from support.markdown import blocks

SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
TEMPLATE = ("{{", "{%", "{#")


def _examples() -> Iterator[tuple[str, str]]:
    """Where it stands -> Python source: example files, cells of example notebooks, code of our documents."""
    for path in sorted((sources.ROOT / "notebooks").rglob("*")):
        if "data" in path.parts or path.suffix not in (".py", ".ipynb"):
            continue
        name = path.relative_to(sources.ROOT).as_posix()
        if path.suffix == ".py":
            yield name, path.read_text(encoding="utf-8")
            continue
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "code":
                yield f"{name} cell {number}", "".join(cell["source"])
    for block in blocks("python", "ipython"):
        yield str(block), block.text


EXAMPLES = list(_examples())


def problems(source: str) -> list[str]:
    """Return what in ``source`` runs a line of shell that is not one constant text without a template."""
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] in ("%%bash", "%%sh", "%%script", "%%system"):
        return [first]
    found = [line for line in lines if line.lstrip().startswith(("!", "%sx", "%system")) or "= !" in line]
    tree = ast.parse("\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))))
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += _call(node, constants)
        elif isinstance(node, ast.FunctionDef) and any(
            "task.bash" in ast.unparse(item) for item in node.decorator_list
        ):
            returns = (item for item in ast.walk(node) if isinstance(item, ast.Return))
            found += [line for item in returns for line in _line(item.value, node)]
    return found


def _line(value: ast.expr | None, function: ast.FunctionDef) -> list[str]:
    """A ``@task.bash`` function may choose between lines, not make one; what it returns is rendered like a command."""
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        return [f"@task.bash makes the line of {function.name} while it runs"]
    return [f"a template in {value.value!r}"] if any(mark in value.value for mark in TEMPLATE) else []


def _call(node: ast.Call, constants: dict[str, ast.expr]) -> list[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = {item.arg: item.value for item in node.keywords}
    if name in SHELLS:
        return [ast.unparse(node)]
    if "shell" in given and ast.unparse(given["shell"]) != "False":
        return [ast.unparse(node)]
    if name != "BashOperator":
        return []
    command = given.get("bash_command") or (node.args[1] if len(node.args) > 1 else None)
    if isinstance(command, ast.Name):
        command = constants.get(command.id)
    if not isinstance(command, ast.Constant) or not isinstance(command.value, str):
        return [f"not one constant text: {ast.unparse(node)}"]
    return [f"a template in {command.value!r}"] if any(mark in command.value for mark in TEMPLATE) else []


@pytest.mark.parametrize(("where", "source"), EXAMPLES, ids=[where for where, _ in EXAMPLES])
def test_no_example_builds_a_line_of_shell(where: str, source: str) -> None:
    assert problems(source) == []


def test_there_are_examples_that_use_a_shell() -> None:
    using = [where for where, source in EXAMPLES if "BashOperator(" in source]
    assert "notebooks/etl/etl.py" in using
    assert len({Path(where.partition(":")[0]).name for where in using}) >= 3


@pytest.mark.parametrize(
    "source",
    [
        "BashOperator(task_id='a', bash_command='rm {{ params.x }}')",
        "BashOperator('a', f'rm {x}')",
        "BashOperator('a', 'rm ' + x)",
        "LINE = 'rm {{ ds }}'\nBashOperator('a', LINE)",
        "BashOperator('a', bash_command=line())",
        "import os\nos.system('rm ' + x)",
        "import subprocess\nsubprocess.run(x, shell=True)",
        "%%bash\nrm $x",
        "!rm {x}",
        "@task.bash\ndef f(x): return f'rm {x}'",
        "@task.bash(env={})\ndef f(x):\n    if x:\n        return 'ls'\n    return 'rm ' + x",
        "@task.bash\ndef f(): return 'rm {{ params.x }}'",
        "@task.bash\ndef f(): return line()",
    ],
)
def test_the_look_finds_what_it_looks_for(source: str) -> None:
    assert problems(source)


def test_a_constant_line_is_fine() -> None:
    assert problems("@task.bash(env={'X': '{{ params.x }}'})\ndef f(): return 'echo \"$X\"'") == []
