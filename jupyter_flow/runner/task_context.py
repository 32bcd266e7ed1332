"""The context of a task: what ``execute(context)``, ``get_current_context()`` and templates see."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

from ..authoring.checks import suggestion
from ..authoring.connection import Connection, ConnectionNotFound
from ..authoring.operator import BaseOperator
from ..authoring.runtime import Runtime
from ..authoring.template_names import DATE_NAMES
from ..authoring.variable import read_json
from ..model.instants import from_iso_or_none
from ..model.records import Workload
from .asset_events import InletEvents, OutletEvents, TriggeringAssetEvents
from .context_dates import dates_of, old_names
from .macros import MACROS
from .task_channel import TaskChannel
from .task_instance import DagRunView, TaskInstanceView

__all__ = ["TaskChannel", "TaskContext", "build_context", "dag_facts", "task_facts", "working_folder"]


class VariableView:
    """``var.value`` and ``var.json``: variables by name."""

    def __init__(self, runtime: Runtime, *, as_json: bool) -> None:
        self._runtime = runtime
        self._as_json = as_json

    def get(self, key: str, default: Any = None) -> Any:
        """Return the variable ``key``, else ``default``."""
        text = self._runtime.variable_get(key)
        if text is None:
            return default
        return read_json(key, text) if self._as_json else text

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        missing = object()
        value = self.get(key, missing)
        if value is missing:
            raise LookupError(f"variable {key!r} is not set: set it with `jupyter flow variables set {key} VALUE`")
        return value

    __getitem__ = __getattr__


class ConnectionView:
    """``conn``: connections by id. What is secret in them is masked in the records of the attempt."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """Return the connection ``conn_id``, else ``default_conn``."""
        try:
            return getattr(self, conn_id)
        except ConnectionNotFound:
            return default_conn

    def __getattr__(self, conn_id: str) -> Any:
        if conn_id.startswith("_"):
            raise AttributeError(conn_id)
        found = Connection.get(conn_id)
        for text in (found.password, found.extra):
            if text:
                self._runtime.keep_secret(text)
        return found

    __getitem__ = __getattr__


class MissingName(KeyError):
    """A name that the context does not have: one sentence."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        names = sorted(known)
        self._words = f"the context has no {name!r}{suggestion(str(name), names)}; there are: {', '.join(names)}"
        if name in DATE_NAMES:
            self._words = f"the context has no {name!r}: this run has no logical date"

    def __str__(self) -> str:
        return self._words


class TaskContext(dict[str, Any]):
    """The context of a task. ``for_templates``: the same with plain facts in place of the author's live objects.

    ``template_folders``: where template files are looked for, in this order: beside the DAG file, then along
    ``template_searchpath``; the pinned copy of a folder before the folder itself. ``roots``: they must lie beneath one
    of these. The DAG folder is one of them, as it may be elsewhere than the root of the notebooks.
    """

    def __init__(self, workload: Workload, runtime: Runtime, make: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._workload, self._runtime, self._make = workload, runtime, make
        self.roots = (workload.root, workload.dag_folder)
        self._native = workload.render_template_as_native_obj

    @cached_property
    def template_folders(self) -> list[str]:
        """See the class."""
        base = PurePosixPath(self._workload.dag_file).parent
        places = [base, *(base / folder for folder in self._workload.template_searchpath)]
        folders = (self._workload.bundle, self._workload.dag_folder)
        return [os.path.normpath(Path(folder) / place) for place in places for folder in folders]

    @cached_property
    def for_templates(self) -> dict[str, Any]:
        """See the class; made when the first template asks for it."""
        task = task_facts(self._workload)
        ti = TaskInstanceView(self._workload, self._runtime, task, lambda: self.for_templates)
        own = {"dag": dag_facts(self._workload), "task": task, "ti": ti, "task_instance": ti}
        return {name: value for name, value in {**self._values, **own}.items() if name != "runtime"}

    @cached_property
    def _values(self) -> dict[str, Any]:
        return self._make()

    def render_fields(self, owner: Any) -> None:
        """Render the ``template_fields`` of ``owner`` (a notifier) in place."""
        from .templating import render

        render(owner, self)

    def rendered(self, value: Any, owner: Any, more: Mapping[str, Any]) -> Any:
        """Return ``value`` rendered as a template field of ``owner`` is, with names of ``more`` that this has not."""
        from .templating import Renderer, TemplateOptions

        names = {**{name: item for name, item in more.items() if name not in self}, **self.for_templates}
        options = TemplateOptions.of(owner.dag)
        renderer = Renderer(names, native=self._native, folders=self.template_folders, options=options)
        return renderer.render(value, "render_template", owner.template_ext)

    def __missing__(self, key: str) -> Any:
        raise MissingName(key, self)


class _UnusedContext(TaskContext):
    """A context that nobody has looked into: it is filled, and becomes a plain one, when somebody does.

    Many tasks never look, and to make all its values is a good part of what a small task costs. One value is there from
    the start: ``json`` takes a dict for empty without asking its methods.
    """

    def __init__(self, workload: Workload, runtime: Runtime, make: Callable[[], dict[str, Any]]) -> None:
        super().__init__(workload, runtime, make)
        dict.__setitem__(self, "map_index", workload.map_index)

    def _fill(self) -> None:
        values = self._values
        self.__class__ = TaskContext  # type: ignore[assignment]  # mypy: a class with the same layout
        self.update(values)

    def __missing__(self, key: str) -> Any:
        self._fill()
        return self[key]


def _filled_first(name: str) -> Callable[..., Any]:
    def method(self: _UnusedContext, *args: Any, **kwargs: Any) -> Any:
        self._fill()
        return getattr(self, name)(*args, **kwargs)

    return method


for _name in (
    *("__contains__", "__delitem__", "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__"),
    *("__reversed__", "__ror__", "__setitem__", "clear", "copy", "get", "items", "keys", "pop", "popitem"),
    *("setdefault", "update", "values"),
):
    setattr(_UnusedContext, _name, _filled_first(_name))


def build_context(workload: Workload, runtime: Runtime, operator: BaseOperator | None = None) -> TaskContext:
    """Return the context of the attempt. Names of dates are missing in a run without a logical date."""
    context: TaskContext = _UnusedContext(
        workload, runtime, lambda: _values_of(workload, runtime, operator, lambda: context)
    )
    return context


def _values_of(
    workload: Workload, runtime: Runtime, operator: BaseOperator | None, context: Callable[[], TaskContext]
) -> dict[str, Any]:
    run, own = workload.run, workload.task
    dag: Any = None if operator is None else operator.dag
    task = operator if operator is not None else task_facts(workload)
    ti = TaskInstanceView(workload, runtime, task, context)
    lengths = (workload.expand or {}).get("lengths") or {}
    return {
        "conn": ConnectionView(runtime),
        "dag": dag if dag is not None else dag_facts(workload),
        "dag_id": run.dag_id,
        "dag_run": DagRunView(workload, runtime),
        "expanded_ti_count": math.prod(lengths.values()) if lengths else None,
        "inlet_events": InletEvents(workload, runtime),
        "inlets": list(getattr(operator, "inlets", None) or map(_asset_facts, own.inlets)),
        "macros": MACROS,
        "map_index": workload.map_index,
        "map_index_template": own.map_index_template,
        "outlet_events": OutletEvents(workload),
        "outlets": list(getattr(operator, "outlets", None) or map(_asset_facts, own.outlets)),
        "params": dict(run.params),
        "partition_date": None,
        "partition_key": None,
        "prev_end_date_success": from_iso_or_none(run.prev_end_date_success),
        "prev_start_date_success": from_iso_or_none(run.prev_start_date_success),
        "run_id": run.run_id,
        "runtime": runtime,
        "task": task,
        "task_id": own.task_id,
        "task_instance": ti,
        "task_instance_key_str": f"{run.dag_id}__{own.task_id}__{run.run_id}",
        "task_reschedule_count": workload.reschedules,
        "templates_dict": getattr(operator, "templates_dict", None),
        "test_mode": run.triggered_by == "test",
        "ti": ti,
        "triggering_asset_events": TriggeringAssetEvents(workload.asset_events),
        "try_number": workload.try_number,
        "var": SimpleNamespace(value=VariableView(runtime, as_json=False), json=VariableView(runtime, as_json=True)),
        **old_names(workload),
        **dates_of(workload),
    }


def working_folder(workload: Workload, operator: BaseOperator) -> str:
    """Return where the task runs: its own ``cwd`` (relative to the DAG file's folder), else the workload's."""
    if operator.cwd is None:
        return workload.cwd
    base = Path(workload.dag_folder) / PurePosixPath(workload.dag_file).parent
    return os.path.normpath(base / operator.cwd)


def dag_facts(workload: Workload) -> SimpleNamespace:
    """What templates know of the DAG."""
    return SimpleNamespace(**{"dag_id": workload.run.dag_id, "timezone": workload.run.timezone, **workload.dag})


def task_facts(workload: Workload) -> SimpleNamespace:
    """What templates know of the task."""
    task = workload.task
    return SimpleNamespace(
        task_id=task.task_id,
        dag_id=workload.run.dag_id,
        operator=task.operator,
        owner=task.owner,
        retries=task.retries,
        trigger_rule=task.trigger_rule,
        params=dict(workload.run.params),
        doc=task.doc,
        upstream_task_ids=list(workload.upstream_task_ids),
        downstream_task_ids=list(workload.downstream_task_ids),
    )


def _asset_facts(spec: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{"name": spec.get("alias"), "uri": None, **spec})
