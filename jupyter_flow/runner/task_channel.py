"""TaskChannel: what a running task pushes and asks, kept and answered for its attempt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..authoring.runtime import NOT_GIVEN, NotebookRequest
from ..authoring.variable import from_environment
from ..authoring.xcom_arg import RETURN_VALUE
from ..model.records import Workload, check_follow
from .masking import is_sensitive, secrets_in
from .stamps import now
from .xcom_pull import pull
from .xcom_values import XComValues

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
        self.values = XComValues(workload)
        self._own = (workload.task.task_id, workload.map_index)
        self._mapped = frozenset(workload.mapped_task_ids) - {workload.task.task_id}
        self._known = set(workload.task.xcom_inputs)
        self._given: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for item in workload.xcoms:
            self._given.setdefault((item["task_id"], item["key"]), []).append(item)
        self._pushed: dict[str, dict[str, Any]] = {}
        self._variables: dict[str, str] = dict(workload.variables)
        self.secrets: set[str] = secrets_in(workload)
        self.metrics: list[dict[str, Any]] = []
        self.notifications: list[dict[str, str]] = []
        self.asset_events: list[dict[str, Any]] = []
        self.followed: dict[str, Any] | None = None

    @property
    def xcoms(self) -> list[dict[str, Any]]:
        """What was pushed, as the report has it: ``{"key", "value"}`` (or ``"reference"`` …), the last of each key."""
        return list(self._pushed.values())

    def run_notebook(self, request: NotebookRequest) -> Any:
        """Execute a notebook (see :class:`authoring.runtime.Runtime`)."""
        if self._run_notebook is None:
            raise RuntimeError("this process cannot execute notebooks")
        return self._run_notebook(request)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``. Raises TaskFailure (see :class:`XComValues`) for what cannot be kept."""
        self._keep(key, self.values.encode(_checked(key), value))

    def xcom_push_json(self, key: str, data: Any) -> None:
        """Keep under ``key`` what a serialization made JSON of already (in a notebook's kernel)."""
        self._keep(key, self.values.encode_json(_checked(key), data))

    def _keep(self, key: str, item: dict[str, Any]) -> None:
        self._pushed.pop(key, None)  # the order of the keys is that of their last push
        self._pushed[key] = item

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str | None = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOT_GIVEN,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Return what tasks pushed under ``key`` (None: what each pushed last), see :func:`.xcom_pull.pull`.

        ``dag_id``, ``run_id``: another DAG or run; a DAG alone means its run of the same run id, else of the same
        logical date. ``include_prior_dates``: where this run has none, the latest earlier run that has one.
        """
        return self._pull(self.values.decode, task_ids, dag_id, key, include_prior_dates, map_indexes, default, run_id)

    def xcom_pull_json(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str | None = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOT_GIVEN,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """:meth:`xcom_pull` as JSON, typed values unread: for a notebook's kernel."""
        return self._pull(self.values.raw, task_ids, dag_id, key, include_prior_dates, map_indexes, default, run_id)

    def _pull(
        self,
        read: Callable[[Mapping[str, Any]], Any],
        task_ids: Any,
        dag_id: str | None,
        key: str | None,
        prior: bool,
        map_indexes: Any,
        default: Any,
        run_id: str | None,
    ) -> Any:
        run = self._workload.run
        here = dag_id in (None, run.dag_id)

        def look_up(task_id: str) -> list[tuple[int, Any]]:
            mine = here and run_id in (None, run.run_id)
            items = self._items(task_id, key, None if mine else dag_id or run.dag_id, run_id, prior)
            return [(item.get("map_index", -1), read(item)) for item in items]

        mapped = self._mapped if here else None
        return pull(look_up, task_ids, map_indexes, default, own=self._own, mapped=mapped)

    def _items(
        self, task_id: str, key: str | None, dag_id: str | None, run_id: str | None, prior: bool
    ) -> Iterable[Mapping[str, Any]]:
        """Return the XComs of a task by map index. ``dag_id`` None: of this very run."""
        if dag_id is None:
            if task_id == self._own[0] and (item := self._pushed_last(key)) is not None:
                return [{**item, "map_index": self._own[1]}]
            given = [] if key is None else self._given.get((task_id, key), [])
            if given:
                return sorted(given, key=lambda item: int(item.get("map_index", -1)))
            if (task_id, key) in self._known and not prior:
                return []  # the house looked for it when the attempt was claimed
        answer = self._ask(
            "ask.xcom_pull", task_id=task_id, key=key, dag_id=dag_id, run_id=run_id, include_prior_dates=prior
        )
        items: list[Mapping[str, Any]] = answer["items"]
        return items

    def given_values(self) -> dict[tuple[str, str], Any]:
        """Return ``(task_id, key)`` -> JSON of what came with the workload from tasks that are not mapped."""
        found = {}
        for (task_id, key), items in self._given.items():
            if len(items) == 1 and items[0].get("map_index", -1) == -1 and task_id not in self._mapped:
                found[task_id, key] = self.values.raw(items[0])
        return found

    def _pushed_last(self, key: str | None) -> dict[str, Any] | None:
        return next(reversed(self._pushed.values()), None) if key is None else self._pushed.get(key)

    def variable_get(self, key: str) -> str | None:
        """Return the text of a variable, None if it is not set. The environment comes before the house."""
        text = from_environment(key)
        if text is None and (key in self._variables or key in self._workload.task.variable_inputs):
            text = self._variables.get(key)
        elif text is None:
            answer = self._ask("ask.variable_get", key=key)
            text = str(answer["value"]) if answer["found"] else None
        if text is not None and is_sensitive(key):
            self.keep_secret(text)
        return text

    def keep_secret(self, text: str) -> None:
        """Mask ``text`` in the records of this attempt."""
        self.secrets.add(text)

    def variable_set(self, key: str, value: str, description: str | None = None) -> None:
        """Set a variable in the house."""
        self._ask("ask.variable_set", key=key, value=value, description=description)
        self._variables[key] = value

    def variable_delete(self, key: str) -> bool:
        """Delete a variable in the house and return whether it was there."""
        self._variables.pop(key, None)
        return bool(self._ask("ask.variable_delete", key=key)["found"])

    def variable_keys(self, prefix: str) -> list[str]:
        """Return the keys of the house's variables that begin with ``prefix``."""
        return [str(key) for key in self._ask("ask.variable_keys", prefix=prefix)["keys"]]

    def cache_folder(self, name: str) -> Path:
        """Return a folder of the house for what tasks keep from run to run (it may not exist yet)."""
        return Path(self._workload.home) / "cache" / name

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

    def notify(self, message: str, level: str) -> None:
        """Keep a notification for the people who have JupyterLab open."""
        self.notifications.append({"message": message, "level": level})

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the task is."""
        if self._on_progress is not None:
            self._on_progress(min(max(float(fraction), 0.0), 1.0), str(text))

    def _ask(self, op: str, **args: Any) -> Any:
        if self._ask_house is None:
            raise RuntimeError(f"no house answers here ({op})")
        return self._ask_house(op, **args)


def _checked(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise TypeError(f"xcom_push: the key must be text, not {key!r}")
    return key
