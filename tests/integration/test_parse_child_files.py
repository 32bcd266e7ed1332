"""Loading DAG files: what is found, what is pinned, and the one line for every failure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow.model.records import ParseReport, ParseRequest
from jupyter_flow.model.spec import dag_from_json, spec_hash
from jupyter_flow.runner.parse_child import load, run

Write = Callable[..., Path]


@pytest.fixture
def parse(dag_folder: Path, tmp_path: Path) -> Callable[[Path], ParseReport]:
    def parse_file(path: Path) -> ParseReport:
        return load(request_for(path, dag_folder, tmp_path))

    return parse_file


def request_for(path: Path, dag_folder: Path, tmp_path: Path) -> ParseRequest:
    spool = tmp_path / "spool"
    spool.mkdir(exist_ok=True)
    return ParseRequest(str(dag_folder), path.relative_to(dag_folder).as_posix(), str(tmp_path / "home"), str(spool))


def error_of(report: ParseReport) -> dict[str, Any]:
    assert report.error is not None, report
    assert report.dags == ()
    assert "\n" not in report.error["message"]
    assert "jupyter_flow/runner" not in report.error["traceback"]
    assert "importlib" not in report.error["traceback"]
    return dict(report.error)


def test_a_dag_file_with_everything(write_dag: Write, parse: Any) -> None:
    write_dag("from .deep import VALUE\n", "helpers/__init__.py")
    write_dag("VALUE = 7\n", "helpers/deep.py")
    write_dag("import helpers\n", "sub/beside.py")
    path = write_dag(
        """
        from datetime import datetime
        from pathlib import Path
        import beside
        from helpers import VALUE
        from jupyter_flow import *

        with DAG("one", schedule="@daily", start_date=datetime(2026, 1, 1), tags=["x"]):
            load = NotebookOperator("load", Path(__file__).with_name("load.ipynb"), parameters={"n": VALUE})
            load >> BashOperator("show", "../show.sh")

        two = DAG("two")
        NotebookOperator("outside", "../../outside.ipynb", dag=two)

        def never(): ...
        """,
        "sub/file.py",
    )
    before = set(sys.modules), list(sys.path), list(sys.meta_path)
    report = parse(path)
    assert report.error is None
    assert [dag["dag_id"] for dag in report.dags] == ["one", "two"]
    one = dag_from_json(report.dags[0])
    assert (one.dag_file, one.task("load").arguments["notebook"]) == ("sub/file.py", "load.ipynb")
    assert one.task("load").arguments["parameters"] == {"n": 7}
    assert report.modules == ("helpers/__init__.py", "helpers/deep.py", "sub/beside.py", "sub/file.py")
    assert report.files == ("show.sh", "sub/load.ipynb")
    assert {"helpers", "beside"}.isdisjoint(set(sys.modules) - before[0])
    assert (list(sys.path), list(sys.meta_path)) == before[1:]
    assert not list(path.parent.rglob("__pycache__"))


def test_the_same_bytes_give_the_same_spec(write_dag: Write, parse: Any) -> None:
    path = write_dag(
        """
        from jupyter_flow import *
        with DAG("d", params={"b": 1, "a": {2: 1}.get(2)}):
            tasks = {EmptyOperator(f"t{n}") for n in range(20)}
            tasks >> EmptyOperator("end")
        """
    )
    hashes = {spec_hash(dag_from_json(parse(path).dags[0])) for _ in range(5)}
    assert len(hashes) == 1


def test_a_quick_edit_of_the_same_size_is_seen(write_dag: Write, parse: Any) -> None:
    path = write_dag("import helper\nfrom jupyter_flow import DAG\nDAG_ = DAG(helper.NAME)\n")
    for name in ("aaa", "bbb", "ccc"):
        write_dag(f"NAME = {name!r}\n", "helper.py")
        assert [dag["dag_id"] for dag in parse(path).dags] == [name]


FAILURES = [
    ("from jupyter_flow import DAG\nwith DAG('d'\n    pass\n", 2, "SyntaxError: '(' was never closed"),
    ("import jupyter_flow\n\nx = {}['key']\n", 3, "KeyError: 'key'"),
    ("import jupyter_flow\ndef f():\n    raise ValueError('two\\nlines')\nf()\n", 3, "ValueError: two lines"),
    (
        "import jupyter_flow\nimport no_such_thing\n",
        2,
        "no module named 'no_such_thing': install it into this environment",
    ),
    ("import jupyter_flow, sys\nsys.exit(3)\n", 2, "the file ends the process: sys.exit(3)"),
    ("import jupyter_flow\nraise KeyboardInterrupt\n", 2, "KeyboardInterrupt while the file was loaded"),
    ("import jupyter_flow\nraise MemoryError\n", 2, "needs more memory than it may have"),
    ("import jupyter_flow\ndef f(): f()\nf()\n", 2, "RecursionError: maximum recursion depth exceeded"),
    (
        "import jupyter_flow\nclass E(Exception):\n    def __str__(self): 1/0\nraise E\n",
        4,
        "E: (its text cannot be read)",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  a = EmptyOperator('a')\n"
        "  b = EmptyOperator('b')\n  a >> b >> a\n",
        5,
        "DAG 'd' has a cycle: a -> b -> a (a -> b: line 5; b -> a: line 5)",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  EmptyOperator('a')\n  EmptyOperator('a')\n",
        4,
        "task_id 'a' is taken by the task of line 3",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'): pass\nwith DAG('d'): pass\n",
        3,
        "dag_id 'd' is taken by the DAG of line 2 of the same file",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  EmptyOperator('a').set_upstream('zz')\n",
        3,
        "names the upstream task 'zz', which the DAG does not have",
    ),
    ("from jupyter_flow import *\nDAG('d', schedule='* * *', start_date='2026-01-01')\n", 2, "has 3 fields, not 5"),
    ("from jupyter_flow import *\nDAG('d', schedule='99 * * * *', start_date='2026-01-01')\n", 2, "is not valid"),
    ("from jupyter_flow import *\n\nDAG('d', schedule='@daily', catchup=True)\n", 3, "start_date is missing"),
    ("from jupyter_flow import *\nDAG('d e')\n", 2, "dag_id 'd e' is not a valid id"),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  NotebookOperator('n', 'n.ipynb', parameters={'a b': 1})\n",
        3,
        "parameter name 'a b' is not an identifier",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  NotebookOperator('n', 'n.ipynb', parameters={'a': object()})\n",
        3,
        "a object is not JSON",
    ),
    (
        "from jupyter_flow import *\nwith DAG('d'):\n  BashOperator('b', 'echo {{ ds')\n",
        3,
        "template field 'bash_command'",
    ),
    ("from jupyter_flow import *\nwith DAG('d'):\n  EmptyOperator('a', retrys=1)\n", 3, "did you mean 'retries'"),
    ("from jupyter_flow import Dag\n", 1, "ImportError: cannot import name 'Dag' from 'jupyter_flow'"),
    ("import jupyter_flow\nfrom jupyter_flow import Variable\nVariable.get('x')\n", 3, "no house answers"),
    ("import jupyter_flow\nx = '\0'\n", None, "null bytes"),
]


@pytest.mark.parametrize(("text", "line", "message"), FAILURES, ids=[case[2][:40] for case in FAILURES])
def test_every_failure_has_one_line_with_its_place(
    text: str, line: int | None, message: str, dag_folder: Path, parse: Any
) -> None:
    path = dag_folder / "bad.py"
    path.write_text(text, encoding="utf-8")
    error = error_of(parse(path))
    assert message in error["message"]
    assert error["line"] == line


def test_a_failure_in_a_helper_names_both_places(write_dag: Write, parse: Any) -> None:
    write_dag("def f():\n    return 1 / 0\n", "helper.py")
    error = error_of(parse(write_dag("import jupyter_flow\nimport helper\n\nhelper.f()\n")))
    assert (error["line"], error["message"]) == (4, "helper.py, line 2: ZeroDivisionError: division by zero")
    assert error["traceback"].count("File ") == 2
    assert "return 1 / 0" in error["traceback"]
    write_dag("x = (\n", "helper.py")
    error = error_of(parse(write_dag("import jupyter_flow\nimport helper\n")))
    assert (error["line"], error["message"]) == (2, "helper.py, line 1: SyntaxError: '(' was never closed")


def test_a_missing_file_and_one_that_is_not_text(dag_folder: Path, parse: Any) -> None:
    assert "FileNotFoundError" in error_of(parse(dag_folder / "gone.py"))["message"]
    (dag_folder / "latin.py").write_bytes(b"import jupyter_flow\nx = '\xe4'\n")
    assert "SyntaxError" in error_of(parse(dag_folder / "latin.py"))["message"]


def test_a_file_that_failed_is_watched_with_what_it_imported(write_dag: Write, parse: Any) -> None:
    write_dag("x = 1\n", "helper.py")
    report = parse(write_dag("import helper, jupyter_flow\n1 / 0\n"))
    assert report.modules == ("example.py", "helper.py")


def test_warnings_have_their_lines(write_dag: Write, parse: Any) -> None:
    path = write_dag(
        """
        import warnings
        from jupyter_flow import *
        warnings.warn("not ours", DeprecationWarning)
        with DAG("d", disable_bundle_versioning=True):
            EmptyOperator("a",
                run_as_user="ann")
        @dag
        def forgotten():
            EmptyOperator("a")
        """
    )
    report = parse(path)
    assert report.error is None
    assert [(item["line"], item["message"]) for item in report.warnings] == [
        (4, "DAG 'd': disable_bundle_versioning has no effect in this version"),
        (5, "task 'a': run_as_user has no effect in this version"),
        (7, "the @dag function 'forgotten' is never called, so there is no such DAG: add a line forgotten()"),
    ]


def test_a_file_without_dags_is_no_error(write_dag: Write, parse: Any) -> None:
    report = parse(write_dag("import jupyter_flow\n"))
    assert (report.dags, report.error) == ((), None)


def test_the_report_is_written_for_the_parent(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    path = write_dag("from jupyter_flow import DAG\nd = DAG('d', description='ä\\ud800')\n")
    report = run(request_for(path, dag_folder, tmp_path))
    data = json.loads((tmp_path / "spool" / "result.json").read_text("utf-8"))
    assert ParseReport.from_json(data).dag_file == report.dag_file
    assert data["dags"][0]["dag_id"] == "d"


def child(path: Path, dag_folder: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    request = request_for(path, dag_folder, tmp_path)
    spool = Path(request.spool)
    (spool / "spec.json").write_text(json.dumps(request.to_json()))
    command = [sys.executable, "-m", "jupyter_flow.runner.parse_child", str(spool)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_cold_way_is_a_process_of_its_own(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    path = write_dag("print('hello')\nfrom jupyter_flow import DAG, EmptyOperator\nwith DAG('d'): EmptyOperator('a')\n")
    done = child(path, dag_folder, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = ParseReport.from_json(json.loads((tmp_path / "spool" / "result.json").read_text()))
    assert [dag["dag_id"] for dag in report.dags] == ["d"]
    assert 0 < report.seconds < 30


def test_a_file_that_kills_the_process_leaves_no_report(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    done = child(write_dag("import jupyter_flow, os\nos._exit(7)\n"), dag_folder, tmp_path)
    assert done.returncode == 7
    assert not (tmp_path / "spool" / "result.json").exists()


def test_parsing_pure_data_imports_no_engine(write_dag: Write, dag_folder: Path, tmp_path: Path) -> None:
    path = write_dag(
        """
        import sys
        from jupyter_flow import *
        with DAG("d"):
            NotebookOperator("n", "n.ipynb") >> BashOperator("b", "true")
        heavy = {"papermill", "nbclient", "nbformat", "IPython", "zmq", "sqlalchemy", "jsonschema"} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    child(path, dag_folder, tmp_path)
    assert json.loads((tmp_path / "spool" / "result.json").read_text())["error"] is None


def test_files_that_are_read_are_followed_and_files_that_are_written_are_not(
    write_dag: Write, dag_folder: Path, parse: Any
) -> None:
    (dag_folder / "data.json").write_text('{"a": 1}')
    (dag_folder / "big.bin").write_bytes(b"0" * (1024 * 1024 + 1))
    (dag_folder / "rewritten.txt").write_text("old")
    path = write_dag(
        """
        import json, os
        from pathlib import Path
        from jupyter_flow import DAG, EmptyOperator

        here = Path(__file__).parent
        json.loads((here / "data.json").read_text())
        (here / "big.bin").read_bytes()
        (here / "new.txt").write_text("x")
        (here / "new.txt").read_text()
        (here / "rewritten.txt").read_text()
        (here / "scratch.txt").write_text("a longer one")
        os.replace(here / "scratch.txt", here / "rewritten.txt")
        os.close(os.open(here / "made.txt", os.O_WRONLY | os.O_CREAT))
        with DAG("d"):
            EmptyOperator(task_id="a")
        """
    )
    report = parse(path)
    assert report.error is None
    assert report.modules == ("data.json", path.name)
    write_dag("import json\nopen(__file__.replace('.py', '.txt'))\n", path.name)
    (dag_folder / path.name.replace(".py", ".txt")).write_text("x")
    assert parse(path).modules == (path.name, path.name.replace(".py", ".txt"))


def test_all_names_together_cost_a_dag_file_no_mail_web_or_loop() -> None:
    heavy = {"asyncio", "email", "html.parser", "http", "smtplib", "ssl", "urllib.request"}
    code = (
        "import sys, jupyter_flow.runner.parse_child; from jupyter_flow import *; "
        f"print(*sorted({heavy} & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
