"""DAG as Airflow 2 and as Airflow 3 mean it: they differ in defaults and in what a cron expression says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..authoring.dag import DAG
from ..authoring.decorators import DagFunction
from ..authoring.location import warn
from ..authoring.schedule import Meaning

_NOT_GIVEN: Any = object()


class Airflow2DAG(DAG):
    """``airflow.DAG``: with a start date it runs once a day unless ``schedule`` says otherwise, and for all past
    intervals unless ``catchup`` says otherwise. A run covers an interval and starts at its end.
    """

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        schedule: Any = _NOT_GIVEN,
        start_date: Any = None,
        end_date: Any = None,
        *,
        catchup: Any = _NOT_GIVEN,
        **arguments: Any,
    ) -> None:
        dated = bool(start_date or (arguments.get("default_args") or {}).get("start_date"))
        if schedule is _NOT_GIVEN:
            schedule = timedelta(days=1) if dated else None
            if dated:
                warn(f"DAG {dag_id!r}: schedule is not given: it runs once a day, as in Airflow 2")
        if catchup is _NOT_GIVEN:
            catchup = dated and schedule is not None
            if catchup:
                warn(
                    f"DAG {dag_id!r}: catchup is not given: past intervals get runs, as in Airflow 2; "
                    "say catchup=False for new ones only"
                )
        super().__init__(dag_id, description, schedule, start_date, end_date, catchup=catchup, **arguments)


class Airflow3DAG(DAG):
    """``airflow.sdk.DAG``: a run of a cron expression or timedelta starts at its date and covers nothing."""

    schedule_meaning: Meaning = "trigger"


class Airflow2DagFunction(DagFunction):
    """What ``airflow.decorators.dag`` makes of a function."""

    dag_class = Airflow2DAG


class Airflow3DagFunction(DagFunction):
    """What ``airflow.sdk.dag`` makes of a function."""

    dag_class = Airflow3DAG


def airflow2_dag(dag_id: Any = None, /, **arguments: Any) -> Any:
    """``airflow.decorators.dag``: make a DAG of a function."""
    return _decorator(Airflow2DagFunction, dag_id, arguments)


def airflow3_dag(dag_id: Any = None, /, **arguments: Any) -> Any:
    """``airflow.sdk.dag``: make a DAG of a function."""
    return _decorator(Airflow3DagFunction, dag_id, arguments)


def _decorator(kind: type[DagFunction], dag_id: Any, arguments: dict[str, Any]) -> Any:
    if callable(dag_id):
        return kind(dag_id, arguments)
    if dag_id is not None:
        arguments["dag_id"] = dag_id
    return lambda function: kind(function, arguments)
