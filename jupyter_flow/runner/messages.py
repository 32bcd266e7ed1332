"""Messages from a notebook to the house: collected from its outputs, checked for loss, handed on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

XCOM = "application/vnd.jupyter-flow.xcom+json"
METRIC = "application/vnd.jupyter-flow.metric+json"
PROGRESS = "application/vnd.jupyter-flow.progress+json"
KINDS = (XCOM, METRIC, PROGRESS)


class Receiver(Protocol):
    """Where the messages go."""

    def xcom_push_json(self, key: str, data: Any, file: str | None = None) -> None:
        """Keep an XCom, given as JSON or as a file of it; raises TaskFailure if it is too big."""

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Keep a metric."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Pass on a progress."""


class HouseMessages:
    """What one notebook has said so far. Messages are numbered by the sender (``n`` from 1)."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._seen: dict[int, tuple[str, dict[str, Any]]] = {}

    def take(self, bundle: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Take the house message of a display's mime ``bundle``: its kind and data, None if there is none.

        Progress is passed on at once, XComs and metrics by :meth:`deliver`. Raises ValueError with a sentence
        if the message does not have the documented form.
        """
        for kind in KINDS:
            if kind in bundle:
                data = _checked(kind, bundle[kind])
                number = data.get("n")
                if type(number) is not int or number < 1:
                    number = max(self._seen, default=0) + 1
                self._seen[number] = (kind, {**data, "n": number})
                if kind == PROGRESS:
                    self._receiver.progress(float(data["fraction"]), str(data.get("text", "")))
                return kind, data
        return None

    @property
    def missing(self) -> int:
        """How many numbers up to the highest seen never arrived."""
        return max(self._seen, default=0) - len(self._seen)

    def agrees(self, count: int, digest: str) -> bool:
        """Whether exactly the ``count`` messages with this ``digest`` (hex, by the sender) have arrived."""
        if len(self._seen) != count or self.missing:
            return False
        own = hashlib.sha256()
        for number in sorted(self._seen):
            own.update(json.dumps(self._seen[number][1], sort_keys=True).encode())
        return own.hexdigest() == digest

    def replace(self, sent: list[Any]) -> int:
        """Take ``sent`` (``[kind, data]`` each, all that the kernel kept) and return how many were new."""
        before = len(self._seen)
        self._seen = {number: (str(kind), _checked(kind, data)) for number, (kind, data) in enumerate(sent, 1)}
        return len(self._seen) - before

    def deliver(self) -> None:
        """Hand XComs and metrics to the receiver in the order of their numbers. Raises its TaskFailure."""
        for number in sorted(self._seen):
            kind, data = self._seen[number]
            if kind == XCOM:
                self._receiver.xcom_push_json(data["key"], data["value"], data.get("file"))
            elif kind == METRIC:
                self._receiver.log_metric(data["name"], data["value"], data.get("step"))


def _checked(kind: str, data: Any) -> dict[str, Any]:
    needed = {XCOM: {"key", "value"}, METRIC: {"name", "value"}, PROGRESS: {"fraction"}}.get(kind, {"?"})
    if not isinstance(data, dict) or needed - set(data):
        raise ValueError(f"a message {kind} needs {' and '.join(sorted(needed))}")
    if kind == XCOM and not (isinstance(data["key"], str) and isinstance(data.get("file"), str | None)):
        raise ValueError(f"the key (and file) of a message {kind} must be a text")
    number = data.get("value") if kind == METRIC else data.get("fraction", 0)
    if kind != XCOM and (isinstance(number, bool) or not isinstance(number, int | float)):
        raise ValueError(f"{number!r} in a message {kind} is not a number")
    return data
