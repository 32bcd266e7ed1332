"""TaskChannel: what a running task pushes and asks, kept and answered for its attempt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..authoring.exceptions import TaskFailure
from ..authoring.runtime import NotebookRequest
from ..model.reason import Reason
from ..model.records import Workload, check_follow
from .stamps import now

Ask = Callable[..., Any]
"""``ask(op, **args)`` asks the house and returns its answer (``wire.client.HouseClient.call``)."""


class TaskChannel:
    """The :class:`authoring.runtime.Runtime` of one attempt.

    What the workload brings is answered from it; everything else is asked of the house by ``ask``.
    ``run_notebook`` executes a notebook; ``on_progress(fraction, text)`` hears of progress.
    """

    def __init__(
        self,
        workload: Workload,
        ask: Ask | None = None,
        run_notebook: Callable[[NotebookRequest], Any] | None = None,
        on_progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self._workload = workload
        self._ask_house = ask
        self._run_notebook = run_notebook
        self._on_progress = on_progress
        self._given = {
            (item["task_id"], item.get("map_index", -1), item["key"]): item["value"] for item in workload.xcoms
        }
        self._known = {(task_id, key) for task_id, key in workload.task.xcom_inputs}
        self._pushed: dict[str, Any] = {}
        self._variables: dict[str, str] = dict(workload.variables)
        self.metrics: list[dict[str, Any]] = []
        self.asset_events: list[dict[str, Any]] = []
        self.followed: dict[str, Any] | None = None

    @property
    def xcoms(self) -> list[dict[str, Any]]:
        """What was pushed, as the report has it: ``{"key", "value"}`` each, the last value of a key."""
        return [{"key": key, "value": value} for key, value in self._pushed.items()]

    def run_notebook(self, request: NotebookRequest) -> Any:
        """Execute a notebook (see :class:`authoring.runtime.Runtime`)."""
        if self._run_notebook is None:
            raise RuntimeError("this process cannot execute notebooks")
        return self._run_notebook(request)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``. Raises TaskFailure (``xcom_json``, ``xcom_size``) for what cannot be kept."""
        if not isinstance(key, str) or not key:
            raise TypeError(f"xcom_push: the key must be text, not {key!r}")
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False, default=_scalar)
            size = len(text.encode())
        except (TypeError, ValueError, RecursionError):
            raise TaskFailure(Reason("xcom_json", {"key": key, "type": type(value).__name__}), no_retry=True) from None
        limit = self._workload.limits.xcom_max_bytes
        if size > limit:
            raise TaskFailure(Reason("xcom_size", {"key": key, "size": size, "limit": limit}), no_retry=True)
        self._pushed[key] = json.loads(text)

    def xcom_pull(
        self,
        task_id: str,
        key: str,
        *,
        map_index: int = -1,
        dag_id: str | None = None,
        run_id: str | None = None,
        include_prior_dates: bool = False,
    ) -> tuple[bool, Any]:
        """Return whether the XCom exists, and its value."""
        run = self._workload.run
        here = dag_id in (None, run.dag_id) and run_id in (None, run.run_id)
        if here:
            if (task_id, map_index) == (self._workload.task.task_id, self._workload.map_index) and key in self._pushed:
                return True, self._pushed[key]
            if (task_id, map_index, key) in self._given:
                return True, self._given[task_id, map_index, key]
            if (task_id, key) in self._known and map_index == -1 and not include_prior_dates:
                return False, None  # the house looked for it when the attempt was claimed
        answer = self._ask(
            "ask.xcom_pull",
            task_id=task_id,
            key=key,
            map_index=map_index,
            dag_id=dag_id,
            run_id=run_id,
            include_prior_dates=include_prior_dates,
        )
        return bool(answer["found"]), answer.get("value")

    def variable_get(self, key: str) -> str | None:
        """Return the text of a variable, None if it is not set."""
        if key in self._variables:
            return self._variables[key]
        if key in self._workload.task.variable_inputs:
            return None
        answer = self._ask("ask.variable_get", key=key)
        return str(answer["value"]) if answer["found"] else None

    def variable_set(self, key: str, value: str, description: str | None = None) -> None:
        """Set a variable in the house."""
        self._ask("ask.variable_set", key=key, value=value, description=description)
        self._variables[key] = value

    def now(self) -> datetime:
        """Return this instant (aware, UTC)."""
        return now()

    def follow(self, choice: Mapping[str, Any]) -> None:
        """Keep what a branching task lets go on; the last word counts. Raises ValueError for anything else."""
        check_follow(choice)
        self.followed = {name: list(value) if name == "branch" else value for name, value in choice.items()}

    def ask(self, op: str, **args: Any) -> Any:
        """Ask the house (see :class:`authoring.runtime.Runtime`)."""
        return self._ask(op, **args)

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Record a metric."""
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"log_metric({name!r}): {value!r} is not a finite number")
        self.metrics.append({"name": str(name), "value": number, "step": step})

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the task is."""
        if self._on_progress is not None:
            self._on_progress(min(max(float(fraction), 0.0), 1.0), str(text))

    def _ask(self, op: str, **args: Any) -> Any:
        if self._ask_house is None:
            raise RuntimeError(f"no house answers here ({op})")
        return self._ask_house(op, **args)


def _scalar(value: Any) -> Any:
    """JSON for a numpy scalar; everything else is refused."""
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return value.item()
    raise TypeError(type(value).__name__)
