"""The context of a callback: the task's own, with what is known of the change that calls for it."""

from __future__ import annotations

import builtins
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from ..authoring.exceptions import FlowException, FlowTaskTimeout, TaskFailure
from ..model.instants import from_iso, from_iso_or_none
from ..model.reason import Reason
from ..model.records import Workload
from .task_channel import TaskChannel
from .task_context import TaskContext, build_context

_TASK_NAMES = ("ti", "task_instance", "task", "task_id", "task_instance_key_str", "map_index", "try_number")


def callback_context(workload: Workload, channel: TaskChannel, dag: Any, operator: Any) -> TaskContext:
    """Return the context of the workload's callback.

    Beside the names that tasks have: ``reason`` (text; of DAG callbacks Airflow's words), ``exception`` at ``failure``
    and ``retry``, ``deadline`` of a missed deadline, ``slas`` and its companions of missed SLAs.
    """
    told = workload.callback or {}
    about = told if told["level"] in ("task", "email") else told.get("task")
    context = build_context(workload, channel, operator)
    for names in (context, context.for_templates):
        run = names["dag_run"]
        run.state, run.end_date = told["run_state"], from_iso_or_none(told["run_end_date"])
        if about and told["about_task"]:
            _tell_task(names["ti"], about)
        else:
            for name in _TASK_NAMES:
                names.pop(name, None)
    more = _more(told, about)
    context.update(more)
    context.for_templates.update(more)
    if dag is not None:
        context["dag"] = dag
    return context


def exception_of(reason: Reason | None) -> BaseException | None:
    """Return an exception of the type that ended the task, as far as it can be known again: None if none did."""
    if reason is None:
        return None
    if reason.code in ("timeout", "timeout_cell", "run_timeout"):
        return FlowTaskTimeout(str(reason))
    if reason.code not in ("exception", "cell_error"):
        return TaskFailure(reason)
    name, message = str(reason.args.get("type")), str(reason.args.get("message", ""))
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            found: BaseException = known(message)
        except TypeError:  # it wants more than a text
            return TaskFailure(reason)
        return found
    cls: type[FlowException] = type(name if name.isidentifier() else "FlowException", (FlowException,), {})
    return cls(message)


def sla_arguments(told: Any, dag: Any) -> dict[str, Any]:
    """Return what a ``sla_miss_callback`` is called with, by name."""
    slas = [_sla(item) for item in told["slas"]]
    dates = {item.run_id: item.logical_date for item in slas}
    blocking = [SimpleNamespace(**item, logical_date=dates.get(item["run_id"])) for item in told["blocking"]]
    for item in blocking:
        item.execution_date = item.logical_date
    return {
        "dag": dag,
        "task_list": "\n".join(_line(item) for item in slas),
        "blocking_task_list": "\n".join(_line(item) for item in blocking),
        "slas": slas,
        "blocking_tis": blocking,
    }


def _more(told: Any, about: Any) -> dict[str, Any]:
    more: dict[str, Any] = {"reason": told.get("reason")}
    if told["level"] in ("task", "email"):
        reason = Reason.from_json(told.get("reason"))
        more["reason"] = None if reason is None else str(reason)
    if told["event"] in ("failure", "retry"):
        failed = Reason.from_json((about or {}).get("reason")) or Reason.from_json(told.get("detail"))
        more["exception"] = exception_of(failed)
    if told["event"] == "sla_miss":
        more |= sla_arguments(told, None)
        del more["dag"]
        more["reason"] = "sla_miss"
    if told["level"] == "deadline":
        more["reason"] = "deadline"
        more["deadline"] = {
            "id": told["id"],
            "name": told["name"],
            "deadline_time": from_iso(told["deadline_time"]),
        }
    return more


def _tell_task(ti: Any, about: Any) -> None:
    ti.state = about["state"]
    ti.try_number, ti.attempt_number = about["try_number"], about["attempt_number"]
    ti.start_date, ti.end_date = (from_iso_or_none(about[name]) for name in ("start_date", "end_date"))
    ti.duration = _seconds(ti.start_date, ti.end_date)


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def _sla(item: Any) -> SimpleNamespace:
    dates = {name: from_iso_or_none(item[name]) for name in ("logical_date", "due_at", "timestamp")}
    return SimpleNamespace(**{**item, **dates}, execution_date=dates["logical_date"])


def _line(item: Any) -> str:
    date = item.logical_date
    return f"{item.task_id} on {date.isoformat() if date else item.run_id}"
