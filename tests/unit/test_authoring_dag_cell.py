"""``%%dag`` cells: the line, the body, and the sentence for what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jupyter_flow.authoring.dag_cell import Cell, parse_dag_line, run_dag_cell, split_cell
from jupyter_flow.authoring.exceptions import DagError


def test_split() -> None:
    assert split_cell("x = 1\n%%dag a") is None
    assert split_cell("") is None
    assert split_cell("%%dagger x") is None
    assert split_cell('\n%%dag a --schedule "0 2 * * *"\nb = 1\nc') == Cell(
        "dag", 'a --schedule "0 2 * * *"', "b = 1\nc", 3
    )
    assert split_cell("%%task load --after a") == Cell("task", "load --after a", "", 2)


def test_every_option() -> None:
    line = parse_dag_line(
        'nightly --schedule "0 2 * * *" --start-date 2026-01-01 --end-date 2026-02-01 --timezone Europe/Berlin '
        "--catchup --description 'all of it' --tags a,b --owner ann --retries 2 --retry-delay 1.5 --max-active-runs 1 "
        "--max-active-tasks 4 --dagrun-timeout 60 --param n=5 --param name=x"
    )
    assert line.dag_id == "nightly"
    assert line.arguments == {
        "schedule": "0 2 * * *",
        "start_date": "2026-01-01",
        "end_date": "2026-02-01",
        "timezone": "Europe/Berlin",
        "catchup": True,
        "description": "all of it",
        "tags": ["a", "b"],
        "max_active_runs": 1,
        "max_active_tasks": 4,
        "dagrun_timeout": timedelta(seconds=60),
        "default_args": {"owner": "ann", "retries": 2, "retry_delay": 1.5},
        "params": {"n": 5, "name": "x"},
    }
    assert parse_dag_line("a").arguments == {}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "the following arguments are required: dag_id"),
        ("a --schedul x", "unrecognized arguments: --schedul x"),
        ("a --retries x", "argument --retries: invalid int value: 'x'"),
        ('a --schedule "0 2', "No closing quotation: put values with spaces in quotes"),
        ("a --param 5", "'5' is not NAME=VALUE"),
    ],
)
def test_bad_lines(line: str, sentence: str) -> None:
    with pytest.raises(DagError, match=f"^%%dag: .*{sentence}"):
        parse_dag_line(line)


def test_the_body_has_the_names_of_the_package_and_the_dag() -> None:
    namespace: dict[str, Any] = {"__name__": "cells", "count": 2}
    body = "for n in range(count):\n    EmptyOperator(f't{n}') >> EmptyOperator(f'u{n}')\nassert dag.dag_id == 'd'"
    made = run_dag_cell(parse_dag_line("d"), body, namespace, "cell")
    assert made.task_ids == ["t0", "u0", "t1", "u1"]


def test_line_numbers_are_those_of_the_cell() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_dag_cell(parse_dag_line("d"), "x = 1\n1 / 0", {}, "cell", body_line=2)
    assert caught.traceback[-1].lineno + 1 == 3
    with pytest.raises(SyntaxError) as broken:
        run_dag_cell(parse_dag_line("d"), "x = (", {}, "cell", body_line=2)
    assert broken.value.lineno == 2
