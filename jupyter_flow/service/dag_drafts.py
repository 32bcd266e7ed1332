"""Drafts of DAG files for notebooks: what would be written, before anybody asks for it to be written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..model.errors import InvalidInput
from ..model.ids import check_id
from ..model.records import Actor
from ..storage import dags
from .authorize import authorize
from .dag_text import added_text, new_text, relative, usable_id
from .documents import Document
from .file_names import digest_of, place_of, read_text
from .house import House

MOST_NOTEBOOKS = 100


def draft_dag(
    house: House,
    actor: Actor,
    paths: Sequence[str],
    dag_id: str | None = None,
    schedule: str | None = None,
    is_chain: bool = True,
) -> Document:
    """A new DAG file that runs notebooks (absolute paths beneath one DAG folder); ``is_chain``: one after another."""
    authorize(house.policy, actor, "read")
    folder, names = _beneath_one(house, paths)
    name = usable_id(Path(names[0]).stem) if dag_id is None and names else dag_id or "new_dag"
    check_id(name, "dag_id")
    dag_file = f"{usable_id(name)}.py"
    notebooks = [relative(path, dag_file) for path in names]
    today = house.clock.wall().date().isoformat()
    text = new_text(name, schedule or None, today, notebooks, is_chain=is_chain)
    return {"dag_id": name, "folder": str(folder), "name": dag_file, "text": text, "before": None, "replaces": None}


def draft_tasks(house: House, actor: Actor, dag_id: str, paths: Sequence[str], after: str | None = None) -> Document:
    """The file of a DAG with tasks added that run notebooks, each after the task ``after`` (None: at once)."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        row = dags.get_dag(connection, dag_id)
        spec = dags.load_spec(dags.get_version(connection, row.version_id))
    if not row.dag_file.endswith(".py"):
        raise InvalidInput(f"DAG {dag_id!r} is written in the notebook {row.dag_file}: add a cell there")
    known = [task.task_id for task in spec.tasks]
    if after is not None and after not in known:
        raise InvalidInput(f"DAG {dag_id!r} has no task {after!r}")
    folder, path = place_of(house.config, row.dag_folder, row.dag_file)
    base, names = _beneath_one(house, paths)
    if names and base != folder:
        raise InvalidInput(f"the notebooks lie beneath {base}, the DAG's file beneath {folder}: move them there")
    before = read_text(path)
    notebooks = [relative(name, row.dag_file) for name in names]
    text = added_text(before, dag_id, known, notebooks, after) if notebooks else before
    place = {"dag_id": dag_id, "folder": str(folder), "name": row.dag_file}
    return {**place, "text": text, "before": before, "replaces": digest_of(before)}


def _beneath_one(house: House, paths: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the DAG folder that holds all notebooks, and their paths in it. Raises :class:`InvalidInput`."""
    if len(paths) > MOST_NOTEBOOKS:
        raise InvalidInput(f"at most {MOST_NOTEBOOKS} notebooks at once")
    folders = [folder.resolve() for folder in house.config.dag_folders]
    real = [Path(os.path.realpath(path)) for path in paths]
    for path in real:
        if path.suffix != ".ipynb":
            raise InvalidInput(f"{path.name} is no notebook: its name must end with .ipynb")
        if not any(path.is_relative_to(folder) for folder in folders):
            shown = ", ".join(map(str, folders))
            raise InvalidInput(f"{path.name} lies outside of the DAG folders: move it into {shown}")
    for folder in folders:
        if all(path.is_relative_to(folder) for path in real):
            return folder, [path.relative_to(folder).as_posix() for path in real]
    raise InvalidInput("the notebooks lie in several DAG folders: a DAG needs them in one")
