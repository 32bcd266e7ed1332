"""Our side: a host with its defaults."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import house, watching
from support.houses import House

import jupyter_flow

DAGS = """
from jupyter_flow import DAG, NotebookOperator, PythonOperator, chain

def no_op():
    pass

with DAG("chain"):
    chain(*[PythonOperator(task_id=f"t{n}", python_callable=no_op) for n in range(10)])
with DAG("fan_out", max_active_tasks=100):
    first = PythonOperator(task_id="first", python_callable=no_op)
    last = PythonOperator(task_id="last", python_callable=no_op)
    first >> [PythonOperator(task_id=f"m{n}", python_callable=no_op) for n in range(50)] >> last
with DAG("notebook"):
    NotebookOperator(task_id="t", notebook="n.ipynb")
"""


def main() -> None:
    """Measure."""

    def prepare(subject: House) -> None:
        subject.write_notebook(["print('hello')"], "n.ipynb")
        subject.write_dag(DAGS, "work.py")

    found: dict[str, object] = {"version": jupyter_flow.__version__}
    with house(prepare=prepare) as subject, watching(subject, "chain", "fan_out", "notebook") as watcher:
        for name in ("chain", "fan_out", "notebook"):
            watcher.time_run(name)
            found[name] = [round(watcher.time_run(name)[0], 3) for _ in range(3)]
    print(json.dumps(found))


main()
