"""What an idle house costs beside a bare JupyterLab: CPU over a minute, memory idle and warm.

Targets, more than bare JupyterLab: CPU ≤ 0.5 % of a core over 60 s (goal 0.1) · memory idle ≤ 80 MB (goal 60) ·
warm ≤ 140 MB. 20 DAGs are loaded, none is due. *Warm*: right after notebooks have run, forkservers and waiting
kernels alive. Memory is PSS, summed over all processes of server and house; no browser is open.
"""

from __future__ import annotations

import time

from common import Effort, Line, house, notebook_dag
from lab import Lab, processes_of, running
from processes import cpu_seconds, pss_mb
from support.houses import RUN_OVER, House
from support.waiting import wait_for

DAGS = 20


def measure(effort: Effort) -> list[Line]:
    """Return the three lines."""
    seconds = effort.times(60, 10)
    with house(start=False) as bare, running(bare, extension=False):
        bare_cpu, bare_memory = _observe(bare, seconds)
    with house(start=False, prepare=_write_dags) as ours, running(ours, extension=True) as lab:
        wait_for(lambda: len(lab.ask("GET", "/jupyter-flow/api/dags")["dags"]) == DAGS, "all DAGs are known", 90)
        cpu, memory = _observe(ours, seconds)
        warm = _warm_memory(ours, lab)
    measured = {"seconds": seconds, "bare_cpu_percent": round(bare_cpu, 2), "bare_mb": round(bare_memory)}
    return [
        Line("idle_cpu", f"idle CPU, {DAGS} DAGs", round(cpu - bare_cpu, 2), "% of a core more", 0.5, True, measured),
        Line("idle_memory", "memory, idle", round(memory - bare_memory), "MB PSS more", 80, True, measured),
        Line("warm_memory", "memory, warm", round(warm - bare_memory), "MB PSS more", 140, True, measured),
    ]


def _write_dags(subject: House) -> None:
    for number in range(DAGS):
        notebook_dag(subject, f"dag_{number:02d}")


def _observe(subject: House, seconds: int) -> tuple[float, float]:
    time.sleep(10)  # the start itself is not idling
    pids = processes_of(subject)
    before, started = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    used, passed = cpu_seconds(pids) - before, time.monotonic() - started
    return 100 * used / passed, pss_mb(processes_of(subject))


def _warm_memory(subject: House, lab: Lab) -> float:
    for number in range(3):
        path = f"/jupyter-flow/api/dags/dag_{number:02d}/runs"
        run = lab.ask("POST", path, {"unpause": True})
        wait_for(lambda: _state(lab, run) in RUN_OVER, f"run {run['run_id']} ends", 90)  # noqa: B023
        if _state(lab, run) != "success":
            raise RuntimeError(f"a run of {run['dag_id']} did not succeed")
    time.sleep(2)
    return pss_mb(processes_of(subject))


def _state(lab: Lab, run: dict[str, str]) -> str:
    runs = lab.ask("GET", f"/jupyter-flow/api/dags/{run['dag_id']}/runs?limit=1")["runs"]
    return next(str(item["state"]) for item in runs if item["run_id"] == run["run_id"])
