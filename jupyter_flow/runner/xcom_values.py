"""From values to XComs and back: plain JSON at once, all else by ``authoring.serialization`` and the store."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from ..model.records import Workload
from ..model.typed_values import MARK, mappable_length, type_name
from .xcom_store import LocalFileBackend, XComBackend, XComStoreError, backend_for

MAX_DEPTH = 60
FETCHED = "fetched"
"""Beneath the attempt's spool: copies of files for a notebook's kernel."""


class XComValues:
    """Writes and reads the XComs of one attempt. It is the ``ValueFiles`` of the serialization."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._count = 0

    @cached_property
    def _backend(self) -> XComBackend:
        return backend_for(self._workload.xcom, self._workload.home, self._workload.dag_folder)

    def encode(self, key: str, value: Any) -> dict[str, Any]:
        """Return the XCom of ``value`` as the report has it.

        Raises TaskFailure: ``xcom_value`` for what cannot be an XCom, ``xcom_size`` for what is too big,
        ``xcom_store`` if the store fails.
        """
        if is_plain(value):
            return self.encode_json(key, value)
        from ..authoring.serialization import SerializationError, serialize

        try:
            data = serialize(value, files=self, place=f"XCom {key!r}")
        except SerializationError as error:
            raise _failure("xcom_value", message=str(error)) from None
        except (XComStoreError, OSError) as error:
            raise _failure("xcom_store", key=key, message=_line(error)) from None
        return self.encode_json(key, data)

    def encode_json(self, key: str, data: Any) -> dict[str, Any]:
        """:meth:`encode` of JSON ``data`` as a serialization wrote it."""
        try:
            written = json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise _failure("xcom_value", message=f"XCom {key!r} is not JSON: {_line(error)}") from None
        settings, limit = self._workload.xcom, self._workload.limits.xcom_max_bytes
        if settings.store and len(written) > min(settings.threshold, limit):
            return self._spill(key, data, written)
        if len(written) > limit:
            raise _failure("xcom_size", key=key, size=len(written), limit=limit)
        return {"key": key, "value": json.loads(written)}

    def _spill(self, key: str, data: Any, written: bytes) -> dict[str, Any]:
        try:
            reference, handle = self.create(".json")
            with handle:
                handle.write(written)
        except (XComStoreError, OSError) as error:
            raise _failure("xcom_store", key=key, message=_line(error)) from None
        return {
            "key": key,
            "reference": reference,
            "size": len(written),
            "length": mappable_length(data),
            "type": type_name(data)[:32],
        }

    def raw(self, item: Mapping[str, Any]) -> Any:
        """Return the JSON of an XCom: its ``value``, or what its ``reference`` holds."""
        reference = item.get("reference")
        if reference is None:
            return item.get("value")
        try:
            with self.open(reference) as handle:
                return json.load(handle)
        except (XComStoreError, OSError, ValueError) as error:
            message = f"{reference}: {_line(error)}"
            raise TaskFailure(Reason("xcom_store", {"key": item.get("key"), "message": message})) from None

    def decode(self, item: Mapping[str, Any]) -> Any:
        """Return the value of an XCom of the workload or of the house's answer."""
        data = self.raw(item)
        if not has_mark(data):
            return data
        from ..authoring.serialization import SerializationError, deserialize

        workload = self._workload
        try:
            return deserialize(
                data, files=self, strict=workload.task.needs_dag_file, allowed=workload.xcom.allowed_classes
            )
        except SerializationError as error:
            raise _failure("xcom_value", message=str(error)) from None
        except (XComStoreError, OSError) as error:
            raise TaskFailure(Reason("xcom_store", {"key": item.get("key"), "message": _line(error)})) from None

    def create(self, suffix: str) -> tuple[str, BinaryIO]:
        """Return a new reference and its file, open for writing."""
        name = f"{self._workload.attempt_id}/{self._count}{suffix}"
        self._count += 1
        return self._backend.reference(name), self._backend.create(name)

    def local_file(self, reference: str) -> str:
        """Return the path of the file behind ``reference`` on this machine; one of elsewhere is fetched first."""
        name = self._backend.name_of(reference)
        if isinstance(self._backend, LocalFileBackend):
            return str(self._backend.folder / name)
        path = Path(self._workload.spool, FETCHED, name)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._backend.open(name) as source, path.open("xb") as target:
                shutil.copyfileobj(source, target)
        return str(path)

    def open(self, reference: str) -> BinaryIO:
        """Return the file behind ``reference``, open for reading."""
        return self._backend.open(self._backend.name_of(reference))


def is_plain(value: Any, depth: int = 0) -> bool:
    """Tell whether ``value`` is JSON as it stands: most are, and need no serialization."""
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return True
    if kind is float:
        return math.isfinite(value)
    if depth > MAX_DEPTH:
        return False
    if kind is list:
        return all(is_plain(item, depth + 1) for item in value)
    if kind is dict:
        return MARK not in value and all(
            type(name) is str and is_plain(item, depth + 1) for name, item in value.items()
        )
    return False


def has_mark(data: Any) -> bool:
    """Tell whether JSON ``data`` contains a typed value."""
    if isinstance(data, list):
        return any(has_mark(item) for item in data)
    return isinstance(data, dict) and (MARK in data or any(has_mark(item) for item in data.values()))


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _failure(code: str, **arguments: Any) -> TaskFailure:
    return TaskFailure(Reason(code, arguments), no_retry=code != "xcom_store")
