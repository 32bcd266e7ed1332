"""What sensors refuse, in one sentence each; and when they look again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    AssetSensor,
    BaseSensorOperator,
    BashSensor,
    DateTimeSensor,
    DayOfWeekSensor,
    ExternalTaskMarker,
    ExternalTaskSensor,
    FileSensor,
    HttpSensor,
    PokeReturnValue,
    PythonSensor,
    SqlSensor,
    TimeSensor,
    WaitSensor,
)
from jupyter_flow.authoring.exceptions import DagError, FlowWarning

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _file(**more: Any) -> FileSensor:
    return FileSensor(task_id="t", filepath="a.csv", **more)


def _external(**more: Any) -> ExternalTaskSensor:
    return ExternalTaskSensor(task_id="t", external_dag_id="d", **more)


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: _file(mode="pok"), "task 't': mode 'pok': did you mean 'poke'?"),
    (lambda: _file(poke_interval=0), "task 't': poke_interval must be longer than zero"),
    (lambda: _file(timeout="1h"), "task 't': timeout must be a timedelta or seconds, not '1h'"),
    (lambda: _file(soft_fail=True, never_fail=True), "soft_fail and never_fail contradict each other: give one"),
    (lambda: _file(path="x"), "FileSensor has no argument 'path': did you mean 'filepath'?"),
    (lambda: FileSensor(task_id="t", filepath=3), "task 't': filepath must be a path, not 3"),
    (lambda: PythonSensor(task_id="t", python_callable="f"), "task 't': python_callable must be a function, not 'f'"),
    (lambda: BashSensor(task_id="t", bash_command=""), "task 't': bash_command must be text, not ''"),
    (lambda: HttpSensor(task_id="t", endpoint=""), "task 't': endpoint must be a web address or a path, not ''"),
    (
        lambda: HttpSensor(task_id="t", endpoint="x", response_check=1),
        "task 't': response_check must be a function, not 1",
    ),
    (lambda: SqlSensor(task_id="t", conn_id="c", sql="q", success=1), "task 't': success must be a function, not 1"),
    (
        lambda: SqlSensor(task_id="t", conn_id="c", sql="q", parameters=[1]),
        "task 't': parameters must be a dict for the names in the query, not [1]",
    ),
    (lambda: DateTimeSensor(task_id="t", target_time="noon"), "target_time must be a datetime or ISO 8601 text"),
    (lambda: TimeSensor(task_id="t", target_time="noon"), "target_time must be a time such as time(6, 30), not 'noon'"),
    (lambda: WaitSensor(task_id="t", time_to_wait=None), "task 't': time_to_wait must be a timedelta or seconds"),
    (
        lambda: DayOfWeekSensor(task_id="t", week_day="Mondy"),
        "task 't': week_day 'Mondy' is no day of the week: did you mean 'Monday'?",
    ),
    (lambda: AssetSensor(task_id="t", asset=3), "task 't': asset must be an Asset or the name of one, not 3"),
    (lambda: _external(external_task_id="a", external_task_ids=["b"]), "task 't': give one of external_task_id,"),
    (
        lambda: _external(execution_delta=1, execution_date_fn=print),
        "task 't': give execution_delta or execution_date_fn, not both",
    ),
    (
        lambda: _external(allowed_states=["sucess"]),
        "task 't': allowed_states: unknown state 'sucess': did you mean 'success'?",
    ),
    (
        lambda: _external(allowed_states=["failed"], failed_states=["failed"]),
        "task 't': a state stands in two of allowed_states, skipped_states and failed_states",
    ),
    (
        lambda: ExternalTaskMarker(task_id="t", external_dag_id="d", external_task_id="x", logical_date="2026-01-01"),
        "task 't': the marked task is the one with the same logical date: leave out logical_date",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_a_wrong_argument_is_refused_in_one_sentence(make: Callable[[], Any], message: str) -> None:
    with DAG("d"), pytest.raises(DagError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_deferrable_means_without_a_slot_and_says_so() -> None:
    with DAG("d"), pytest.warns(FlowWarning, match="deferrable=True waits as mode='reschedule' does"):
        sensor = _file(deferrable=True)
    assert sensor.reschedule


def test_the_interval_grows_with_backoff_up_to_max_wait() -> None:
    with DAG("d"):
        plain = _file(poke_interval=timedelta(seconds=10))
        growing = FileSensor(
            task_id="growing", filepath="a", poke_interval=10, exponential_backoff=True, max_wait=timedelta(seconds=50)
        )
    waits = [(plain.next_poke(NOW, poke) - NOW).total_seconds() for poke in (1, 2, 9)]
    assert waits == [10, 10, 10]
    assert [(growing.next_poke(NOW, poke) - NOW).total_seconds() for poke in (1, 2, 3, 4, 99)] == [10, 20, 40, 50, 50]


def test_only_sensors_that_call_functions_need_their_dag_file() -> None:
    with DAG("d"):
        assert not _file().needs_dag_file
        assert not ExternalTaskSensor(task_id="e", external_dag_id="d").needs_dag_file
        assert ExternalTaskSensor(task_id="f", external_dag_id="d", execution_date_fn=print).needs_dag_file
        assert not HttpSensor(task_id="h", endpoint="http://x").needs_dag_file
        assert HttpSensor(task_id="i", endpoint="http://x", response_check=bool).needs_dag_file
        assert PythonSensor(task_id="p", python_callable=bool).needs_dag_file


def test_a_sensor_without_poke_says_what_is_missing() -> None:
    with DAG("d"):
        sensor = BaseSensorOperator(task_id="t")
    with pytest.raises(NotImplementedError, match=r"BaseSensorOperator does not define poke\(context\)"):
        sensor.poke({})


def test_a_poke_value_is_as_true_as_it_says() -> None:
    assert PokeReturnValue(True, 1)
    assert not PokeReturnValue(False, 1)
