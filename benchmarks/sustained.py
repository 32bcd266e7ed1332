"""Notebooks per second, sustained, against ``xargs -P 2 papermill``; and notebooks with heavy imports, preloaded.

Targets: ≥ 9 × · with preloaded imports ≥ 15 ×.

Ours: one run of many independent notebooks, request sent → seen finished, default parallelism. Theirs is measured
before and after, two processes at once. The heavy notebook imports pandas and a model of scikit-learn; its house is
told to preload them, papermill imports them in each kernel.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from common import TRIVIAL, Effort, Line, house, median, notebook_dag, watching
from processes import private_mb
from support.files import write_notebook
from support.houses import House

HEAVY = [
    "import pandas\nfrom sklearn.linear_model import LinearRegression\nprint(pandas.DataFrame({'a': [1]}).a.sum())"
]
TRIES = 3
"""A round in which a papermill failed (one of two side by side sometimes does) says nothing: it is measured again."""
PRELOAD = 'preload={"python3": ["pandas", "sklearn.linear_model"]}'


def measure(effort: Effort) -> list[Line]:
    """Return the lines."""
    count = effort.times(200, 20)
    ours, theirs, ratio, _ = _against_papermill(effort, TRIVIAL, count)
    details = {"notebooks_per_s": ours, "papermill_per_s": theirs, "count": count}
    plain = Line("sustained", "notebooks a second, sustained", ratio, "× xargs -P 2 papermill", 9, False, details)
    ours, theirs, ratio, private = _against_papermill(effort, HEAVY, count, "--set", PRELOAD)
    details = {"notebooks_per_s": ours, "papermill_per_s": theirs, "count": count, "modules": "pandas, scikit-learn"}
    what = "notebooks a second, heavy imports preloaded"
    heavy = Line("preloaded", what, ratio, "× xargs -P 2 papermill", 15, False, details)
    if private is None:
        return [plain, heavy]
    what = "memory that a waiting kernel has for itself, preloaded"
    return [plain, heavy, Line("waiting_kernel", what, round(private, 1), "MB", 20, True)]


def _against_papermill(
    effort: Effort, cells: list[str], count: int, *options: str
) -> tuple[float, float, float, float | None]:
    """Return our notebooks a second, papermill's, the ratio, and the private memory of a waiting kernel in MB."""
    papermills, rounds = effort.times(8, 4), effort.times(2, 1)

    def prepare(subject: House) -> None:
        notebook_dag(subject, "many", count, cells=cells)
        notebook_dag(subject, "warm_up", 4, cells=cells)

    with house(start=False, prepare=prepare) as subject:
        subject.start(*options)
        with watching(subject, "many", "warm_up") as watcher:
            watcher.time_run("warm_up")
            ours, ratios, theirs = [], [], [_xargs(subject.base, cells, papermills)]
            private = _private_of_waiting(subject)
            for _ in range(rounds):
                seconds, _ = watcher.time_run("many", timeout=1200)
                ours.append(count / seconds)
                theirs.append(_xargs(subject.base, cells, papermills))
                ratios.append(ours[-1] / ((theirs[-2] + theirs[-1]) / 2))
    return round(median(ours), 1), round(median(theirs), 2), round(median(ratios), 2), private


def _private_of_waiting(subject: House) -> float | None:
    """Return the private memory of a waiting kernel; None if there is none (the machine is too busy to make one)."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = [item for item in subject.census() if "kernel_forkserver" in item.command]
        pids = {item.pid for item in found}
        waiting = [item.pid for item in found if item.ppid in pids]
        if waiting:
            return private_mb(waiting[0])
        time.sleep(0.2)
    return None


def _xargs(folder: Path, cells: list[str], count: int) -> float:
    """Notebooks a second of ``xargs -P 2 papermill``."""
    source = write_notebook(folder, cells, "xargs.ipynb")
    papermill = str(Path(sys.executable).with_name("papermill"))
    names = "\n".join(str(folder / f"xargs-out-{number}.ipynb") for number in range(count))
    command = ["xargs", "-P", "2", "-I", "{}", papermill, str(source), "{}"]
    for _ in range(TRIES):
        started = time.perf_counter()
        ended = subprocess.run(command, input=names.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if ended.returncode == 0:
            return count / (time.perf_counter() - started)
    raise RuntimeError(f"papermill failed in {TRIES} of {TRIES} rounds")
