"""Parameters that a DAG gives a notebook are compared with what the notebook declares."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.model.typed_values import REFERENCE
from jupyter_flow.parsing.notebooks import _undeclared

NOTEBOOK = {"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "a = 1"}]}
OUTPUT = {REFERENCE: ["other", "return_value"]}


@pytest.mark.parametrize(
    ("parameters", "undeclared"),
    [
        ({"a": 1, "b": OUTPUT}, "b"),
        (OUTPUT, None),
        ([{"a": 1}, {"c": 2}, OUTPUT, {"b": 1}], "b, c"),
        ([{"a": 1}], None),
        (None, None),
    ],
)
def test_only_what_the_dag_file_says_is_compared(parameters: Any, undeclared: str | None) -> None:
    task = TaskSpec("n", "NotebookOperator", arguments={} if parameters is None else {"parameters": parameters})
    found = [item.message for item in _undeclared("task 'n'", task, NOTEBOOK, None)]
    expected = f"task 'n' does not declare {undeclared}: its 'parameters' cell does not set them"
    assert found == ([] if undeclared is None else [expected])
