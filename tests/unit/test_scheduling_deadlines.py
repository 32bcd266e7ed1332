"""When SLAs and deadlines are due and what was missed, without a database and without a clock."""

from __future__ import annotations

from typing import Any

import pytest
from support.flows import T0, at, dag, run_row, task, task_row

from jupyter_flow.model.calls import Deadline, SlaMiss
from jupyter_flow.model.due import deadline_due, next_sla, sla_due
from jupyter_flow.model.state import RunState, RunType, TaskState
from jupyter_flow.scheduling.deadlines import deadline_callback, is_met, missed_slas, sla_callbacks

S = TaskState
SPEC = dag(
    task("a", sla=60.0, email=("ada@example.com", "ops@example.com")),
    task("b", sla=600.0, email=("ops@example.com",)),
    task("c"),
    callbacks=("sla_miss",),
)


def scheduled(**more: Any) -> Any:
    return run_row(run_type=RunType.SCHEDULED, data_interval_start=at(-3600), data_interval_end=T0, **more)


def test_an_sla_counts_from_the_end_of_the_interval_of_scheduled_runs() -> None:
    assert sla_due(SPEC.tasks[0], scheduled()) == at(60)
    assert sla_due(SPEC.tasks[2], scheduled()) is None
    for kind in (RunType.MANUAL, RunType.BACKFILL, RunType.ASSET_TRIGGERED):
        assert sla_due(SPEC.tasks[0], run_row(run_type=kind)) is None
    assert next_sla(SPEC, scheduled()) == at(60)
    assert next_sla(SPEC, scheduled(), at(60)) == at(600)
    assert next_sla(SPEC, scheduled(), at(600)) is None


@pytest.mark.parametrize(
    ("state", "ended", "missed"),
    [
        (S.WAITING, None, True),
        (S.RUNNING, None, True),
        (S.FAILED, 10, True),
        (S.UPSTREAM_FAILED, 10, True),
        (S.SUCCESS, 59, False),
        (S.SUCCESS, 60, False),
        (S.SUCCESS, 61, True),  # late, even if nobody looked in between
        (S.SKIPPED, 10, False),
    ],
)
def test_a_task_must_have_succeeded_by_then(state: TaskState, ended: float | None, missed: bool) -> None:
    row = task_row(SPEC.tasks[0], 1, state, end_date=None if ended is None else at(ended))
    found = missed_slas(SPEC, scheduled(), [row], at(100))
    assert found == ([("a", at(60))] if missed else [])
    assert missed_slas(SPEC, scheduled(), [row], at(59)) == [], "not before"
    assert missed_slas(SPEC, scheduled(), [row], at(100), known=["a"]) == [], "once"


def test_a_mapped_task_is_done_when_all_its_instances_are() -> None:
    rows = [task_row(SPEC.tasks[0], n, S.SUCCESS, map_index=n, end_date=at(10)) for n in range(3)]
    assert missed_slas(SPEC, scheduled(), rows, at(100)) == []
    rows[1] = task_row(SPEC.tasks[0], 1, S.RUNNING, map_index=1)
    assert missed_slas(SPEC, scheduled(), rows, at(100)) == [("a", at(60))]


def miss(number: int, task_id: str) -> SlaMiss:
    return SlaMiss(number, 1, "d", "r", task_id, T0, at(60), at(61), None)


def test_misses_of_a_pass_make_one_callback_and_one_mail() -> None:
    blocking = [task_row(SPEC.tasks[0], 1, S.RUNNING)]
    call, mail = sla_callbacks([miss(4, "a"), miss(5, "b")], SPEC, 3, blocking, mail=True)
    assert (call.level, call.event, call.source) == ("sla", "sla_miss", "miss:4")
    assert [item["task_id"] for item in call.facts["slas"]] == ["a", "b"]
    assert call.facts["blocking"] == [{"task_id": "a", "map_index": -1, "run_id": "r", "state": "running"}]
    assert (mail.level, mail.facts["to"]) == ("email", ["ada@example.com", "ops@example.com"])
    assert len(sla_callbacks([miss(4, "a")], SPEC, 3, [], mail=False)) == 1
    assert sla_callbacks([], SPEC, 3, [], mail=True) == []


@pytest.mark.parametrize(
    ("reference", "due"),
    [
        ({"kind": "logical_date"}, at(-3600 + 30)),
        ({"kind": "queued_at"}, at(7 + 30)),
        ({"kind": "fixed", "instant": "2026-01-05T13:00:00+00:00"}, at(3600 + 30)),
        ({"kind": "average_runtime", "max_runs": 2, "min_runs": 1}, at(9 + 15 + 30)),
        ({"kind": "average_runtime", "max_runs": 5, "min_runs": 3}, at(9 + 20 + 30)),
        ({"kind": "average_runtime", "max_runs": 9, "min_runs": 4}, None),
    ],
)
def test_what_deadlines_count_from(reference: dict[str, Any], due: Any) -> None:
    run = run_row(logical_date=at(-3600), queued_at=at(7))
    found = deadline_due({"reference": reference, "interval": 30.0}, run, at(9), [10.0, 20.0, 30.0])
    assert found == due


def test_a_run_without_a_logical_date_has_no_deadline_from_it() -> None:
    deadline = {"reference": {"kind": "logical_date"}, "interval": 30.0}
    assert deadline_due(deadline, run_row(logical_date=None), T0, []) is None


def test_only_success_in_time_meets_a_deadline_and_a_miss_calls() -> None:
    deadline = Deadline(8, 1, "d", "r", 0, "quick", at(60), None, None, None)
    assert is_met(run_row(RunState.SUCCESS, end_date=at(60)), deadline)
    assert not is_met(run_row(RunState.SUCCESS, end_date=at(61)), deadline)
    assert not is_met(run_row(RunState.FAILED, end_date=at(10)), deadline)
    assert not is_met(run_row(RunState.RUNNING), deadline)
    spec = dag(deadlines=({"has_callback": True},))
    call = deadline_callback(deadline, spec, 3)
    assert call is not None
    assert (call.level, call.event, call.source) == ("deadline", "deadline", "deadline:8")
    assert call.facts == {"id": 8, "position": 0, "name": "quick", "deadline_time": at(60).isoformat()}
    assert deadline_callback(deadline, dag(deadlines=({"has_callback": False},)), 3) is None
    assert deadline_callback(deadline, dag(), 3) is None, "a later version of the DAG has it no more"
