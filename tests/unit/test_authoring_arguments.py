"""Operators' own arguments: notebooks, parameters, commands, functions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator
from jupyter_flow.authoring.exceptions import DagError


def refused(match: str) -> Any:
    return pytest.raises(DagError, match=match)


@pytest.mark.parametrize(
    ("notebook", "sentence"),
    [
        ("https://example.org/x.ipynb", "is a URL or bucket"),
        ("s3://bucket/x.ipynb", "is a URL or bucket"),
        ("file:///etc/x.ipynb", "is a URL or bucket"),
        ('{"cells": []}', "is not a path: braces are for templates"),
        ("{name}.ipynb", "is not a path: braces are for templates"),
        ("train.py", "is not a notebook: its name must end with .ipynb"),
        ("a\nb.ipynb", "is not a path"),
        ("", "is not a path"),
    ],
)
def test_what_is_no_notebook_path(notebook: str, sentence: str) -> None:
    with refused(f"task 'n': notebook .*{sentence}"):
        NotebookOperator("n", notebook)


@pytest.mark.parametrize("name", ["a b", "1x", "a\nimport os", "x=1;y", "", "class", "None", "läufe"])
def test_parameter_names_that_could_be_code_are_refused(name: str) -> None:
    with refused("task 'n': parameter name .* is (not an identifier|a keyword of Python)"):
        NotebookOperator("n", "n.ipynb", parameters={name: 1})


def test_notebook_aliases() -> None:
    with DAG("d") as dag:
        NotebookOperator(
            task_id="a", file_path="./sub/../a.ipynb", runtime_name="Python 3", timeout=timedelta(minutes=1)
        )
        NotebookOperator(task_id="b", path="{{ params.which }}.ipynb")
        NotebookOperator(task_id="c", input_nb="c.ipynb", output_nb="out.ipynb")
    a, b, c = dag.to_spec().tasks
    assert (a.arguments["notebook"], a.files) == ("a.ipynb", ("a.ipynb",))
    assert (a.arguments["kernel_name"], a.arguments["cell_timeout"]) == ("Python 3", 60.0)
    assert (b.files, c.arguments["output_path"]) == ((), "out.ipynb")
    with refused("file_path and notebook are the same argument: give one"):
        NotebookOperator("n", "n.ipynb", file_path="m.ipynb")
    with refused("notebook is missing"):
        NotebookOperator("n")


def test_parameters_must_be_json() -> None:
    with DAG("d") as dag:
        NotebookOperator("n", "n.ipynb", parameters={"a": {"b": [object()]}})
    with refused(r"task 'n': parameters\['a'\]\['b'\]\[0\]: a object is not JSON: pass plain values"):
        dag.to_spec()
    with DAG("d") as dag:
        NotebookOperator("n", "n.ipynb", parameters={"a": float("nan")})
    with refused("nan is not a JSON number"):
        dag.to_spec()


def test_bash_scripts_are_pinned_files() -> None:
    with DAG("d") as dag:
        BashOperator("a", "scripts/run.sh", skip_on_exit_code=None)
        BashOperator("b", "bash scripts/run.sh", skip_on_exit_code=[3, 4])
    a, b = dag.to_spec().tasks
    assert (a.files, a.arguments["skip_on_exit_code"]) == (("scripts/run.sh",), [])
    assert (b.files, b.arguments["skip_on_exit_code"]) == ((), [3, 4])
    with refused("bash_command must be text, not 5"):
        BashOperator("c", 5)


def test_python_operator_needs_a_function() -> None:
    with refused("python_callable must be a function, not 'x'"):
        PythonOperator("p", "x")
    with refused("op_args must be a list"):
        PythonOperator("p", print, op_args="abc")
