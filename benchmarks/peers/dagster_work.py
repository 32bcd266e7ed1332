"""Dagster: jobs with its default executor, a process for each step."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ.get("PEER_FOLDER") or sys.argv[1])
os.environ.update(PEER_FOLDER=str(FOLDER), DAGSTER_HOME=str(FOLDER), DAGSTER_DISABLE_TELEMETRY="yes")

import dagster  # noqa: E402
from dagster import DagsterInstance, Definitions, In, Nothing, execute_job, job, op, reconstructable  # noqa: E402
from notebook import write_notebook  # noqa: E402


@op(ins={"after": In(Nothing)})
def no_op() -> None:
    """Do nothing."""


@op
def execute() -> None:
    """Execute the notebook."""
    import papermill

    papermill.execute_notebook(str(FOLDER / "n.ipynb"), str(FOLDER / "out.ipynb"), progress_bar=False)


@op
def first() -> None:
    """Do nothing."""


@job
def chain() -> None:
    """Ten ops in a row."""
    done = first()
    for number in range(9):
        done = no_op.alias(f"t{number}")(done)


@job
def fan_out() -> None:
    """1 → 50 → 1."""
    begun = first()
    no_op.alias("last")([no_op.alias(f"m{number}")(begun) for number in range(50)])


@job
def notebook() -> None:
    """One notebook."""
    execute()


definitions = Definitions(jobs=[chain, fan_out, notebook])


def main() -> None:
    """Measure."""
    write_notebook(FOLDER / "n.ipynb")
    (FOLDER / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    found: dict[str, object] = {"version": dagster.__version__}
    with DagsterInstance.get() as instance:
        for work in (chain, fan_out, notebook):
            times = []
            for _ in range(4):
                begun = time.perf_counter()
                with execute_job(reconstructable(work), instance=instance) as result:
                    assert result.success
                times.append(round(time.perf_counter() - begun, 3))
            found[work.name] = times[1:]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
