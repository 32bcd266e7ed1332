"""Loads a DAG file, and finds or rebuilds the operator of a task."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

from ..airflow_names import finder as airflow_names
from ..authoring import registry
from ..authoring.dag import DAG
from ..authoring.decorators import DagFunction
from ..authoring.exceptions import DagError, FlowWarning, TaskFailure
from ..authoring.location import place_words, warn
from ..authoring.operator import BaseOperator
from ..authoring.parsing_context import loading_for
from ..authoring.xcom_arg import from_data
from ..model.reason import Reason
from ..model.records import Workload
from ..model.spec import TaskSpec
from . import dag_notebook
from .pinned_import import PinnedFinder, PinnedLoader, forget_modules

_OPERATORS = tuple(f"{__package__.rpartition('.')[0]}.{room}." for room in ("operators", "sensors"))


@dataclass(frozen=True)
class LoadedFile:
    """The DAGs of a DAG file in the order they were made, and the original paths of the modules it imported."""

    path: str
    dags: tuple[DAG, ...]
    modules: tuple[str, ...]


class DagFileLoader:
    """Loads one DAG file. ``folder``: its DAG folder. ``bundle``: a folder laid out like it, whose files are used
    instead of the originals where it has them; ``__file__`` and tracebacks name the originals all the same.

    While it is open (a context manager), modules beside the DAG file can be imported. A runner never closes it.
    """

    def __init__(self, folder: str, dag_file: str, bundle: str | None = None) -> None:
        self.folder = os.path.abspath(folder)
        self.path = os.path.normpath(os.path.join(self.folder, *PurePosixPath(dag_file).parts))
        self._file_folder = os.path.dirname(self.path)
        places = list(dict.fromkeys([self._file_folder, self.folder]))
        self._finder = PinnedFinder(self.folder, os.path.abspath(bundle or self.folder), places)
        self._places = places
        self._airflow = airflow_names.AirflowFinder()
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:8]
        stem = "".join(char if char.isalnum() else "_" for char in PurePosixPath(dag_file).stem)
        self.module_name = f"jupyter_flow_dag_{stem}_{digest}"

    def open(self) -> None:
        """Make the modules of the DAG folder importable, and Airflow's names where Airflow is not installed."""
        sys.meta_path[:0] = [self._finder, self._airflow]
        sys.path[:0] = self._places

    def close(self) -> None:
        """Undo :meth:`open` and forget the modules that were imported."""
        sys.meta_path.remove(self._finder)
        sys.meta_path.remove(self._airflow)
        for place in self._places:
            sys.path.remove(place)
        forget_modules([self.module_name, *self._finder.loaded])
        airflow_names.forget()

    def __enter__(self) -> DagFileLoader:
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def load(self) -> LoadedFile:
        """Run the file and return its DAGs. What the file raises comes through.

        Raises :class:`DagError` for two DAGs with one id.
        """
        with registry.collecting(self.folder, self._file_folder) as collected:
            namespace = self._run()
        dags = list(collected)
        dags += (value for value in namespace.values() if isinstance(value, DAG) and value.auto_register)
        unique = list({id(dag): dag for dag in dags}.values())
        by_id: dict[str, DAG] = {}
        for dag in unique:
            if (known := by_id.setdefault(dag.dag_id, dag)) is not dag:
                raise DagError(
                    f"dag_id {dag.dag_id!r} is taken by the DAG of {place_words(known.location)} of the same file",
                    dag.location,
                )
        _warn_uncalled(namespace)
        return LoadedFile(self.path, tuple(unique), self.modules())

    def modules(self) -> tuple[str, ...]:
        """Return the original paths of the DAG file and of what it has imported from the DAG folder so far."""
        return tuple(dict.fromkeys([self.path, *self._finder.loaded.values()]))

    def _run(self) -> dict[str, Any]:
        copy = self._finder.copy_of(self.path)
        if self.path.endswith(".ipynb"):
            module = ModuleType(self.module_name)
            module.__file__ = self.path
            sys.modules[self.module_name] = module
            dag_notebook.run_cells(copy, self.path, module.__dict__)
            return module.__dict__
        loader = PinnedLoader(self.module_name, self.path, copy)
        spec = importlib.util.spec_from_file_location(self.module_name, self.path, loader=loader)
        assert spec is not None  # noqa: S101 - a loader was given
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module_name] = module
        loader.exec_module(module)
        return module.__dict__


def _warn_uncalled(namespace: dict[str, Any]) -> None:
    for name, value in list(namespace.items()):
        if isinstance(value, DagFunction) and value.calls == 0 and value.__module__ == namespace.get("__name__"):
            warn(
                f"the @dag function {name!r} is never called, so there is no such DAG: add a line {name}()",
                value.location,
            )


@dataclass(frozen=True)
class Image:
    """What an image of a DAG file is made of: DAG folder, path of the file in it, folder of the pinned bundle."""

    folder: str
    dag_file: str
    bundle: str


_kept: tuple[Image, LoadedFile] | None = None


def keep_image(image: Image) -> None:
    """Load the DAG file of ``image`` in this process, for :func:`operator_for` in processes forked from it."""
    global _kept
    loader = DagFileLoader(image.folder, image.dag_file, image.bundle)
    loader.open()
    _kept = (image, loader.load())


def operator_for(workload: Workload) -> BaseOperator:
    """Return the operator of the workload's task: rebuilt from data, or from the pinned DAG file.

    Of a mapped task it is the mapped one: ``expansion.instance_of`` makes the instance's.
    Raises what the DAG file raises, or :class:`TaskFailure` if it has no such task any more.
    """
    if not workload.task.needs_dag_file:
        return rebuild(workload.task)
    dag_id, task_id = workload.run.dag_id, workload.task.task_id
    image = Image(workload.dag_folder, workload.dag_file, workload.bundle)
    if _kept is not None and _kept[0] == image:
        file = _kept[1]
    else:
        loader = DagFileLoader(image.folder, image.dag_file, image.bundle)
        loader.open()
        with warnings.catch_warnings(), loading_for(dag_id, task_id):
            warnings.simplefilter("ignore", FlowWarning)  # they were shown when the house parsed the file
            file = loader.load()
    for dag in file.dags:
        if dag.dag_id == dag_id and task_id in dag.task_dict:
            return dag.task_dict[task_id]
    message = f"{workload.dag_file} has no task {task_id!r} of DAG {dag_id!r} when it is loaded again"
    raise TaskFailure(Reason("exception", {"type": "DagError", "message": message}), no_retry=True)


def rebuild(task: TaskSpec) -> BaseOperator:
    """Return the operator that ``task`` describes, made of data alone."""
    reference = task.operator_ref or ""
    module, _, name = reference.partition(":")
    if not module.startswith(_OPERATORS) or not name.isidentifier():
        raise TaskFailure(
            Reason("exception", {"type": "DagError", "message": f"operator {reference!r} is none of this package"})
        )
    cls = getattr(importlib.import_module(module), name)
    if task.expand is not None:
        from .expansion import rebuild_mapped

        return rebuild_mapped(cls, task)
    operator: BaseOperator = cls(
        task_id=task.task_id,
        **from_data(task.arguments),
        env=None if task.env is None else from_data(task.env),
        do_xcom_push=task.do_xcom_push,
        params=dict(task.params),
    )
    return operator
