"""DAG folders on a real disk: what counts as a DAG file, as a change, as a bundle, as a notebook's parameter."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow.execution.children import Exited
from jupyter_flow.model.records import ParseReport
from jupyter_flow.model.spec import DagSpec, TaskSpec, to_json
from jupyter_flow.parsing.bundles import make_bundle
from jupyter_flow.parsing.judge import from_report, without_report
from jupyter_flow.parsing.notebooks import check_notebooks, declared_parameters
from jupyter_flow.parsing.scan import FolderScan, is_dag_file
from jupyter_flow.parsing.watch import Watcher


def notebook(*cells: tuple[str, list[str]], metadata: dict[str, Any] | None = None) -> str:
    built = [{"cell_type": "code", "source": source, "metadata": {"tags": tags}} for source, tags in cells]
    return json.dumps({"cells": built, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5})


def test_what_is_a_dag_file_is_told_by_its_content(tmp_path: Path) -> None:
    files = {
        "a.py": ("from jupyter_flow import DAG", True),
        "b.py": ("from airflow import DAG", True),
        "c.py": ("print('hello')", False),
        "d.txt": ("jupyter_flow", False),
        "e.ipynb": (notebook(("%%dag x\n", [])), True),
        "f.ipynb": (notebook(("\n%%task y\n", [])), True),
        "g.ipynb": (notebook(("print('%%dag')", [])), False),
        "h.ipynb": (notebook(metadata={"jupyter_flow": {"dag_file": True}}), True),
        "i.ipynb": ("{ %%dag", False),
    }
    for name, (content, expected) in files.items():
        (tmp_path / name).write_text(content)
        assert is_dag_file(tmp_path / name) is expected, name


def test_a_look_reports_changes_once_with_those_of_dependencies(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "dag.py").write_text("import jupyter_flow")
    (tmp_path / "sub" / "other.py").write_text("import jupyter_flow")
    (tmp_path / "helper.py").write_text("x = 1")
    (tmp_path / ".hidden.py").write_text("import jupyter_flow")
    scan = FolderScan(tmp_path)
    assert scan.look().changed == ["dag.py", "sub/other.py"]
    scan.remember("dag.py", frozenset({"dag.py", "helper.py"}), failed=False)
    scan.remember("sub/other.py", frozenset({"sub/other.py"}), failed=False)
    assert scan.look().changed == []
    (tmp_path / "helper.py").write_text("x = 22")
    assert scan.look().changed == ["dag.py"]
    scan.remember("sub/other.py", frozenset(), failed=True)
    (tmp_path / "new.txt").write_text("may heal a failed file")
    assert scan.look().changed == ["sub/other.py"]
    (tmp_path / "dag.py").unlink()
    (tmp_path / "sub" / "other.py").write_text("print('no dag file any more')")
    assert scan.look().gone == ["dag.py", "sub/other.py"]
    assert scan.look().gone == []


def test_a_file_whose_name_is_no_text_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / os.fsdecode(b"d\xff.py")).write_text("import jupyter_flow")
    scan = FolderScan(tmp_path)
    assert scan.look().changed == []
    assert scan.look().changed == []
    assert [record.getMessage() for record in caplog.records] == [
        r"'d\udcff.py' is left out: its name is not valid UTF-8"
    ]


def test_200_unchanged_files_cost_a_stat_each(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"d{number}.py").write_text("import jupyter_flow")
    scan = FolderScan(tmp_path)
    assert len(scan.look().changed) == 200
    for name in scan.dag_files:
        scan.remember(name, frozenset({name}), failed=False)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert scan.look().changed == []
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


def test_bundles_are_named_by_content_and_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    (folder / "lib").mkdir(parents=True)
    (folder / "a.py").write_text("one")
    (folder / "lib" / "b.py").write_text("two")
    (tmp_path / "secret").write_text("outside")
    (folder / "link.py").symlink_to(tmp_path / "secret")
    bundles = tmp_path / "bundles"
    first = make_bundle(bundles, folder, ["a.py", "lib/b.py", "gone.py", "link.py", "../secret"])
    assert sorted(path.relative_to(bundles / first).as_posix() for path in (bundles / first).rglob("*.py")) == [
        "a.py",
        "lib/b.py",
    ]
    assert (bundles / first / "a.py").stat().st_mode & 0o777 == 0o400
    assert make_bundle(bundles, folder, ["lib/b.py", "a.py"]) == first
    (folder / "a.py").write_text("other")
    second = make_bundle(bundles, folder, ["a.py", "lib/b.py"])
    assert second != first
    assert (bundles / first / "a.py").read_text() == "one"
    assert sorted(path.name for path in bundles.iterdir()) == sorted([first, second])


def test_declared_parameters_are_read_in_python_and_elsewhere() -> None:
    python = json.loads(notebook(("x: int = 1\na, b = 2, 3\nprint(x == 1)", ["parameters"])))
    assert declared_parameters(python) == {"x", "a", "b"}
    r_like = json.loads(notebook(("alpha <- 1; \nlet beta = 2\ngamma == 3", ["parameters"])))
    assert declared_parameters(r_like) == {"alpha", "beta"}
    assert declared_parameters(json.loads(notebook(("x = 1", [])))) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.ipynb", "does not exist"),
        ("bad.ipynb", "not valid JSON"),
        ("list.ipynb", "not a notebook"),
        ("../out.ipynb", "outside"),
        ("https://example.org/a.ipynb", "URL"),
        ("folder.ipynb", "is a folder"),
        ("nul\0.ipynb", "not a usable path"),
    ],
)
def test_notebooks_of_tasks_are_checked(tmp_path: Path, name: str, words: str) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "bad.ipynb").write_text("{")
    (folder / "list.ipynb").write_text("[]")
    (folder / "folder.ipynb").mkdir()
    (tmp_path / "out.ipynb").write_text(notebook())
    task = TaskSpec("t", "NotebookOperator", arguments={"notebook": name})
    (problem,) = check_notebooks(DagSpec("d", "dag.py", (task,)), folder, folder)
    assert words in problem.message
    assert "'t'" in problem.message
    assert problem.kind == "error"


def report(**changes: Any) -> ParseReport:
    dag = to_json(DagSpec("good", "dag.py", (TaskSpec("a", "EmptyOperator"), TaskSpec("b", "X", upstream=("a",)))))
    return ParseReport("dag.py", **{"dags": (dag,), "modules": ("dag.py", "../x", "/etc/passwd"), **changes})


def test_reports_are_read_with_suspicion(tmp_path: Path) -> None:
    good = from_report(report(), tmp_path, "dag.py", tmp_path)
    assert not good.failed
    assert good.files == ("dag.py",), "files outside the folder never get into a bundle"
    assert [dag.dag_id for dag in good.dags] == ["good"]
    dag = dict(report().dags[0])
    for defect in (
        {**dag, "dag_id": "../up"},
        {**dag, "dag_file": "other.py"},
        {**dag, "surprise": 1},
        {**dag, "tasks": [{"task_id": "a"}]},
        {**dag, "tasks": [{"task_id": "a", "operator": "X", "upstream": ["b"]}]},
        {**dag, "tasks": 3},
    ):
        parsed = from_report(report(dags=(defect,)), tmp_path, "dag.py", tmp_path)
        assert parsed.failed
        assert parsed.dags == ()
    assert from_report(report(dags=(dag, dag)), tmp_path, "dag.py", tmp_path).failed


def test_an_end_without_a_report_is_explained(tmp_path: Path) -> None:
    def message(ended: Exited | None) -> str:
        return without_report(ended, 30, tmp_path, "dag.py").problems[0].message

    assert "not finished after 30 s" in message(None)
    assert "os._exit?" in message(Exited("k", "parse", 1, 3, None))
    assert "killed by signal 9" in message(Exited("k", "parse", 1, None, 9))
    assert "cannot fork" in message(Exited("k", "parse", None, None, None, "cannot fork"))


def test_the_watcher_wakes_its_owner_and_ends(tmp_path: Path) -> None:
    import select

    watcher = Watcher([tmp_path])
    watcher.start()
    try:
        deadline = time.monotonic() + 30
        number = 0
        while not select.select([watcher], [], [], 0.2)[0]:
            number += 1
            (tmp_path / f"file{number}").touch()  # the first may come before the watch is set up
            assert time.monotonic() < deadline, "no wake-up"
        watcher.drain()
        assert os.get_blocking(watcher.fileno()) is False
    finally:
        watcher.close()
