"""Wrong arguments of operators are refused in one line that says what is wrong; right ones make data."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    BashOperator,
    BranchDateTimeOperator,
    BranchDayOfWeekOperator,
    DagOperator,
    DummyOperator,
    EmptyOperator,
    ExternalPythonOperator,
    PythonOperator,
    PythonVirtualenvOperator,
    ShortCircuitOperator,
    TriggerDagRunOperator,
    WeekDay,
    task,
)
from jupyter_flow.authoring.exceptions import DagError, FlowWarning, TaskFailure
from jupyter_flow.authoring.to_spec import to_spec
from jupyter_flow.model.reason import Reason
from jupyter_flow.operators.function_source import source_of
from jupyter_flow.operators.venvs import COMPLETE, Venv, lines_of
from jupyter_flow.runner.dag_loader import rebuild

TOWN = "Bonn"
PATHS = {"follow_task_ids_if_true": "a", "follow_task_ids_if_false": "b"}


def plain() -> int:
    return 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BashOperator(task_id="t", bash_command=""), "bash_command must be text, not ''"),
        (
            lambda: BashOperator(task_id="t", bash_command="x", output_encoding="utf-9"),
            "output_encoding 'utf-9' is no encoding: use e.g. 'utf-8'",
        ),
        (
            lambda: BashOperator(task_id="t", bash_command="x", output_processor=3),
            "output_processor must be a function, not 3",
        ),
        (
            lambda: BashOperator(task_id="t", bash_comand="x"),
            "BashOperator has no argument 'bash_comand': did you mean 'bash_command'?",
        ),
        (
            lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id="x", allowed_states=["sucess"]),
            "allowed_states: 'sucess' is no state of a DAG run: did you mean 'success'?",
        ),
        (
            lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id="x", conf="x"),
            "conf must be a dict, not 'x'",
        ),
        (
            lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id="x", logical_date=5),
            "logical_date must be a datetime, ISO 8601 text or None, not 5",
        ),
        (
            lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id="x", poke_interval=0),
            "poke_interval must be longer than zero",
        ),
        (
            lambda: TriggerDagRunOperator(task_id="t", trigger_dag="x"),
            "TriggerDagRunOperator has no argument 'trigger_dag': did you mean 'trigger_dag_id'?",
        ),
        (lambda: TriggerDagRunOperator(task_id="t", trigger_dag_id=""), "trigger_dag_id must be text, not ''"),
        (lambda: DagOperator(task_id="t"), "run_dag_id must be text, not None"),
        (
            lambda: DagOperator(task_id="t", run_dag_id="x", trigger_dag_id="x"),
            "trigger_dag_id and run_dag_id are the same argument: give one",
        ),
        (lambda: DagOperator(task_id="t", run_dag_id="x", python_callable=3), "python_callable must be a function"),
        (lambda: DagOperator(task_id="t", run_dag_id="x", payload=[1]), r"payload must be a dict, not \[1\]"),
        (
            lambda: BranchDayOfWeekOperator(task_id="t", week_day="Mondey", **PATHS),
            "week_day 'Mondey' is no day of the week: did you mean 'Monday'?",
        ),
        (
            lambda: BranchDayOfWeekOperator(task_id="t", week_day=[], **PATHS),
            r"week_day must be a day of the week or a set of days, not \[\]",
        ),
        (lambda: BranchDateTimeOperator(task_id="t", **PATHS), "give target_lower or target_upper, or both"),
        (
            lambda: BranchDateTimeOperator(task_id="t", target_lower="noon", **PATHS),
            "target_lower 'noon' is no ISO 8601 time or date and time",
        ),
        (
            lambda: BranchDateTimeOperator(task_id="t", target_upper=5, **PATHS),
            "target_upper must be a datetime or a time, not 5",
        ),
        (lambda: ShortCircuitOperator(task_id="t", python_callable=3), "python_callable must be a function, not 3"),
        (
            lambda: PythonVirtualenvOperator(task_id="t", python_callable=plain, use_dill=True),
            "values cross as JSON here, not by dill",
        ),
        (
            lambda: PythonVirtualenvOperator(task_id="t", python_callable=plain, serializer="cloudpickle"),
            "values cross as JSON here, not by cloudpickle",
        ),
        (
            lambda: PythonVirtualenvOperator(task_id="t", python_callable=plain, serializer="json5"),
            "serializer 'json5' is unknown",
        ),
        (
            lambda: PythonVirtualenvOperator(task_id="t", python_callable=plain, python_version=3.1),
            "python_version must be text such as '3.12', not 3.1",
        ),
        (
            lambda: PythonVirtualenvOperator(task_id="t", python_callable=plain, requirements=[1]),
            r"requirements must be text or a list of texts, not \[1\]",
        ),
        (
            lambda: PythonOperator(task_id="t", python_callable=plain, templates_exts="sql"),
            r"templates_exts must be a list of endings such as \['.sql'\]",
        ),
        (
            lambda: ExternalPythonOperator(task_id="t", python_callable=plain),
            "python must be the path of an interpreter",
        ),
        (
            lambda: ExternalPythonOperator(task_id="t", python_callable=lambda: 1, python="x"),
            "python_callable must be a function made by def, not <function <lambda>",
        ),
    ],
)
def test_wrong_arguments(make: Callable[[], Any], message: str) -> None:
    with DAG("wrong"), pytest.raises(DagError, match=message.replace("?", r"\?")) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_pickle_is_a_note() -> None:
    with DAG("note"), pytest.warns(FlowWarning, match="values cross as JSON here, not by pickle: leave out serializer"):
        PythonVirtualenvOperator(task_id="t", python_callable=plain, serializer="pickle")


def test_execution_date_is_an_old_name() -> None:
    with DAG("old"), pytest.warns(FlowWarning, match="execution_date is called logical_date now"):
        made = TriggerDagRunOperator(task_id="t", trigger_dag_id="x", execution_date=datetime(2026, 1, 2))
    assert made.logical_date == "2026-01-02T00:00:00+00:00"


def outside() -> str:
    return TOWN


def inner() -> list[str]:
    import os as system

    def deeper(text: str) -> str:
        return text + system.sep + len.__name__

    return [deeper(item) for item in virtualenv_string_args]  # type: ignore[name-defined]  # noqa: F821


def default(town: str = TOWN) -> str:
    return town


def yields() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (outside, "outside() uses 'TOWN', which it cannot see in another interpreter: import or define it inside"),
        (default, "default() uses 'TOWN', which it cannot see in another interpreter"),
        (yields, "yields() yields: a function for another interpreter returns its value"),
        (len, "python_callable must be a function made by def, not <built-in function len>"),
    ],
)
def test_functions_that_are_not_complete(function: Any, message: str) -> None:
    with pytest.raises(DagError) as caught:
        source_of("task 't'", function)
    assert message in str(caught.value)


def test_the_source_of_a_function_stands_alone() -> None:
    @task.virtualenv(
        requirements=["x"],
    )
    def decorated(text: str) -> str:
        """Unindented text in a function
        does not confuse anybody."""
        return text

    for function in (inner, decorated.function):
        source = source_of("task 't'", function)
        assert source.startswith("from __future__ import annotations\n")
        assert "@" not in source
        compile(source, "script.py", "exec")


def test_operators_without_functions_are_rebuilt_from_data() -> None:
    with DAG("data") as dag:
        ends = [EmptyOperator(task_id="a"), EmptyOperator(task_id="b")]
        day = BranchDayOfWeekOperator(task_id="day", week_day={WeekDay.SUNDAY, "monday"}, **PATHS)
        hour = BranchDateTimeOperator(
            task_id="hour", target_lower=time(22, 30), target_upper=datetime(2026, 1, 1), **PATHS
        )
        day >> ends
        hour >> ends
        TriggerDagRunOperator(task_id="run", trigger_dag_id="x", logical_date=None, conf={"a": ends[0].output})
        DagOperator(task_id="child", run_dag_id="x", payload={"a": 1})
    specs = {item.task_id: item for item in to_spec(dag).tasks}
    assert not any(item.needs_dag_file for item in specs.values())
    again = {name: rebuild(spec) for name, spec in specs.items()}
    assert again["day"].week_day == ["MONDAY", "SUNDAY"]
    assert (again["hour"].target_lower, again["hour"].target_upper) == (time(22, 30), datetime(2026, 1, 1))
    assert again["run"].logical_date is None
    assert again["run"].conf["a"].task_id == "a"
    assert specs["run"].upstream == ("a",)
    assert again["child"].payload == {"a": 1}


def test_the_key_of_an_environment_is_that_of_its_contents() -> None:
    listed = Venv(requirements=lines_of(["b", "a==1"]))
    written = Venv(requirements=lines_of("a==1\n# a comment\n\nb\n"))
    assert listed.key == written.key
    for other in (
        Venv(requirements=("a==1",)),
        Venv(listed.requirements, system_site_packages=False),
        Venv(listed.requirements, index_urls=("https://example.org/simple",)),
        Venv(listed.requirements, pip_install_options=("--no-deps",)),
    ):
        assert other.key != listed.key


def test_environments_that_no_task_has_used_for_a_month_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(Venv, "_make", lambda self, base, place: (place.mkdir(), made.append(place)))
    old, used, new = (Venv(requirements=(name,)) for name in ("old", "used", "new"))
    for venv in (old, used):
        venv.python(tmp_path)
    past = 40 * 86_400
    for place in made:
        marker = place / COMPLETE
        os.utime(marker, (marker.stat().st_mtime - past, marker.stat().st_mtime - past))
    assert used.python(tmp_path) == made[1] / "bin" / "python"
    assert len(made) == 2  # the second use makes nothing, but is remembered
    new.python(tmp_path)
    assert [place.exists() for place in made] == [False, True, True]


def test_a_piece_of_an_environment_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = Venv(requirements=("a",))

    def fails(self: Venv, base: str, place: Path) -> None:
        place.mkdir()
        raise TaskFailure(Reason("interpreter", {"message": "no network"}))

    monkeypatch.setattr(Venv, "_make", fails)
    with pytest.raises(TaskFailure, match="no network"):
        venv.python(tmp_path)
    monkeypatch.setattr(Venv, "_make", lambda self, base, place: place.mkdir())
    (tmp_path / f"venv-{venv.key}").mkdir()
    assert venv.python(tmp_path).parent.parent.joinpath(COMPLETE).exists()


def test_the_old_name_of_the_empty_operator() -> None:
    with DAG("old") as dag, pytest.warns(FlowWarning, match="task 'a': DummyOperator is called EmptyOperator now"):
        DummyOperator(task_id="a")
    (spec,) = to_spec(dag).tasks
    assert (spec.operator, spec.operator_ref) == ("EmptyOperator", "jupyter_flow.operators.empty:EmptyOperator")
