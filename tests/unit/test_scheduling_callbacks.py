"""Which callbacks follow from which change, without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.flows import T0, at, dag, run_row, task, task_row

from jupyter_flow.model.calls import NewCallback
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.callbacks import after_attempt, after_decision, after_run

ALL = ("execute", "success", "failure", "retry", "skipped")
TASK = task("a", callbacks=ALL, email=("ada@example.com",), email_on=("failure", "retry"))
S = TaskState


def row(state: TaskState, reason: Reason | None = None, **more: Any) -> Any:
    values = {"attempt_id": "f" * 32, "try_number": 1, "attempt_count": 2, "end_date": T0, "reason": reason, **more}
    return task_row(TASK, 7, state, **values)


def shown(found: list[NewCallback]) -> list[tuple[str, str]]:
    return [(item.level, item.event) for item in found]


@pytest.mark.parametrize(
    ("state", "calls"),
    [
        (S.SUCCESS, [("task", "success")]),
        (S.FAILED, [("task", "failure"), ("email", "failure")]),
        (S.CANCELLED, [("task", "failure"), ("email", "failure")]),
        (S.UP_FOR_RETRY, [("task", "retry"), ("email", "retry")]),
        (S.SKIPPED, [("task", "skipped")]),
        (S.UP_FOR_RESCHEDULE, []),
        (S.SCHEDULED, []),  # an attempt that was lost starts again
        (S.RUNNING, []),
    ],
)
def test_what_an_attempt_leaves_calls(state: TaskState, calls: list[tuple[str, str]]) -> None:
    found = after_attempt(row(state), TASK, 3, mail=True)
    assert shown(found) == calls
    assert all((item.source, item.task_instance_id, item.dag_version_id) == ("f" * 32, 7, 3) for item in found)


@pytest.mark.parametrize(
    ("state", "more", "calls"),
    [
        (S.SUCCESS, {"reason": Reason("empty"), "attempt_id": None}, ["success"]),
        (S.SUCCESS, {"reason": Reason("marked")}, []),
        (S.FAILED, {"reason": Reason("run_timeout", {"seconds": 1})}, ["failure"]),
        (S.FAILED, {"attempt_id": None}, []),
        (S.CANCELLED, {}, ["failure"]),
        (S.CANCELLED, {"attempt_id": None}, []),  # it never started
        (S.SKIPPED, {}, []),
        (S.UPSTREAM_FAILED, {"attempt_id": None}, []),
        (S.WAITING, {}, []),
    ],
)
def test_what_a_decision_leaves_calls(state: TaskState, more: dict[str, Any], calls: list[str]) -> None:
    assert [item.event for item in after_decision(row(state, **more), TASK, 3, mail=False)] == calls


def test_a_task_without_callbacks_calls_nothing_and_mail_needs_a_server() -> None:
    assert after_attempt(row(S.FAILED), task("a"), 3, mail=True) == []
    only_mail = replace(TASK, callbacks=())
    assert shown(after_attempt(row(S.FAILED), only_mail, 3, mail=True)) == [("email", "failure")]
    assert after_attempt(row(S.FAILED), only_mail, 3, mail=False) == []
    assert after_attempt(row(S.FAILED), replace(only_mail, email_on=("retry",)), 3, mail=True) == []


def test_changes_of_one_task_have_sources_of_their_own() -> None:
    one, two = (
        after_decision(row(S.SUCCESS, Reason("empty"), attempt_id=None, row_version=version), TASK, 3, mail=False)
        for version in (4, 9)
    )
    assert one[0].source != two[0].source


def test_facts_tell_of_the_change_as_it_was() -> None:
    reason = Reason("exception", {"type": "ValueError", "message": "no"})
    (call, mail) = after_attempt(row(S.FAILED, reason, failing_cell=4), TASK, 3, mail=True)
    assert call.facts == {
        "task_id": "a",
        "map_index": -1,
        "state": "failed",
        "reason": reason.to_json(),
        "try_number": 1,
        "max_tries": 1,
        "attempt_id": "f" * 32,
        "attempt_number": 2,
        "start_date": None,
        "end_date": T0.isoformat(),
        "failing_cell": 4,
    }
    assert mail.facts == {**call.facts, "to": ["ada@example.com"]}


@pytest.mark.parametrize(
    ("state", "reason", "event", "words"),
    [
        (RunState.SUCCESS, None, "success", "success"),
        (RunState.FAILED, Reason("tasks_failed", {"tasks": "a"}), "failure", "task_failure"),
        (RunState.FAILED, Reason("run_timeout", {"seconds": 1}), "failure", "timed_out"),
        (RunState.CANCELLED, Reason("run_cancelled", {"actor": "ada"}), "failure", "cancelled"),
    ],
)
def test_the_end_of_a_run_calls(state: RunState, reason: Reason | None, event: str, words: str) -> None:
    spec = dag(TASK, task("b"), callbacks=("success", "failure"))
    rows = [
        row(S.FAILED, end_date=T0),
        task_row(spec.tasks[1], 8, S.SUCCESS, end_date=at(5)),
    ]
    (call,) = after_run(run_row(state, reason=reason, row_version=6), spec, rows)
    assert (call.level, call.event, call.source, call.task_instance_id) == ("dag", event, "run:6", None)
    assert call.facts["reason"] == words
    assert call.facts["task"]["task_id"] == ("b" if event == "success" else "a"), "the task that says most of the end"


def test_a_run_calls_only_what_its_dag_has() -> None:
    assert after_run(run_row(RunState.SUCCESS), dag(TASK, callbacks=("failure",)), []) == []
    assert after_run(run_row(RunState.QUEUED), dag(TASK, callbacks=("success", "failure")), []) == []
    (call,) = after_run(run_row(RunState.SUCCESS), dag(callbacks=("success",)), [])
    assert call.facts["task"] is None
