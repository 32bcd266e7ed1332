"""The working copy of an executed notebook: a file beside the original, to be run with the kept kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from ..wire.kept import Kept

METADATA_KEY = "jupyter_flow"
MOST_COPIES = 100


async def write_live_notebook(contents: Any, settings: Mapping[str, Any], kept: Kept, executed: Any) -> str:
    """Write the copy of ``executed`` unless it is there already, and return its path for the contents API.

    A copy that was written before is left as its user has changed it.
    """
    folder = _folder(Path(kept.notebook).parent, Path(settings["server_root_dir"]).expanduser())
    for path in _names(folder, kept):
        if not await ensure_async(contents.file_exists(path)):
            model = {"type": "notebook", "format": "json", "content": _marked(executed, kept)}
            await ensure_async(contents.save(model, path))
            return path
        there = await ensure_async(contents.get(path, content=True, type="notebook"))
        if _attempt_of(there["content"]) == kept.attempt_id:
            return path
    raise HTTPError(409, f"there are {MOST_COPIES} live copies of {kept.notebook}: delete some")


def _folder(folder: Path, root: Path) -> str:
    """Return ``folder`` as the contents API names it; the root for one that it does not reach."""
    folder, root = folder.resolve(), root.resolve()
    if not folder.is_relative_to(root) or any(part.startswith(".") for part in folder.relative_to(root).parts):
        return ""
    return folder.relative_to(root).as_posix().removeprefix(".")


def _names(folder: str, kept: Kept) -> list[str]:
    run = re.sub(r"[^\w.-]+", "-", kept.run_id)[:80]
    base = f"{folder}/{Path(kept.notebook).stem}.live-{run}".lstrip("/")
    return [f"{base}{'' if number == 1 else f'-{number}'}.ipynb" for number in range(1, MOST_COPIES + 1)]


def _marked(executed: Any, kept: Kept) -> Any:
    """Return the notebook with a mark that says whose copy it is; so it is no DAG file, whatever its cells define."""
    live = {
        "attempt_id": kept.attempt_id,
        "dag_id": kept.dag_id,
        "run_id": kept.run_id,
        "task_id": kept.task_id,
        "map_index": kept.map_index,
    }
    return {**executed, "metadata": {**executed["metadata"], METADATA_KEY: {"live": live}}}


def _attempt_of(notebook: Any) -> str | None:
    mark = notebook["metadata"].get(METADATA_KEY)
    live = mark.get("live") if isinstance(mark, dict) else None
    return live.get("attempt_id") if isinstance(live, dict) else None
