"""Runners load the pinned bytes of a DAG file and its modules, under the paths of the originals."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.workloads import workload

from jupyter_flow.authoring.exceptions import TaskFailure
from jupyter_flow.authoring.runtime import using
from jupyter_flow.model.records import ParseRequest, Workload
from jupyter_flow.model.spec import dag_from_json
from jupyter_flow.runner.dag_loader import operator_for
from jupyter_flow.runner.parse_child import load
from jupyter_flow.runner.task_context import TaskChannel, build_context
from jupyter_flow.runner.templating import render

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def imports() -> Iterator[None]:
    """A runner never undoes what it imported: this process has to."""
    before = set(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    for name in set(sys.modules) - before[0]:
        del sys.modules[name]
    sys.path[:], sys.meta_path[:] = before[1:]


def pin(dag_folder: Path, tmp_path: Path, task_id: str, dag_file: str = "example.py") -> Workload:
    report = load(ParseRequest(str(dag_folder), dag_file, str(tmp_path), str(tmp_path)))
    assert report.error is None, report.error
    bundle = tmp_path / "bundle"
    for name in {*report.modules, *report.files}:
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(dag_folder / name, bundle / name)
    spec = dag_from_json(report.dags[0])
    return workload(
        spec.task(task_id), dag_file=dag_file, dag_folder=str(dag_folder), bundle=str(bundle), cwd=str(dag_folder)
    )


def execute(work: Workload) -> object:
    channel = TaskChannel(work)
    with using(channel):
        operator = operator_for(work)
        context = build_context(work, channel, operator)
        render(operator, context)
        return operator.execute(context)


def test_edits_after_the_parse_do_not_run(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    write_dag("from .deep import VALUE\n", "package/__init__.py")
    write_dag("VALUE = 'pinned'\n", "package/deep.py")
    path = write_dag(
        """
        from jupyter_flow import DAG, task
        import package
        with DAG("d"):
            @task
            def f(ds):
                return [package.VALUE, package.deep.__file__, __file__, ds]
            f()
        """
    )
    work = pin(dag_folder, tmp_path, "f")
    write_dag("VALUE = 'edited'\n", "package/deep.py")
    (dag_folder / "package" / "__init__.py").unlink()
    path.write_text("raise RuntimeError('edited')\n")
    assert execute(work) == ["pinned", str(dag_folder / "package" / "deep.py"), str(path), "2026-01-31"]


def test_modules_that_were_not_pinned_come_from_the_folder(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    write_dag("", "package/__init__.py")
    write_dag("VALUE = 'late'\n", "package/late.py")
    write_dag(
        """
        from jupyter_flow import DAG, task
        import package
        with DAG("d"):
            @task
            def f():
                from package.late import VALUE
                return VALUE
            f()
        """
    )
    assert execute(pin(dag_folder, tmp_path, "f")) == "late"


def test_tracebacks_show_the_pinned_lines(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    import traceback

    path = write_dag(
        "from jupyter_flow import DAG, task\nwith DAG('d'):\n    @task\n    def f():\n        1 / 0\n    f()\n"
    )
    work = pin(dag_folder, tmp_path, "f")
    path.write_text("# one\n# two\n# three\n# four\n# five\n")
    with pytest.raises(ZeroDivisionError) as caught:
        execute(work)
    (frame,) = [item for item in traceback.extract_tb(caught.value.__traceback__) if item.filename == str(path)]
    assert (frame.lineno, frame.line) == (5, "1 / 0")


def test_a_template_file_is_pinned_and_rendered(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    script = write_dag("echo pinned {{ ds }}\n", "run.sh")
    write_dag(
        "from jupyter_flow import *\nwith DAG('d'):\n    BashOperator('b', 'run.sh')\n"
        "    BashOperator('c', 'gone.sh')\n"
    )
    report = load(ParseRequest(str(dag_folder), "example.py", str(tmp_path), str(tmp_path)))
    assert report.files == ("gone.sh", "run.sh")
    (tmp_path / "bundle").mkdir()
    shutil.copy(script, tmp_path / "bundle" / "run.sh")
    script.write_text("echo edited\n")
    spec = dag_from_json(report.dags[0])
    places = {"dag_folder": str(dag_folder), "bundle": str(tmp_path / "bundle")}
    assert execute(workload(spec.task("b"), **places)) == "pinned 2026-01-31"
    with pytest.raises(TaskFailure, match=r"there is no template file 'gone\.sh' beside the DAG file"):
        execute(workload(spec.task("c"), **places))


def test_template_files_lie_beneath_the_root_or_the_dag_folder(
    write_dag: Write, dag_folder: Path, tmp_path: Path
) -> None:
    write_dag("echo beside {{ ds }}\n", "sql/run.sh")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.sh").write_text("echo elsewhere\n")
    write_dag("from jupyter_flow import *\nwith DAG('d'):\n    BashOperator('b', 'run.sh')\n")
    report = load(ParseRequest(str(dag_folder), "example.py", str(tmp_path), str(tmp_path)))
    task = dag_from_json(report.dags[0]).task("b")
    work = workload(task, dag_folder=str(dag_folder), root=str(tmp_path / "notebooks"))
    assert execute(replace(work, template_searchpath=("sql",))) == "beside 2026-01-31"
    with pytest.raises(TaskFailure, match=r"template_searchpath: .*/other lies outside the root .*/notebooks"):
        execute(replace(work, template_searchpath=("../other",)))


def test_pure_data_never_loads_the_dag_file(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    path = write_dag(
        "from jupyter_flow import *\nwith DAG('d'):\n    BashOperator('b', 'echo {{ ds }}', env={'A': '1'})\n"
    )
    work = pin(dag_folder, tmp_path, "b")
    path.unlink()
    shutil.rmtree(tmp_path / "bundle")
    assert execute(work) == "2026-01-31"


def test_a_task_that_is_not_there_any_more_is_named(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    write_dag(
        """
        import os
        from jupyter_flow import DAG, task
        with DAG("d"):
            @task
            def f(): ...
            if "GONE" not in os.environ:
                f()
        """
    )
    work = pin(dag_folder, tmp_path, "f")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GONE", "1")
        with pytest.raises(TaskFailure, match=r"example\.py has no task 'f' of DAG 'd' when it is loaded again"):
            execute(work)


def test_only_operators_of_the_package_are_rebuilt() -> None:
    from jupyter_flow.model.spec import TaskSpec

    for reference in ("os:system", "jupyter_flow.operators.bash:subprocess.run", None):
        with pytest.raises(TaskFailure, match="is none of this package"):
            execute(workload(TaskSpec("t", "X", reference)))
