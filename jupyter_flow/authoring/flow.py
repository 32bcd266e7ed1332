"""``flow``: what a task says to the house, with the same names in Python tasks and in notebooks.

In a notebook that runs as a task, the runner has put its helper into the kernel (module ``jupyter_flow_helper``)
and the names here hand over to it. In a notebook that is run by hand nothing is pushed: it says so and goes on.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from .context import HELPER, current_context
from .runtime import NOT_GIVEN, Runtime, current
from .xcom_arg import RETURN_VALUE

_NO_TASK = "works inside a running task"


def _helper() -> ModuleType | None:
    return sys.modules.get(HELPER)


def _by_hand() -> bool:
    """Whether this is an interactive kernel (the IPython shell exists)."""
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def _runtime(what: str, words: str) -> Runtime | None:
    """Return the runtime of the running task; None (having printed ``words``) where a person runs a notebook."""
    runtime = current()
    if runtime is None and not _by_hand():
        raise RuntimeError(f"{what} {_NO_TASK}, not in the DAG file")
    if runtime is None:
        print("[not in a task]", words)  # noqa: T201 - a notebook run by hand shows what it would do
    return runtime


def xcom_push(key: str, value: Any) -> None:
    """Hand ``value`` to the other tasks of the DAG run, under ``key``."""
    if helper := _helper():
        helper.xcom_push(key, value)
    elif runtime := _runtime("xcom_push", f"xcom_push {key} = {str(value)[:500]}"):
        runtime.xcom_push(key, value)


def xcom_pull(
    task_ids: str | Iterable[str] | None = None,
    key: str | None = RETURN_VALUE,
    default: Any = None,
    *,
    dag_id: str | None = None,
    include_prior_dates: bool = False,
    map_indexes: Any = NOT_GIVEN,
    run_id: str | None = None,
) -> Any:
    """Return what the task ``task_ids`` pushed under ``key``, else ``default``.

    A list of ids gives a list of values, a mapped task the list over its map indexes; no id means this task. The
    other arguments are those of ``ti.xcom_pull``. In a notebook that is run by hand it returns ``default``, and raises
    LookupError without one.
    """
    more: dict[str, Any] = {"dag_id": dag_id, "include_prior_dates": include_prior_dates, "run_id": run_id}
    if map_indexes is not NOT_GIVEN:
        more["map_indexes"] = map_indexes
    if helper := _helper():
        return helper.xcom_pull(task_ids, key, default, **more)
    if runtime := current():
        return runtime.xcom_pull(task_ids, key=key, default=default, **more)
    if default is None:
        raise LookupError(f"xcom_pull({task_ids!r}, {key!r}) {_NO_TASK}; give default= to work by hand")
    return default if task_ids is None or isinstance(task_ids, str) else [default for _ in task_ids]


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Record the number ``value`` of the metric ``name``, at ``step`` if given."""
    if helper := _helper():
        helper.log_metric(name, value, step)
    elif runtime := _runtime("log_metric", f"{name} = {value}"):
        runtime.log_metric(name, value, step)


def progress(fraction: float, text: str = "") -> None:
    """Say how far the task is: ``fraction`` from 0 to 1."""
    if helper := _helper():
        helper.progress(fraction, text)
    elif runtime := _runtime("progress", f"{float(fraction):.0%} {text}"):
        runtime.progress(fraction, text)


class Flow:
    """The functions of this module as one object: ``from jupyter_flow import flow``."""

    xcom_push = staticmethod(xcom_push)
    xcom_pull = staticmethod(xcom_pull)
    log_metric = staticmethod(log_metric)
    progress = staticmethod(progress)

    def run(
        self,
        dag: Any = None,
        conf: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        logical_date: str | None = None,
        unpause: bool = False,
    ) -> Any:
        """Start a run of ``dag`` from a notebook and show it live; its ``state``, ``wait()`` and ``cancel()`` say more.

        ``dag``: an id or a DAG; default: the last ``%%dag`` of the notebook. ``run_id``: follow that run instead.
        It returns at once. Raises :class:`FlowError` if the house refuses or does not answer.
        """
        # by name: it belongs to the author's kernel, whose room nothing here may lean on
        live = importlib.import_module("jupyter_flow.magics.live_run")
        return live.run(dag, conf, run_id=run_id, logical_date=logical_date, unpause=unpause)

    @property
    def context(self) -> Mapping[str, Any]:
        """What is known of the run (``ds``, ``params``, ``run_id`` …).

        Raises RuntimeError outside of a task.
        """
        if helper := _helper():
            found: Mapping[str, Any] = helper.context
            return found
        context = current_context()
        if context is None:
            raise RuntimeError(f"flow.context {_NO_TASK}: give the notebook a parameter to work by hand")
        return context


flow = Flow()
