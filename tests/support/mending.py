"""A notebook task that fails with its kernel kept, looking into that kernel, and going on with the notebook mended."""

from __future__ import annotations

from typing import Any

from jupyter_flow.wire import kept
from jupyter_flow.wire.kept import Kept

from .census import attempt_processes
from .houses import House
from .waiting import wait_for

DAG = """
from jupyter_flow import DAG, BashOperator, NotebookOperator

with DAG("nightly") as dag:
    train = NotebookOperator(
        task_id="train", notebook="train.ipynb", parameters={{"scale": 3, "run": "{{{{ run_id }}}}"}}, env={env!r},
        keep_kernel_on_failure=600, retries={retries}, retry_delay=0.1,
    )
    train >> BashOperator(task_id="after", bash_command="echo got {{{{ ti.xcom_pull('train', key='total') }}}}")
"""
CELLS = [
    "from pathlib import Path\nfrom jupyter_flow import flow\nsteps = Path(LOG)",
    "with steps.open('a') as file: file.write(f'{run}:loaded\\n')\nprices = [3, 4, 5]\n"
    "flow.xcom_push('early', 'from before')",
    "total = sum(prices) / 0",
    "flow.xcom_push('total', total)\nwith steps.open('a') as file: file.write(f'{run}:saved\\n')\n"
    "print('total is', total)",
]


def write_failing(house: House, cold: bool = False, retries: int = 0) -> None:
    """Write the DAG; ``cold``: with a variable that a kernel has to be started with."""
    cells = [f"LOG = {str(house.base / 'steps.txt')!r}\n{CELLS[0]}", *CELLS[1:]]
    house.write_notebook(cells, "train.ipynb")
    house.write_dag(DAG.format(env={"PYTHONHASHSEED": "1"} if cold else {}, retries=retries))


def steps(house: House, run_id: str) -> list[str]:
    """Return what the cells of a run have done, in order."""
    lines = (house.base / "steps.txt").read_text().splitlines()
    return [line.removeprefix(f"{run_id}:") for line in lines if line.startswith(f"{run_id}:")]


def kept_of(house: House, run_id: str) -> Kept:
    """Return what is kept of the task's last failure."""
    (note,) = (item for item in kept.read_all(house.home) if item.run_id == run_id and item.is_held and not item.heir)
    return note


def fail(house: House) -> tuple[dict[str, Any], Kept]:
    """Run to the failure; return what names the task, and what is kept of it."""
    run = house.run_dag("nightly")
    assert run["state"] == "failed"
    return {"dag_id": "nightly", "run_id": run["run_id"], "task_id": "train"}, kept_of(house, run["run_id"])


def mended(house: House, task: dict[str, Any], source: str = "total = sum(prices) * 2") -> list[dict[str, Any]]:
    """Return the cells of the executed notebook, the failing one mended."""
    found = house.call("tasks.notebook", **task)
    cells = [
        {**{key: cell[key] for key in ("id", "cell_type", "metadata")}, "source": "".join(cell["source"])}
        for cell in found["notebook"]["cells"]
    ]
    cells[found["failing_cell"]]["source"] = source
    return cells


def resume(house: House, task: dict[str, Any], note: Kept, **more: Any) -> Any:
    """Go on with the mended notebook."""
    cells = more.pop("cells", None) or mended(house, task)
    return house.call("tasks.resume", **task, copy_of=note.attempt_id, cells=cells, **more)


def evaluate(item: Kept, expression: str, code: str = "") -> str:
    """Execute ``code`` in a kept kernel, as any client would, and return the value of ``expression``."""
    from jupyter_client.blocking import BlockingKernelClient

    client = BlockingKernelClient()
    client.load_connection_info({**item.connection, "key": item.connection["key"].encode()})
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive(code, user_expressions={"it": expression}, silent=True, timeout=60)
        return str(reply["content"]["user_expressions"]["it"]["data"]["text/plain"])
    finally:
        client.stop_channels()


def wait_until_nothing_is_left(house: House, *attempts: str) -> None:
    """Wait for the end of all processes of these attempts, and of all notes of the house."""
    wait_for(
        lambda: not any(attempt_processes(name) for name in attempts),
        lambda: f"gone: {[attempt_processes(name) for name in attempts]}",
    )
    wait_for(lambda: not kept.read_all(house.home), "no notes are left")
