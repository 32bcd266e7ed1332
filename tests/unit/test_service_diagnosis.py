"""The diagnosis of failed notebooks: real ones, executed in a kernel, and the ends that leave no exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_flow.model.reason import Reason
from jupyter_flow.service.diagnosis import Diagnosis, Failure, diagnose
from jupyter_flow.service.tracebacks import read_frames

HELPER = """
import json


def load(path):
    return json.loads(read(path))


def read(path):
    return open(path).read()
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``executed(*sources)``: run them, go on after errors; the cells with their outputs."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "helper.py").write_text(HELPER)
    sources = [
        "import helper",
        "# 1\n# 2\n# 3\nrows = 3\nhelper.load('data/missing.csv')\n# 6\n# 7\n# 8",
        "import no_such_thing_here.inner",
        "raise MemoryError",
        "class OutOfMemoryError(RuntimeError): pass\nraise OutOfMemoryError('CUDA out of memory: 2 GiB')",
        "json_text = '{'\nimport json\njson.loads(json_text)",
    ]
    cells = [nbformat.v4.new_markdown_cell("# Title"), *map(nbformat.v4.new_code_cell, sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, allow_errors=True, resources={"metadata": {"path": str(folder)}})
    try:
        client.execute()
    except CellExecutionError as error:
        raise AssertionError("errors are allowed") from error
    return folder, nbformat.from_dict(notebook)["cells"]


def of_cell(executed: Any, number: int, **more: Any) -> Diagnosis:
    folder, cells = executed
    return diagnose(
        Failure(None, number, cells, cwd=str(folder), own_folders=[str(folder)], kernelspec="science", **more)
    )


def hint_of(found: Diagnosis) -> tuple[str, str]:
    (hint,) = found.hints
    return hint.code, " ".join((hint.text, *hint.evidence))


def test_a_missing_file_is_named_with_the_place_where_it_was_looked_for(executed: Any) -> None:
    found = of_cell(executed, 2)
    assert found.exception == {
        "type": "FileNotFoundError",
        "message": "[Errno 2] No such file or directory: 'data/missing.csv'",
    }
    assert found.cell is not None
    assert (found.cell["number"], found.cell["error_line"], found.cell["first_line"]) == (2, 5, 3)
    assert found.cell["source"].split("\n")[2] == "helper.load('data/missing.csv')"
    assert len(found.cell["source"].split("\n")) == 5
    own = [frame for frame in found.frames if frame.is_own]
    assert [frame.function for frame in own] == ["read", "load", ""]
    assert own[0].code == "return open(path).read()"
    assert found.frames[: len(own)] == tuple(own)
    code, words = hint_of(found)
    assert code == "missing_file"
    assert f"{Path(executed[0]) / 'data/missing.csv'}" in words


def test_a_missing_module_is_named_with_the_kernel(executed: Any) -> None:
    code, words = hint_of(of_cell(executed, 3))
    assert code == "missing_module"
    assert "no_such_thing_here" in words
    assert "science" in words


def test_memory_that_ran_out_is_shown_with_the_samples(executed: Any) -> None:
    samples = [(0, 1, 2e9, 1), (2, 3, 3.9e9, 1)]
    code, words = hint_of(of_cell(executed, 4, samples=samples, memory_limit=4_000_000_000))
    assert code == "out_of_memory"
    assert "3.9 GB in its last sample; its limit is 4.0 GB" in words


def test_the_memory_of_a_gpu_is_another_matter(executed: Any) -> None:
    assert hint_of(of_cell(executed, 5))[0] == "cuda_out_of_memory"


def test_own_code_comes_before_that_of_libraries(executed: Any) -> None:
    found = of_cell(executed, 6)
    assert found.hints == ()
    assert found.frames[0].is_cell
    assert [frame.is_own for frame in found.frames[1:]] == [False] * (len(found.frames) - 1)
    assert len(found.frames) > 1


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        (Reason("kernel_died", {"signal": 9, "cell": 2}), "out_of_memory", "signal 9"),
        (Reason("signal", {"signal": 9}), "out_of_memory", "512 MB in its last sample"),
        (Reason("exit_code", {"exit_code": 137}), "out_of_memory", "SIGKILL"),
        (Reason("memory_limit", {"mb": 600, "group": "big", "limit_mb": 512}), "out_of_memory", "allows 512 MB"),
        (Reason("kernel_died", {"signal": 11, "cell": 2}), "kernel_died", "SIGSEGV"),
        (Reason("kernel_died_exit", {"exit_code": 3, "cell": 2}), "kernel_died", "exit code 3"),
        (Reason("timeout_cell", {"seconds": 30, "cell": 2}), "timeout", "limit: 30 s"),
        (Reason("timeout", {"seconds": 30}), "timeout", "cell 1 took 20 s"),
        (Reason("exit_code", {"exit_code": 127}), "missing_command", "not found"),
    ],
)
def test_ends_without_an_exception(reason: Reason, code: str, words: str) -> None:
    cells = [{"cell_type": "code", "source": "a", "metadata": {"papermill": {"duration": 20.2}}}]
    cells.append({"cell_type": "code", "source": "b", "metadata": {}})
    log = ["bash: line 1: nothing: command not found"]
    found = diagnose(Failure(reason, 1, cells, log, samples=[(0, 0, 512e6, 1)]))
    assert hint_of(found)[0] == code
    assert words in hint_of(found)[1]
    assert found.cell is not None
    assert found.cell["error_line"] is None


def test_a_python_task_has_its_frames_in_the_log() -> None:
    log = """Traceback (most recent call last):
  File "/usr/lib/python3.11/runpy.py", line 1, in _run
    exec(code)
  File "/home/ann/dags/train.py", line 12, in fit
    raise ValueError("the data are bad")
ValueError: the data are bad""".splitlines()
    found = diagnose(Failure(Reason("exception", {"type": "ValueError", "message": "the data are bad"}), log=log))
    assert [(frame.function, frame.line, frame.is_own) for frame in found.frames] == [
        ("fit", 12, True),
        ("_run", 1, False),
    ]
    assert found.exception == {"type": "ValueError", "message": "the data are bad"}
    assert found.cell is None


def test_strange_notebooks_do_no_harm() -> None:
    cells: list[Any] = [{}, {"cell_type": "code", "source": None, "outputs": [1, {"output_type": "error"}]}]
    assert diagnose(Failure(None, 1, cells)).exception == {"type": "", "message": ""}
    assert diagnose(Failure(None, 7, cells)).cell is None
    assert read_frames(["File x", "Cell In[", '  File "a", line x']) == []
