"""``jupyter flow tasks test``: one task of a DAG file by itself, in a home that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import InvalidInput
from ..model.records import Actor
from ..model.spec import DagSpec
from ..model.state import TaskState
from ..storage import dags, edits, queries, variables, xcoms
from ..wire.paths import runtime_dir
from . import views
from .documents import Document
from .foreground import run_as_host
from .house import House

_WANTS = {
    "all_failed": TaskState.FAILED,
    "one_failed": TaskState.FAILED,
    "all_skipped": TaskState.SKIPPED,
}
"""Trigger rules that want something else than success above them."""


def run_single_task(
    config: FlowConfig,
    user: str,
    dag_file: Path,
    task_id: str,
    dag_id: str | None = None,
    conf: dict[str, Any] | None = None,
    logical_date: str | None = None,
    pushed: Mapping[str, Mapping[str, Any]] | None = None,
    known_variables: Mapping[str, str] | None = None,
) -> Document:
    """Run ``task_id`` with one try, as if all other tasks had done what its trigger rule wants.

    ``pushed``: task_id -> key -> value, the XComs that other tasks left. Nothing is recorded in ``config.home``.
    Answers ``tasks``: each instance of the task with its ``rendered`` fields, ``log`` and ``xcoms``.
    Raises :class:`InvalidInput` if the file does not load or has no such task.
    """
    actor = Actor(user, "test")  # by this word tasks know their test_mode
    answer: Document = {}

    def settle_others(house: House, run: Document) -> None:
        _settle_others(house, actor, run, task_id, pushed or {}, known_variables or {})

    def collect(house: House, run: Document) -> None:
        own = (item for item in run["tasks"] if item["task_id"] == task_id)
        answer["tasks"] = [_outcome(house, actor, run, item) for item in own]

    with tempfile.TemporaryDirectory(prefix="jupyter-flow-test-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        apart = replace(config, home=home, db_url="")
        try:
            run_as_host(
                apart,
                actor,
                dag_file.absolute(),
                dag_id,
                conf,
                logical_date,
                at_begin=settle_others,
                at_end=collect,
            )
        finally:
            shutil.rmtree(runtime_dir(home), ignore_errors=True)
    return answer


def _settle_others(
    house: House,
    actor: Actor,
    run: Document,
    task_id: str,
    pushed: Mapping[str, Mapping[str, Any]],
    known_variables: Mapping[str, str],
) -> None:
    now = house.clock.wall()
    with house.writing("settle_others") as connection:
        row = queries.get_run(connection, run["dag_id"], run["run_id"])
        spec = dags.load_spec(dags.get_version(connection, row.dag_version_id))
        _check_names(spec, [task_id, *pushed])
        own = spec.task(task_id)
        above = _WANTS.get(own.trigger_rule, TaskState.SUCCESS)
        for key, value in known_variables.items():
            variables.set_variable(connection, key, value, None, now)
        tasks = queries.task_instances(connection, row.id)
        edits.limit_tries(connection, [task for task in tasks if task.task_id == task_id], 1)
        for task in tasks:
            if task.task_id != task_id:
                state = above if task.task_id in own.upstream else TaskState.SUCCESS
                edits.mark_task(connection, task, state, now, actor)
                items = [{"key": key, "value": value} for key, value in pushed.get(task.task_id, {}).items()]
                xcoms.put(connection, row.id, task.task_id, task.map_index, items, None, now)
    house.effects.run_changed(row.id)


def _check_names(spec: DagSpec, names: list[str]) -> None:
    known = [task.task_id for task in spec.tasks]
    for name in names:
        if name not in known:
            raise InvalidInput(f"DAG {spec.dag_id!r} has no task {name!r}: it has {', '.join(known)}")


def _outcome(house: House, actor: Actor, run: Document, task: Document) -> Document:
    names = {"dag_id": run["dag_id"], "run_id": run["run_id"], "task_id": task["task_id"]}
    shown = views.show_task(house, actor, **names, map_index=task["map_index"])
    log = views.task_log(house, actor, **names, map_index=task["map_index"])["lines"] if shown["attempts"] else []
    return {**task, "rendered": shown["rendered"], "xcoms": shown["xcoms"], "log": log}
