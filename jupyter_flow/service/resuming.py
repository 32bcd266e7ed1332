"""Going on with a failed notebook as a person has mended it: in its kernel from the failed cell on, or from the start.

The failed attempt's spool gets the notebook before anything is committed; the transaction that sends the task back
names it. So a crash leaves the failed task as it was, or a task that goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..model.errors import Conflict, InvalidInput
from ..model.faultpoint import faultpoint
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Attempt
from ..model.state import TaskState
from ..scheduling.topology import Topology
from ..storage import attempts, dags, edits, queries
from ..wire import kept
from ..wire.paths import private_opener
from . import views
from .clear_choice import Wish, chosen_keys
from .commanding import command
from .commands import clear_chosen
from .documents import Document
from .house import House
from .mended import FILE
from .outputs import task_notebook

MOST_CELLS = 10_000
_TYPES = ("code", "markdown", "raw")
Cell = dict[str, Any]


def resume_task(
    house: House,
    actor: Actor,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    *,
    copy_of: str,
    cells: Sequence[Mapping[str, Any]],
    with_kernel: bool = True,
) -> Document:
    """Let a failed notebook go on as a new attempt with the mended ``cells``, and what comes after its task.

    ``copy_of``: the attempt of which the cells are a copy. ``with_kernel``: go on in its kept kernel at the cell
    that failed; else the mended notebook is executed from its start.
    """
    mended = [_cell(item) for item in _checked(cells)]
    executed = task_notebook(house, actor, dag_id, run_id, task_id, map_index)
    arguments = {"map_index": map_index, "copy_of": copy_of, "with_kernel": with_kernel}
    with command(
        house, actor, "tasks.resume", "trigger", dag_id=dag_id, run_id=run_id, task_id=task_id, arguments=arguments
    ) as (connection, now):
        run = queries.get_run(connection, dag_id, run_id)
        row = queries.get_task_instance(connection, dag_id, run_id, task_id, map_index)
        if row.state is not TaskState.FAILED:
            raise Conflict(f"task {task_id!r} is {row.state} already: only a failed task can go on")
        last = attempts.list_attempts(connection, row.id)[-1]
        _check_copy(last, copy_of)
        known = _known(executed["notebook"]["cells"], mended)
        first = _first_cell(last, known, executed["notebook"]["cells"], mended)
        found = kept.read(house.config.home, last.id)
        if with_kernel and (found is None or not found.is_held):
            raise Conflict("the kernel is not kept any more: run the task again with this notebook, from its start")
        spool = house.spool / last.id
        if not spool.is_dir():
            raise Conflict("the files of the failed attempt are not on this machine")
        notebook = _merged(executed["notebook"], known, mended, first)
        _write(spool / FILE, notebook)
        if with_kernel and found is not None:
            until = (now + timedelta(seconds=found.seconds)).timestamp()
            kept.note(house.config.home, replace(found, is_claimed=True, until=max(found.until, until)))
        about = {"actor": actor.user, "task": task_id, "map_index": row.map_index, "attempt": last.id}
        reason = Reason("resumed", {**about, "cell": first if with_kernel else None})
        topology = Topology(dags.load_spec(dags.latest_version(connection, dag_id)))
        keys = chosen_keys(topology, queries.task_instances(connection, run.id), task_id, row.map_index, Wish())
        clear_chosen(house, connection, run, keys, now, actor, reason)
        if with_kernel:  # another try would not find the kernel: a failure keeps it for the person instead
            edits.limit_tries(connection, [row], row.try_number + 1)
    house.effects.run_changed(run.id)
    return views.show_task(house, actor, dag_id, run_id, task_id, row.map_index)


def _checked(cells: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(cells, list) or len(cells) > MOST_CELLS or not all(isinstance(cell, dict) for cell in cells):
        raise InvalidInput(f"cells must be a list of at most {MOST_CELLS} cells")
    return cells


def _cell(item: Mapping[str, Any]) -> Cell:
    """Return a cell without outputs, of what a client has sent."""
    name, kind, source, metadata = (item.get(key) for key in ("id", "cell_type", "source", "metadata"))
    if not isinstance(name, str) or kind not in _TYPES or not isinstance(source, str):
        raise InvalidInput("a cell has id, cell_type (code, markdown or raw) and source, which is text")
    if not isinstance(metadata, dict):
        metadata = {}
    plain: Cell = {"id": name[:64], "cell_type": kind, "source": source, "metadata": metadata}
    return {**plain, "outputs": [], "execution_count": None} if kind == "code" else plain


def _check_copy(last: Attempt, copy_of: str) -> None:
    if last.id != copy_of:
        raise Conflict(f"this is a copy of an earlier attempt; the last one is attempt {last.attempt_number}")


def _first_cell(last: Attempt, known: Mapping[str, Cell], executed: Sequence[Cell], mended: Sequence[Cell]) -> int:
    """Return the index, among the mended cells, of the one that failed."""
    failing = last.failing_cell
    if failing is not None and failing < len(executed):
        for index, cell in enumerate(mended):
            if known.get(cell["id"]) is executed[failing]:
                return index
    raise Conflict("the cell that failed is not in this notebook: undo its deletion")


def _known(executed: Sequence[Cell], mended: Sequence[Cell]) -> dict[str, Cell]:
    """Return the executed cells by the ids that they have in the mended notebook; old notebooks' cells have none."""
    ids = [cell.get("id") for cell in executed]
    if None in ids:
        ids = [cell["id"] for cell in mended]
    return {str(name): cell for name, cell in zip(ids, executed, strict=False)}


def _merged(notebook: Document, known: Mapping[str, Cell], mended: Sequence[Cell], first: int) -> Document:
    """Return the mended notebook. Cells before the ``first`` stay as the record has them if their source does."""
    cells = []
    for index, cell in enumerate(mended):
        before = known.get(cell["id"])
        same = before is not None and _text(before) == cell["source"] and before["cell_type"] == cell["cell_type"]
        cells.append({**(before or cell), "id": cell["id"]} if index < first and same else cell)
    return {**notebook, "cells": cells, "nbformat": 4, "nbformat_minor": 5}


def _text(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _write(path: Path, notebook: Document) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with open(temporary, "w", encoding="utf-8", opener=private_opener) as file:
        json.dump(notebook, file)
        file.flush()
        faultpoint("mended.before_fsync")
        os.fsync(file.fileno())
    faultpoint("mended.before_rename")
    os.replace(temporary, path)
    faultpoint("mended.after_rename")
