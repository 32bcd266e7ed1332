"""FileSensor: waits for a file or folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from ..authoring.context import Context
from ..authoring.exceptions import DagError
from .base import FIELDS, BaseSensorOperator


class FileSensor(BaseSensorOperator):
    """Waits until ``filepath`` exists: a file, or a folder with at least one file in it.

    ``filepath`` is templated, may hold wildcards (``*``, ``?``, ``[…]``; with ``recursive`` also ``**``), and is
    relative to the folder of the DAG file. ``fs_conn_id`` is accepted and not used.
    """

    needs_dag_file: ClassVar[bool] = False
    template_fields: ClassVar[Sequence[str]] = ("filepath", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "filepath", "recursive")

    def __init__(
        self,
        task_id: str,
        *,
        filepath: str | os.PathLike[str],
        fs_conn_id: str = "fs_default",
        recursive: bool = False,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        if not isinstance(filepath, (str, os.PathLike)) and not hasattr(filepath, "resolve"):
            raise DagError(f"task {task_id!r}: filepath must be a path, not {filepath!r}")
        self.filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        self.recursive = bool(recursive)

    def poke(self, context: Context) -> bool:
        """Look for the file."""
        for path in glob.iglob(str(self.filepath), recursive=self.recursive):
            if os.path.isfile(path):
                changed = datetime.fromtimestamp(os.path.getmtime(path), UTC)
                self.log.info("found %s, changed %s", path, changed.isoformat(timespec="seconds"))
                return True
            if any(names for _, _, names in os.walk(path)):
                self.log.info("found files in %s", path)
                return True
        self.log.info("%s is not there yet", self.filepath)
        return False
