"""What goes between an attempt and the kernel of its notebook: the context, XComs, answers to questions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..authoring.exceptions import TaskFailure
from ..authoring.runtime import NOT_GIVEN
from ..model.reason import Reason
from ..model.records import Workload
from ..model.typed_values import MARK
from .notebook_helper import SPOOL
from .task_channel import TaskChannel
from .task_context import build_context
from .xcom_values import XComValues

FOLDER = "xcoms"
"""Beneath the attempt's spool: files of XComs on their way from and to the kernel."""
_LIVE = frozenset({"conf", "conn", "inlet_events", "macros", "outlet_events", "triggering_asset_events", "var"})
"""Names of the context that are no data."""


class NotebookValues:
    """Receives what a notebook says (``messages.Receiver``) and answers what it asks, for its attempt."""

    def __init__(self, workload: Workload, channel: TaskChannel) -> None:
        self._workload = workload
        self._channel = channel
        self._values: XComValues = channel.values
        self._folder = Path(workload.spool, FOLDER)
        self.log_metric = channel.log_metric
        self.progress = channel.progress

    def xcom_push_json(self, key: str, data: Any, file: str | None = None) -> None:
        """Keep an XCom; ``file`` holds its JSON if it was too big for a message. Raises TaskFailure."""
        if file is not None:
            try:
                data = json.loads(self._sent_file(key, file).read_bytes())
            except (OSError, ValueError) as error:
                raise _store_failure(key, error) from None
        self._channel.xcom_push_json(key, self._with_files(data, lambda name: self._adopt(key, name)))

    def answer(self, op: str, arguments: Mapping[str, Any]) -> Any:
        """Return the answer to a question of the kernel, as JSON. ValueError for one that is none."""
        if op == "variable_get":
            text = self._channel.variable_get(str(arguments["key"]))
            return [text is not None, text]
        if op != "xcom_pull":
            raise ValueError(f"unknown question {op!r}")
        given = dict(arguments)
        indexes = given.pop("map_indexes", NOT_GIVEN)
        if isinstance(indexes, dict):
            indexes = slice(*indexes["slice"])
        data = self._channel.xcom_pull_json(map_indexes=indexes, **given)
        return self._with_files(data, self._values.local_file)

    def snapshot(self) -> str:
        """Return what the kernel's helper begins with, as JSON text."""
        context = build_context(self._workload, self._channel).for_templates
        given = self._channel.given_values()
        settings, limit = self._workload.xcom, self._workload.limits.xcom_max_bytes
        return json.dumps(
            {
                "context": {name: _plain(value) for name, value in context.items() if name not in _LIVE},
                "xcoms": [[*place, self._with_files(data, self._values.local_file)] for place, data in given.items()],
                "limit": min(limit, settings.threshold) if settings.store else limit,
                "folder": str(self._folder),
                "spills": bool(settings.store),
            }
        )

    def _with_files(self, data: Any, place: Callable[[str], str]) -> Any:
        """Return JSON with the references of its typed values replaced."""
        if isinstance(data, list):
            return [self._with_files(item, place) for item in data]
        if not isinstance(data, dict):
            return data
        if MARK in data and isinstance(data.get("reference"), str):
            return {**data, "reference": place(data["reference"])}
        return {name: self._with_files(item, place) for name, item in data.items()}

    def _sent_file(self, key: str, reference: str) -> Path:
        name = reference.removeprefix(SPOOL)
        path = self._folder / name
        if name == reference or "/" in name or name.startswith(".") or path.is_symlink() or not path.is_file():
            raise _store_failure(key, ValueError(f"{reference!r} names no file of this notebook"))
        return path

    def _adopt(self, key: str, reference: str) -> str:
        path = self._sent_file(key, reference)
        try:
            kept, target = self._values.create(path.suffix)
            with path.open("rb") as source, target:
                shutil.copyfileobj(source, target)
            path.unlink()
        except Exception as error:
            raise _store_failure(key, error) from None
        return kept


def _store_failure(key: str, error: Exception) -> TaskFailure:
    return TaskFailure(Reason("xcom_store", {"key": key, "message": f"{type(error).__name__}: {error}"}))


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value of the context as the snapshot's JSON; what is no data is left out."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        return {"$instant": value.isoformat()}
    if isinstance(value, date) or depth > 20:
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    attributes = vars(value) if isinstance(value, SimpleNamespace) else _public(value)
    return {"$object": {name: _plain(item, depth + 1) for name, item in attributes.items()}}


def _public(value: Any) -> dict[str, Any]:
    own = getattr(value, "__dict__", {})
    return {name: item for name, item in own.items() if not name.startswith("_") and not callable(item)}
