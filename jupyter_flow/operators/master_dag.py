"""DagOperator: a task of a master DAG, which runs other DAGs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, DagRunAlreadyExists, FlowFailException, FlowSkipException
from ..authoring.runtime import Runtime
from .trigger import RunsAnotherDag, object_or_none, text_of


@dataclass
class DagRunOrder:
    """``dag_run_obj``: the run that a :class:`DagOperator` is about to start. ``payload`` becomes its ``conf``."""

    run_id: str | None = None
    payload: Any = None


class DagOperator(RunsAnotherDag):
    """A task of a master DAG: runs the DAG ``run_dag_id``, waits for its end and takes over its state.

    ``python_callable(context, dag_run_obj)`` decides: it returns ``dag_run_obj``, whose ``payload`` (JSON, by default
    ``payload``) becomes the run's ``conf`` and whose ``run_id`` may be set; or None, and the task is skipped, nothing
    runs. Without it the DAG runs with ``payload``. A paused DAG is refused, unless ``unpause``.
    ``wait_for_completion=False`` does not wait; ``poke_interval`` is the seconds between two looks.
    """

    template_fields: ClassVar[Sequence[str]] = ("run_dag_id", "payload", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = (
        "run_dag_id",
        "payload",
        "unpause",
        "wait_for_completion",
        "poke_interval",
        "callable_name",
    )

    def __init__(
        self,
        task_id: str,
        run_dag_id: str | None = None,
        python_callable: Callable[..., Any] | None = None,
        *,
        payload: Mapping[str, Any] | None = None,
        unpause: bool = False,
        wait_for_completion: bool = True,
        poke_interval: float | timedelta = 10,
        trigger_dag_id: str | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if run_dag_id is not None and trigger_dag_id is not None:
            raise DagError(f"{where}: trigger_dag_id and run_dag_id are the same argument: give one")
        if python_callable is not None and not callable(python_callable):
            raise DagError(f"{where}: python_callable must be a function, not {python_callable!r}")
        self.run_dag_id = text_of(where, "run_dag_id", run_dag_id if run_dag_id is not None else trigger_dag_id)
        self.python_callable = python_callable
        self.payload = object_or_none(where, "payload", payload)
        self.unpause = bool(unpause)
        self.wait_for_completion = bool(wait_for_completion)
        self.poke_interval = checks.positive_seconds(where, "poke_interval", poke_interval) or 10.0
        self.allowed_states = ["success"]
        self.failed_states = ["failed", "cancelled"]

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Only the function is not data."""
        return self.python_callable is not None

    @property
    def callable_name(self) -> str | None:
        """The function's own name."""
        function = self.python_callable
        return None if function is None else getattr(function, "__name__", type(function).__name__)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments as JSON: of tasks without a function."""
        return {name: value for name, value in super().arguments().items() if name != "callable_name"}

    def execute(self, context: Context) -> Any:
        """Decide, start the run, or go on waiting for it."""
        runtime: Runtime = context["runtime"]
        run = runtime.ask("ask.triggered_run", dag_id=self.run_dag_id)
        if not run["found"]:
            order = self._order(context)
            run = self._start(
                runtime,
                self.run_dag_id,
                conf=order.payload,
                run_id=order.run_id,
                unpause=self.unpause,
                paused="refuse",
            )
            if run["outcome"] == "exists":
                raise DagRunAlreadyExists(
                    f"DAG {run['dag_id']!r} has run {run['run_id']!r} already: set another run_id"
                )
            self.log.info("run %s of DAG %s: %s", run["run_id"], run["dag_id"], run["outcome"])
        if self.wait_for_completion:
            self._wait(runtime, run)

    def _order(self, context: Context) -> DagRunOrder:
        order = DagRunOrder(payload=self.payload)
        if self.python_callable is not None:
            found = self.python_callable(context, order)
            if found is None:
                raise FlowSkipException(f"{self.callable_name} decided not to run DAG {self.run_dag_id}")
            if not hasattr(found, "payload"):
                raise FlowFailException(
                    f"{self.callable_name} must return dag_run_obj or None, not {type(found).__name__}"
                )
            order = DagRunOrder(getattr(found, "run_id", None), found.payload)
        return order

    def _paused_hint(self) -> str:
        return " or give the task unpause=True"
