"""What a cell reads and sets, told from its code."""

from __future__ import annotations

import ast

import pytest

from jupyter_flow.authoring.cell_names import names_read, names_set
from jupyter_flow.authoring.exceptions import DagError
from jupyter_flow.authoring.task_cell import parse_task_line


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("x = y", {"y"}),
        ("x = x + 1", {"x"}),
        ("x += 1", {"x"}),
        ("x: int = y\nz: int", {"y"}),
        ("x = 1\nx", set()),
        ("for row in rows:\n    total = row\ntotal, row", {"rows"}),
        ("if (n := flag):\n    x = n\nx", {"flag", "x"}),
        ("if flag:\n    x = 1\nelse:\n    x = 2\nx", {"flag"}),
        ("[a + b for a in xs if a]", {"b", "xs"}),
        ("{key: value for key, value in pairs}\nkey", {"pairs", "key"}),
        ("def f(a, b=c):\n    d = a\n    return d + e\nf", {"c", "e"}),
        ("def f():\n    global g\n    g = 1\n    return h", {"h"}),
        ("lambda a: a + b", {"b"}),
        ("class A(B):\n    x = 1\n    y = x + z", {"B", "z"}),
        ("import os.path as p, sys\np, sys", set()),
        ("with f() as g:\n    g", {"f"}),
        ("try:\n    1\nexcept E as error:\n    error", {"E"}),
        ("match p:\n    case [a, *b]:\n        a, b", {"p"}),
        ("frame.loc[0] = value", {"frame", "value"}),
    ],
)
def test_names_read(code: str, read: set[str]) -> None:
    assert names_read(ast.parse(code)) == read


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("x = y", {"x"}),
        ("a, (b, *c) = y\nfor d in y: pass", {"a", "b", "c", "d"}),
        ("def f():\n    inner = 1", {"f"}),
        ("def f():\n    global g\n    g = 1", {"f", "g"}),
        ("[i for i in y]", set()),
        ("import os.path, json as j", {"os", "j"}),
        ("with f() as g: pass", {"g"}),
        ("from x import *", None),
    ],
)
def test_names_set(code: str, made: set[str] | None) -> None:
    assert names_set(ast.parse(code)) == made


def test_every_option_of_a_task_line() -> None:
    line = parse_task_line(
        "load --after a,b --inputs x,y --outputs z --params '{\"n\": 1}' --param m=[2] --dag d --kernel ir --retries 2 "
        "--retry-delay 60 --timeout 600 --trigger-rule all_done --pool p --pool-slots 2 --priority-weight 3 "
        "--owner ann --description 'all of it'"
    )
    assert (line.task_id, line.after, line.inputs, line.outputs) == ("load", ("a", "b"), ("x", "y"), ("z",))
    assert (line.parameters, line.dag_id) == ({"n": 1, "m": [2]}, "d")
    assert line.arguments == {
        "kernel_name": "ir",
        "retries": 2,
        "retry_delay": 60.0,
        "execution_timeout": 600.0,
        "trigger_rule": "all_done",
        "pool": "p",
        "pool_slots": 2,
        "priority_weight": 3,
        "owner": "ann",
        "description": "all of it",
    }
    assert line.in_words().startswith("task load: after a, b; inputs x, y; outputs z; kernel name ir; retries 2")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "%%task: the following arguments are required: task_id"),
        ("a --outputs x-y", "%%task a: 'x-y' is not the name of a variable"),
        ("a --params [1]", "%%task: argument --params: '[1]' is not a JSON object like '{\"rows\": 100}'"),
        ("a --param 'x", "%%task: No closing quotation: put values with spaces in quotes"),
        ("a --retries many", "%%task: argument --retries: invalid int value: 'many'"),
    ],
)
def test_what_is_wrong_with_a_task_line(line: str, message: str) -> None:
    with pytest.raises(DagError) as caught:
        parse_task_line(line)
    assert str(caught.value) == message
