"""One trivial notebook, request sent → seen finished, as a share of ``papermill in.ipynb out.ipynb``.

Targets: host warm ≤ 0.10 · cold Python kernel ≤ 0.45 · first trigger after idle ≤ 0.45.

- *warm*: the host has run the notebook before; triggers come half a second apart, as from a person or a schedule.
- *cold kernel*: the kernelspec is one that may not be forked, so a new Python is started for the kernel.
- *first after idle*: the first trigger of a host with no forkserver, no waiting kernel, nothing warmed: the worst case.

That the one kernel is forked and the other is not is asked of the kernels themselves, by their command line.
Each round runs papermill before and after ours; a line is the median of the rounds' ratios.
"""

from __future__ import annotations

import time

from common import Effort, Line, Watcher, cold_kernelspec, house, median, notebook_dag, papermill_cli, watching
from support.files import write_notebook
from support.houses import House

GAP = 0.5
ASK = """
from pathlib import Path
from jupyter_flow import flow

flow.xcom_push("command", Path("/proc/self/cmdline").read_text())
"""


def measure(effort: Effort) -> list[Line]:
    """Return the three lines."""
    ratios: dict[str, list[float]] = {"warm": [], "cold": [], "idle": []}
    seconds: dict[str, list[float]] = {"warm": [], "cold": [], "idle": [], "papermill": []}

    def prepare(subject: House) -> None:
        notebook_dag(subject, "warm")
        cold = cold_kernelspec(subject)
        notebook_dag(subject, "cold", kernel=cold)
        for dag_id, kernel in (("ask_warm", "python3"), ("ask_cold", cold)):
            notebook_dag(subject, dag_id, kernel=kernel)
            write_notebook(subject.dags, [ASK], f"{dag_id}.ipynb", kernel)

    with house(prepare=prepare) as subject, watching(subject, "warm", "cold", "ask_warm", "ask_cold") as watcher:
        for dag_id in ("warm", "cold", "warm"):
            watcher.time_run(dag_id)
            time.sleep(GAP)
        kernels = {"warm": _kernel(subject, watcher, "ask_warm"), "cold": _kernel(subject, watcher, "ask_cold")}
        if kernels["cold"] != "started":
            raise RuntimeError("the kernel that should start cold was forked")
        before = papermill_cli(subject.base)
        seconds["papermill"].append(before)
        for _ in range(effort.times(7, 2)):
            found: dict[str, list[float]] = {"warm": [], "cold": [], "idle": []}
            for _ in range(effort.times(5, 3)):
                found["warm"].append(watcher.time_run("warm")[0])
                time.sleep(GAP)
            found["cold"].append(watcher.time_run("cold")[0])
            found["idle"].append(_first_of_a_host())
            after = papermill_cli(subject.base)
            seconds["papermill"].append(after)
            for name, values in found.items():
                seconds[name] += values
                ratios[name].append(median(values) / ((before + after) / 2))
            before = after

    def line(name: str, what: str, target: float) -> Line:
        details = {
            "median_s": median(seconds[name]),
            "max_s": round(max(seconds[name]), 3),
            "papermill_s": median(seconds["papermill"]),
            "papermill_first_and_last_s": [round(seconds["papermill"][index], 3) for index in (0, -1)],
            **({"kernel": kernels[name]} if name in kernels else {}),
        }
        return Line(f"notebook_{name}", what, round(median(ratios[name]), 3), "× papermill CLI", target, True, details)

    return [
        line("warm", "one notebook, host warm", 0.10),
        line("cold", "one notebook, cold Python kernel", 0.45),
        line("idle", "one notebook, first trigger after idle", 0.45),
    ]


def _kernel(subject: House, watcher: Watcher, dag_id: str) -> str:
    """Return whether the kernel of a run was ``forked`` or ``started`` as a new Python."""
    _, run = watcher.time_run(dag_id)
    names = {"dag_id": dag_id, "run_id": run["run_id"], "task_id": "notebook_000", "key": "command"}
    command = subject.call("tasks.xcom", **names)["xcoms"][0]["value"]
    return "started" if "ipykernel_launcher" in command else "forked"


def _first_of_a_host() -> float:
    def prepare(subject: House) -> None:
        notebook_dag(subject, "first")

    with house(prepare=prepare) as subject, watching(subject, "first") as watcher:
        time.sleep(2)  # let the start itself settle: what is measured is a quiet host
        return watcher.time_run("first")[0]
