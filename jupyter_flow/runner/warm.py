"""What a runner would otherwise do for the first time in every attempt: done once, before the forks."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

from ..model.imports import GRAMMAR_OF_IRIS, importing_without
from .spool_files import RESULT

NOT_NEEDED = (
    *("pyarrow", "boto3", "botocore", "azure", "gcsfs"),
    *(GRAMMAR_OF_IRIS, "rfc3986_validator", "rfc3339_validator", "isoduration", "webcolors", "uri_template", "fqdn"),
)
"""What papermill and jsonschema import if it is there. Stores (some start threads) and checks of formats: no task
needs them from us, and they cost a second."""


@contextmanager
def _without_http() -> Iterator[None]:
    """While open, papermill gets an empty module for ``requests``: 7 MB for notebooks at URLs, which we refuse."""
    if "requests" in sys.modules or "papermill" in sys.modules:
        yield
        return
    sys.modules["requests"] = ModuleType("requests")
    try:
        yield
    finally:
        del sys.modules["requests"]


def import_notebook_base() -> None:
    """Import what executing a notebook needs, in the cheapest way; nothing where it is there already."""
    with importing_without(*NOT_NEEDED), _without_http():
        import nbformat  # noqa: F401
        import papermill  # type: ignore[import-untyped]  # noqa: F401

        from . import engine, forked_kernel, notebook_helper, notebook_task  # noqa: F401


def warm_authoring() -> None:
    """Make a small scheduled DAG, as DAG files do: a parse child then finds croniter and its patterns ready."""
    from ..authoring.dag import DAG
    from ..authoring.to_spec import to_spec
    from ..model.spec import plain
    from ..operators.bash import BashOperator
    from ..operators.empty import EmptyOperator

    with DAG("warm", schedule="@daily", start_date=datetime(2026, 1, 1)) as dag:
        EmptyOperator(task_id="a") >> BashOperator(task_id="b", bash_command="true")
    json.dumps(plain(to_spec(dag)))


def warm_attempt(times: int = 12) -> None:
    """Carry out an attempt that does nothing, ``times``, in this process, and leave nothing of it behind.

    Functions that were called are made quicker by the interpreter, which writes into their code and keeps what it has
    found in classes: done here, the memory of a child stays shared.
    """
    from ..model.records import Limits, RunFacts, Workload
    from ..model.spec import TaskSpec

    then = "2026-01-01T00:00:00+00:00"
    facts = RunFacts("warm", "manual__1", "manual", then, then, then, then, then, {}, {}, "cli", "UTC")
    task = TaskSpec("warm", "PythonOperator", "jupyter_flow.operators.python:PythonOperator", needs_dag_file=True)
    with tempfile.TemporaryDirectory() as folder, _as_before():
        places: dict[str, Any] = dict.fromkeys(("dag_folder", "root", "bundle", "cwd", "spool", "home"), folder)
        made = Workload("0" * 32, 1, 1, 1, -1, task, facts, "warm.py", limits=Limits(), **places)
        rehearsal = _rehearsal()
        for _ in range(times):
            workload = Workload.from_json(json.loads(json.dumps(made.to_json())))
            rehearsal(workload, "", then).run()
            os.unlink(os.path.join(folder, RESULT))


@contextmanager
def _as_before() -> Iterator[None]:
    """Put back what an attempt changes of its process: working folder, signals, logging, what is done at exit."""
    folder, level = os.getcwd(), logging.getLogger().level
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    try:
        yield
    finally:
        os.chdir(folder)
        logging.getLogger().setLevel(level)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _rehearsal() -> type[Any]:
    """Return the class of attempts whose task does nothing, and that leave to this process what it does at its exit."""
    from ..authoring.dag import DAG
    from ..operators.python import PythonOperator
    from .attempt import Attempt

    with DAG("warm", start_date=datetime(2026, 1, 1)):
        operator = PythonOperator(task_id="warm", python_callable=_nothing)

    class Rehearsal(Attempt):
        def _find_operator(self) -> Any:
            return operator

        def _run_exit_functions(self) -> None:
            """They are this process's own."""

    return Rehearsal


def _nothing() -> None:
    """Be a task."""


def warm() -> None:
    """Import and exercise what executing a notebook needs. Starts no thread, makes no zmq context, no event loop."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "a = 1",
        "outputs": [],
        "execution_count": None,
    }
    tagged = {**cell, "id": "b", "metadata": {"tags": ["parameters"]}}
    document = {"cells": [tagged, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    # the first read compiles the notebook schema, which takes longer than all the rest, and 10 MB for a while:
    # they come first so that the imports find room there
    with importing_without(*NOT_NEEDED):
        import nbformat
    nbformat.reads(json.dumps(document), as_version=4)
    import_notebook_base()
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    from ..authoring.exceptions import TaskFailure
    from . import engine, notebook_task, templating
    from .kernels import KernelSpecs, resolve_kernel
    from .process_figures import packages_hash

    node = notebook_task.load(json.dumps(document).encode(), "warm.ipynb")
    node.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.writes(node)
    papermill.execute_notebook(
        node, None, parameters={"a": 2}, engine_name=engine.NAME, prepare_only=True, progress_bar=False
    )
    KernelProvisionerFactory.instance()
    try:
        resolve_kernel(None, node.metadata)
        KernelSpecs().get_kernel_spec("python3")
    except (NoSuchKernel, TaskFailure):
        pass  # no Python kernel here: then other kernels are started cold
    packages_hash()
    templating.Renderer({"ds": "2026-01-01"}).render("{{ ds }}", "warm")
