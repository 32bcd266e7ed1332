"""The table of ``house.sock``: operation -> view or command. Doors in the same process use it too."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from ..model.errors import InvalidInput
from ..model.ids import check_id
from ..model.records import Actor
from . import (
    assets,
    backfills,
    calendar_views,
    call_views,
    cell_events,
    clear_choice,
    code_views,
    commands,
    compare,
    dag_drafts,
    file_commands,
    file_views,
    kept_kernels,
    notebook_uses,
    pools,
    resuming,
    retention,
    run_diagnosis,
    run_story,
    trends,
    views,
    why,
    xcoms,
)
from .house import House

Function = Callable[..., Any]
_IDS = ("dag_id", "run_id", "task_id")


@dataclass(frozen=True)
class Op:
    """One operation. A ``view`` only reads; a ``command`` needs the lease and leaves one audit row."""

    kind: Literal["view", "command"]
    function: Function


OPS: dict[str, Op] = {
    "host.status": Op("view", views.health),
    "host.stop": Op("command", commands.stop_host),
    "host.resume": Op("command", commands.resume_host),
    "dags.list": Op("view", views.list_dags),
    "dags.show": Op("view", views.show_dag),
    "dags.next": Op("view", views.next_runs),
    "dags.missed": Op("view", views.missed_dates),
    "dags.grid": Op("view", views.dag_grid),
    "dags.durations": Op("view", trends.dag_durations),
    "dags.calendar": Op("view", calendar_views.dag_calendar),
    "dags.versions": Op("view", code_views.list_versions),
    "dags.source": Op("view", code_views.version_source),
    "notebooks.uses": Op("view", notebook_uses.notebook_uses),
    "dags.errors": Op("view", views.list_errors),
    "dags.pause": Op("command", commands.pause_dag),
    "dags.unpause": Op("command", commands.unpause_dag),
    "dags.trigger": Op("command", commands.trigger_dag),
    "dags.reload": Op("command", commands.reload),
    "dags.delete": Op("command", commands.delete_dag),
    "runs.list": Op("view", views.list_runs),
    "runs.show": Op("view", views.show_run),
    "runs.compare": Op("view", compare.compare_runs),
    "runs.cancel": Op("command", commands.cancel_run),
    "runs.diagnosis": Op("view", run_diagnosis.run_diagnosis),
    "runs.events": Op("view", run_story.run_events),
    "runs.attempts": Op("view", run_story.earlier_attempts),
    "runs.clear_preview": Op("view", clear_choice.preview_run),
    "runs.clear": Op("command", commands.clear_run),
    "runs.mark": Op("command", commands.mark_run),
    "runs.delete": Op("command", retention.delete_run),
    "house.prune": Op("command", retention.prune),
    "tasks.list": Op("view", views.list_tasks),
    "tasks.show": Op("view", views.show_task),
    "tasks.log": Op("view", views.task_log),
    "tasks.notebook": Op("view", views.task_notebook),
    "tasks.cells": Op("view", cell_events.task_cells),
    "tasks.usual": Op("view", run_story.usual_cells),
    "tasks.clear_preview": Op("view", clear_choice.preview_task),
    "tasks.xcom": Op("view", views.task_xcoms),
    "tasks.render": Op("view", views.task_rendered),
    "xcoms.list": Op("view", views.list_xcoms),
    "xcoms.delete": Op("command", xcoms.delete_xcom),
    "tasks.callbacks": Op("view", call_views.list_callbacks),
    "tasks.why": Op("view", why.why_task),
    "tasks.clear": Op("command", commands.clear_task),
    "tasks.open_kernel": Op("command", kept_kernels.open_kernel),
    "tasks.release_kernel": Op("command", kept_kernels.release_kernel),
    "tasks.resume": Op("command", resuming.resume_task),
    "tasks.mark": Op("command", commands.mark_task),
    "backfills.list": Op("view", backfills.list_backfills),
    "backfills.show": Op("view", backfills.show_backfill),
    "backfills.preview": Op("view", backfills.preview_backfill),
    "backfills.create": Op("command", backfills.create_backfill),
    "backfills.cancel": Op("command", backfills.cancel_backfill),
    "backfills.pause": Op("command", backfills.pause_backfill),
    "backfills.unpause": Op("command", backfills.unpause_backfill),
    "assets.list": Op("view", assets.list_assets),
    "assets.show": Op("view", assets.show_asset),
    "assets.events": Op("view", assets.list_asset_events),
    "assets.waiting": Op("view", assets.waiting_for),
    "assets.emit": Op("command", assets.emit_event),
    "assets.materialize": Op("command", assets.materialize_asset),
    "pools.list": Op("view", pools.list_pools),
    "pools.show": Op("view", pools.show_pool),
    "pools.set": Op("command", pools.set_pool),
    "pools.change": Op("command", pools.change_pool),
    "pools.delete": Op("command", pools.delete_pool),
    "pools.import": Op("command", pools.import_pools),
    "slas.list": Op("view", call_views.list_slas),
    "slas.note": Op("command", call_views.note_sla),
    "deadlines.list": Op("view", call_views.list_deadlines),
    "deadlines.note": Op("command", call_views.note_deadline),
    "files.draft": Op("view", dag_drafts.draft_dag),
    "files.draft_tasks": Op("view", dag_drafts.draft_tasks),
    "files.list": Op("view", file_views.list_files),
    "files.show": Op("view", file_views.show_file),
    "files.versions": Op("view", file_views.list_file_versions),
    "files.version": Op("view", file_views.show_file_version),
    "files.save": Op("command", file_commands.save_file),
    "files.delete": Op("command", file_commands.delete_file),
    "variables.list": Op("view", views.list_variables),
    "variables.get": Op("view", views.get_variable),
    "variables.set": Op("command", commands.set_variable),
    "variables.delete": Op("command", commands.delete_variable),
}


def perform(house: House, actor: Actor, op: str, args: Mapping[str, Any]) -> Any:
    """Perform ``op`` with ``args`` and return its JSON document; every refusal is a FlowError of one line."""
    return function_of(house, actor, op, args)(house, actor, **args)


def function_of(house: House, actor: Actor, op: str, args: Mapping[str, Any]) -> Function:
    """Return the function of ``op``, to which ``args`` fit. Raises :class:`InvalidInput`."""
    if op not in OPS:
        raise InvalidInput(f"unknown operation {op!r}")
    function = OPS[op].function
    try:
        _signature(function).bind(house, actor, **args)
    except TypeError as error:
        raise InvalidInput(f"{op}: {error}") from None
    _check(op, args)
    return function


@cache
def _signature(function: Function) -> inspect.Signature:
    return inspect.signature(function)


def _check(op: str, args: Mapping[str, Any]) -> None:
    """Refuse what Python reads as JSON although it is none (NaN, infinity, half a surrogate pair), and bad ids."""
    try:
        json.dumps(args, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{op}: the arguments are not JSON: {error}") from None
    for name in _IDS:
        if args.get(name) is not None:
            check_id(args[name], name)
