"""Prefect: flows in this process, tasks in threads, its own temporary API server."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
os.environ.update(PREFECT_HOME=str(FOLDER / "prefect"), PREFECT_LOGGING_LEVEL="ERROR", DO_NOT_TRACK="1")

import prefect  # noqa: E402
from notebook import write_notebook  # noqa: E402
from prefect import flow, task  # noqa: E402

NOTEBOOK = write_notebook(FOLDER / "n.ipynb")


@task
def no_op() -> None:
    """Do nothing."""


@task
def execute() -> None:
    """Execute the notebook."""
    import papermill

    papermill.execute_notebook(str(NOTEBOOK), str(FOLDER / "out.ipynb"), progress_bar=False)


@flow
def chain() -> None:
    """Ten tasks in a row."""
    future = no_op.submit()
    for _ in range(9):
        future = no_op.submit(wait_for=[future])
    future.wait()


@flow
def fan_out() -> None:
    """1 → 50 → 1."""
    first = no_op.submit()
    middle = [no_op.submit(wait_for=[first]) for _ in range(50)]
    no_op.submit(wait_for=middle).wait()


@flow
def notebook() -> None:
    """One notebook."""
    execute.submit().wait()


def main() -> None:
    """Measure."""
    found: dict[str, object] = {"version": prefect.__version__}
    for work in (chain, fan_out, notebook):
        work()
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            work()
            times.append(round(time.perf_counter() - begun, 3))
        found[work.__name__] = times
    print(json.dumps(found))


main()
