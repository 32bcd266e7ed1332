"""Text of DAG files that run notebooks: new ones, and ones that get tasks added."""

from __future__ import annotations

import ast

import pytest

from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.service.dag_text import added_text, new_text, relative, task_ids

OLD = '''"""Reads."""
import os

from jupyter_flow import DAG, BashOperator

with DAG(
    "etl",
    schedule=None,
){name}:
    BashOperator(task_id="load", bash_command="echo")

print("done")
'''


def test_a_new_file_runs_notebooks_one_after_another() -> None:
    text = new_text("week", "@weekly", "2026-01-01", ["a b.ipynb", "sub/fit.ipynb"], is_chain=True)
    assert text == (
        "from jupyter_flow import DAG, NotebookOperator, chain\n\n"
        'with DAG("week", schedule="@weekly", start_date="2026-01-01"):\n'
        "    chain(\n"
        '        NotebookOperator(task_id="a_b", notebook="a b.ipynb"),\n'
        '        NotebookOperator(task_id="fit", notebook="sub/fit.ipynb"),\n'
        "    )\n"
    )


def test_without_order_without_schedule_and_with_odd_names() -> None:
    text = new_text("odd", None, "2026-01-01", ['it\'s "q".ipynb', "b.ipynb"], is_chain=False)
    assert "start_date" not in text
    assert "chain" not in text
    paths = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    assert 'it\'s "q".ipynb' in paths
    ast.parse(new_text("none", None, "2026-01-01", [], is_chain=True))


def test_tasks_have_ids_of_their_own() -> None:
    assert task_ids(["x/a.ipynb", "y/a.ipynb", "ä.ipynb"], ["a"]) == ["a_2", "a_3", "notebook"]
    assert relative("nb/a.ipynb", "dags/d.py") == "../nb/a.ipynb"
    assert relative("a.ipynb", "d.py") == "a.ipynb"


@pytest.mark.parametrize(
    ("name", "after", "task"),
    [
        ("", None, 'NotebookOperator(task_id="load_2", notebook="load.ipynb")'),
        ("", "load", 'dag.get_task("load") >> NotebookOperator(task_id="load_2", notebook="load.ipynb")'),
        (" as etl", "load", 'etl.get_task("load") >> NotebookOperator(task_id="load_2", notebook="load.ipynb")'),
    ],
)
def test_a_task_is_added_at_the_end_of_the_block(name: str, after: str | None, task: str) -> None:
    text = added_text(OLD.format(name=name), "etl", ["load"], ["load.ipynb"], after)
    shown = name or (" as dag" if after else "")
    expected = OLD.format(name=shown).replace('"echo")\n', f'"echo")\n    {task}\n')
    expected = expected.replace("BashOperator\n", "BashOperator\nfrom jupyter_flow import NotebookOperator\n", 1)
    assert text == expected


@pytest.mark.parametrize("text", ["DAG('etl')", "with DAG('other'):\n    pass", "with DAG('etl'): pass", "with DAG("])
def test_other_files_are_left_alone(text: str) -> None:
    with pytest.raises(InvalidInput):
        added_text(text, "etl", [], ["a.ipynb"], None)
