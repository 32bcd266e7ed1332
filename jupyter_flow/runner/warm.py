"""What a runner would otherwise do for the first time in every attempt: done once, before the forks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any


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


def warm() -> None:
    """Import and exercise what executing a notebook needs. Starts no thread, makes no zmq context, no event loop."""
    import nbformat
    import papermill  # type: ignore[import-untyped]
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    from ..authoring.exceptions import TaskFailure
    from . import engine, forked_kernel, notebook_task, templating  # noqa: F401
    from .kernels import resolve_kernel
    from .process_figures import packages_hash

    # the first read and write compile the notebook schema, which takes longer than all the rest
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
    node = notebook_task.load(json.dumps(document).encode(), "warm.ipynb")
    node.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.writes(node)
    papermill.execute_notebook(
        node, None, parameters={"a": 2}, engine_name=engine.NAME, prepare_only=True, progress_bar=False
    )
    KernelProvisionerFactory.instance()
    try:
        resolve_kernel(None, node.metadata)
        KernelSpecManager().get_kernel_spec("python3")
    except (NoSuchKernel, TaskFailure):
        pass  # no Python kernel here: then other kernels are started cold
    packages_hash()
    templating.Renderer({"ds": "2026-01-01"}).render("{{ ds }}", "warm")
