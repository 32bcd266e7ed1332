"""Callbacks, mail and deadlines as authors write them: what the spec holds of them, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    AsyncCallback,
    BaseNotifier,
    DeadlineAlert,
    DeadlineReference,
    EmptyOperator,
    JupyterNotifier,
    SmtpNotifier,
    SyncCallback,
)
from jupyter_flow.authoring.exceptions import DagError


def told(context: Any) -> None:
    pass


async def later(context: Any) -> None:
    pass


class Note(BaseNotifier):
    def notify(self, context: Any) -> None:
        pass


def test_the_spec_names_the_events_and_who_gets_mail() -> None:
    with DAG("d", on_success_callback=told, sla_miss_callback=Note(), default_args={"on_retry_callback": told}) as dag:
        EmptyOperator(
            task_id="all", on_execute_callback=[told], on_failure_callback=[told, Note()], email="a@b.example"
        )
        EmptyOperator(
            task_id="mail",
            email=["a@b.example; c@d.example", "a@b.example"],
            email_on_retry=False,
            on_retry_callback=None,
        )
        EmptyOperator(task_id="none", on_retry_callback=[])
    spec = dag.to_spec("d.py")
    assert spec.callbacks == ("success", "sla_miss")
    tasks = {task.task_id: task for task in spec.tasks}
    assert tasks["all"].callbacks == ("execute", "failure", "retry")
    assert (tasks["all"].email, tasks["all"].email_on) == (("a@b.example",), ("failure", "retry"))
    assert tasks["mail"].callbacks == tasks["none"].callbacks == ()
    assert (tasks["mail"].email, tasks["mail"].email_on) == (("a@b.example", "c@d.example"), ("failure",))
    assert tasks["none"].email_on == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"on_failure_callback": later},
            "task 't': on_failure_callback: later is an async function, which would not run: use def",
        ),
        (
            {"on_failure_callback": [told, "tell"]},
            "task 't': on_failure_callback must be a function, a notifier or a list of them, not 'tell'",
        ),
        (
            {"on_success_callback": Note},
            "task 't': on_success_callback is the class Note: give an object, Note(…)",
        ),
        ({"email": "nobody"}, "task 't': email 'nobody' is not an address like name@example.com"),
        ({"email": 5}, "task 't': email must be an address or a list of addresses, not 5"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "is not an address like name@example.com"),
        ({"sla": timedelta(0)}, "task 't': sla must be longer than zero"),
        ({"sla": "1h"}, "task 't': sla must be a timedelta or seconds, not '1h'"),
    ],
)
def test_wrong_arguments_of_tasks(arguments: dict[str, Any], message: str) -> None:
    with DAG("d"), pytest.raises(DagError) as caught:
        EmptyOperator(task_id="t", **arguments)
    assert message in str(caught.value)


def test_an_sla_callback_takes_five_arguments() -> None:
    with pytest.raises(DagError) as caught:
        DAG("d", sla_miss_callback=told)
    assert str(caught.value).startswith(
        "DAG 'd': sla_miss_callback: told(context: 'Any') -> 'None' cannot be called with "
        "(dag, task_list, blocking_task_list, slas, blocking_tis): "
    )


def test_deadlines_in_the_spec() -> None:
    hour = timedelta(hours=1)
    with DAG(
        "d",
        timezone="Europe/Berlin",
        deadline=[
            DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, hour, SyncCallback(told), name="daily"),
            DeadlineAlert(DeadlineReference.FIXED_DATETIME(datetime(2026, 7, 1)), -hour, AsyncCallback(later)),
            DeadlineAlert(DeadlineReference.FIXED_DATETIME(datetime(2026, 7, 1, tzinfo=UTC)), 5),
            DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME(max_runs=5, min_runs=2), hour, SyncCallback("a.module.f")),
            DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME(), hour),
        ],
    ) as dag:
        EmptyOperator(task_id="t")
    assert dag.to_spec("d.py").deadlines == (
        {"name": "daily", "reference": {"kind": "logical_date"}, "interval": 3600.0, "has_callback": True},
        {
            "name": None,
            "reference": {"kind": "fixed", "instant": "2026-07-01T00:00:00+02:00"},
            "interval": -3600.0,
            "has_callback": True,
        },
        {
            "name": None,
            "reference": {"kind": "fixed", "instant": "2026-07-01T00:00:00+00:00"},
            "interval": 5.0,
            "has_callback": False,
        },
        {
            "name": None,
            "reference": {"kind": "average_runtime", "max_runs": 5, "min_runs": 2},
            "interval": 3600.0,
            "has_callback": True,
        },
        {
            "name": None,
            "reference": {"kind": "average_runtime", "max_runs": 10, "min_runs": 10},
            "interval": 3600.0,
            "has_callback": False,
        },
    )


QUEUED = DeadlineReference.DAGRUN_QUEUED_AT


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: DeadlineAlert("queued", 5),  # type: ignore[arg-type]
            "DeadlineAlert: reference must be DeadlineReference.DAGRUN_LOGICAL_DATE, DAGRUN_QUEUED_AT, "
            "FIXED_DATETIME(dt) or AVERAGE_RUNTIME(max_runs, min_runs), not 'queued'",
        ),
        (
            lambda: DeadlineAlert(QUEUED, "1h"),  # type: ignore[arg-type]
            "DeadlineAlert: interval must be a timedelta or seconds, not '1h'",
        ),
        (
            lambda: DeadlineReference.AVERAGE_RUNTIME(2, 3),
            "DeadlineReference.AVERAGE_RUNTIME: min_runs 3 is more than max_runs 2",
        ),
        (
            lambda: DeadlineReference.FIXED_DATETIME("now"),  # type: ignore[arg-type]
            "DeadlineReference.FIXED_DATETIME takes a datetime, not 'now'",
        ),
        (
            lambda: AsyncCallback(told),
            "AsyncCallback: told is not an async function: define it with async def",
        ),
        (lambda: SyncCallback("f"), "SyncCallback: 'f' is not the dotted name of a function"),
        (
            lambda: SyncCallback(told, {"context": 1}),
            "SyncCallback: kwargs must not name 'context': it is given by itself",
        ),
        (
            lambda: DAG("d", deadline=[QUEUED]),
            "DAG 'd': deadline must be a DeadlineAlert or a list of them, not Reference(kind='queued_at', "
            "instant=None, max_runs=None, min_runs=None)",
        ),
        (
            lambda: JupyterNotifier(level="loud"),  # type: ignore[arg-type]
            "JupyterNotifier: level 'loud' must be one of info, success, warning, error",
        ),
    ],
)
def test_wrong_deadlines_and_notifiers(make: Any, message: str) -> None:
    with pytest.raises(DagError) as caught:
        make()
    assert str(caught.value) == message


def test_a_notifier_knows_its_arguments() -> None:
    with pytest.raises(TypeError, match="SmtpNotifier has no argument 'conn'"):
        SmtpNotifier(to="a@b.example", conn=1)
