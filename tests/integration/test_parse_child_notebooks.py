"""DAG notebooks: read as JSON, only %%dag cells and cells tagged dag-setup run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow.model.records import ParseReport, ParseRequest
from jupyter_flow.model.spec import dag_from_json
from jupyter_flow.runner.dag_notebook import is_dag_notebook

Write = Callable[..., Path]


@pytest.fixture
def parse(dag_folder: Path, tmp_path: Path) -> Callable[[Path], ParseReport]:
    def parse_file(path: Path) -> ParseReport:
        from jupyter_flow.runner.parse_child import load

        return load(ParseRequest(str(dag_folder), path.name, str(tmp_path / "home"), str(tmp_path)))

    return parse_file


def test_only_marked_cells_run(write_notebook: Write, write_dag: Write, parse: Any, tmp_path: Path) -> None:
    write_dag("STEPS = ['a', 'b']\n", "helper.py")
    witness = tmp_path / "witness"
    path = write_notebook(
        [
            f"open({str(witness)!r}, 'w')",
            "%load_ext jupyter_flow",
            {"source": "import helper\nlast = None", "tags": ["dag-setup"]},
            "%%dag nightly --schedule '0 2 * * *' --start-date 2026-01-01 --retries 2\n"
            "for step in helper.STEPS:\n    step = NotebookOperator(step, f'{step}.ipynb')\n"
            "    last and last >> step\n    last = step",
            "%%dag other\nassert dag.dag_id == 'other'\n@task\ndef f(): return helper.STEPS\nf()",
            {"source": "%%dag not_code", "cell_type": "markdown"},
        ],
        "nightly.ipynb",
    )
    report = parse(path)
    assert report.error is None
    nightly, other = (dag_from_json(dag) for dag in report.dags)
    assert (nightly.dag_id, nightly.schedule.expression, nightly.dag_file) == ("nightly", "0 2 * * *", "nightly.ipynb")
    assert {task.task_id: task.upstream for task in nightly.tasks} == {"a": (), "b": ("a",)}
    assert nightly.task("a").retries == 2
    assert other.task("f").needs_dag_file
    assert (report.modules, report.files) == (("helper.py", "nightly.ipynb"), ("a.ipynb", "b.ipynb"))
    assert not witness.exists()


@pytest.mark.parametrize(
    ("cells", "line", "message"),
    [
        (["x = 1", "%%dag d\nx = 1\n1 / 0"], 3, "cell 2: ZeroDivisionError: division by zero"),
        (["%%dag d\nx = ("], 2, "cell 1: SyntaxError: '(' was never closed"),
        (
            ["%%dag d\nunknown"],
            2,
            "cell 1: NameError: name 'unknown' is not defined: tag the cell that defines it 'dag-setup'",
        ),
        (["\n%%dag d --schedul x"], 2, "cell 1: %%dag: unrecognized arguments: --schedul x"),
        (["%%dag d --schedule @dayly\nEmptyOperator('a')"], 1, "cell 1: DAG 'd': unknown schedule preset '@dayly'"),
        (["%%dag d\na = EmptyOperator('a')\na >> a"], 3, "cell 1: DAG 'd' has a cycle: a -> a"),
        (["%%task load\nx = 1"], 1, "cell 1: %%task load: the notebook has no DAG: add a cell `%%dag ID` above"),
        (["%%dag d", "\n%%task a --retires 2\nx = 1"], 2, "cell 2: %%task: unrecognized arguments: --retires 2"),
        (
            ["%%dag d", "%%task a\nx = 1", "%%task a\nx = 2"],
            1,
            "cell 3: DAG 'd': task_id 'a' is taken by the task of cell 2, line 1",
        ),
        (
            ["%%dag d", "%%task load\nx = 1", "%%task b --after laod\n2"],
            1,
            "cell 3: %%task b: --after names 'laod', which the DAG does not have: did you mean 'load'?",
        ),
        (
            ["%%dag d", "%%task a --outputs rows\nrow = 1"],
            1,
            "cell 2: %%task a: output 'rows' is never assigned in the cell: did you mean 'row'?",
        ),
        (
            ["%%dag d", "%%task a --inputs x\nx", "%%task b --outputs x\nx = 1"],
            1,
            "cell 2: %%task a: input 'x' is no output of a %%task cell above: "
            "move the cell that hands it on above this one",
        ),
        (
            ["%%dag d", "%%task a --inputs x\nx"],
            1,
            "cell 2: %%task a: input 'x' is no output of a %%task cell above: "
            "add --outputs x to the cell that makes it",
        ),
        (
            ["%%dag d", "%%dag e", "%%task a\n1"],
            1,
            "cell 3: %%task a: the notebook has several DAGs, say which: --dag d or --dag e",
        ),
        (
            ["%%dag d", "%%task a --trigger-rule al_done\n1"],
            1,
            "cell 2: task 'a': unknown trigger_rule 'al_done': did you mean 'all_done'?",
        ),
        (["%%dag d", "%%task a\n\nx = ("], 3, "cell 2: SyntaxError: '(' was never closed"),
        (["%%dag d", "%%task a --after b\n1", "%%task b --after a\n1"], 1, "cell 3: DAG 'd' has a cycle: a -> b -> a"),
        (["%%dag d", "%%dag d"], 1, "cell 2: dag_id 'd' is taken by the DAG of cell 1, line 1 of the same file"),
    ],
)
def test_failures_name_cell_and_line(cells: list[str], line: int, message: str, dag_folder: Path, parse: Any) -> None:
    import json

    document = {
        "cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}} for cell in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = dag_folder / "n.ipynb"
    path.write_text(json.dumps(document))
    report = parse(path)
    assert report.error is not None
    assert report.error["message"].startswith(message), report.error["message"]
    assert report.error["line"] == line
    assert report.dags == ()


def test_a_warning_names_its_cell(write_notebook: Write, parse: Any) -> None:
    report = parse(write_notebook(["%%dag d\nEmptyOperator('a', run_as_user=\"ann\")"], "n.ipynb"))
    assert [dict(item) for item in report.warnings] == [
        {"line": 2, "message": "cell 1: task 'a': run_as_user has no effect in this version"}
    ]


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"cells": 5}', '{"cells": [{"cell_type": "code"}]}', "[" * 100_000]
)
def test_what_is_no_notebook(content: str, dag_folder: Path, parse: Any) -> None:
    path = dag_folder / "n.ipynb"
    path.write_text(content)
    assert "not a notebook: " in parse(path).error["message"]


def test_which_notebooks_define_dags() -> None:
    def notebook(source: str, kind: str = "code", **metadata: Any) -> dict[str, Any]:
        return {"cells": [{"cell_type": kind, "source": source}], "metadata": metadata}

    assert is_dag_notebook(notebook("%%dag a\nx"))
    assert is_dag_notebook(notebook("\n%%task a"))
    assert is_dag_notebook(notebook("x", jupyter_flow={"dag_file": True}))
    assert not is_dag_notebook(notebook("x = '%%dag a'"))
    assert not is_dag_notebook(notebook("%%dag a", "markdown"))
    assert not is_dag_notebook(notebook("x", jupyter_flow={"dag_file": False}))


def tasks_of(report: ParseReport) -> dict[str, tuple[str, ...]]:
    assert report.error is None, report.error
    (dag,) = (dag_from_json(dag) for dag in report.dags)
    return {task.task_id: task.upstream for task in dag.tasks}


def test_task_cells_become_tasks_and_do_not_run(write_notebook: Write, parse: Any, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    path = write_notebook(
        [
            "%%dag cells --retries 1\nstart = EmptyOperator(task_id='start')",
            "%%setup\nimport json",
            f"%%task extract --after start --outputs rows --pool-slots 2\nopen({str(witness)!r}, 'w')\nrows = [1]",
            "%%task clean --outputs rows --retries 3\n!true\nrows = [row for row in rows if row]",
            "%%task count --params '{\"n\": 1}'\nprint(len(rows))",
            "%%task other\nrows = 3\nprint(rows)",
        ],
        "cells.ipynb",
    )
    report = parse(path)
    expected = {"start": (), "extract": ("start",), "clean": ("extract",), "count": ("clean",), "other": ()}
    assert tasks_of(report) == expected
    assert report.warnings == ()
    assert not witness.exists()
    (dag,) = (dag_from_json(dag) for dag in report.dags)
    assert [dag.task(name).retries for name in ("extract", "clean")] == [1, 3]
    assert dag.task("count").xcom_inputs == (("clean", "rows"),)
    assert dag.task("count").is_notebook
    assert not dag.task("count").needs_dag_file


def test_the_dag_of_task_cells_may_stand_in_the_metadata(dag_folder: Path, parse: Any) -> None:
    import json

    document = {
        "cells": [{"cell_type": "code", "source": "%%task a\n1", "metadata": {}}],
        "metadata": {"jupyter_flow": {"dag": "quiet --schedule @daily --start-date 2026-01-01"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = dag_folder / "quiet.ipynb"
    path.write_text(json.dumps(document))
    report = parse(path)
    assert tasks_of(report) == {"a": ()}
    assert report.dags[0]["dag_id"] == "quiet"
