"""The magics in a real kernel: the graph, its problems, and what they say without a house."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.houses import House
from support.kernel import AuthorKernel, author_kernel

GOOD = """%%dag sales --schedule "0 2 * * *" --start-date 2026-01-01
load = BashOperator(task_id="load", bash_command="echo 1")
load >> EmptyOperator(task_id="done")
"""


@pytest.fixture
def kernel(house: House) -> Iterator[AuthorKernel]:
    with author_kernel(house.env, house.dags) as running:
        assert running.run("%load_ext jupyter_flow").ok
        yield running


def test_a_dag_cell_shows_its_graph(kernel: AuthorKernel) -> None:
    ran = kernel.run(GOOD)
    assert ran.ok, ran.error
    (shown,) = ran.displays
    assert shown["text/vnd.mermaid"].startswith("flowchart LR")
    assert "t0 --> t1" in shown["text/vnd.mermaid"]
    assert "DAG sales: 2 tasks, schedule 0 2 * * * (UTC)" in shown["text/plain"]
    assert ran.err == ""


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%dag bad --schedule '* *'\nEmptyOperator(task_id='a')", "bad"),
        ("%%dag loop\na = EmptyOperator(task_id='a')\nb = EmptyOperator(task_id='b')\na >> b >> a", "a -> b -> a"),
        ("%%dag twice\nEmptyOperator(task_id='a')\nEmptyOperator(task_id='a')", "'a'"),
        ("%%dag 'no id'\nEmptyOperator(task_id='a')", "no id"),
        ("%%dag\nEmptyOperator(task_id='a')", "dag_id"),
        ("%%dag x --shedule @daily\npass", "--shedule"),
    ],
)
def test_a_problem_is_one_sentence_and_no_graph(kernel: AuthorKernel, cell: str, words: str) -> None:
    ran = kernel.run(cell)
    assert not ran.ok
    assert ran.displays == []
    said = ran.error + ran.err
    assert words in said
    assert "Traceback" not in said


def test_a_warning_stands_before_the_graph(kernel: AuthorKernel) -> None:
    ran = kernel.run("%%dag empty\npass")
    assert ran.ok
    assert ran.err.startswith("warning: ")
    assert "no tasks" in ran.err
    assert len(ran.displays) == 1


def test_an_error_in_the_authors_code_is_an_ordinary_traceback(kernel: AuthorKernel) -> None:
    ran = kernel.run("%%dag x\n\n1 / 0")
    assert not ran.ok
    assert ran.error.startswith("ZeroDivisionError")


def test_a_task_cell_just_runs(kernel: AuthorKernel) -> None:
    ran = kernel.run("%%task load --after other --retries 2\nvalue = 6 * 7\nprint(value)")
    assert ran.ok
    assert ran.out == "task load: after other; retries 2\n42\n"
    assert kernel.run("value + 1").displays[0]["text/plain"] == "43"


def test_a_task_cell_gets_its_parameters_and_its_mistakes_by_hand_too(kernel: AuthorKernel) -> None:
    ran = kernel.run("%%task load --param rows=3 --param day='{{ ds }}'\nprint(rows, 'day' in globals())")
    assert (ran.ok, ran.out) == (True, "task load\n3 False\n")
    ran = kernel.run("%%task load --retires 2\nprint('runs')")
    assert not ran.ok
    assert "unrecognized arguments: --retires 2" in ran.error + ran.err
    assert ran.out == ""


def test_setup_cells_and_magics_beneath_a_task_line_run(kernel: AuthorKernel) -> None:
    assert kernel.run("%%setup\nbase = 40").ok
    ran = kernel.run("%%task load\n%%capture said\nprint(base + 2)")
    assert (ran.ok, ran.out) == (True, "")
    assert kernel.run("said.stdout").displays[0]["text/plain"] == "'42\\n'"


def test_a_dag_cell_without_a_body_is_no_warning(kernel: AuthorKernel) -> None:
    ran = kernel.run("%%dag cells --schedule @daily --start-date 2026-01-01")
    assert (ran.ok, ran.err) == (True, "")


def test_without_a_house_there_is_a_clear_sentence(kernel: AuthorKernel, house: House) -> None:
    kernel.run(GOOD)
    ran = kernel.run("%flow trigger")
    assert not ran.ok
    said = ran.error + ran.err
    assert f"no host answers for {house.home}" in said
    assert "jupyter flow scheduler" in said
    assert "Traceback" not in said


def test_flow_says_what_is_missing(kernel: AuthorKernel) -> None:
    for line, words in [
        ("%flow trigger", "which DAG"),
        ("%flow fly", "invalid choice"),
        ("%flow register", "does not know its notebook"),
        ("%flow register nowhere.ipynb", "does not exist"),
        ("%flow check notes.txt", "not a notebook"),
    ]:
        ran = kernel.run(line)
        assert not ran.ok, line
        assert words in ran.error + ran.err, line


def test_loading_twice_does_no_harm(kernel: AuthorKernel) -> None:
    assert kernel.run("%reload_ext jupyter_flow").ok
    assert kernel.run("%%task a\nprint(1)").out == "task a\n1\n"
    ran = kernel.run(
        "names = [getattr(item, '__name__', '') for item in get_ipython().input_transformers_cleanup]\n"
        "print(names.count('task_cell'))"
    )
    assert ran.out == "1\n"


def test_the_kernel_holds_no_house_side_code(kernel: AuthorKernel) -> None:
    kernel.run(GOOD)
    kernel.run("%flow runs")
    ran = kernel.run(
        "import sys\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('jupyter_flow.')}\n"
        "print(sorted(rooms & {'storage', 'scheduling', 'execution', 'parsing', 'service', 'server', 'cli'}))\n"
        "print('sqlalchemy' in sys.modules)"
    )
    assert ran.out == "[]\nFalse\n"
